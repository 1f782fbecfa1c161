/** Reads a value of unknown origin as a T, or throws a Malformed that says where it differs. */
export type Decode<T> = (value: unknown, name: string) => T;

export class Malformed extends Error {
  override readonly name = 'Malformed';

  constructor(where: string, expected: string, value: unknown) {
    super(`${where} should be ${expected} and is ${value === null ? 'null' : typeof value}`);
  }
}

export const text: Decode<string> = (value, name) => {
  if (typeof value === 'string') return value;
  throw new Malformed(name, 'a text', value);
};

export const integer: Decode<number> = (value, name) => {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new Malformed(name, 'an integer', value);
};

export const nothing: Decode<void> = () => undefined;

export function oneOf<T extends string>(...allowed: readonly T[]): Decode<T> {
  return (value, name) => {
    const found = allowed.find((one) => one === value);
    if (found !== undefined) return found;
    throw new Malformed(name, allowed.join(' or '), value);
  };
}

export function listOf<T>(item: Decode<T>): Decode<readonly T[]> {
  return (value, name) => {
    if (!Array.isArray(value)) throw new Malformed(name, 'a list', value);
    return value.map((one: unknown, index) => item(one, `${name}[${index}]`));
  };
}

export function nullable<T>(item: Decode<T>): Decode<T | null> {
  return (value, name) => (value === null || value === undefined ? null : item(value, name));
}

/** `record((field) => ({ id: field('id', text) }))` reads an object field by field. */
export function record<T>(build: (field: <F>(key: string, decode: Decode<F>) => F) => T): Decode<T> {
  return (value, name) => {
    if (typeof value !== 'object' || value === null) throw new Malformed(name, 'an object', value);
    const fields = new Map<string, unknown>(Object.entries(value));
    return build((key, decode) => decode(fields.get(key), `${name}.${key}`));
  };
}
