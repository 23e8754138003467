// Everything works without these scripts, a page at a time; with them in place and live.

import { copy } from "./copying.js";
import { startCompanies } from "./companies.js";
import { openDialog } from "./dialog.js";
import { watchConnection } from "./live.js";
import { refreshTimes } from "./parts.js";
import { startSchedules } from "./schedules.js";
import { startTimeline } from "./timeline.js";
import { offerOwnZone } from "./times.js";
import { startUpload } from "./upload.js";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
  for (const list of document.querySelectorAll("[data-dropdown][open]")) if (!list.contains(event.target)) list.open = false;
  const link = event.target.closest("a[data-dialog]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openDialog(link.href);
});

document.addEventListener("keydown", (event) => {
  const list = event.key === "Escape" && event.target.closest?.("[data-dropdown][open]");
  if (!list) return;
  list.open = false;
  list.querySelector("summary").focus();
});

const page = document.querySelector("[data-page]");
if (page?.dataset.page === "deliveries") startTimeline(page);
if (page?.dataset.page === "companies") startCompanies(page);
if (page?.dataset.page === "data") startUpload(page);
if (page?.dataset.page === "schedule") startSchedules(page);
// A token in the address is on the form already: it needn't stay in the history.
if (page?.dataset.page === "sign-in" && window.location.search.includes("token=")) {
  const address = new URL(window.location);
  address.searchParams.delete("token");
  history.replaceState(null, "", address);
}
// On a narrow screen the tabs scroll: the one that one is on must not lie out of sight.
const tab = document.querySelector(".tabs a[aria-current]");
if (tab) tab.closest(".tabs").scrollLeft = tab.offsetLeft - (tab.closest(".tabs").clientWidth - tab.offsetWidth) / 2;
watchConnection();
offerOwnZone();
refreshTimes();
setInterval(refreshTimes, 30000);
