/** What others may do between two steps of a directory, one place at a time. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readIdentity } from '../segment/identity.ts';
import { RingDirectory, type Holder } from './directory.ts';
import {
  freshPath,
  interrupted,
  namedSegment,
  nobody,
  plant,
  type NamedSegment,
} from './fixture.test.helper.ts';
import { parseUnfinished } from './names.ts';

const isUnfinished = (path: string): boolean => path.includes('.new.');

interface Setting {
  readonly path: string;
  readonly others: RingDirectory;
  readonly one: NamedSegment;
  readonly two: NamedSegment;
}

function setting(): Setting {
  const path = freshPath();
  const [one, two] = [namedSegment('prices'), namedSegment('prices')];
  return { path, others: RingDirectory.open(path), one, two };
}

function finish({ path, one, two }: Setting, ...holders: (Holder | undefined)[]): void {
  for (const holder of holders) holder?.release();
  one.close();
  two.close();
  assert.deepEqual(fs.readdirSync(path), []);
}

test('of two creators one wins, wherever the other is', () => {
  for (const step of ['mkdirSync', 'openSync', 'renameSync'] as const) {
    const scene = setting();
    const { path, others, one, two } = scene;
    let winner: Holder | undefined;
    const files = interrupted(step, isUnfinished, () => {
      winner = others.create('prices', two.fd, two.id);
    });
    const loser = RingDirectory.open(path, files);
    assert.throws(() => loser.create('prices', one.fd, one.id), { code: 'ERR_RING_EXISTS' });
    const found = others.attach('prices');
    assert.equal(found.id, two.id);
    fs.closeSync(found.fd);
    finish(scene, winner, found.holder);
  }
});

test('a creator whose unfinished directory is taken away starts over', () => {
  for (const step of ['openSync', 'renameSync'] as const) {
    const scene = setting();
    const { path, one } = scene;
    const files = interrupted(step, isUnfinished, () => {
      for (const entry of fs.readdirSync(path)) fs.rmSync(join(path, entry), { recursive: true });
    });
    const holder = RingDirectory.open(path, files).create('prices', one.fd, one.id);
    finish(scene, holder);
  }
});

test('a creator takes a name that is let go, or whose holder dies, as it looks', () => {
  const scene = setting();
  const { path, others, one, two } = scene;
  const before = others.create('prices', two.fd, two.id);
  let tries = 0;
  const files = {
    ...fs,
    renameSync: (from: fs.PathLike, to: fs.PathLike) => {
      tries += 1;
      try {
        fs.renameSync(from, to);
      } finally {
        // Between the refusal and the look at who it was.
        before.release();
        if (tries === 1) plant(path, 'prices', nobody);
      }
    },
  };
  const holder = RingDirectory.open(path, files).create('prices', one.fd, one.id);
  assert.equal(tries, 2);
  finish(scene, holder);
});

test('who attaches while the last holder lets go finds nothing, or the next segment', () => {
  for (const isReplaced of [false, true]) {
    const scene = setting();
    const { path, others, one, two } = scene;
    const first = others.create('prices', one.fd, one.id);
    let next: Holder | undefined;
    // It has the first segment open, and is about to make its file.
    const isOwnFile = (file: string): boolean => file.startsWith(join(path, 'prices'));
    const files = interrupted('openSync', isOwnFile, () => {
      first.release();
      if (isReplaced) next = others.create('prices', two.fd, two.id);
    });
    const late = RingDirectory.open(path, files);
    if (isReplaced) {
      const found = late.attach('prices');
      assert.equal(found.id, two.id);
      fs.closeSync(found.fd);
      finish(scene, next, found.holder);
    } else {
      assert.throws(() => late.attach('prices'), { code: 'ERR_RING_NOT_FOUND' });
      finish(scene);
    }
  }
});

test('who attaches is not misled by one who still has the segment before', () => {
  const scene = setting();
  const { path, others, one, two } = scene;
  const holder = others.create('prices', two.fd, two.id);
  // One that attached to the first segment and has not looked again.
  const late = plant(path, 'prices', readIdentity(process.pid), {
    id: one.id,
    descriptor: one.fd,
  });
  let looks = 0;
  const files = {
    ...fs,
    unlinkSync: (file: fs.PathLike) => {
      fs.unlinkSync(file);
      looks += 1;
      // After a few rounds it has looked again.
      if (looks === 5) fs.rmSync(join(path, 'prices', late));
    },
  };
  const found = RingDirectory.open(path, files).attach('prices');
  assert.equal(found.id, two.id);
  assert.ok(looks === 0 || looks === 5);
  fs.rmSync(join(path, 'prices', late), { force: true });
  fs.closeSync(found.fd);
  finish(scene, holder, found.holder);
});

test('who is sure of nothing gives up after a bounded time', () => {
  const scene = setting();
  const { path, others, one, two } = scene;
  const holder = others.create('prices', two.fd, two.id);
  const late = plant(path, 'prices', readIdentity(process.pid), {
    id: one.id,
    descriptor: one.fd,
  });
  assert.throws(() => others.attach('prices'), {
    code: 'ERR_RING_NOT_FOUND',
    message: /different segments/,
  });
  fs.rmSync(join(path, 'prices', late));
  finish(scene, holder);
});

test('what was cleared up by another meanwhile is no error', () => {
  for (const step of ['unlinkSync', 'rmdirSync', 'readdirSync'] as const) {
    const scene = setting();
    const { path, others } = scene;
    plant(path, 'prices');
    plant(path, '.new.4194303.1.abc');
    const isInside = (file: string): boolean => file !== path;
    const files = interrupted(step, isInside, () => void others.clean());
    RingDirectory.open(path, files).clean();
    finish(scene);
  }
});

const program = fileURLToPath(new URL('./races.test.child.js', import.meta.url));

function child(path: string, action: string): ChildProcess {
  return spawn(process.execPath, [program, path, action], { stdio: ['pipe', 'pipe', 'inherit'] });
}

async function lineOf(process: ChildProcess): Promise<string> {
  const lines = createInterface({ input: process.stdout! });
  const [line] = (await once(lines, 'line')) as [string];
  return line;
}

test('of processes that create at once exactly one wins, and the others attach to its segment', async () => {
  const path = freshPath();
  const processes = Array.from({ length: 4 }, () => child(path, 'create-or-attach'));
  const ready = await Promise.all(processes.map(lineOf));
  assert.deepEqual(
    ready,
    Array.from({ length: 4 }, () => 'ready'),
  );
  const answers = processes.map(lineOf);
  for (const { stdin } of processes) stdin!.write('go\n');
  const said = (await Promise.all(answers)).map((line) => line.split(' '));
  assert.equal(said.filter(([how]) => how === 'created').length, 1, said.join());
  assert.equal(new Set(said.map(([, id]) => id)).size, 1);
  const ends = processes.map((each) => once(each, 'exit'));
  const [killed, ...others] = processes;
  killed!.kill('SIGKILL');
  for (const { stdin } of others) stdin!.end();
  await Promise.all(ends);
  // Who lets go tidies up; but the killed one may have ended after the others.
  RingDirectory.open(path).clean();
  assert.deepEqual(fs.readdirSync(path), []);
});

test('processes that are killed anywhere leave nothing that the next does not clear up', async () => {
  const path = freshPath();
  for (let round = 0; round < 8; round++) {
    const busy = child(path, 'churn');
    const ended = once(busy, 'exit');
    await lineOf(busy);
    // Wherever it is then: it creates, attaches and lets go all the time.
    for (let turn = 0; turn < round * 40; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    busy.kill('SIGKILL');
    await ended;
    const made = namedSegment('churn');
    const holder = RingDirectory.open(path).create('churn', made.fd, made.id);
    assert.deepEqual(fs.readdirSync(path), ['churn']);
    assert.equal(fs.readdirSync(join(path, 'churn')).length, 1);
    holder.release();
    made.close();
  }
});

test('two hundred killed holders leave nothing behind', async () => {
  const directory = RingDirectory.open(freshPath());
  const { path } = directory;
  for (let round = 0; round < 50; round++) {
    const dying = Array.from({ length: 4 }, () => spawn('sleep', ['60']));
    await Promise.all(dying.map((each) => once(each, 'spawn')));
    for (const [index, { pid }] of dying.entries()) {
      const identity = readIdentity(pid!)!;
      if (index === 3) plant(path, `.new.${pid}.${identity.startTime}.abc`, identity);
      else plant(path, `name-${index}`, identity);
    }
    const ends = dying.map((each) => once(each, 'exit'));
    for (const each of dying) each.kill('SIGKILL');
    await Promise.all(ends);
  }
  const before = fs.readdirSync(path);
  assert.equal(before.filter((entry) => parseUnfinished(entry)).length, 50);
  const made = namedSegment('next');
  const holder = directory.create('next', made.fd, made.id);
  assert.deepEqual(fs.readdirSync(path), ['next']);
  holder.release();
  made.close();
  assert.deepEqual(fs.readdirSync(path), []);
});
