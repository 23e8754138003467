// Parts of pages: fetched as the server renders them, put in place, and what they say said aloud.

const LONGEST_MS = 30000;

export async function part(address, options = {}) {
  const here = window.location.pathname + window.location.search;
  const answer = await fetch(address, {
    signal: AbortSignal.timeout(LONGEST_MS),
    ...options,
    headers: { "X-Fragment": here, ...options.headers },
    credentials: "same-origin",
  });
  if (answer.status === 401) {
    window.location.assign(answer.headers.get("X-Sign-In") || "/cockpit");
    return new Promise(() => {});
  }
  return await answer.text();
}

export function nodes(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

export function trouble() {
  return document.getElementById("trouble").content.cloneNode(true);
}

// What is said within a moment is said together: a second sentence would cut off the first.
let said = [];

export function announce(text) {
  said.push(text);
  document.getElementById("announcer").textContent = said.join(". ");
  setTimeout(() => said.shift(), 2000);
}

// Relative times go on; the exact one is in the title. Thresholds as the server's.
const UNITS = [["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "always" });

export function refreshTimes(root = document) {
  for (const element of root.querySelectorAll("time[data-ago]")) {
    const seconds = (new Date(element.dateTime) - Date.now()) / 1000;
    const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) / size >= 0.85) || UNITS.at(-1);
    const count = Math.max(unit === "second" ? 0 : 1, Math.round(Math.abs(seconds) / size));
    const text = relative.format(seconds < 0 ? -count : count, unit);
    if (element.textContent !== text) element.textContent = text;
  }
}
