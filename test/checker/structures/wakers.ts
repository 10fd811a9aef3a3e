/**
 * Waking a driver from another thread, with the drivers as they are: no wake is lost, and what was
 * written before one is seen by the handler. Of the kernel there is a pipe, and what a driver
 * learns of it: edges of an epoll instance, or completions of a poll on an io_uring.
 */
import { loadAcquire, storeRelease } from '#atomics';
import type { TestContext } from '../../../src/checker/check/index.ts';
import type { Driver } from '../../../src/driver/driver.ts';
import { EpollDriver } from '../../../src/driver/epoll/epoll-driver.ts';
import { Epoll, WAKER_DATA } from '../../../src/driver/epoll/layout.ts';
import { PortableDriver } from '../../../src/driver/portable/portable-driver.ts';
import { WakeWord } from '../../../src/driver/portable/wake-word.ts';
import { simulate } from '../../../src/driver/simulated/index.ts';
import { CqeFlag, Opcode, Params, Setup } from '../../../src/driver/uring/abi.ts';
import { createUringDriver } from '../../../src/driver/uring/index.ts';
import { wakeDriver } from '../../../src/driver/wake.ts';
import type { Arena } from '../../../src/memory/index.ts';
import type { Native } from '../../../src/native/index.ts';
import { PromiseLoop, replacing, withNative } from './doors.ts';
import { assure, Ground } from './ground.ts';
import { JAVASCRIPT, QUICK, type Structure } from './structure.ts';

const WAKE = 'driver/wake.js';
/** Words of the test's own: bytes that were written to the pipe, lists of waiters, news. */
const PIPE = 0;
const LISTS = 16;
const NEWS = 32;
/** Bytes of an arena in which a driver has room. */
const ROOM = 400 * 1024;
/** Descriptors: the ends of the pipe. */
const READER = 10;
const WRITER = 11;
const TOKEN = 5;
const EAGAIN = 11;

/** A pipe, and what the addon does with it: bytes that are there wait for who reads. */
class Pipe {
  readonly words: Int32Array;
  /** Bytes that were taken, and those that the driver was told of. */
  #taken = 0;
  #told = 0;

  constructor(words: Int32Array) {
    this.words = words;
  }

  readonly native: Partial<Native> = {
    attachArena: () => undefined,
    closeDescriptor: () => 0,
    loopReference: () => undefined,
    loopTimeout: () => -1,
    loopDescriptor: () => 3,
    descriptorLimit: () => 1 << 20,
    wakePipe: (ends) => {
      this.words[ends >>> 2] = READER;
      this.words[(ends >>> 2) + 1] = WRITER;
      return 0;
    },
    wakeSignal: (word, descriptor) => {
      if (Atomics.exchange(this.words, word >>> 2, 1) === 1) return 0;
      return this.native.wakePipeWrite!(descriptor);
    },
    wakePipeWrite: (descriptor) => {
      assure(descriptor === WRITER, 'it is the end to write to');
      Atomics.add(this.words, PIPE, 1);
      Atomics.notify(this.words, PIPE);
      return 1;
    },
    wakeTake: (descriptor) => {
      assure(descriptor === READER, 'it is the end to read from');
      const written = Atomics.load(this.words, PIPE);
      const count = written - this.#taken;
      this.#taken = written;
      return count === 0 ? -EAGAIN : count;
    },
  };

  /** Whether bytes have come since the driver was told last, and are there still. */
  isNew(): boolean {
    const written = Atomics.load(this.words, PIPE);
    const isEdge = written !== this.#told && written !== this.#taken;
    this.#told = written;
    return isEdge;
  }

