// One dialog for everything that asks: its content is a part of a page; forms in it stay in it.

import { announce, nodes, part, refreshTimes, trouble } from "./parts.js";

const dialog = document.getElementById("dialog");
const body = dialog.querySelector("[data-dialog-body]");
let asked = 0;
let following = null;

function show(content) {
  body.replaceChildren(content);
  refreshTimes(body);
  const replay = body.querySelector("[data-replay]");
  clearTimeout(following);
  if (!replay) return;
  if (replay.dataset.done === "yes") {
    announce(replay.querySelector("h2").textContent + ". " + replay.querySelector("[data-summary]").textContent.replace(/\s+/g, " "));
  } else {
    following = setTimeout(() => follow(replay.dataset.replay), 2000);
  }
}

async function follow(address) {
  if (!dialog.open) return;
  try {
    const html = await part(address);
    if (!dialog.open) return;
    const focused = document.activeElement?.matches?.("[data-close]");
    const scrolled = body.querySelector(".confirm-list")?.scrollTop || 0;
    show(nodes(html));
    const list = body.querySelector(".confirm-list");
    if (list) list.scrollTop = scrolled;
    if (focused) body.querySelector("[data-close]")?.focus();
  } catch {
    following = setTimeout(() => follow(address), 2000);
  }
}

export async function openDialog(address) {
  const mine = ++asked;
  body.replaceChildren(document.getElementById("loading").content.cloneNode(true));
  if (!dialog.open) dialog.showModal();
  try {
    const html = await part(address);
    if (mine === asked && dialog.open) {
      show(nodes(html));
      (body.querySelector("[autofocus]") || body.querySelector("button[type=submit], [data-close]"))?.focus();
    }
  } catch {
    if (mine === asked) body.replaceChildren(trouble());
  }
}

// A replay that is followed hears of changes at once instead of at the next look.
export function deliveryChanged(id) {
  const replay = dialog.open && body.querySelector("[data-replay][data-done=no]");
  if (replay && replay.dataset.ids.includes(id)) {
    clearTimeout(following);
    following = setTimeout(() => follow(replay.dataset.replay), 150);
  }
}

body.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.method !== "post" || !form.hasAttribute("data-replay-form")) return;
  event.preventDefault();
  const button = form.querySelector("button[type=submit]");
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    const html = await part(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (!dialog.open) return;
    show(nodes(html));
    (body.querySelector("[aria-invalid=true]") || body.querySelector("[data-close]"))?.focus();
  } catch {
    button.removeAttribute("aria-busy");
    form.querySelector(".notice[role=alert]")?.remove();
    form.prepend(trouble());
  }
});

// Whatever its content is, or isn't yet: its own button, the backdrop and Escape close it.
dialog.addEventListener("click", (event) => {
  if (event.target === dialog || event.target.closest("[data-close]")) {
    event.preventDefault();
    dialog.close();
  }
});

dialog.addEventListener("close", () => {
  asked += 1;
  clearTimeout(following);
  document.dispatchEvent(new CustomEvent("dialog-closed"));
});
