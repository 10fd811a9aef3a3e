// Options at their edges, and drivers that cannot be had. What happened: sizes of rings that are
// no power of two were rounded up by the kernel and not by us, so the memory was too small for
// them; fewer completions than submissions were refused by the kernel with an errno; a start that
// failed halfway left a ring, an eventfd or regions behind; and a low limit of descriptors made
// the defaults unusable.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import {
  createDriver,
  type CreateDriverOptions,
  type Driver,
  type RealDriverKind,
} from '../../../src/driver/index.ts';
import { adoptArena, Arena, type Region } from '../../../src/memory/index.ts';
import { reasonToSkip } from '../../conformance/real.ts';

const PAGE = 4096;
/** Small, so that it can be filled up; and before anything asks for the arena of the process. */
const arena = adoptArena(Arena.create({ size: 4 << 20 }));
const SMALL = { connections: 16, buffers: 2, bufferSize: 256 };
/** The limit of descriptors of the child process. */
const DESCRIPTORS = 4096;
const driverModule = new URL('../../../src/driver/index.js', import.meta.url).href;

function optionsFor(kind: RealDriverKind): { timeout: number; skip: string | false } {
  const reason = reasonToSkip(kind);
  return { timeout: 60_000, skip: reason === '' ? false : reason };
}

/** Makes a driver, completes `count` timeouts that are in flight at once, and destroys it. */
function work(count: number, options: Omit<CreateDriverOptions, 'handler'>): Promise<void> {
  return new Promise((resolve) => {
    let left = count;
    const driver: Driver = createDriver({
      ...options,
      handler: () => {
        left -= 1;
        if (left === 0) resolve(driver.destroy());
      },
    });
    for (let i = 0; i < count; i++) assert.ok(driver.timeout(0, i) > 0);
  });
}

for (const ringEntries of [8, 9, 520, 1000]) {
  test(`uring: ${ringEntries} ringEntries work`, optionsFor('uring'), async () => {
    await work(3000, { kind: 'uring', ...SMALL, operations: 4096, uring: { ringEntries } });
  });
}

test('uring: completionEntries as few as ringEntries work', optionsFor('uring'), async () => {
  const uring = { ringEntries: 1000, completionEntries: 1000 };
  await work(3000, { kind: 'uring', ...SMALL, operations: 4096, uring });
});

test('uring: completionEntries below ringEntries are refused', optionsFor('uring'), () => {
  for (const [ringEntries, completionEntries] of [
    [1024, 16],
    [17, 16],
    [1000, 999],
  ] as const) {
    const uring = { ringEntries, completionEntries };
    const make = (): Driver =>
      createDriver({ kind: 'uring', ...SMALL, uring, handler: () => undefined });
    assert.throws(make, { name: 'RangeError', code: 'ERR_OPTION_RANGE' });
  }
});

/** What a start may leave behind. */
function remains(): string[] {
  const regions = arena.regions().map(({ name, offset }) => `region ${name} at ${offset}`);
  const descriptors = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // The one that the directory was read by.
      return '';
    }
  });
  return [...regions, ...descriptors.filter((link) => link.startsWith('anon_inode')).sort()];
}

/** All of the arena but so many pages in a row, and what is left between the regions. */
function fillBut(pages: number): Region {
  return arena.allocate('fill', arena.usage().largest - pages * PAGE);
}

for (const kind of ['uring', 'epoll'] as const) {
  test(`${kind}: a start that fails leaves nothing behind`, optionsFor(kind), async () => {
    const options = { kind, ...SMALL, uring: { ringEntries: 8, completionEntries: 16 } };
    // The first one leaves what is made once for a thread.
    await work(1, options);
    const before = remains();
    const failures = new Set<string>();
    let made = 0;
    for (let pages = 1; made < 3; pages++) {
      const fill = fillBut(pages);
      try {
        await work(1, options);
        made += 1;
      } catch (error) {
        assert.ok(error instanceof Error && 'code' in error);
        assert.equal(error.code, 'ERR_ARENA_EXHAUSTED');
        failures.add(/region "([^"]+)"/.exec(error.message)![1]!);
      }
      fill.release();
      assert.deepEqual(remains(), before, `with room for ${pages} pages`);
    }
    assert.ok(failures.size > 1, `it failed at several steps: ${[...failures].join()}`);
  });
}

for (const kind of ['uring', 'epoll', 'portable'] as const) {
  const name = `${kind}: the defaults work with ${DESCRIPTORS} descriptors at most`;
  test(name, optionsFor(kind), () => {
    const code = `
      import { createDriver } from ${JSON.stringify(driverModule)};
      const driver = createDriver({
        kind: '${kind}',
        handler: (token, result) => driver.destroy().then(() => console.log('ended', result)),
      });
      console.log(driver.limits.connections);
      driver.timeout(0, 1);`;
    const command = `ulimit -n ${DESCRIPTORS}; exec "$0" --input-type=module -e "$1"`;
    const { stdout, stderr, status } = spawnSync('sh', ['-c', command, process.execPath, code], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.equal(status, 0, stderr);
    const [connections, end] = stdout.trim().split('\n');
    assert.equal(end, 'ended 0', stderr);
    assert.ok(Number(connections) > 0);
    // Only a ring's table of files is bounded as a whole; elsewhere accepting backs off.
    if (kind === 'uring') assert.ok(Number(connections) <= DESCRIPTORS);
  });
}