  /** Sleeps until bytes come that the driver was not told of. */
  sleep(): void {
    while (Atomics.load(this.words, PIPE) === this.#told) {
      Atomics.wait(this.words, PIPE, this.#told);
    }
  }
}

/** The addon and the kernel for the driver on epoll. */
function epollOf(pipe: Pipe): Native {
  const native: Partial<Native> = {
    ...pipe.native,
    epollCreate: () => 4,
    epollControl: (_epfd, _op, descriptor, events, data) => {
      const isPipe = descriptor === READER && data === WAKER_DATA;
      assure(isPipe && (events & Epoll.IN) !== 0, 'the pipe is watched');
      return 0;
    },
    epollAttach: () => 1,
    epollPoll: (_epfd, events) => {
      if (!pipe.isNew()) return 0;
      pipe.words[events >>> 2] = WAKER_DATA | 0;
      pipe.words[(events >>> 2) + 1] = Epoll.IN;
      return 1;
    },
    epollSleepBlocking: () => {
      pipe.sleep();
      return 1;
    },
  };
  return native as Native;
}

/** Bytes from the beginning of the rings of an io_uring. */
const Rings = { SQ_HEAD: 0, SQ_TAIL: 4, CQ_HEAD: 8, CQ_TAIL: 12, CQES: 64 } as const;
/** Entries of both rings. */
const ENTRIES = 8;

/** The kernel for the driver on io_uring: completions are posted when it is entered. */
class UringKernel {
  readonly #pipe: Pipe;
  readonly #words: Int32Array;
  /** Whether a poll watches until it is ended, or has to be armed again each time. */
  readonly #isMultishot: boolean;
  #rings = 0;
  #sqes = 0;
  /** User data of the poll on the pipe. */
  #poll: readonly [number, number] | undefined;

  constructor(pipe: Pipe, isMultishot: boolean) {
    this.#pipe = pipe;
    this.#words = pipe.words;
    this.#isMultishot = isMultishot;
  }

  get native(): Native {
    const native: Partial<Native> = {
      ...this.#pipe.native,
      uringSetup: (_entries, params, ring, _bytes, sqes) => this.#setUp(params, ring, sqes),
      uringRegisterFiles: () => 0,
      uringRegisterBuffers: () => 0,
      uringControl: () => 0,
      uringAttach: () => 1,
      uringFlush: () => this.#enter(),
      uringFlushBlocking: () => {
        this.#enter();
        if (this.#at(Rings.CQ_TAIL) !== this.#at(Rings.CQ_HEAD)) return 0;
        assure(this.#poll !== undefined, 'something can end the sleep');
        this.#pipe.sleep();
        return this.#enter();
      },
    };
    return native as Native;
  }

  #setUp(params: number, rings: number, sqes: number): number {
    const values = [
      [Params.SQ_ENTRIES, ENTRIES],
      [Params.CQ_ENTRIES, ENTRIES],
      [Params.SQ_HEAD, Rings.SQ_HEAD],
      [Params.SQ_TAIL, Rings.SQ_TAIL],
      [Params.CQ_HEAD, Rings.CQ_HEAD],
      [Params.CQ_TAIL, Rings.CQ_TAIL],
      [Params.CQ_CQES, Rings.CQES],
    ] as const;
    for (const [at, value] of values) this.#words[(params + at) >>> 2] = value;
    const flags = this.#words[(params + Params.FLAGS) >>> 2]!;
    assure((flags & Setup.DEFER_TASKRUN) !== 0, 'the newest kernel is asked first');
    this.#rings = rings >>> 2;
    this.#sqes = sqes >>> 2;
    return 0;
  }

  /** A word of the rings. */
  #at(offset: number): number {
    return this.#words[this.#rings + offset / 4]!;
  }

  #set(offset: number, value: number): void {
    this.#words[this.#rings + offset / 4] = value;
  }

