/** `rondo ring tail`: the messages of a ring as they come, without taking them from anybody. */
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { RondoError, systemClock } from '../base/index.ts';
import { RingObserver, type RingTail, type SeenMessage } from '../ring/index.ts';
import { choiceOf, describeFlags, numberOf, parseCommand, UsageError } from './flags.ts';
import { DIRECTORY_FLAG, directoryOf, nameOf } from './ring-flags.ts';
import { isHeld } from './ring-held.ts';
import { quoted, RINGS, toJson } from './ring-text.ts';
import { endWithReader } from './reader.ts';

const FLAGS = {
  ring: { help: 'which ring of a channel', value: RINGS.join('|'), fallback: 'request' },
  count: { help: 'end after so many messages', value: 'N', short: 'n' },
  directory: DIRECTORY_FLAG,
  json: { help: 'one JSON object in each line' },
  help: { help: 'this text' },
} as const;

const HELP = `rondo ring tail NAME [flags]: prints the messages of a ring, without taking them

It begins with what no consumer has taken yet, and ends when the ring does or nobody holds it. It
takes no place of a consumer and nobody waits for it: what it misses, it counts.

${describeFlags(FLAGS)}
`;

/** It takes no part, so nobody wakes it: it looks. */
const LOOK_MS = 20;
/** How often it looks whether there is somebody who could still write. */
const HELD_MS = 500;
/** Messages printed at a time. */
const BATCH = 256;

/** Runs the command. */
export async function tail(args: readonly string[]): Promise<void> {
  const { given, words } = parseCommand(args, FLAGS, 1);
  if (given.help) {
    process.stdout.write(HELP);
    return;
  }
  const name = nameOf(words, 'tail');
  const count = numberOf('count', given.count) ?? Infinity;
  const which = choiceOf('ring', given.ring, RINGS);
  const options = directoryOf(given);
  const observer = RingObserver.open(name, options);
  if (observer.info.kind === 'ring' && which !== undefined) {
    throw new UsageError(`--ring is for channels: ${name} is one ring`);
  }
  const index = which === undefined ? 0 : RINGS.indexOf(which);
  endWithReader();
  const printer = new Printer(observer.tail(index), given.json === true);
  let looked = systemClock.now();
  while (printer.printed < count) {
    if (printer.print(Math.min(BATCH, count - printer.printed)) > 0) {
      // The output, and a signal, get their turn.
      await sleep(0);
      continue;
    }
    if (hasEnded(observer, index)) break;
    if (systemClock.now() - looked > HELD_MS) {
      looked = systemClock.now();
      if (!isHeld(name, options)) break;
    }
    await sleep(LOOK_MS);
  }
  // What came between the last look and the end.
  if (printer.printed < count) printer.print(count - printer.printed);
  printer.conclude();
  observer.close();
}

/** Whether nothing will come any more. @throws {RondoError} ERR_RING_POISONED */
function hasEnded(observer: RingObserver, index: number): boolean {
  const ring = observer.snapshot()[index]!;
  if (ring.poison !== undefined) {
    const name = quoted(observer.info.name);
    throw new RondoError('ERR_RING_POISONED', `Cannot go on with ring ${name}: ${ring.poison}`);
  }
  const states = ring.lanes.map(({ state }) => state);
  return states.includes('closed') && !states.includes('open');
}

/** Prints messages, and says what was missed where it was. */
class Printer {
  printed: number = 0;
  readonly #tail: RingTail;
  readonly #isJson: boolean;
  #missed = 0;

  constructor(ringTail: RingTail, isJson: boolean) {
    this.#tail = ringTail;
    this.#isJson = isJson;
  }

  /** Prints what there is, up to `limit` messages; returns how many. */
  print(limit: number): number {
    const seen = this.#tail.read(Math.min(limit, BATCH));
    const lines = seen.map((each) => this.#line(each));
    if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
    this.printed += seen.length;
    return seen.length;
  }

  /** Says how much was missed. */
  conclude(): void {
    const { missed } = this.#tail;
    if (missed > 0) console.error(`${missed} messages were overwritten before they were seen`);
  }

  #line({ lane, position, message, problem }: SeenMessage): string {
    const missed = this.#tail.missed - this.#missed;
    this.#missed = this.#tail.missed;
    if (this.#isJson) return toJson({ lane, position, message, problem, missed });
    const gap = missed > 0 ? ` (${missed} missed)` : '';
    // `inspect` escapes what a terminal would obey.
    const text =
      message === undefined
        ? `cannot be decoded: ${quoted(problem ?? '')}`
        : inspect(message, { breakLength: Infinity, depth: 10 });
    return `${lane}:${position}${gap} ${text}`;
  }
}
