// What has changed in a company's deliveries, as it happens: server-sent events, which reconnect by
// themselves; the browser sends Last-Event-ID along, so that nothing is missed in between.

export function listen(address, changed) {
  if (!address || !("EventSource" in window)) return () => {};
  const source = new EventSource(address);
  source.addEventListener("delivery", (event) => changed(JSON.parse(event.data)));
  source.addEventListener("signed-out", () => window.location.reload());
  window.addEventListener("pagehide", () => source.close());
  return () => source.close();
}
