/** `rondo ring`, as a process beside those that have the rings. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { bytes, type Infer, oneOf, slab, struct, u32, u64 } from '../../src/memory/index.ts';
import { Channel, Ring } from '../../src/ring/index.ts';
import { until } from '../gateway/fixture.ts';
import { cleanUp, rondo, type Run } from './command.ts';

const Trade = struct('test.Trade', {
  id: u64,
  quantity: u32,
  side: oneOf('u8', ['buy', 'sell']),
  digest: bytes(4),
  note: slab(),
});
const Answer = struct('test.Answer', { id: u64 });

let directory: string;

function run(command: string, ...args: readonly string[]): Run {
  return rondo(['ring', command, ...args, '--directory', directory]);
}

type Values = Infer<typeof Trade>;

function trade(id: number, note: string = ''): Values {
  return { id: BigInt(id), quantity: 7, side: 'sell', digest: new Uint8Array([1, 2, 3, 4]), note };
}

const OPTIONS = { name: 'prices', slots: 16, slabBytes: 1024, label: 'the \u009bengine' };

/** What a process leaves that is killed. */
async function dead(name: string): Promise<void> {
  const child = spawn('sleep', ['60']);
  await once(child, 'spawn');
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'latin1').split(' ');
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').replaceAll(/[-\n]/g, '');
  const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))![0];
  child.kill('SIGKILL');
  await once(child, 'exit');
  mkdirSync(join(directory, name), { mode: 0o700 });
  const file = ['0'.repeat(32), child.pid, 5, fields[21], namespace, boot].join('.');
  writeFileSync(join(directory, name, file), '');
}

interface Listing {
  readonly names: readonly { name: string; holders: readonly { standing: string }[] }[];
  readonly strays: readonly string[];
}

