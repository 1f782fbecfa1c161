import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { hashPassword, NO_PASSWORD, passwordMatches } from '../../src/auth/passwords.js';

describe('passwords', () => {
  it('are kept as argon2id hashes and compared', async () => {
    const hash = await hashPassword('correct horse');
    assert.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    assert.equal(await passwordMatches(hash, 'correct horse'), true);
    assert.equal(await passwordMatches(hash, 'wrong horse'), false);
  });

  it('match nobody when the user is unknown', async () => {
    assert.equal(await passwordMatches(undefined, 'nobody has this password'), false);
    for (const password of ['nobody has this password', NO_PASSWORD, '']) {
      assert.equal(await passwordMatches(NO_PASSWORD, password), false);
    }
  });
});
