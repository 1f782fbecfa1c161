/** Formats integers of minor units, whatever number of digits the currency has. */
export function moneyFormat(currency: string, locale?: string): (minor: number) => string {
  const format = new Intl.NumberFormat(locale, { style: 'currency', currency });
  const minorUnits = 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2);
  return (minor) => format.format(minor / minorUnits);
}
