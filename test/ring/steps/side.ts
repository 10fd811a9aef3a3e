/** A side of a ring as a process: reads lines of ops, and tells what came of each, then `.`. */
import { readSync, writeSync } from 'node:fs';
import { Actor } from './actor.ts';

const input = Buffer.alloc(4096);
let pending = '';

/** Blocks, so that nothing but the ops runs between two of them. Undefined at the end. */
function nextLine(): string | undefined {
  for (;;) {
    const end = pending.indexOf('\n');
    if (end >= 0) {
      const line = pending.slice(0, end);
      pending = pending.slice(end + 1);
      return line;
    }
    const count = readSync(0, input);
    if (count === 0) return undefined;
    pending += input.toString('utf8', 0, count);
  }
}

/** Told even if this process is killed right afterwards. */
function tell(what: string): void {
  writeSync(1, `${what}\n`);
}

const actor = new Actor(tell);
for (let line = nextLine(); line !== undefined; line = nextLine()) {
  try {
    await actor.run(line);
    tell('.');
  } catch (error) {
    const { code = '', message } = error as { code?: string; message: string };
    tell(`! ${code} ${message.replaceAll('\n', ' ')}`);
  }
}
