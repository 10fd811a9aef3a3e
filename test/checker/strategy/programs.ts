/** Tests that strategies are tried with: some hold, others fail in each way that a test can. */
import type { TestBody } from '../../../src/checker/index.ts';

/** Threads that write and read four words, each beginning at another. */
export function mesh(threads: number, rounds: number): TestBody {
  return ({ words, thread }) => {
    const word = words(4);
    for (let number = 0; number < threads; number++) {
      thread(`thread ${number}`, () => {
        for (let round = 0; round < rounds; round++) {
          Atomics.store(word, (number + round) % 4, 10 * number + round + 1);
          Atomics.load(word, (number + round + 1) % 4);
        }
      });
    }
  };
}

/** A ring of one producer and one consumer; with room for more than it holds it fails. */
export function ring(messages: number, room: number = 2): TestBody {
  return ({ words, thread }) => {
    const word = words(4, 'ring');
    thread('producer', () => {
      for (let tail = 0; tail < messages;) {
        while (tail - Atomics.load(word, 0) === room);
        word[2 + (tail % 2)] = tail + 1;
        Atomics.store(word, 1, ++tail);
      }
    });
    thread('consumer', () => {
      for (let head = 0; head < messages;) {
        while (Atomics.load(word, 1) === head);
        if (word[2 + (head % 2)] !== head + 1) throw new Error('overwritten');
        Atomics.store(word, 0, ++head);
      }
    });
  };
}

/** Threads that add to one word; `isWhole` says that each does so in one step. */
export function counter(threads: number, isWhole: boolean): TestBody {
  return ({ words, thread, after }) => {
    const word = words(1);
    for (let number = 0; number < threads; number++) {
      thread(`thread ${number}`, () => {
        if (isWhole) Atomics.add(word, 0, 1);
        else Atomics.store(word, 0, Atomics.load(word, 0) + 1);
      });
    }
    after(() => {
      if (word[0] !== threads) throw new Error(`${word[0]} of ${threads}`);
    });
  };
}

/** A sleeper; `isLate` looses its wake. */
export function sleeper(isLate: boolean): TestBody {
  return ({ words, thread }) => {
    const word = words(1);
    thread('waker', () => {
      if (isLate) Atomics.notify(word, 0);
      Atomics.store(word, 0, 1);
      if (!isLate) Atomics.notify(word, 0);
    });
    thread('sleeper', () => {
      while (Atomics.load(word, 0) === 0) Atomics.wait(word, 0, 0);
    });
  };
}

/** As many threads as an input says; other inputs are not asked about. */
export const inputs: TestBody = ({ choose, words, thread, assume }) => {
  const threads = choose(4);
  const value = choose(threads + 1);
  assume(value !== 2);
  const word = words(2);
  for (let number = 0; number < threads; number++) {
    thread(`thread ${number}`, () => {
      Atomics.add(word, 0, 1);
      Atomics.store(word, 1, value);
    });
  }
};

/** Accesses of several sizes to the same bytes. */
export const mixed: TestBody = ({ shared, thread }) => {
  const buffer = shared(8);
  const words = new Int32Array(buffer);
  const bytes = new Uint8Array(buffer);
  thread('whole', () => words[0]);
  thread('ends', () => {
    bytes[0] = 1;
    bytes[3] = 2;
  });
  thread('middle', () => {
    bytes[1] = 1;
    words[1] = 7;
  });
};

/** Fails when the message is seen before what it announces. */
export const message: TestBody = ({ words, thread }) => {
  const word = words(2);
  thread('reader', () => {
    if (word[1] === 1 && word[0] === 0) throw new Error('too early');
  });
  thread('writer', () => {
    word[0] = 1;
    word[1] = 1;
  });
};

/** Fails when both see what the other does only afterwards. */
export const buffering: TestBody = ({ words, thread, after }) => {
  const word = words(2);
  const threads = [0, 1].map((own) =>
    thread(`thread ${own}`, () => {
      const seen = word[1 - own];
      word[own] = 1;
      return seen;
    }),
  );
  after(() => {
    if (threads.every(({ result }) => result === 1)) throw new Error('out of thin air');
  });
};