  #enter(): number {
    const words = this.#words;
    let head = this.#at(Rings.SQ_HEAD);
    for (; head !== this.#at(Rings.SQ_TAIL); head++) {
      const at = this.#sqes + (head & (ENTRIES - 1)) * 16;
      const isPipe = (words[at]! & 0xff) === Opcode.POLL_ADD && words[at + 1] === READER;
      if (isPipe) this.#poll = [words[at + 8]!, words[at + 9]!];
    }
    this.#set(Rings.SQ_HEAD, head);
    if (this.#poll === undefined || !this.#pipe.isNew()) return 0;
    const tail = this.#at(Rings.CQ_TAIL);
    const completion = [...this.#poll, 1, this.#isMultishot ? CqeFlag.MORE : 0];
    const at = this.#rings + Rings.CQES / 4 + (tail & (ENTRIES - 1)) * 4;
    for (const [index, value] of completion.entries()) words[at + index] = value;
    this.#set(Rings.CQ_TAIL, tail + 1);
    if (!this.#isMultishot) this.#poll = undefined;
    return 0;
  }
}

/** What a driver is made of, and how its thread waits. */
interface Made {
  readonly driver: Driver;
  /** Sleeps until there may be something to do, and does it. */
  readonly wait: () => void;
  /** What a thread runs in, its own and those of wakers. */
  readonly within: <T>(body: () => T) => T;
}

type Handler = () => void;
type MakeDriver = (context: TestContext, ground: Ground, arena: Arena, woken: Handler) => Made;

function optionsOf(arena: Arena, woken: Handler): Parameters<typeof simulate>[0] {
  return {
    arena,
    name: 'driver',
    handler: (token) => {
      assure(token === TOKEN, 'it is for who asked');
      woken();
    },
    connections: 1,
    operations: 16,
    buffers: 2,
    bufferSize: 256,
  };
}

function onEpoll(isForeign: boolean): MakeDriver {
  return (_context, ground, arena, woken) => {
    const native = epollOf(new Pipe(ground.words));
    const driver = new EpollDriver(optionsOf(arena, woken), native);
    if (isForeign) {
      // On threads whose own drivers work in another arena.
      native.attachArena = () => assure(false, 'another one is attached');
    }
    return {
      driver,
      wait: () => void driver.wait(Infinity),
      within: (body) => withNative(native, body),
    };
  };
}

function onUring(isMultishot: boolean): MakeDriver {
  return (_context, ground, arena, woken) => {
    const { native } = new UringKernel(new Pipe(ground.words), isMultishot);
    const within = <T>(body: () => T): T => withNative(native, body);
    const rings = { ringEntries: ENTRIES, completionEntries: ENTRIES };
    const driver = within(() => createUringDriver({ ...optionsOf(arena, woken), ...rings }));
    return { driver, wait: () => void driver.wait(Infinity), within };
  };
}

const onSimulated: MakeDriver = (_context, ground, arena, woken) => {
  const driver = simulate(optionsOf(arena, woken));
  const { word } = driver.waker();
  return {
    driver,
    wait: () => {
      // As a program does that has nothing else to do until it is woken.
      if (driver.idle) Atomics.wait(ground.words, word >>> 2, 0);
      driver.turn();
    },
    within: (body) => body(),
  };
};

const onPortable: MakeDriver = (context, ground, arena, woken) => {
  const loop = new PromiseLoop(context, ground.words, LISTS);
  const driver = loop.run(() => new PortableDriver(optionsOf(arena, woken)));
  return { driver, wait: () => loop.turn(), within: (body) => loop.run(body) };
};

/** A driver, whose handler is `woken`, and threads. */
class Scene {
  readonly words: Int32Array;
  readonly #context: TestContext;
  readonly #arena: Arena;
  readonly #made: Made;

  constructor(context: TestContext, make: MakeDriver, woken: Handler) {
    const ground = new Ground(context, 256, 2, ROOM);
    this.#context = context;
    this.words = ground.words;
    this.#arena = ground.cleanArena();
    this.#made = make(context, ground, this.#arena, woken);
  }

  #thread(name: string, body: () => void): void {
    // What a handler throws comes out of a microtask: here at once, so that the test fails.
    const globals = { queueMicrotask: (job: () => void): void => job() };
    const { within } = this.#made;
    this.#context.thread(name, () => within(() => replacing(globalThis, globals, body)));
  }

  /** The driver's thread: somebody may have woken it before it wants to know. */
  serve(isDone: (wait: () => void) => boolean, end: () => void): void {
    const { driver, wait } = this.#made;
    this.#thread('driver', () => {
      driver.wakes(TOKEN);
      while (!isDone(wait));
      end();
    });
  }

  /** A thread that does something, and wakes the driver, so many times. */
  wake(name: string, times: number, before: (time: number) => void): void {
    const waker = this.#made.driver.waker();
    this.#thread(name, () => {
      for (let time = 1; time <= times; time++) {
        before(time);
        wakeDriver(this.#arena, waker);
      }
    });
  }
}

