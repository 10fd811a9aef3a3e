/** What `event-loop.test.ts` looks at from outside: one way to end for each name. */
import { spawn, BaseFuture, PENDING, sleep, type Poll } from '../../../src/index.ts';

class Never extends BaseFuture<never> {
  poll(): Poll<never> {
    return PENDING;
  }
}

const programs: Record<string, () => void> = {
  pending: () => void spawn(new Never()),
  sleeping: () =>
    void spawn(function* () {
      yield* sleep(20);
      console.log('slept');
    }),
  unheld: () => void spawn(sleep(3_600_000, { hold: false })),
  idle: () => {
    for (let i = 0; i < 100; i++) spawn(new Never());
    setImmediate(() => {
      setImmediate(() => {
        const active = process.getActiveResourcesInfo();
        // The pipe that this is written to, and the immediate that it is written from.
        console.log(
          JSON.stringify(active.filter((kind) => !/Pipe|TTY|FileHandle|Immediate/.test(kind))),
        );
      });
    });
  },
  lost: () =>
    void spawn(() => {
      throw new Error('nobody waits');
    }),
  late: () => {
    const handle = spawn(() => {
      throw new Error('late');
    });
    setImmediate(() => {
      handle.catch(() => console.log('caught'));
    });
  },
};

process.on('exit', (code) => console.log(`exit ${code}`));
programs[process.argv[2] ?? '']!();
