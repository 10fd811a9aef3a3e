/** The inbox of an executor: the invariants I1 to I5 and M1 to M7 at the head of `inbox.ts`. */
import { loadAcquire, storeRelease, waitBlocking } from '#atomics';
import type { TestContext } from '../../../src/checker/check/index.ts';
import { WakeWord } from '../../../src/driver/portable/wake-word.ts';
import type { Arena } from '../../../src/memory/index.ts';
import { Inbox, resolveInboxOptions } from '../../../src/task/executor/inbox.ts';
import {
  type InboxAddress,
  postToInbox,
  type RemoteWaker,
  wakeRemote,
} from '../../../src/task/executor/remote-waker.ts';
import { assure, Ground } from './ground.ts';
import { dying } from './dying.ts';
import { JAVASCRIPT, QUICK, type Structure } from './structure.ts';

const WAKES = [
  'task/executor/inbox.js',
  'task/executor/remote-waker.js',
  'driver/wake.js',
  'driver/portable/wake-word.js',
];

/** Where a lap of two cells ends, and where positions wrap. */
const FIRSTS: readonly number[] = [0, 0xffff_ffff];

/** An executor's side, without the executor. */
class Owner {
  readonly ground: Ground;
  readonly arena: Arena;
  readonly inbox: Inbox;
  readonly bell: WakeWord;
  readonly messages: number[] = [];
  /** Looks at what a message is about, when it comes. */
  look: (argument: number) => void = () => undefined;

  constructor(context: TestContext, first: number = 0, slots: number = 2) {
    this.ground = new Ground(context, 512, 6);
    this.arena = this.ground.arena();
    this.bell = new WakeWord(this.arena, '', () => undefined);
    const options = resolveInboxOptions({ slots, messages: 2, firstPosition: first });
    this.inbox = Inbox.create(this.arena, { word: this.bell.offset, descriptor: -1 }, options);
  }

  get words(): Int32Array {
    return this.ground.words;
  }

  readonly receiver = {
    received: (kind: number, argument: number): void => {
      assure(kind === argument % 8, 'a message is whole');
      this.messages.push(argument);
      this.look(argument);
    },
  };

  /** Sleeps until it is woken, and drains, until `isDone`. */
  serve(isDone: () => boolean): void {
    while (!isDone()) {
      if (this.bell.take()) this.inbox.drain(this.receiver);
      else waitBlocking(this.words, this.bell.offset / 4, 0, Infinity);
    }
  }
}

function post(arena: Arena, address: InboxAddress, argument: number): string {
  return postToInbox(arena, address, argument % 8, argument);
}

/**
 * I1, I4: each wake is followed by a poll, which sees what the waker wrote; no poll is for nothing.
 */
function waking(wakers: number, isOneTask: boolean) {
  return (context: TestContext): void => {
    const owner = new Owner(context, 0, 2);
    const { words } = owner;
    let polls = 0;
    const isSeen = Array.from({ length: wakers }, () => false);
    const look = (waker: number): void => {
      if (loadAcquire(words, waker) === 1) isSeen[waker] = true;
    };
    const targets = Array.from({ length: isOneTask ? 1 : wakers }, (_, task) => ({
      wokenRemotely: (): void => {
        polls += 1;
        if (isOneTask) for (let waker = 0; waker < wakers; waker++) look(waker);
        else {
          assure(words[task] === 1, 'the poll sees what the waker wrote');
          isSeen[task] = true;
        }
      },
    }));
    const remotes = targets.map((target) => owner.inbox.register(target)!);
    context.thread('owner', () => {
      owner.serve(() => isSeen.every(Boolean));
      assure(polls <= wakers, 'a poll is for a wake');
    });
    for (let waker = 0; waker < wakers; waker++) {
      const arena = owner.ground.arena();
      context.thread(`waker ${waker}`, () => {
        if (isOneTask) storeRelease(words, waker, 1);
        else words[waker] = 1;
        wakeRemote(arena, remotes[isOneTask ? 0 : waker]!);
      });
    }
  };
}

/** I2: wakes of slots under different leaves, and of a leaf that is being taken. */
function leaves(context: TestContext): void {
  const owner = new Owner(context, 0, 64);
  const polls = new Map<number, number>();
  const remotes: RemoteWaker[] = [];
  for (let slot = 0; slot < 34; slot++) {
    const wokenRemotely = (): void => void polls.set(slot, (polls.get(slot) ?? 0) + 1);
    remotes.push(owner.inbox.register({ wokenRemotely })!);
  }
  context.thread('owner', () => {
    owner.serve(() => polls.has(1) && polls.has(33));
    assure(polls.size === 2 && polls.get(1) === 1 && polls.get(33) === 1, 'each is polled once');
  });
  for (const slot of [1, 33]) {
    const arena = owner.ground.arena();
    context.thread(`waker of ${slot}`, () => wakeRemote(arena, remotes[slot]!));
  }
}