/**
 * Some wake a driver, each as often as it says, which serves until it has seen what each of them
 * wrote before.
 */
function waking(make: MakeDriver, times: readonly number[]) {
  return (context: TestContext): void => {
    let wakes = 0;
    const scene = new Scene(context, make, () => void (wakes += 1));
    const { words } = scene;
    const isTold = (): boolean => times.every((last, at) => loadAcquire(words, NEWS + at) === last);
    scene.serve(
      (wait) => {
        const before = wakes;
        wait();
        return wakes > before && isTold();
      },
      () => {
        const most = times.reduce((sum, each) => sum + each, 0);
        assure(wakes <= most, 'a wake is told once');
      },
    );
    for (const [at, last] of times.entries()) {
      scene.wake(`waker ${at}`, last, (time) => storeRelease(words, NEWS + at, time));
    }
  };
}

/** What is not atomic, and was written before a wake, is seen by the handler. */
function telling(make: MakeDriver) {
  return (context: TestContext): void => {
    let isTold = false;
    const scene = new Scene(context, make, () => {
      assure(scene.words[NEWS] === 1, 'what was written before a wake is there');
      isTold = true;
    });
    scene.serve(
      (wait) => {
        wait();
        return isTold;
      },
      () => undefined,
    );
    scene.wake('waker', 1, () => (scene.words[NEWS] = 1));
  };
}

/** A driver, and the sources that wake it. */
function structuresOf(kind: string, source: string, make: MakeDriver): Structure[] {
  const covers = [source, WAKE];
  return [
    {
      name: `waking ${kind}: what was written before is seen`,
      covers,
      models: JAVASCRIPT,
      named: 'holds',
      body: telling(make),
    },
    {
      name: `waking ${kind}: two wake it`,
      covers,
      models: ['sc'],
      named: 'holds',
      body: waking(make, [1, 1]),
    },
    {
      name: `waking ${kind}: one wakes it twice`,
      covers,
      models: ['sc'],
      named: 'holds',
      body: waking(make, [2]),
    },
  ];
}

/** A wait for wakes is ended, while somebody wakes: nobody is left waiting, and nobody is told. */
function stopping(context: TestContext): void {
  const ground = new Ground(context, 256, 2);
  const arena = ground.arena();
  const loop = new PromiseLoop(context, ground.words, LISTS);
  let isStopped = false;
  const bell = new WakeWord(arena, '', () => assure(!isStopped, 'nobody wants to know'));
  context.thread('owner', () => {
    loop.run(() => {
      bell.start();
      isStopped = true;
      bell.stop().catch(() => undefined);
      bell.start();
      if (loop.isWaiting) loop.turn();
    });
  });
  context.thread('waker', () => {
    loop.run(() => wakeDriver(arena, { word: bell.offset, descriptor: -1 }));
  });
}

const URING = 'driver/uring/uring-driver.js';
const EPOLL = 'driver/epoll/epoll-driver.js';
const FOREIGN = 'the driver on epoll, from threads with another arena';

/** Everything about waking drivers. */
export const wakers: readonly Structure[] = [
  ...structuresOf('the driver on io_uring', URING, onUring(true)),
  ...structuresOf('the driver on io_uring, whose poll ends each time', URING, onUring(false)),
  ...structuresOf('the driver on epoll', EPOLL, onEpoll(false)),
  ...structuresOf(FOREIGN, EPOLL, onEpoll(true)),
  ...structuresOf('the simulated driver', 'driver/simulated/simulated-driver.js', onSimulated),
  ...structuresOf('the portable driver', 'driver/portable/wake-word.js', onPortable),
  {
    name: 'waking the portable driver: a wait is ended',
    covers: ['driver/portable/wake-word.js'],
    models: QUICK,
    named: 'holds',
    body: stopping,
  },
];
