// A file of events: sent as it is, read by the server as it comes; then the page that says what is in it.

import { nodes, trouble } from "./parts.js";

export function startUpload(page) {
  const form = page.querySelector("form[data-upload]");
  if (!form) return;
  const said = form.querySelector("[data-said]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const file = form.elements.file.files[0];
    if (!file) return;
    const button = form.querySelector("button");
    button.disabled = true;
    form.querySelector("[data-busy]").hidden = false;
    said.replaceChildren();
    try {
      const answer = await fetch(`${form.action}?name=${encodeURIComponent(file.name)}`, {
        method: "POST",
        body: file,
        headers: { "Content-Type": "text/csv", "X-Form-Token": form.elements.form_token.value, "X-Fragment": window.location.pathname },
        credentials: "same-origin",
      });
      if (answer.status === 401) window.location.assign(answer.headers.get("X-Sign-In") || "/cockpit");
      else if (answer.redirected) window.location.assign(answer.url);
      else said.replaceChildren(nodes(await answer.text()));
    } catch {
      said.replaceChildren(trouble());
    }
    button.disabled = false;
    form.querySelector("[data-busy]").hidden = true;
  });
}
