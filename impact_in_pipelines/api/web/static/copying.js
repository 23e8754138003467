// Copying an id, and saying that it was done: beside the button for who looks, aloud for who listens.

import { announce } from "./parts.js";

const SHOWN_MS = 2500;

// Without https browsers have no clipboard of their own to offer.
function copyBySelecting(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.readOnly = true;
  field.className = "visually-hidden";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelecting(text);
  }
}

export async function copy(button) {
  const done = await copied(button.dataset.copy);
  button.focus();
  button.dataset.done = done ? button.dataset.copied : button.dataset.notCopied;
  button.toggleAttribute("data-failed", !done);
  announce(button.dataset.done);
  setTimeout(() => button.removeAttribute("data-done"), SHOWN_MS);
}
