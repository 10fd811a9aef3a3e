import assert from 'node:assert/strict';
import { open } from 'node:fs';
import { test } from 'node:test';
import { Errno } from '../../base/index.ts';
import { errnoOf } from './node-errors.ts';

test('errnoOf: an errno by its name, whatever number the platform has for it', () => {
  assert.equal(errnoOf({ code: 'ECONNRESET', errno: -4077 }), -Errno.ECONNRESET);
  assert.equal(errnoOf({ code: 'ENOTSUP' }), -Errno.EOPNOTSUPP);
  assert.equal(errnoOf({ code: 'ERR_STREAM_DESTROYED' }), -Errno.EPIPE);
});

test('errnoOf: what cannot be told is EIO', () => {
  for (const error of [undefined, null, {}, new Error('no code'), { code: 'EWHATEVER' }]) {
    assert.equal(errnoOf(error), -Errno.EIO);
  }
});

test('errnoOf: an error that Node gives', async () => {
  const error = await new Promise((resolve) => open('/does/not/exist', 'r', resolve));
  assert.equal(errnoOf(error), -Errno.ENOENT);
});
