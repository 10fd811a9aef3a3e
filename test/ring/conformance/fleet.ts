/** Conformance programs that run together on one segment. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Ring } from '../../../src/ring/index.ts';
import { Message, type MessageSlabs } from './message.ts';
import { commandOf, environment, type Language } from './peers.ts';

/** What a program may take, in ms: many times what it takes on a busy machine. */
const LIMIT = 40_000;

/** One program. */
export interface Member {
  readonly language: Language;
  readonly role: string;
  readonly child: ChildProcess;
  /** What it printed, when it has ended. */
  readonly ended: Promise<Ending>;
}

/** How a program ended. */
export interface Ending {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** The one line that a program prints, such as `sent 100 full 3`, as an object. */
export type Said = Readonly<Record<string, number>>;

/** See the head of this file. Ends all of them, whatever happens, and leaves nothing behind. */
export class Fleet {
  /** Where the names are. */
  readonly directory: string = mkdtempSync(join(tmpdir(), 'rondo-conformance-'));
  readonly #members: Member[] = [];
  #observed: Ring<Message, MessageSlabs> | undefined;

  /** Starts a program; `descriptor` is inherited as descriptor 3. */
  start(
    language: Language,
    role: string,
    options: Readonly<Record<string, string | number | readonly string[]>>,
    descriptor?: number,
  ): Member {
    const [program, ...first] = commandOf(language);
    const flags = Object.entries(options).flatMap(([flag, value]) => {
      const values = typeof value === 'object' ? value : [String(value)];
      return values.flatMap((each) => [`--${flag}`, each]);
    });
    const place =
      descriptor === undefined
        ? ['--directory', this.directory, '--name', 'matrix']
        : ['--descriptor', '3'];
    const child = spawn(program!, [...first, ...place, '--role', role, ...flags], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe', ...(descriptor === undefined ? [] : [descriptor])],
    });
    const member = { language, role, child, ended: endingOf(child) };
    this.#members.push(member);
    return member;
  }

  /** The ring of these programs, as soon as it is there. */
  async observe(): Promise<Ring<Message, MessageSlabs>> {
    const { directory } = this;
    await this.#until('the ring was made', () => {
      try {
        this.#observed = Ring.open(Message, 'matrix', { directory });
        return true;
      } catch (error) {
        if ((error as { code?: string }).code === 'ERR_RING_NOT_FOUND') return false;
        throw error;
      }
    });
    return this.#observed!;
  }

  /** Waits until a ring has so many producers. */
  async producers(ring: Ring<Message, MessageSlabs>, count: number): Promise<void> {
    await this.#until(`${count} producers joined`, () => ring.peers.producers.length >= count);
  }

  async #until(what: string, condition: () => boolean): Promise<void> {
    const end = performance.now() + LIMIT;
    while (!condition()) {
      const gone = this.#members.find(({ child }) => child.exitCode !== null);
      if (gone !== undefined || performance.now() > end) await this.#fail(`before ${what}`);
      await delay(2);
    }
  }

  /** Waits for all to end well; gives what each has said, in the order of their starts. */
  async settle(): Promise<readonly Said[]> {
    // The others may wait for one that has failed: its end is theirs.
    const each = this.#members.map(async ({ ended }) => {
      const ending = await ended;
      if (ending.code !== 0) throw new Error('a program failed');
      return ending;
    });
    const all = Promise.all(each).catch(() => [] as Ending[]);
    const limit = new AbortController();
    const late = delay(LIMIT, undefined, { signal: limit.signal }).catch(() => undefined);
    const endings = await Promise.race([all, late]);
    limit.abort();
    if (endings === undefined) return this.#fail('within 40 s');
    if (endings.length === 0) return this.#fail('well');
    return endings.map(({ stdout }) => saidIn(stdout));
  }

  /** Ends what still runs, by its process id, and shows what all of them said. */
  async #fail(how: string): Promise<never> {
    const late = this.#members.filter(({ child }) => child.exitCode === null);
    for (const { child } of late) child.kill('SIGKILL');
    const endings = await Promise.all(this.#members.map(({ ended }) => ended));
    const lines = endings.map(({ code, stdout, stderr }, index) => {
      const { language, role, child } = this.#members[index]!;
      const said = [stdout, stderr].map((text) => text.trim()).join('\n');
      return `--- ${language} ${role} (pid ${child.pid}) ended with ${code}:\n${said}`;
    });
    return assert.fail(`not all ended ${how}\n${lines.join('\n')}`);
  }

  /** Ends what still runs, and removes the directory; gives what was left there. */
  async close(): Promise<readonly string[]> {
    for (const { child } of this.#members) if (child.exitCode === null) child.kill('SIGKILL');
    await Promise.all(this.#members.map(({ ended }) => ended));
    this.#observed?.close();
    const left = readdirSync(this.directory);
    rmSync(this.directory, { recursive: true, force: true });
    return left;
  }
}

async function endingOf(child: ChildProcess): Promise<Ending> {
  let stdout = '';
  let stderr = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve) => {
    child.once('error', ({ message }) => resolve({ code: message, stdout, stderr }));
    child.once('close', (code, signal) => resolve({ code: code ?? signal ?? '', stdout, stderr }));
  });
}

function saidIn(line: string): Said {
  const words = line.trim().split(' ');
  const said: Record<string, number> = {};
  for (let at = 0; at + 1 < words.length; at += 2) said[words[at]!] = Number(words[at + 1]);
  return said;
}
