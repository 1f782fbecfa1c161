import type { Storage } from './storage-type';

/** The tab's own storage: it outlives a reload and ends with the tab. */
const tab: Storage = {
  read: (key) => Promise.resolve(sessionStorage.getItem(key)),
  write: (key, value) => {
    sessionStorage.setItem(key, value);
    return Promise.resolve();
  },
  remove: (key) => {
    sessionStorage.removeItem(key);
    return Promise.resolve();
  },
};

export const secrets = tab;
export const drafts = tab;
