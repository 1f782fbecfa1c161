import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';

import pino from 'pino';

import { ExpiryMetrics } from '../../src/expiry/expiry-metrics.js';
import { z } from 'zod';

/** Until 2031-05-06 07:08:09 and 2030-01-01 00:00:00 UTC; nobody has their keys. */
const LATER = `-----BEGIN CERTIFICATE-----
MIIBHDCBw6ADAgECAgEBMAoGCCqGSM49BAMCMBYxFDASBgNVBAMTC3pha3Bvcy10
ZXN0MB4XDTI2MDEwMTAwMDAwMFoXDTMxMDUwNjA3MDgwOVowFjEUMBIGA1UEAxML
emFrcG9zLXRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS2d5koptVGDzdq
jMQtpR80N30eVnKY4WA0uCJAJ+3ApIi6yJTMIl7PF/CgrjNr5I61a+2h2rQkmKJO
+8ZXNvY6owIwADAKBggqhkjOPQQDAgNIADBFAiEA0nHaoNY2jKbMeU9WXRa3m/Rx
vbNYSg2hMBWiQLRReRwCIAdvy6NpUBbHiNte+mn1p2XD/fQ/aTg1qzs5MMWRTJ/d
-----END CERTIFICATE-----
`;
const SOONER = `-----BEGIN CERTIFICATE-----
MIIBHDCBw6ADAgECAgEBMAoGCCqGSM49BAMCMBYxFDASBgNVBAMTC3pha3Bvcy10
ZXN0MB4XDTI2MDEwMTAwMDAwMFoXDTMwMDEwMTAwMDAwMFowFjEUMBIGA1UEAxML
emFrcG9zLXRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQDYBlK2QZTN0gU
zc+hxkBWfzoIjYwMBxTrmK2vaSkTIAiK8+TJETR4r3977q8R1CsRmHRExpj3h1Ws
mN/SIFAIowIwADAKBggqhkjOPQQDAgNIADBFAiAAtOTU2gDfO4CWKWIPGxPgvAb0
V4xlkIqBKld9+j+z7gIhAP8Itd2ftXVEj2RjQOjFe/YDTuhf9BCjpohDBKNELN74
-----END CERTIFICATE-----
`;
const LATER_END = Date.UTC(2031, 4, 6, 7, 8, 9) / 1000;
const SOONER_END = Date.UTC(2030, 0, 1) / 1000;

describe('what has to be renewed', () => {
  const root = mkdtempSync(join(tmpdir(), 'zakpos-expiry-'));
  const folders = { certificates: join(root, 'certificates'), secretAges: join(root, 'ages') };
  let lines: string[];
  let metrics: ExpiryMetrics;
  after(() => {
    rmSync(root, { recursive: true });
  });
  beforeEach(() => {
    rmSync(root, { recursive: true });
    mkdirSync(root);
    lines = [];
    metrics = new ExpiryMetrics(folders, pino({}, { write: (line) => lines.push(line) }));
  });

  const series = async (name: string): Promise<string[]> =>
    (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith(`${name}{`));
  const certificates = () => series('zakpos_certificate_not_after_timestamp_seconds');
  const secrets = () => series('zakpos_secret_made_timestamp_seconds');

  /** A volume as the kubelet makes it: keys are links into a generation. */
  function volume(folder: string, files: Readonly<Record<string, string>>): void {
    mkdirSync(join(folder, '..2026_11_21'), { recursive: true });
    symlinkSync('..2026_11_21', join(folder, '..data'));
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(folder, '..2026_11_21', name), text);
      symlinkSync(join('..data', name), join(folder, name));
    }
  }

  it('is told of each certificate by its end, of a chain by what ends first', async () => {
    volume(join(folders.certificates, 'zakpos-redis-tls'), { 'tls.crt': LATER });
    volume(join(folders.certificates, 'zakpos-ingress-tls'), { 'tls.crt': LATER + SOONER });
    assert.deepEqual(await certificates(), [
      `zakpos_certificate_not_after_timestamp_seconds{certificate="zakpos-ingress-tls"} ${SOONER_END}`,
      `zakpos_certificate_not_after_timestamp_seconds{certificate="zakpos-redis-tls"} ${LATER_END}`,
    ]);
  });

  it('is told of each Secret by the time of its value', async () => {
    volume(folders.secretAges, {
      'zakpos-jwt': '2026-11-21T14:00:00Z\n',
      'zakpos-redis': '2026-11-21T14:00:00.500Z',
    });
    assert.deepEqual(await secrets(), [
      `zakpos_secret_made_timestamp_seconds{secret="zakpos-jwt"} ${Date.UTC(2026, 10, 21, 14) / 1000}`,
      `zakpos_secret_made_timestamp_seconds{secret="zakpos-redis"} ${Date.UTC(2026, 10, 21, 14) / 1000 + 0.5}`,
    ]);
  });

  it('is read anew each time, and may not be there yet', async () => {
    assert.deepEqual([await certificates(), await secrets()], [[], []]);
    const folder = join(folders.certificates, 'zakpos-kafka-tls');
    mkdirSync(folder, { recursive: true });
    assert.deepEqual(await certificates(), []);
    writeFileSync(join(folder, 'tls.crt'), SOONER);
    assert.match((await certificates()).join(), new RegExp(` ${SOONER_END}$`));
    writeFileSync(join(folder, 'tls.crt'), LATER);
    assert.match((await certificates()).join(), new RegExp(` ${LATER_END}$`));
    rmSync(folder, { recursive: true });
    assert.deepEqual(await certificates(), []);
    assert.deepEqual(lines, []);
  });

  it('is left out where it can’t be read, which is said once', async () => {
    const [broken, good] = ['broken', 'good'].map((name) => join(folders.certificates, name));
    volume(broken ?? '', { 'tls.crt': 'no certificate' });
    volume(good ?? '', { 'tls.crt': LATER });
    volume(folders.secretAges, { broken: 'yesterday' });
    for (let times = 0; times < 2; times += 1) {
      assert.equal((await certificates()).length, 1);
      assert.deepEqual(await secrets(), []);
    }
    const reasons = lines.map((line) => z.object({ reason: z.string() }).parse(JSON.parse(line)).reason);
    assert.deepEqual(reasons.sort(), ['"yesterday" is no time', 'no certificate']);
  });
});
