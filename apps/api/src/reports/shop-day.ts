const formats = new Map<string, Intl.DateTimeFormat>();

/** The date in the shop, as YYYY-MM-DD. */
export function shopDate(timeZone: string, moment = new Date()): string {
  let format = formats.get(timeZone);
  if (format === undefined) {
    // Sweden writes dates in ISO's order.
    format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' });
    formats.set(timeZone, format);
  }
  return format.format(moment);
}
