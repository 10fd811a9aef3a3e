/** Misuse of memory that a driver has in hand: each planted here is caught, with every site. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import {
  CompletionFlag,
  createDriver,
  type Driver,
  driverStatuses,
  type RealDriverKind,
} from '../../src/driver/index.ts';
import { type Arena, Blocks, Lease, processArena } from '../../src/memory/index.ts';
import { catches, listen, matches, takeReports } from './caught.ts';

listen();

/** More than the sockets' buffers hold: it stays in flight as long as nobody reads. */
const LARGE = 8 << 20;

interface Completion {
  readonly result: number;
  readonly buffer: number;
}

/** A driver with two ends of a connection, the second of which is not read. */
class World {
  readonly arena: Arena = processArena();
  readonly driver: Driver;
  readonly blocks: Blocks;
  readonly #waiting = new Map<number, (completion: Completion) => void>();
  #tokens = 0;

  constructor(kind: RealDriverKind) {
    const { arena } = this;
    this.blocks = Blocks.create(arena, { name: 'pool', size: 32 << 20 });
    this.driver = createDriver({
      kind,
      arena,
      connections: 64,
      buffers: 16,
      handler: (token, result, flags, buffer) => {
        const isBuffer = (flags & CompletionFlag.BUFFER) !== 0;
        this.#waiting.get(token)?.({ result, buffer: isBuffer ? buffer : 0 });
      },
    });
  }

  /** Submits with a token of its own, and resolves at the first completion. */
  complete(submit: (token: number) => number): Promise<Completion> {
    const token = (this.#tokens += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(token, resolve);
      const id = submit(token);
      if (id <= 0) reject(new Error(`it was not taken: ${id}`));
    });
  }

  /** Submits, and hands every completion on. */
  each(submit: (token: number) => number, take: (completion: Completion) => void): number {
    const token = (this.#tokens += 1);
    this.#waiting.set(token, take);
    return submit(token);
  }

  async connect(): Promise<[number, number]> {
    const { driver } = this;
    const listener = driver.listen({ host: '127.0.0.1', port: 0 });
    const accepted = this.complete((token) => driver.accept(listener, token));
    const address = driver.address(listener);
    const connected = await this.complete((token) => driver.connect(address, token));
    return [connected.result, (await accepted).result];
  }

  async end(): Promise<void> {
    await this.driver.destroy();
    if (this.blocks.held === 0) this.blocks.destroy();
  }

  /** A lease on written memory. */
  lease(size: number): Lease {
    const lease = new Lease(this.arena, this.blocks, this.blocks.acquire(size), size);
    this.arena.bytes.fill(5, lease.offset, lease.offset + size);
    return lease;
  }
}

const IN_HAND = {
  code: 'ERR_VIEW_KERNEL',
  message:
    /^Cannot write a view of the lease on \d+ bytes: the kernel reads from it until the send/,
  sites: [
    [/the lease on \d+ bytes was made/, /World\.lease/],
    [/the send was submitted/, /sendIt/],
    [/it was used/, /writeIt/],
  ],
} as const;

for (const { kind, available } of driverStatuses()) {
  if (available) describe(`memory that the ${kind} driver sends`, () => sends(kind));
  if (available) describe(`memory that goes to the ${kind} driver`, () => submissions(kind));
  if (available) describe(`files of the ${kind} driver`, () => files(kind));
  if (available) describe(`receive buffers of the ${kind} driver`, () => receives(kind));
}

function sends(kind: RealDriverKind): void {
  it('is not written, and not given back', async () => {
    const world = new World(kind);
    const { driver, blocks } = world;
    const [connection] = await world.connect();
    const lease = world.lease(LARGE);
    const view = lease.view();
    const sent = world.complete(function sendIt(token) {
      return driver.send(connection, token, lease.offset, LARGE);
    });
    assert.equal(view[0], 5, 'reading is fine');
    catches(function writeIt() {
      view[LARGE - 1] = 1;
    }, IN_HAND);
    catches(
      function giveBack() {
        blocks.release(lease.offset);
      },
      {
        code: 'ERR_VIEW_KERNEL',
        message: /^Cannot give the block of \d+ bytes of "pool" back: the kernel reads from it/,
        sites: [
          [/was taken/, /World\.lease/],
          [/the send was submitted/, /sendIt/],
          [/it was given back/, /giveBack/],
        ],
      },
    );
    driver.close(connection, 0, 'reset');
    await sent;
    view[0] = 1;
    lease.release();
    await world.end();
  });

  it('is found out when it was written past all views', async () => {
    const world = new World(kind);
    const { driver, arena } = world;
    const [connection] = await world.connect();
    const lease = world.lease(LARGE);
    const sent = world.complete(function sendIt(token) {
      return driver.send(connection, token, lease.offset, LARGE);
    });
    arena.bytes[lease.offset + LARGE - 4] = 1;
    arena.bytes.fill(1, lease.offset + LARGE - 256, lease.offset + LARGE);
    driver.close(connection, 0, 'reset');
    await sent;
    const [report, ...more] = takeReports();
    assert.equal(more.length, 0);
    matches(report, {
      code: 'ERR_VIEW_KERNEL',
      message: /^Bytes were written while the kernel read them: \d+ at \d+, for a send$/,
      sites: [
        [/the block of \d+ bytes of "pool" was taken/, /World\.lease/],
        [/the send was submitted/, /sendIt/],
        [/it had completed/, /complete/],
      ],
    });
    lease.release();
    await world.end();
  });
}

