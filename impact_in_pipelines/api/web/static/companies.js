// The choice of a company: found while one types, walked through with the arrow keys.

import { announce, nodes, part } from "./parts.js";

const WAIT_MS = 200;

export function startCompanies(page) {
  const field = page.querySelector("input[name=q]");
  const list = page.querySelector("[data-list]");
  let timer = null;
  let asked = 0;

  async function search() {
    const mine = ++asked;
    const address = `${field.form.action}?${new URLSearchParams({ q: field.value })}`;
    try {
      const html = await part(address);
      if (mine !== asked) return;
      list.replaceChildren(nodes(html));
      history.replaceState(null, "", field.value ? address : field.form.action);
      announce(String(list.querySelectorAll("[data-companies] a").length));
    } catch {
      // The next keystroke asks again.
    }
  }

  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, WAIT_MS);
  });

  page.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const stops = [field, ...list.querySelectorAll("[data-companies] a")];
    const next = stops[stops.indexOf(document.activeElement) + step];
    if (!next || !stops.includes(document.activeElement)) return;
    event.preventDefault();
    next.focus();
  });
}
