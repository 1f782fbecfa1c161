import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { SignJWT } from 'jose';

import { AccessTokens } from '../../src/auth/access-tokens.js';
import { parseEnvironment } from '../../src/config/environment.js';
import { serverSchema } from '../../src/config/schema.js';

const OLD = 'the old secret, at least 32 characters';
const NEW = 'the new secret, at least 32 characters';
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
    assert.notEqual(await tokens.verify(await signed({ role: 'admin' }, '5m')), undefined);
  });
});
