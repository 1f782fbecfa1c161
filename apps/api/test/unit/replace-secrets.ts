import { workerData } from 'node:worker_threads';

import { SecretVolume } from '../secret-volume.js';

/** The thread that replaces a login for as long as it runs. */
const volume = new SecretVolume(String(workerData));
for (let generation = 1; ; generation += 1) {
  volume.write({ username: `user ${generation}`, password: `password ${generation}` });
}