/** I3: a call that returned leads to a poll, wherever another waker was terminated. */
function terminated(context: TestContext): void {
  const owner = new Owner(context);
  const { words } = owner;
  let isSeen = false;
  const remote = owner.inbox.register({
    wokenRemotely: () => {
      if (loadAcquire(words, 8) === 1) isSeen = true;
    },
  })!;
  const victim = owner.ground.arena();
  const dead = context.thread('victim', () => {
    dying(context, 6, () => wakeRemote(victim, remote));
  });
  const arena = owner.ground.arena();
  context.thread('waker', () => {
    storeRelease(words, 8, 1);
    wakeRemote(arena, remote);
    dead.join();
    // As the runtime does when a thread has ended that may have been about to ring.
    owner.inbox.recover();
  });
  context.thread('owner', () => owner.serve(() => isSeen));
}

/** I5: a waker that is kept does nothing once its task has ended, but for one moment. */
function stale(context: TestContext): void {
  const owner = new Owner(context);
  let polls = 0;
  const remote = owner.inbox.register({ wokenRemotely: () => void (polls += 1) })!;
  const arena = owner.ground.arena();
  context.thread('owner', () => {
    owner.inbox.release(remote);
    const next = owner.inbox.register({ wokenRemotely: () => undefined })!;
    assure(next.slot === remote.slot, 'the slot is used again');
    assure(next.generation !== remote.generation, 'by another generation');
    if (owner.bell.take()) owner.inbox.drain(owner.receiver);
    assure(polls === 0, 'the task that ended is not woken');
  });
  context.thread('waker', () => {
    wakeRemote(arena, { ...remote, generation: (remote.generation - 1) | 0 });
    assure((loadAcquire(owner.words, owner.bell.offset / 4) & 1) === 0, 'a stale waker rings not');
  });
}

/** M1, M3: messages of each poster come in order, whole, once; none is lost. */
function posting(posters: number, count: number) {
  return (context: TestContext): void => {
    const owner = new Owner(context, FIRSTS[context.choose(FIRSTS.length)]);
    context.thread('owner', () => owner.serve(() => owner.messages.length === posters * count));
    for (let poster = 0; poster < posters; poster++) {
      const arena = owner.ground.arena();
      context.thread(`poster ${poster}`, () => {
        for (let index = 1; index <= count; index++) {
          const argument = 10 * (1 + poster) + index;
          while (post(arena, owner.inbox.address, argument) !== 'posted');
        }
      });
    }
  };
}

/** As the owner sees it: checked in its own thread, where the messages are. */
function inOrder(messages: readonly number[]): boolean {
  const last = new Map<number, number>();
  return messages.every((argument) => {
    const poster = Math.floor(argument / 10);
    const isNext = argument % 10 === (last.get(poster) ?? 0) + 1;
    last.set(poster, argument % 10);
    return isNext;
  });
}

function ordered(posters: number, count: number) {
  return (context: TestContext): void => {
    const owner = new Owner(context, FIRSTS[context.choose(FIRSTS.length)]);
    const { words } = owner;
    // Also of a message that comes before its poster has rung for it.
    owner.look = (argument) => assure(words[argument] === 1, 'with what was written before');
    context.thread('owner', () => {
      owner.serve(() => owner.messages.length === posters * count);
      assure(inOrder(owner.messages), 'messages of a poster come in their order');
    });
    for (let poster = 0; poster < posters; poster++) {
      const arena = owner.ground.arena();
      context.thread(`poster ${poster}`, () => {
        for (let index = 1; index <= count; index++) {
          const argument = 10 * (1 + poster) + index;
          words[argument] = 1;
          assure(post(arena, owner.inbox.address, argument) === 'posted', 'there is room');
        }
      });
    }
  };
}

/** M2, M5: nobody empties; as many are posted as there are cells, and for the rest it is full. */
function filling(posters: number, count: number) {
  return (context: TestContext): void => {
    const owner = new Owner(context, FIRSTS[context.choose(FIRSTS.length)]);
    const threads = Array.from({ length: posters }, (_, poster) => {
      const arena = owner.ground.arena();
      return context.thread(`poster ${poster}`, () => {
        const results: string[] = [];
        for (let index = 1; index <= count; index++) {
          results.push(post(arena, owner.inbox.address, 10 * (1 + poster) + index));
        }
        return results;
      });
    });
    context.after(() => {
      const all = threads.flatMap(({ result }) => result);
      const posted = all.filter((result) => result === 'posted').length;
      assure(posted === Math.min(2, posters * count), `two find room, not ${posted}`);
      assure(owner.inbox.drain(owner.receiver) === posted, 'and they are there');
    });
  };
}

