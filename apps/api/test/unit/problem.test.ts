import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Problem } from '../../src/common/problem.js';
import { reasonOf } from '../../src/common/reason.js';
import { isSaneRequestId } from '../../src/common/request-context.js';
import { isDatabaseUnavailable } from '../../src/database/database.js';

describe('problems', () => {
  it('have the body of RFC 9457', () => {
    const problem = new Problem(409, 'No tea left.', { errors: ['tea'] });
    assert.deepEqual(problem.toDetails('/api/v1/sales', 'request-1'), {
      type: 'about:blank',
      title: 'Conflict',
      status: 409,
      detail: 'No tea left.',
      instance: '/api/v1/sales',
      requestId: 'request-1',
      errors: ['tea'],
    });
  });

  it('tell a database that is away from a statement that is wrong', () => {
    const withCode = (code: string) => Object.assign(new Error('x'), { code });
    for (const code of ['ECONNREFUSED', 'ETIMEDOUT', '57P01', '57P03', '08006', '28P01', '53100']) {
      assert.ok(isDatabaseUnavailable(withCode(code)), code);
    }
    // As of a server that can't write a file that each new session needs.
    const fatal = Object.assign(new Error('could not write init file'), { severity: 'FATAL', code: 'XX000' });
    assert.ok(isDatabaseUnavailable(fatal));
    assert.ok(!isDatabaseUnavailable(Object.assign(new Error('x'), { severity: 'ERROR', code: 'XX000' })));
    assert.ok(isDatabaseUnavailable(new AggregateError([withCode('ECONNREFUSED')])));
    assert.ok(isDatabaseUnavailable(new Error('timeout exceeded when trying to connect')));
    for (const code of ['23505', '42601', '22P02']) assert.ok(!isDatabaseUnavailable(withCode(code)), code);
  });

  it('have a reason in one line, also when there are several', () => {
    const refused = new Error('connect ECONNREFUSED');
    assert.equal(reasonOf(new AggregateError([refused, refused])), 'connect ECONNREFUSED');
    assert.equal(
      reasonOf(new AggregateError([refused], 'metadata failed')),
      'metadata failed: connect ECONNREFUSED',
    );
    assert.equal(reasonOf(new Error('no broker', { cause: refused })), 'no broker: connect ECONNREFUSED');
    assert.equal(reasonOf(new TypeError()), 'TypeError');
  });
});

describe('request ids', () => {
  it('are taken from the caller only when they are harmless', () => {
    assert.ok(isSaneRequestId('till-7:sale_1.2'));
    for (const id of [
      'short',
      'x'.repeat(65),
      'line\nbreak-in-it',
      'spaces are out',
      undefined,
      ['a', 'b'],
    ]) {
      assert.ok(!isSaneRequestId(id));
    }
  });
});
