/** Small tests that fail, and under which models. */
import type { ModelName, TestBody } from '../../../src/checker/index.ts';

/** A test that fails under some models. */
export interface Case {
  readonly name: string;
  /** Models under which it fails. */
  readonly models: readonly ModelName[];
  readonly body: TestBody;
}

const ALL: readonly ModelName[] = [
  'sc',
  'x86-tso',
  'armv8',
  'riscv',
  'rc11',
  'es',
  'v8-x64',
  'v8-arm64',
];
const WEAK: readonly ModelName[] = ['armv8', 'riscv', 'v8-arm64', 'es'];

export const storeBuffering: TestBody = ({ words, thread, after }) => {
  const flags = words(2, 'flags');
  const left = thread('left', () => {
    flags[0] = 1;
    return flags[1];
  });
  const right = thread('right', () => {
    flags[1] = 1;
    return flags[0];
  });
  after(() => {
    if (left.result === 0 && right.result === 0) throw new Error('both came in');
  });
};

export const message: TestBody = ({ words, thread, after }) => {
  const box = words(2, 'box');
  thread('writer', () => {
    box[0] = -42;
    box[1] = 1;
  });
  const reader = thread('reader', () => {
    const seen = box[1];
    return seen === 1 ? box[0] : -42;
  });
  after(() => {
    if (reader.result !== -42) throw new Error(`read ${reader.result}`);
  });
};

export const halfMessage: TestBody = ({ words, thread, after }) => {
  const box = words(2, 'box');
  thread('writer', () => {
    box[0] = 42;
    Atomics.store(box, 1, 1);
  });
  const reader = thread('reader', () => {
    const seen = box[1];
    return seen === 1 ? box[0] : 42;
  });
  after(() => {
    if (reader.result !== 42) throw new Error(`read ${reader.result}`);
  });
};

export const counting: TestBody = ({ words, thread, after }) => {
  const count = words(1, 'count');
  for (const name of ['a', 'b']) {
    thread(name, () => {
      count[0]! += 1;
    });
  }
  after(() => {
    if (count[0] !== 2) throw new Error(`counted ${count[0]}`);
  });
};

export const cells: TestBody = ({ cell, thread, after }) => {
  const data = cell<unknown>({ of: 'nobody' }, 'data');
  const flag = cell(false, 'flag');
  thread('writer', () => {
    data.store('<it>', 'relaxed');
    flag.store(true, 'relaxed');
  });
  const reader = thread('reader', () => (flag.load('acquire') ? data.load('relaxed') : '<it>'));
  after(() => {
    if (reader.result !== '<it>') throw new Error('read "nobody" <script>');
  });
};

export const lostWake: TestBody = ({ words, thread }) => {
  const door = words(1, 'door');
  thread('waker', () => {
    Atomics.notify(door, 0);
    Atomics.store(door, 0, 1);
  });
  thread('sleeper', () => {
    while (Atomics.load(door, 0) === 0) Atomics.wait(door, 0, 0);
  });
};

export const woken: TestBody = ({ words, thread, after }) => {
  const door = words(1, 'door');
  const waker = thread('waker', () => {
    Atomics.store(door, 0, 1);
    return Atomics.notify(door, 0);
  });
  thread('other', () => waker.join());
  const sleeper = thread('sleeper', () => Atomics.wait(door, 0, 0, 10));
  after(() => {
    if (sleeper.result === 'ok' && waker.result === 1) throw new Error('woken');
  });
};

export const timedOut: TestBody = ({ words, thread, after }) => {
  const door = words(1, 'door');
  const sleeper = thread('sleeper', () => Atomics.wait(door, 0, 0, 10));
  after(() => {
    if (sleeper.result === 'timed-out') throw new Error('nobody came');
  });
};

export const endless: TestBody = ({ words, thread }) => {
  const door = words(1, 'door');
  thread('waiter', () => {
    while (Atomics.load(door, 0) === 0);
  });
  thread('nobody', () => {
    Atomics.compareExchange(door, 0, 5, 1);
  });
};

export const race: TestBody = ({ words, thread }) => {
  const box = words(2, 'box');
  thread('writer', () => {
    box[0] = 1;
    Atomics.store(box, 1, 1);
  });
  thread('reader', () => (box[1] === 1 ? box[0] : 0));
};

export const fences: TestBody = ({ cell, thread, after, fence }) => {
  const x = cell(0, 'x');
  const y = cell(0, 'y');
  const left = thread('left', () => {
    x.store(1, 'relaxed');
    fence('acq_rel');
    return y.load('relaxed');
  });
  const right = thread('right', () => {
    y.store(1, 'relaxed');
    fence('seq_cst');
    return x.exchange(2, 'relaxed');
  });
  after(() => {
    if (left.result === 0 && right.result === 0) throw new Error('both came in');
  });
};

export const lateRead: TestBody = ({ words, thread, after }) => {
  const box = words(2, 'box');
  const [left, right] = [0, 1].map((index) =>
    thread(`from ${index}`, () => {
      const seen = box[index];
      box[1 - index] = 1;
      return seen;
    }),
  );
  after(() => {
    if (left!.result === 1 && right!.result === 1) throw new Error('out of nothing');
  });
};

export const bytes: TestBody = ({ shared, thread, after }) => {
  const memory = shared(8, 'memory');
  const word = new Int32Array(memory);
  const single = new Uint8Array(memory);
  thread('writer', () => {
    single[1] = 2;
    single[2] = 3;
  });
  const reader = thread('reader', () => word[0]);
  after(() => {
    if (reader.result === 0x200) throw new Error('half of it');
  });
};

/** All of them. */
export const CASES: readonly Case[] = [
  {
    name: 'store buffering',
    models: ['x86-tso', 'v8-x64', ...WEAK],
    body: storeBuffering,
  },
  { name: 'message', models: WEAK, body: message },
  { name: 'half a message', models: WEAK, body: halfMessage },
  { name: 'counting', models: ALL, body: counting },
  { name: 'cells', models: ['rc11', 'armv8', 'riscv'], body: cells },
  { name: 'lost wake', models: ALL, body: lostWake },
  { name: 'woken', models: ALL, body: woken },
  { name: 'timed out', models: ALL, body: timedOut },
  { name: 'endless', models: ALL, body: endless },
  { name: 'race', models: ['rc11'], body: race },
  { name: 'fences', models: ['x86-tso', 'rc11', 'riscv'], body: fences },
  { name: 'late read', models: ['armv8', 'riscv', 'es', 'v8-arm64'], body: lateRead },
  { name: 'bytes', models: ['sc', 'x86-tso', 'armv8', 'riscv', 'es', 'v8-x64'], body: bytes },
];