/** Fails while it is set up, with one input. */
export const setUp: TestBody = ({ choose, thread }) => {
  const value = choose(3);
  thread('nothing', () => undefined);
  if (value === 2) throw new Error('two');
};

/** Fails with one choice of a thread, of which another has ended before. */
export const choices: TestBody = ({ choose, words, thread }) => {
  const word = words(1);
  const first = thread('first', () => {
    word[0] = choose(3);
  });
  thread('second', () => {
    first.join();
    if (word[0] === 2) throw new Error('two');
  });
};

/** A reader is over before somebody writes what it has read, and only if a flag is seen in time. */
export const lateWrite: TestBody = ({ words, thread }) => {
  const word = words(2);
  thread('reader', () => word[1]);
  thread('writer', () => {
    if (Atomics.load(word, 0) === 1) word[1] = 1;
  });
  thread('flag', () => {
    Atomics.store(word, 0, 1);
  });
};

/** One byte of a word is written, and only if a flag is seen in time. */
export const lateByte: TestBody = ({ shared, thread }) => {
  const buffer = shared(8);
  const word = new Int32Array(buffer);
  const bytes = new Uint8Array(buffer);
  thread('whole', () => {
    word[1] = 0x0101;
  });
  thread('writer', () => {
    if (Atomics.load(word, 0) === 1) bytes[4] = 2;
    else bytes[7] = 3;
  });
  thread('flag', () => {
    Atomics.store(word, 0, 1);
  });
};

/** A loop gives up after some rounds, in few executions; others of it are many. */
export const lateRounds: TestBody = ({ words, thread, after }) => {
  const word = words(4);
  const waiter = thread('waiter', () => {
    let rounds = 0;
    while (Atomics.load(word, 0) === 0) rounds += 1;
    return rounds;
  });
  thread('other', () => {
    Atomics.add(word, 1, 1);
    Atomics.add(word, 2, 1);
  });
  thread('setter', () => {
    Atomics.add(word, 2, 1);
    Atomics.add(word, 1, 1);
    Atomics.store(word, 0, 1);
  });
  after(() => {
    if (waiter.result === -1) throw new Error('never');
  });
};

/** One thread has more events than most, where it sees a flag. */
export const lateLength: TestBody = ({ words, thread }) => {
  const word = words(2);
  thread('long', () => {
    const length = Atomics.load(word, 0) === 1 ? 40 : 1;
    for (let count = 0; count < length; count++) word[1] = count;
  });
  thread('flag', () => {
    Atomics.store(word, 0, 1);
  });
};

/** A loop gives up after more rounds than any execution has: that is found when all else is. */
export const lateEnd: TestBody = (test) => {
  mesh(2, 3)(test);
  const word = test.words(1);
  test.thread('waiter', () => {
    for (let count = 0; count < 5000; count++) if (Atomics.load(word, 0) === 1) return;
  });
  test.thread('setter', () => Atomics.store(word, 0, 1));
};

/** A word is written by an execution alone that is found when all others are. */
export const lateGuess: TestBody = ({ words, thread }) => {
  const one = words(1, 'one');
  const two = words(1, 'two');
  thread('first', () => {
    if (two[0] !== 0) return undefined;
    const seen = one[0];
    Atomics.store(one, 0, 2);
    return seen;
  });
  thread('second', () => {
    const before = Atomics.add(one, 0, 1);
    const seen = Atomics.load(two, 0);
    if (before === 1) Atomics.store(two, 0, 1);
    return seen;
  });
};

/** One execution, and a long one: two threads that never meet. */
export function alone(stores: number): TestBody {
  return ({ words, thread }) => {
    const word = words(2);
    for (const index of [0, 1]) {
      thread(`thread ${index}`, () => {
        for (let value = 1; value <= stores; value++) Atomics.store(word, index, value);
      });
    }
  };
}
