/** Rings between threads where there is no addon: macOS, Windows, or not built yet. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { it } from 'node:test';
import { promisify } from 'node:util';

const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url));
/** Nothing native can be loaded in the threads of a process that begins with this. */
const WITHOUT_ADDON = `data:text/javascript,process.dlopen = () => { throw new Error('no addon'); };`;

const program = `
  import { Worker, isMainThread, workerData } from 'node:worker_threads';
  import { Ring } from ${url('../../src/ring/index.js')};
  import { Sequence } from ${url('./sequence.test.helper.js')};
  import { nativeStatus } from ${url('../../src/native/index.js')};
  if (nativeStatus().available) throw new Error('the addon was loaded');
  const message = (sequence) => ({ producer: 0, sequence, check: 0, text: String(sequence) });
  const there = Ring.create(Sequence, { slots: 4 });
  const back = Ring.create(Sequence, { slots: 4 });
  const source = ${JSON.stringify(`
    import { workerData } from 'node:worker_threads';
    const { Ring } = await import(workerData.ring);
    const { Sequence } = await import(workerData.sequence);
    const from = Ring.attach(Sequence, workerData.there).consumer();
    const to = Ring.attach(Sequence, workerData.back).producer();
    // Blocked in this thread, in the event loop of the other.
    for (;;) {
      const message = from.popBlocking();
      if (message === null) break;
      to.pushBlocking(message);
    }
    to.close();
  `)};
  new Worker(new URL('data:text/javascript,' + encodeURIComponent(source)), {
    workerData: {
      there: there.share(),
      back: back.share(),
      ring: ${url('../../src/ring/index.js')},
      sequence: ${url('./sequence.test.helper.js')},
    },
  });
  const producer = there.producer();
  const consumer = back.consumer();
  let sum = 0;
  const reading = consumer.run(({ sequence }) => (sum += sequence));
  for (let sequence = 0; sequence < 1000; sequence++) await producer.push(message(sequence));
  producer.close();
  await reading;
  console.log(sum);
`;

it('rings wait with Atomics where there is no addon, blocking and in the event loop', async () => {
  const args = ['--import', WITHOUT_ADDON, '--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  assert.equal(stdout, '499500\n');
});
