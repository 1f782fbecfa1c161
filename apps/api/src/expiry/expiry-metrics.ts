import { X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Logger } from 'pino';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

import { reasonOf } from '../common/reason.js';

export interface ExpiryFolders {
  /** Has a folder for each certificate, with its name and `tls.crt` in it. */
  readonly certificates: string;
  /** Has a file for each Secret, with its name and the time since when its value is in use. */
  readonly secretAges: string;
}

/** When certificates end and since when Secrets are in use, read anew each time that somebody asks. */
export class ExpiryMetrics {
  readonly registry = new Registry();
  private readonly complained = new Set<string>();

  constructor(
    { certificates, secretAges }: ExpiryFolders,
    private readonly logger: Logger,
  ) {
    collectDefaultMetrics({ register: this.registry });
    const read = (folder: string, file: string, timeOf: (text: string) => number) =>
      this.times(folder, file, timeOf);
    new Gauge({
      name: 'zakpos_certificate_not_after_timestamp_seconds',
      help: 'When a certificate ends, or the first one of its chain that does',
      labelNames: ['certificate'],
      registers: [this.registry],
      async collect() {
        this.reset();
        for (const [certificate, time] of await read(certificates, 'tls.crt', endOf)) {
          this.set({ certificate }, time);
        }
      },
    });
    new Gauge({
      name: 'zakpos_secret_made_timestamp_seconds',
      help: 'When the value of a Secret was made, which is when it was rotated last',
      labelNames: ['secret'],
      registers: [this.registry],
      async collect() {
        this.reset();
        for (const [secret, time] of await read(secretAges, '', timeOf)) this.set({ secret }, time);
      },
    });
  }

  /** The time in a file of each name of a folder, in seconds since 1970; what isn't there or can't be read is left out. */
  private async times(folder: string, file: string, timeOf: (text: string) => number) {
    const times = new Map<string, number>();
    for (const name of await namesIn(folder)) {
      const path = join(folder, name, file);
      try {
        times.set(name, timeOf(await readFile(path, 'utf8')));
        this.complained.delete(path);
      } catch (error) {
        if (isMissing(error) || this.complained.has(path)) continue;
        this.complained.add(path);
        this.logger.warn({ path, reason: reasonOf(error) }, 'This can’t be read, and is left out');
      }
    }
    return times;
  }
}

/** A volume of a Secret or ConfigMap keeps its generations beside its keys, under names that begin with two dots. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => !name.startsWith('..')).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

function endOf(pem: string): number {
  const chain = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (chain === null) throw new Error('no certificate');
  return Math.min(...chain.map((certificate) => timeOf(new X509Certificate(certificate).validTo)));
}

function timeOf(text: string): number {
  const milliseconds = Date.parse(text.trim());
  if (Number.isNaN(milliseconds)) throw new Error(`"${text.trim()}" is no time`);
  return milliseconds / 1000;
}