describe('rondo ring', () => {
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'rondo-cli-ring-'));
  });
  afterEach(() => {
    cleanUp();
    rmSync(directory, { recursive: true, force: true });
  });

  it('ls lists rings and channels with their holders, and what does not belong there', async () => {
    const ring = Ring.create(Trade, { ...OPTIONS, directory });
    const messages = { request: Trade, response: Answer };
    const requests = { topology: 'mpsc', producers: 3, slots: 8, slabBytes: 64 } as const;
    const channel = Channel.create(messages, { name: 'orders', directory, requests });
    await dead('gone');
    writeFileSync(join(directory, 'odd\u001b[31m'), '');
    const { code, output } = await run('ls').ended;
    assert.equal(code, 0);
    assert.match(output, /^NAME +KIND +SCHEMA +TOPOLOGY +SLOTS +HOLDERS +SIZE +AGE$/m);
    assert.match(output, /^prices +ring +test\.Trade +spsc +16 +1 alive +\d.* KiB +\d+ s$/m);
    assert.match(output, /^orders +channel request +test\.Trade +mpsc +3 x 8 +1 alive /m);
    assert.match(output, /^orders +channel response +test\.Answer +spsc +\d+$/m);
    assert.match(output, /^gone +- +- +- +- +1 dead +- +-$/m);
    assert.match(output, /^"odd\\u001b\[31m" does not belong there$/m);
    assert.match(output, /^rondo ring clean removes what the dead left$/m);
    const json = JSON.parse((await run('ls', '--json').ended).output) as Listing;
    assert.deepEqual(
      json.names.map(({ name, holders }) => [name, holders[0]?.standing]),
      [
        ['gone', 'dead'],
        ['orders', 'alive'],
        ['prices', 'alive'],
      ],
    );
    ring.close();
    channel.close();
  });

  it('ls says when there is nothing, and when the directory is not the user’s alone', async () => {
    const empty = await run('ls').ended;
    assert.deepEqual(empty, {
      code: 0,
      output: `There is no ring and no channel in "${directory}"\n`,
    });
    const open = join(directory, 'open');
    mkdirSync(open, { mode: 0o755 });
    const { code, output } = await rondo(['ring', 'ls', '--directory', open]).ended;
    assert.equal(code, 1);
    assert.match(output, /^rondo: Cannot use ".*open" as a directory of rings: its mode must be/);
  });

  it('stat shows lanes, owners and counters', async () => {
    const ring = Ring.create(Trade, { ...OPTIONS, directory });
    const producer = ring.producer();
    const consumer = ring.consumer();
    for (let id = 0; id < 5; id++) producer.tryPush(trade(id));
    consumer.tryPop();
    const { code, output } = await run('stat', 'prices').ended;
    assert.equal(code, 0);
    assert.match(output, /^prices: ring of .* KiB, \d+ s old, id [0-9a-f]{32}$/m);
    assert.match(output, /^spsc, 16 slots of \d+ bytes, 1 KiB of slab$/m);
    // Of the label only what a terminal shows.
    const me = `${process.pid} TypeScript "the \\\\u009bengine"`;
    assert.match(output, new RegExp(`^ *0 +open +${me} +5 +[45]/16 +0 `, 'm'));
    assert.match(output, new RegExp(`^ *0 +${me} +[01] +[45] +0 `, 'm'));
    const json = JSON.parse((await run('stat', 'prices', '--json').ended).output) as {
      readonly rings: readonly { readonly lanes: readonly { readonly tail: number }[] }[];
    };
    assert.equal(json.rings[0]?.lanes[0]?.tail, 5);
    ring.close();
  });

  it('stat --watch goes on until nobody holds the ring, and shows how fast it is', async () => {
    const ring = Ring.create(Answer, { name: 'answers', directory, topology: 'broadcast' });
    const watching = run('stat', 'answers', '--watch');
    await until(() => watching.output().includes('PER SECOND'), 'it shows a second sample');
    assert.match(watching.output(), /no consumers/);
    ring.close();
    const { code, output } = await watching.ended;
    assert.equal(code, 0);
    assert.match(output, /^Nobody holds it any more$/m);
  });

  it('tail prints messages without taking them, and ends when the ring does', async () => {
    const ring = Ring.create(Trade, { ...OPTIONS, directory });
    const producer = ring.producer();
    producer.tryPush(trade(0, 'first \u001b[2J'));
    const tailing = run('tail', 'prices');
    await until(() => tailing.output().includes('first'), 'it prints what was there');
    producer.tryPush(trade(1, 'second'));
    producer.close();
    const { code, output } = await tailing.ended;
    assert.equal(code, 0);
    const bytesText = 'digest: Uint8Array(4) [ 1, 2, 3, 4 ]';
    const [first, second] = output.split('\n');
    const start = "0:0 { id: 0n, quantity: 7, side: 'sell'";
    assert.equal(first, `${start}, ${bytesText}, note: 'first \\x1B[2J' }`);
    assert.match(second!, /^0:1 \{ id: 1n, .*note: 'second' \}$/);
    const consumer = ring.consumer();
    assert.equal(consumer.tryPop()?.id, 0n);
    assert.equal(consumer.tryPop()?.id, 1n);
    assert.equal(consumer.tryPop(), null);
    ring.close();
  });

  it('tail ends after a number of messages, as JSON, of the ring that was asked for', async () => {
    const messages = { request: Answer, response: Trade };
    const responses = { slots: 4, slabBytes: 64 };
    const channel = Channel.create(messages, { name: 'orders', directory, responses });
    const producer = channel.responses.producer();
    for (let id = 0; id < 3; id++) producer.tryPush(trade(id));
    const args = ['--ring', 'response', '--count', '2', '--json'];
    const { code, output } = await run('tail', 'orders', ...args).ended;
    assert.equal(code, 0);
    const seen = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    const message = { quantity: 7, side: 'sell', digest: '01020304', note: '' };
    assert.deepEqual(seen, [
      { lane: 0, position: 0, message: { id: '0', ...message }, missed: 0 },
      { lane: 0, position: 1, message: { id: '1', ...message }, missed: 0 },
    ]);
    channel.close();
  });

  it('tail ends when nobody holds the ring any more', async () => {
    const ring = Ring.create(Answer, { name: 'answers', directory });
    const producer = ring.producer();
    producer.tryPush({ id: 1n });
    const tailing = run('tail', 'answers');
    await until(() => tailing.output().includes('id: 1n'), 'it prints what was there');
    producer.detach();
    ring.close();
    assert.equal((await tailing.ended).code, 0);
  });

  it('clean removes what the dead left, and nothing else', async () => {
    const ring = Ring.create(Answer, { name: 'answers', directory });
    await dead('gone');
    await dead('other');
    const dry = await run('clean', '--dry-run').ended;
    assert.equal(dry.output.match(/would be removed/g)?.length, 4);
    const one = await run('clean', 'gone').ended;
    assert.match(one.output, /^"gone\/0{32}\.\S+" was removed: its process has ended$/m);
    assert.match(one.output, /^"gone" was removed: nobody holds it$/m);
    assert.deepEqual(readdirSync(directory).sort(), ['answers', 'other']);
    assert.equal((await run('clean').ended).code, 0);
    assert.deepEqual(readdirSync(directory), ['answers']);
    assert.equal((await run('clean').ended).output, 'There is nothing to remove\n');
    ring.close();
  });

  it('says what is wrong with a command line, and ends with 2', async () => {
    const cases: [readonly string[], RegExp][] = [
      [['stats'], /there is no command ring stats, did you mean stat\?/],
      [['stat'], /which ring\? rondo ring stat NAME/],
      [['tail', 'a/b'], /Cannot use "a\/b" as the name of a ring/],
      [['tail', 'a', '--count', 'x'], /--count must be a whole number/],
      [['tail', 'a', '--ring', 'answer'], /--ring must be one of request, response/],
      [['ls', 'a'], /cannot use "a"/],
    ];
    for (const [args, message] of cases) {
      const { code, output } = await rondo(['ring', ...args]).ended;
      assert.equal(code, 2, output);
      assert.match(output, message);
    }
    const { code, output } = await run('stat', 'nothing').ended;
    assert.equal(code, 1);
    assert.match(output, /Cannot find ring "nothing" in .*: no living process has it/);
    for (const args of [[], ['--help'], ['ls', '--help'], ['tail', '--help']]) {
      assert.equal((await rondo(['ring', ...args]).ended).code, 0);
    }
  });
});
