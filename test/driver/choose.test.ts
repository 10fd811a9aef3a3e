// Which driver is chosen, what is said when one cannot be had, and life without the addon.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createDriver, driverStatuses } from '../../src/driver/index.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const scratch = mkdtempSync(join(tmpdir(), 'rondo-choose-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a module in a process of its own; `driver` is what it imports from. */
function run(base: string, code: string, environment: Record<string, string> = {}): Run {
  const driver = new URL(`file://${join(base, 'dist/src/driver/index.js')}`).href;
  const source = `import { createDriver, driverStatuses } from ${JSON.stringify(driver)};${code}`;
  const { RONDO_DRIVER: _, ...inherited } = process.env;
  return spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    encoding: 'utf8',
    env: { ...inherited, ...environment },
    timeout: 60_000,
  });
}

const PRINT_KIND = `
  const driver = createDriver({ connections: 16, buffers: 16, handler() {} });
  createDriver({ connections: 16, buffers: 16, handler() {} }).unref();
  console.log(driver.kind);
  await driver.destroy();`;

test('createDriver takes the first available of uring, epoll, portable', () => {
  const best = driverStatuses().find((status) => status.available)!.kind;
  const { stdout, status } = run(root, PRINT_KIND);
  assert.equal(stdout, `${best}\n`);
  assert.equal(status, 0);
});

test('RONDO_DRIVER forces a driver', () => {
  for (const { kind, available } of driverStatuses()) {
    const { stdout, stderr } = run(root, PRINT_KIND, { RONDO_DRIVER: kind });
    if (available) assert.equal(stdout, `${kind}\n`, stderr);
    else assert.match(stderr, /ERR_DRIVER_UNAVAILABLE/);
  }
});

test('RONDO_DRIVER with an unknown name suggests the nearest', () => {
  const { stderr, status } = run(root, PRINT_KIND, { RONDO_DRIVER: 'epol' });
  assert.notEqual(status, 0);
  assert.match(stderr, /did you mean epoll/);
  assert.match(stderr, /ERR_OPTION_TYPE/);
});

test('createDriver rejects unknown kinds, unknown options and values out of range', () => {
  const handler = (): void => undefined;
  const wrong = (options: object): (() => unknown) => {
    return () => createDriver({ handler, ...options });
  };
  assert.throws(wrong({ kind: 'kqueue' }), { code: 'ERR_OPTION_TYPE' });
  assert.throws(wrong({ kind: 'portable', buffer: 4 }), {
    code: 'ERR_OPTION_UNKNOWN',
    message: /did you mean "buffers"/,
  });
  assert.throws(wrong({ kind: 'portable', buffers: 3 }), { code: 'ERR_OPTION_RANGE' });
  assert.throws(wrong({ kind: 'portable', connections: 0 }), { code: 'ERR_OPTION_RANGE' });
  assert.throws(wrong({ kind: 'portable', handler: 'none' }), { code: 'ERR_OPTION_TYPE' });
});

test('without the addon the portable driver runs, and says so once', () => {
  const bare = join(scratch, 'bare');
  mkdirSync(join(bare, 'dist'), { recursive: true });
  cpSync(join(root, 'dist', 'src'), join(bare, 'dist', 'src'), { recursive: true });
  cpSync(join(root, 'package.json'), join(bare, 'package.json'));
  const { stdout, stderr, status } = run(bare, PRINT_KIND);
  assert.equal(stdout, 'portable\n', stderr);
  assert.equal(status, 0);
  assert.equal(stderr.match(/RONDO_PORTABLE/g)?.length, 1, stderr);
  assert.match(stderr, /npm run build/);

  const forced = run(bare, PRINT_KIND, { RONDO_DRIVER: 'uring' });
  assert.match(forced.stderr, /ERR_DRIVER_UNAVAILABLE/);
  assert.match(forced.stderr, /the native addon is missing/);
});

test('an idle driver lets the process end, one with a timeout in flight does not', () => {
  for (const { kind, available } of driverStatuses()) {
    if (!available) continue;
    const idle = run(root, `createDriver({ kind: '${kind}', connections: 16, handler() {} });`);
    assert.equal(idle.status, 0, kind);
    const busy = run(
      root,
      `const d = createDriver({ kind: '${kind}', connections: 16, handler() { console.log('due') } });
       d.timeout(20, 1);`,
    );
    assert.equal(busy.stdout, 'due\n', kind);
    const unref = run(
      root,
      `const d = createDriver({ kind: '${kind}', connections: 16, handler() { console.log('due') } });
       d.unref(); d.timeout(2000000, 1);`,
    );
    assert.equal(unref.stdout, '', kind);
    assert.equal(unref.status, 0, kind);
  }
});
