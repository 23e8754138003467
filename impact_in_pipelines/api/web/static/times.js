// The reader's own zone, which only the browser knows, among those that times can be shown in.

export function offerOwnZone() {
  const select = document.querySelector("[data-times] select[name=zone]");
  const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!select || !mine || [...select.options].some((one) => one.value === mine)) return;
  select.add(new Option(`${mine} (${select.dataset.mine})`, mine));
}
