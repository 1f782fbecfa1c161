import type { Storage } from '../src/storage-type';

export class MemoryStorage implements Storage {
  readonly values = new Map<string, string>();

  readonly read = (key: string) => Promise.resolve(this.values.get(key) ?? null);

  readonly write = (key: string, value: string) => {
    this.values.set(key, value);
    return Promise.resolve();
  };

  readonly remove = (key: string) => {
    this.values.delete(key);
    return Promise.resolve();
  };
}
