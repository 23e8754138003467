// The deliveries page: rows that open, selection, more rows, rows that change while one looks.

import { deliveryChanged, openDialog } from "./dialog.js";
import { listen } from "./live.js";
import { announce, nodes, part, refreshTimes, trouble } from "./parts.js";

const SLA_EVERY_MS = 5 * 60 * 1000;
const SLA_AFTER_CHANGE_MS = 3000;
const ROWS_AFTER_CHANGE_MS = 150;

export function startTimeline(page) {
  const list = page.querySelector("[data-list]");
  const selection = document.getElementById("selection");
  const chosen = page.querySelector("[data-replay-selected]");
  const all = page.querySelector("[data-select-all]");
  const fresh = page.querySelector("[data-new-rows]");
  const board = page.querySelector("[data-sla]");
  const failed = page.querySelector("[data-failed]");
  const changed = new Set();
  let rowsTimer = null;
  let slaTimer = null;

  const boxes = () => [...list.querySelectorAll("input[name=id]")];

  function countChosen() {
    if (!chosen) return;
    const count = boxes().filter((box) => box.checked).length;
    chosen.disabled = count === 0;
    chosen.querySelector("[data-count]").textContent = count || "";
    if (all) {
      all.checked = count > 0 && count === boxes().length;
      all.indeterminate = count > 0 && count < boxes().length;
    }
  }

  async function toggle(row) {
    const opener = row.querySelector(".opener");
    const detail = row.querySelector(".detail");
    const open = opener.getAttribute("aria-expanded") !== "true";
    opener.setAttribute("aria-expanded", String(open));
    detail.hidden = !open;
    if (open && !detail.childElementCount) {
      const loading = document.createElement("p");
      loading.className = "loading";
      loading.innerHTML = '<span class="spinner"></span>';
      detail.replaceChildren(loading);
      try {
        detail.replaceChildren(nodes(await part(opener.href)));
      } catch {
        detail.replaceChildren(trouble());
      }
    }
  }

  async function refreshSla(aloud) {
    clearTimeout(slaTimer);
    slaTimer = setTimeout(refreshSla, SLA_EVERY_MS);
    const button = board.querySelector("[data-refresh]");
    const focused = document.activeElement === button;
    button.setAttribute("aria-busy", "true");
    try {
      const content = nodes(await part(board.dataset.sla));
      if (content.querySelector(".sla")) {
        board.replaceChildren(content);
        if (focused) board.querySelector("[data-refresh]").focus();
        if (aloud) announce(board.querySelector(".updated").textContent);
      }
    } catch {
      button.removeAttribute("aria-busy");
    }
  }

  async function refreshRows() {
    const here = [...changed].filter((id) => document.getElementById(`d-${id}`));
    changed.clear();
    if (!here.length) return;
    const query = here.slice(0, 60).map((id) => `id=${id}`).join("&");
    let content;
    try {
      content = nodes(await part(`${page.dataset.rows}?${query}`));
    } catch {
      return;
    }
    for (const row of content.querySelectorAll("li.row")) {
      const old = document.getElementById(row.id);
      if (!old) continue;
      replaceRow(old, row);
    }
    refreshTimes(list);
    countChosen();
  }

  // How many can be retried follows what happened, without a reload.
  async function refreshFailed() {
    if (!failed) return;
    try {
      failed.replaceChildren(nodes(await part(failed.dataset.failed)));
    } catch {
      // The next change asks again.
    }
  }

  function replaceRow(old, row) {
    const before = old.querySelector("input[name=id]");
    const after = row.querySelector("input[name=id]");
    if (before?.checked && after) after.checked = true;
    const focused = old.contains(document.activeElement) && document.activeElement.className;
    const open = old.querySelector(".opener").getAttribute("aria-expanded") === "true";
    if (old.dataset.status !== row.dataset.status) {
      row.classList.add("changed");
      announce(`${row.querySelector(".cell-platform").textContent.trim()}: ${row.querySelector(".pill").textContent.trim()}`);
    }
    old.replaceWith(row);
    if (open) toggle(row);
    if (focused === "opener") row.querySelector(".opener").focus();
  }

  page.addEventListener("click", async (event) => {
    const target = event.target;
    if (target.closest("[data-refresh]")) {
      event.preventDefault();
      await refreshSla(true);
      return;
    }
    const more = target.closest("[data-more]");
    if (more) {
      event.preventDefault();
      more.setAttribute("aria-busy", "true");
      try {
        const content = nodes(await part(more.href));
        const first = content.querySelector(".opener");
        more.closest("li").replaceWith(content);
        first?.focus();
        refreshTimes(list);
        countChosen();
      } catch {
        more.removeAttribute("aria-busy");
      }
      return;
    }
    if (target.closest("[data-new-rows]")) {
      window.location.reload();
      return;
    }
    const line = target.closest(".row-line");
    if (!line || target.closest("input, .cell-select")) return;
    if (!target.closest(".opener") && (target.closest("a") || String(getSelection()))) return;
    event.preventDefault();
    await toggle(line.closest(".row"));
  });

  page.addEventListener("keydown", (event) => {
    if (event.key === " " && event.target.classList?.contains("opener")) {
      event.preventDefault();
      toggle(event.target.closest(".row"));
    }
  });

  page.addEventListener("change", (event) => {
    if (event.target === all) for (const box of boxes()) box.checked = all.checked;
    countChosen();
  });

  selection.addEventListener("submit", (event) => {
    event.preventDefault();
    openDialog(`${selection.action}?${new URLSearchParams(new FormData(selection))}`);
  });

  document.addEventListener("dialog-closed", () => {
    for (const box of boxes()) box.checked = false;
    countChosen();
  });

  function noticed(ids) {
    for (const id of ids) {
      changed.add(id);
      deliveryChanged(id);
    }
    clearTimeout(rowsTimer);
    rowsTimer = setTimeout(() => {
      refreshRows();
      refreshFailed();
    }, ROWS_AFTER_CHANGE_MS);
    clearTimeout(slaTimer);
    slaTimer = setTimeout(refreshSla, SLA_AFTER_CHANGE_MS);
  }

  listen(page.dataset.live, {
    changed: (change) => {
      // A replay makes an old row pending too, but one that has had attempts.
      const isNew = change.status === "pending" && change.attemptCount === 0;
      if (isNew && !document.getElementById(`d-${change.id}`)) fresh.hidden = false;
      noticed([change.id]);
    },
    missed: () => noticed([...list.querySelectorAll("li.row")].map((row) => row.dataset.id)),
  });
  // A window that comes back from the history shows the filters of its address, not what was typed.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) page.querySelector(".filters").reset();
  });
  slaTimer = setTimeout(refreshSla, SLA_EVERY_MS);
  countChosen();
}
