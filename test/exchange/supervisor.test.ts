/** What keeps the engine of the example exchange running. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, it, type TestContext } from 'node:test';
import { until } from '../gateway/fixture.ts';

interface Supervisor {
  readonly pid: number | undefined;
  start(): void;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const url = new URL('../../../examples/exchange/supervisor.js', import.meta.url);
const { Supervisor } = (await import(url.href)) as {
  Supervisor: new (command: string[], isThere: () => boolean, delayMaxMs?: number) => Supervisor;
};

/** Notes that it was started, in a file, and runs until it is killed. */
const ENGINE = `require('fs').appendFileSync(process.argv[1], process.pid + '\\n');
console.log('ready');
setInterval(() => undefined, 60000);`;

let directory: string;
let notes: string;
beforeEach((t) => {
  const { mock } = t as TestContext;
  mock.method(console, 'log', () => undefined);
  directory = mkdtempSync(join(tmpdir(), 'rondo-supervisor-'));
  notes = join(directory, 'notes');
});

let supervisor: Supervisor | undefined;
afterEach(async () => {
  await supervisor?.stop('SIGKILL');
  rmSync(directory, { recursive: true });
});

/** Process ids of the engines that were started. */
function started(): number[] {
  try {
    const lines = readFileSync(notes, 'utf8').split('\n');
    // The last line may not be there yet.
    return lines.slice(0, -1).map(Number);
  } catch {
    return [];
  }
}

function supervise(isThere: () => boolean = () => false, program = ENGINE): Supervisor {
  return (supervisor = new Supervisor([process.execPath, '-e', program, notes], isThere, 1));
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

it('Supervisor starts one engine, however often it is told to', async () => {
  const one = supervise();
  one.start();
  one.start();
  await until(() => started().length === 1, 'it is started');
  const [first] = started();
  const ended = one.stop('SIGKILL');
  // The other one has not ended yet.
  one.start();
  await ended;
  await until(() => started().length === 2, 'another is started');
  assert.equal(isAlive(first!), false);
  const { pid } = one;
  assert.equal(pid, started()[1]);
  await one.stop('SIGKILL');
  assert.ok(started().every((each) => !isAlive(each)));
  assert.equal(started().length, 2);
});

it('Supervisor ends an engine that is stopped', async () => {
  const one = supervise();
  one.start();
  await until(() => started().length === 1, 'it is started');
  const pid = one.pid!;
  process.kill(pid, 'SIGSTOP');
  await one.stop();
  assert.equal(one.pid, undefined);
  assert.equal(isAlive(pid), false);
});

it('Supervisor starts engines again that end as soon as they are started', async () => {
  const one = supervise(undefined, `${ENGINE} process.exit(1);`);
  one.start();
  await until(() => started().length === 3, 'it is started again and again');
});

it('Supervisor tells that there is no such program, and goes on trying', async (t) => {
  const errors = t.mock.method(console, 'error', () => undefined);
  const one = new Supervisor([join(directory, 'nothing')], () => false, 1);
  one.start();
  await until(() => errors.mock.callCount() >= 2, 'it is tried again');
  await one.stop();
  assert.equal(one.pid, undefined);
});

it('Supervisor leaves an engine alone that is there, and replaces it when it goes', async () => {
  let isThere = true;
  let looks = 0;
  const one = supervise(() => {
    looks += 1;
    return isThere;
  });
  one.start();
  await until(() => looks >= 2, 'it is looked at again');
  assert.equal(one.pid, undefined);
  isThere = false;
  await until(() => started().length === 1, 'one is started');
});