/** M4: a poster that ends anywhere holds nobody up. */
function interrupted(context: TestContext): void {
  const owner = new Owner(context, FIRSTS[context.choose(FIRSTS.length)]);
  const victim = owner.ground.arena();
  context.thread('victim', () => {
    dying(context, 6, () => post(victim, owner.inbox.address, 11));
  });
  const arena = owner.ground.arena();
  context.thread('poster', () => {
    assure(post(arena, owner.inbox.address, 21) === 'posted', 'there is room');
  });
  context.after(() => {
    owner.inbox.drain(owner.receiver);
    assure(owner.messages.includes(21), 'what was posted arrives');
    assure(post(arena, owner.inbox.address, 22) === 'posted', 'and there is room again');
    owner.inbox.drain(owner.receiver);
    assure(owner.messages.at(-1) === 22, 'for all that follow');
  });
}

/** M6: what was posted before closing is handed on, what comes later is refused, and never seen. */
function closing(context: TestContext): void {
  const owner = new Owner(context, FIRSTS[context.choose(FIRSTS.length)]);
  const arena = owner.ground.arena();
  const poster = context.thread('poster', () => post(arena, owner.inbox.address, 11));
  const keeper = context.thread('owner', () => {
    owner.inbox.close(owner.receiver);
    owner.inbox.close(owner.receiver);
    const received = owner.messages.length;
    const options = resolveInboxOptions({ slots: 2, messages: 2 });
    const next = Inbox.create(owner.arena, owner.inbox.address.doorbell, options);
    const other = Inbox.create(owner.arena, owner.inbox.address.doorbell, options);
    assure(other.address.offset !== next.address.offset, 'its memory is used again once');
    assure(next.address.epoch !== owner.inbox.address.epoch, 'the next one has another epoch');
    assure(post(owner.arena, next.address, 31) === 'posted', 'it takes messages');
    next.drain(owner.receiver);
    assure(owner.messages.length === received + 1, 'its own, and no other');
    return received;
  });
  context.after(() => {
    const expected = poster.result === 'posted' ? 1 : 0;
    assure(keeper.result === expected, 'what was posted is handed on, what was refused is not');
  });
}

/** Everything about inboxes. */
export const inboxes: readonly Structure[] = [
  {
    name: 'an inbox, I1 and I4: a wake is followed by a poll that sees what the waker wrote',
    covers: WAKES,
    models: JAVASCRIPT,
    named: 'holds',
    body: waking(1, false),
  },
  {
    name: 'an inbox, I1 and I4: two wake two tasks',
    covers: WAKES,
    models: ['sc'],
    named: 'holds',
    executions: 20_000,
    body: waking(2, false),
  },
  {
    name: 'an inbox, I1 and I4: two wake one task',
    covers: WAKES,
    models: ['sc'],
    named: 'holds',
    executions: 20_000,
    body: waking(2, true),
  },
  {
    name: 'an inbox, I2: wakes under two leaves',
    covers: WAKES,
    models: ['sc'],
    executions: 5_000,
    body: leaves,
  },
  {
    name: 'an inbox, I3: a waker may end anywhere',
    covers: WAKES,
    models: ['sc'],
    executions: 5_000,
    body: terminated,
  },
  {
    name: 'an inbox, I5: a stale waker does nothing',
    covers: WAKES,
    models: QUICK,
    named: 'holds',
    body: stale,
  },
  {
    name: 'an inbox, M1 and M3: more messages than cells',
    covers: WAKES,
    models: QUICK,
    body: posting(1, 3),
  },
  {
    name: 'an inbox, M1 and M3: one posts',
    covers: WAKES,
    models: QUICK,
    named: 'holds',
    body: ordered(1, 2),
  },
  {
    name: 'an inbox, M1 and M3: two post',
    covers: WAKES,
    models: ['sc'],
    named: 'holds',
    executions: 5_000,
    body: ordered(2, 1),
  },
  {
    name: 'an inbox, M2 and M5: it is full when it is',
    covers: WAKES,
    models: QUICK,
    named: 'holds',
    body: filling(2, 2),
  },
  {
    name: 'an inbox, M4: a poster may end anywhere',
    covers: WAKES,
    models: QUICK,
    body: interrupted,
  },
  {
    name: 'an inbox, M6 and M7: closing',
    covers: WAKES,
    models: QUICK,
    named: 'holds',
    body: closing,
  },
];