function submissions(kind: RealDriverKind): void {
  it('is held and written', async () => {
    const world = new World(kind);
    const { driver, blocks } = world;
    const [connection] = await world.connect();
    const offset = blocks.acquire(64);
    catches(() => driver.send(connection, 1, offset, 64), {
      code: 'ERR_VIEW_UNWRITTEN',
      message: /^Cannot submit a send of 64 bytes at \d+: byte 0 was never written$/,
      sites: [
        [/the block of 64 bytes of "pool" was taken/, /kernel\.test/],
        [/the send was submitted/, /kernel\.test/],
      ],
    });
    blocks.release(offset);
    catches(() => driver.send(connection, 1, offset, 64), {
      code: 'ERR_VIEW_RELEASED',
      message: /^Cannot read 64 bytes at \d+ \(send\): the block .* was given back$/,
      sites: [
        [/was taken/, /kernel\.test/],
        [/it was given back/, /kernel\.test/],
        [/it was used/, /kernel\.test/],
      ],
    });
    await world.end();
  });
}

function files(kind: RealDriverKind): void {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-'));
  after(() => rmSync(directory, { recursive: true }));

  it('have the memory that is read into until the read has completed', async () => {
    const world = new World(kind);
    const { driver } = world;
    const flags = { access: 'read-write', create: true } as const;
    const path = join(directory, 'file');
    const { result: file } = await world.complete((token) => driver.openFile(path, flags, token));
    const lease = world.lease(4096);
    const view = lease.view();
    const { offset } = lease;
    await world.complete((token) => driver.writeFile(file, token, offset, 4096, 0));
    const reading = world.complete(function readIt(token) {
      return driver.readFile(file, token, offset, 4096, 0);
    });
    const message = /^Cannot (read|write) .*: the kernel writes to it until the read of a file/;
    const sites = [IN_HAND.sites[0], [/the read of a file was submitted/, /readIt/]] as const;
    const used = [/it was used/, /kernel\.test/] as const;
    catches(() => view[0], { code: 'ERR_VIEW_KERNEL', message, sites: [...sites, used] });
    catches(() => (view[0] = 1), { code: 'ERR_VIEW_KERNEL', message, sites: [...sites, used] });
    catches(() => driver.readFile(file, 9, offset, 16, 0), {
      code: 'ERR_VIEW_KERNEL',
      message: /^Cannot submit a read of a file .*: the kernel works on them already$/,
      sites: [sites[1], [/the read of a file was submitted/, /kernel\.test/]],
    });
    assert.equal((await reading).result, 4096);
    assert.equal(view[0], 5);
    lease.release();
    await world.end();
  });
}

function receives(kind: RealDriverKind): void {
  it('are the kernel’s when they were released', async () => {
    const world = new World(kind);
    const { driver, arena } = world;
    const [one, other] = await world.connect();
    const lease = world.lease(64);
    const received = world.complete((token) => driver.receive(other, token));
    await world.complete((token) => driver.send(one, token, lease.offset, 64));
    const { buffer } = await received;
    const view = new Lease(arena, { release: (at) => driver.release(at) }, buffer, 64).view();
    assert.equal(view[63], 5);
    (function releaseIt() {
      driver.release(buffer);
    })();
    catches(() => view[0], {
      code: 'ERR_VIEW_KERNEL',
      message: /^Cannot read .*: the receive buffer with 64 bytes is the kernel’s, which writes/,
      sites: [
        [/the receive buffer with 64 bytes was taken/, /received|Turn|turn/],
        [/the lease on 64 bytes was made/, /kernel\.test/],
        [/it was given to the kernel/, /releaseIt/],
        [/it was used/, /kernel\.test/],
      ],
    });
    await world.end();
  });

  it('are found out when they were written in the kernel’s hands', async () => {
    const world = new World(kind);
    const { driver, arena } = world;
    const [one, other] = await world.connect();
    const lease = world.lease(64);
    const arrived: number[] = [];
    const send = async (): Promise<void> => {
      const count = arrived.length + 1;
      await world.complete((token) => driver.send(one, token, lease.offset, 64));
      while (arrived.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
    };
    // Every completion of the receive, not only the first.
    const receiving = world.each(
      (token) => driver.receive(other, token),
      (completion) => {
        if (completion.buffer !== 0) arrived.push(completion.buffer);
      },
    );
    assert.ok(receiving > 0);
    await send();
    driver.release(arrived[0]!);
    // Where the next one that is received there does not reach.
    arena.bytes.fill(1, arrived[0]! + 100, arrived[0]! + 104);
    while (takeReportsOnce().length === 0) {
      await send();
      driver.release(arrived.at(-1)!);
      assert.ok(arrived.length < 64, 'every buffer had its turn');
    }
    const [report] = takeReportsOnce();
    matches(report, {
      code: 'ERR_VIEW_KERNEL',
      message: /^The receive buffer with 64 bytes was written while it was the kernel’s: .* 01 01/,
      sites: [
        [/was taken/, /./],
        [/it was given to the kernel/, /kernel\.test/],
        [/that was found out/, /./],
      ],
    });
    seen.length = 0;
    await world.end();
  });
}

const seen: ReturnType<typeof takeReports> = [];

/** The reports so far, again and again. */
function takeReportsOnce(): typeof seen {
  seen.push(...takeReports());
  return seen;
}
