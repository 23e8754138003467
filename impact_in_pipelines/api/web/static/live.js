// What has changed in a company's deliveries, as it happens: server-sent events, which reconnect by
// themselves; the browser sends Last-Event-ID along. `missed`: too much has happened in between to tell.

export function listen(address, { changed, missed }) {
  if (!address || !("EventSource" in window)) return () => {};
  const source = new EventSource(address);
  source.addEventListener("delivery", (event) => changed(JSON.parse(event.data)));
  source.addEventListener("reset", missed);
  window.addEventListener("pagehide", () => source.close());
  return () => source.close();
}
