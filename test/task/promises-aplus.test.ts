/** Handles of tasks keep Promises/A+, by that specification's own tests. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

it('JoinHandle keeps Promises/A+', async () => {
  const program = fileURLToPath(new URL('promises-aplus.program.js', import.meta.url));
  const args = ['--unhandled-rejections=none', program];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  assert.deepEqual(JSON.parse(stdout), { passed: 872, failed: [] });
});
