/** Kubernetes quantities as plain numbers, for arithmetic and comparison. */

const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

const BYTES = /^([1-9]\d*)(Ki|Mi|Gi|Ti|k|M|G|T)$/;
const CPU = /^(?:([1-9]\d*)m|(\d+(?:\.\d{1,3})?))$/;
const DURATION = /^([1-9]\d*)(s|m|h|d)$/;
const SECONDS_PER_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

export const isBytes = (text: string): boolean => BYTES.test(text);
export const isCpu = (text: string): boolean => CPU.test(text) && cpuToMillicores(text) > 0;
export const isDuration = (text: string): boolean => DURATION.test(text);

/** Bytes of a quantity such as `512Mi`. Throws on anything that {@link isBytes} refuses. */
export function toBytes(quantity: string): number {
  const [, amount, unit] = BYTES.exec(quantity) ?? [];
  if (amount === undefined || unit === undefined) {
    throw new Error(`"${quantity}" is no size; write a whole number with Ki, Mi, Gi or Ti, such as 512Mi`);
  }
  return Number(amount) * (BYTES_PER_UNIT[unit] ?? 1);
}

/** Whole mebibytes of a quantity, rounded down: `1Gi` is 1024. */
export const toMebibytes = (quantity: string): number => Math.floor(toBytes(quantity) / 2 ** 20);

/** Thousandths of a core: `250m` is 250, `1.5` is 1500. */
export function cpuToMillicores(quantity: string): number {
  const [, millicores, cores] = CPU.exec(quantity) ?? [];
  return millicores === undefined ? Math.round(Number(cores) * 1000) : Number(millicores);
}

/** Seconds of a duration such as `7d`. Throws on anything that {@link isDuration} refuses. */
export function toSeconds(duration: string): number {
  const [, amount, unit] = DURATION.exec(duration) ?? [];
  if (amount === undefined || unit === undefined) {
    throw new Error(`"${duration}" is no duration; write a whole number with s, m, h or d, such as 7d`);
  }
  return Number(amount) * (SECONDS_PER_UNIT[unit] ?? 1);
}
