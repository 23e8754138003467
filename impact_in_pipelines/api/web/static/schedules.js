// The schedule's form: the next sends as one picks, the regions of the country that is chosen.

import { nodes, part } from "./parts.js";

const WAIT_MS = 250;

export function startSchedules(page) {
  const form = page.querySelector("form[data-schedule]");
  const preview = page.querySelector("[data-preview]");
  const { cron, region } = form.elements;
  let timer = null;
  let asked = 0;

  async function refresh() {
    const mine = ++asked;
    const data = new URLSearchParams(new FormData(form));
    data.delete("form_token");
    try {
      const html = await part(`${preview.dataset.preview}?${data}`);
      if (mine !== asked) return;
      preview.replaceChildren(nodes(html));
      // Whoever goes on to the advanced field starts from what was picked.
      const written = preview.querySelector("[data-written]")?.textContent;
      if (written && form.elements.often.value !== "custom") cron.value = written;
    } catch {
      // The next change asks again.
    }
  }

  async function chooseRegion(country) {
    try {
      const html = await part(`${region.dataset.regions}?${new URLSearchParams({ country })}`);
      region.replaceChildren(nodes(html));
    } catch {
      region.value = "";
    }
    refresh();
  }

  form.addEventListener("input", (event) => {
    clearTimeout(timer);
    if (event.target.name === "country") chooseRegion(event.target.value);
    else timer = setTimeout(refresh, WAIT_MS);
  });
}
