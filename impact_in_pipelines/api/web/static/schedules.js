// The schedule's form: the next fires as one types.

import { nodes, part } from "./parts.js";

const WAIT_MS = 250;

export function startSchedules(page) {
  const form = page.querySelector("form[data-schedule]");
  const preview = page.querySelector("[data-preview]");
  let timer = null;
  let asked = 0;

  function customOnly() {
    const chosen = form.elements.preset?.value;
    const cron = form.elements.cron;
    if (chosen && chosen !== "custom") cron.value = form.querySelector(`[value="${chosen}"]`).dataset.cron;
    cron.readOnly = Boolean(chosen) && chosen !== "custom";
  }

  async function refresh() {
    const mine = ++asked;
    const data = new URLSearchParams(new FormData(form));
    data.delete("form_token");
    try {
      const html = await part(`${preview.dataset.preview}?${data}`);
      if (mine === asked) preview.replaceChildren(nodes(html));
    } catch {
      // The next keystroke asks again.
    }
  }

  form.addEventListener("input", (event) => {
    if (event.target.name === "preset") customOnly();
    clearTimeout(timer);
    timer = setTimeout(refresh, WAIT_MS);
  });
  customOnly();
}
