import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { SignJWT } from 'jose';

import { AccessTokens } from '../../src/auth/access-tokens.js';
import { parseEnvironment } from '../../src/config/environment.js';
import { serverSchema } from '../../src/config/schema.js';
import { SecretVolume } from '../secret-volume.js';

const OLD = 'the old secret, at least 32 characters';
const NEW = 'the new secret, at least 32 characters';
const NOTICED_AFTER_MS = 1020;
const user = { id: 'b0a63b5c-4a70-4c5a-8f6b-0c3a8ad6f1d2', role: 'cashier' as const };

function tokensWith(environment: Record<string, string>): AccessTokens {
  return new AccessTokens(parseEnvironment(serverSchema, environment));
}

function signed(claims: Record<string, unknown>, expiresAt: string | number): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer('zakpos-api')
    .setSubject(user.id)
    .setExpirationTime(expiresAt)
    .sign(Buffer.from(NEW));
}

describe('access tokens', () => {
  it('say who it is and until when', async () => {
    const tokens = tokensWith({ JWT_SECRET: NEW, JWT_ACCESS_TTL: '2m' });
    const principal = await tokens.verify(await tokens.issue(user));
    assert.equal(principal?.id, user.id);
    assert.equal(principal.role, 'cashier');
    const remaining = principal.expiresAt.getTime() - Date.now();
    assert.ok(remaining > 110_000 && remaining <= 120_000);
  });

  it('stay valid while the key is rotated, and not any longer', async () => {
    const token = await tokensWith({ JWT_SECRET: OLD }).issue(user);
    const during = await tokensWith({ JWT_SECRET: NEW, JWT_PREVIOUS_SECRET: OLD }).verify(token);
    const afterwards = await tokensWith({ JWT_SECRET: NEW }).verify(token);
    assert.deepEqual([during?.id, afterwards], [user.id, undefined]);
  });

  it('are refused when expired, of an unknown role, or not tokens at all', async () => {
    const tokens = tokensWith({ JWT_SECRET: NEW });
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{}').toString('base64url')}.`;
    const refused = [
      await signed({ role: 'admin' }, Math.floor(Date.now() / 1000) - 1),
      await signed({ role: 'owner' }, '5m'),
      unsigned,
      'nonsense',
      '',
    ];
    for (const token of refused) assert.equal(await tokens.verify(token), undefined);
    // Which of them was good until its time was up: that is nobody who tries to get in.
    const [expired, ...others] = await Promise.all(refused.map((token) => tokens.hasExpired(token)));
    assert.deepEqual([expired, others.includes(true)], [true, false]);
    assert.equal(await tokens.hasExpired(await signed({ role: 'admin' }, '5m')), false);
    assert.notEqual(await tokens.verify(await signed({ role: 'admin' }, '5m')), undefined);
  });
});

describe('the keys of access tokens', () => {
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-keys-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  /** A process whose keys are files of a Secret's volume. */
  function processWith(name: string, files: Readonly<Record<string, string>>) {
    const volume = new SecretVolume(join(folder, name));
    volume.write(files);
    const tokens = tokensWith({
      JWT_SECRET_FILE: volume.path('secret'),
      JWT_PREVIOUS_SECRET_FILE: volume.path('previous'),
    });
    return { volume, tokens };
  }

  /** Whether tokens that only the old, and only the new key has signed are accepted. */
  async function accepts(tokens: AccessTokens): Promise<{ old: boolean; new: boolean }> {
    const [old, fresh] = await Promise.all(
      [OLD, NEW].map(async (JWT_SECRET) => {
        const token = await tokensWith({ JWT_SECRET }).issue(user);
        return (await tokens.verify(token)) !== undefined;
      }),
    );
    return { old: old === true, new: fresh === true };
  }

  async function signsWith(tokens: AccessTokens, JWT_SECRET: string): Promise<boolean> {
    return (await tokensWith({ JWT_SECRET }).verify(await tokens.issue(user))) !== undefined;
  }

  it('are rotated without a restart, and without a token that is refused', async () => {
    const { volume, tokens } = processWith('rotation', { secret: OLD });
    assert.deepEqual(await accepts(tokens), { old: true, new: false });
    for (const [files, accepted, signing] of [
      [{ secret: OLD, previous: NEW }, { old: true, new: true }, OLD],
      [{ secret: NEW, previous: OLD }, { old: true, new: true }, NEW],
      [{ secret: NEW }, { old: false, new: true }, NEW],
    ] as const) {
      volume.write(files);
      await sleep(NOTICED_AFTER_MS);
      assert.deepEqual(await accepts(tokens), accepted);
      assert.ok(await signsWith(tokens, signing));
    }
  });

  it('are both accepted in each moment in which they change places', async () => {
    const { volume, tokens } = processWith('swap', { secret: OLD, previous: NEW });
    const [old, fresh] = await Promise.all(
      [OLD, NEW].map((JWT_SECRET) => tokensWith({ JWT_SECRET }).issue(user)),
    );
    const from = performance.now();
    let swapped = false;
    while (performance.now() < from + 2 * NOTICED_AFTER_MS) {
      if (!swapped && performance.now() > from + NOTICED_AFTER_MS / 2) {
        volume.write({ secret: NEW, previous: OLD });
        swapped = true;
      }
      assert.notEqual(await tokens.verify(old ?? ''), undefined);
      assert.notEqual(await tokens.verify(fresh ?? ''), undefined);
    }
    assert.ok(await signsWith(tokens, NEW));
  });

  it('are never the previous one when signing, even while the file of the other is empty', async () => {
    const { volume, tokens } = processWith('emptied', { secret: NEW, previous: OLD });
    volume.write({ secret: '', previous: OLD });
    await sleep(NOTICED_AFTER_MS);
    assert.ok(await signsWith(tokens, NEW));
    assert.ok(!(await signsWith(tokens, OLD)));
  });

  it('stay while the file of the previous one can not be read, and not once it is gone', async () => {
    const { volume, tokens } = processWith('unreadable', { secret: NEW, previous: OLD });
    assert.deepEqual(await accepts(tokens), { old: true, new: true });
    volume.write({ secret: NEW });
    mkdirSync(volume.path('previous'));
    await sleep(NOTICED_AFTER_MS);
    assert.deepEqual(await accepts(tokens), { old: true, new: true });
    rmdirSync(volume.path('previous'));
    await sleep(NOTICED_AFTER_MS);
    assert.deepEqual(await accepts(tokens), { old: false, new: true });
  });
});
