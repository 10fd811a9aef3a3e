/** One side of a named ring in a process of its own; argv: directory, name, role, how it ends. */
import { Ring } from '../../src/ring/index.ts';
import { Sequence } from './sequence.test.helper.ts';

const [directory = '', name = '', role = '', count = '0'] = process.argv.slice(2);
const ring = Ring.open(Sequence, name, { directory, label: `child ${role}` });

/** Tells the parent, which may end this process at any time from here on. */
function say(what: string): void {
  process.stdout.write(`${what}\n`);
}

/** Runs until it is ended from outside. */
async function forever(): Promise<never> {
  for (;;) await new Promise((resolve) => setTimeout(resolve, 60_000));
}

if (role === 'producer') {
  const producer = ring.producer();
  for (let sequence = 0; sequence < Number(count); sequence++) {
    await producer.push({ producer: 1, sequence, check: sequence, text: String(sequence) });
  }
  say('pushed');
  await forever();
}
if (role === 'unpublished') {
  const producer = ring.producer({ publishEvery: 8 });
  producer.tryPush({ producer: 1, sequence: 0, check: 0, text: 'shown' });
  producer.flush();
  producer.tryPush({ producer: 1, sequence: 1, check: 1, text: 'not shown' });
  producer.claim();
  // In the same turn, so that nothing is published at its end.
  process.kill(process.pid, 'SIGKILL');
}
if (role === 'consumer') {
  const consumer = ring.consumer();
  say('joined');
  let taken = 0;
  for (; taken < Number(count); taken++) await consumer.pop();
  // Read, and not released: a successor gets it again.
  await consumer.ready();
  consumer.peek();
  say('taken');
  await forever();
}
