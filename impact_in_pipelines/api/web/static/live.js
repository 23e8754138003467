// What has changed in a company's deliveries, as it happens: server-sent events, which reconnect by
// themselves; the browser sends Last-Event-ID along. `missed`: too much has happened in between to tell.

let cut = false;

function tellOffline() {
  const line = document.querySelector("[data-offline]");
  if (line) line.hidden = navigator.onLine && !cut;
}

function heard(lost) {
  cut = lost;
  tellOffline();
}

export function watchConnection() {
  window.addEventListener("offline", tellOffline);
  window.addEventListener("online", tellOffline);
  tellOffline();
}

export function listen(address, { changed, missed }) {
  if (!address || !("EventSource" in window)) return () => {};
  let source = null;
  let lost = false;
  const open = () => {
    source = new EventSource(address);
    source.addEventListener("delivery", (event) => changed(JSON.parse(event.data)));
    source.addEventListener("reset", missed);
    source.addEventListener("open", () => {
      heard(false);
      // A stream that began anew knows of no last event: the page is read again.
      if (lost) missed();
      lost = false;
    });
    source.addEventListener("error", () => {
      lost = true;
      heard(true);
    });
  };
  open();
  window.addEventListener("online", () => {
    if (source.readyState === EventSource.CLOSED) open();
  });
  window.addEventListener("pagehide", () => source.close());
  return () => source.close();
}
