/** A side of a ring in a process of its own, told line by line what to do; it may die of it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { COMMANDS, type Language, library } from './library.ts';

/** Where a victim dies: at the write `step`, from 1 on; at none with 0. */
export interface Kill {
  readonly step: number;
  readonly when: 'before' | 'after';
}

/** What a victim is started with. */
export interface VictimOptions {
  readonly kill: Kill;
  /** A file for its trace. */
  readonly trace: string;
  /** Whether its writes count from its op `arm` on. */
  readonly arms: boolean;
}

/** See the head of this file. */
export class SideProcess {
  readonly language: Language;
  /** All that it reported, without the ends of lines. */
  readonly events: string[] = [];
  readonly #child: ChildProcess;
  readonly #victim: VictimOptions | undefined;
  readonly #closed: Promise<void>;
  #text = '';
  #errors = '';
  #isClosed = false;
  #wake: () => void = () => undefined;

  /** `descriptor` is inherited as 3. */
  constructor(language: Language, descriptor: number, victim?: VictimOptions) {
    const [program, ...args] = COMMANDS[language];
    this.language = language;
    this.#victim = victim;
    this.#child = spawn(program, args, {
      env: victim === undefined ? process.env : environmentOf(language, victim),
      stdio: ['pipe', 'pipe', 'pipe', ...(descriptor < 0 ? [] : [descriptor])],
    });
    // It may be dead by the time that it is told.
    this.#child.stdin!.on('error', () => undefined);
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.#errors += text));
    this.#closed = new Promise((resolve) => {
      this.#child.once('close', () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** The process id. */
  get pid(): number {
    return this.#child.pid!;
  }

  /** Does a line of ops; false when it died of it. */
  async run(line: string): Promise<boolean> {
    this.#child.stdin!.write(`${line}\n`);
    for (;;) {
      const end = this.events.findIndex((event) => event === '.' || event.startsWith('!'));
      if (end >= 0) {
        const [said] = this.events.splice(end, 1);
        assert.equal(said, '.', `${this.language} at ${JSON.stringify(line)}`);
        return true;
      }
      if (this.#isClosed) return false;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Ends its input and waits until it has ended; whether it was killed. */
  async end(): Promise<boolean> {
    this.#child.stdin!.end();
    await this.#closed;
    const { exitCode, signalCode } = this.#child;
    assert.ok(
      exitCode === 0 || signalCode === 'SIGKILL',
      `${exitCode ?? signalCode}${this.#errors}`,
    );
    return signalCode === 'SIGKILL';
  }

  /** Sends it a signal. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Offsets in the segment that it has written to, in order. Once it has ended. */
  writes(): number[] {
    const { kill, trace } = this.#victim!;
    const lines = readFileSync(trace, 'utf8').split('\n').slice(0, -1);
    const offsets = lines.map((each) => Number(each.split(' ')[1]));
    // The last one was about to be done.
    const wasKilled = this.#child.signalCode === 'SIGKILL';
    return wasKilled && kill.when === 'before' ? offsets.slice(0, -1) : offsets;
  }

  #hear(text: string): void {
    this.#text += text;
    const lines = this.#text.split('\n');
    this.#text = lines.pop()!;
    this.events.push(...lines);
    this.#wake();
  }
}

function environmentOf(
  language: Language,
  { kill, trace, arms }: VictimOptions,
): NodeJS.ProcessEnv {
  return {
    ...process.env,
    LD_PRELOAD: library,
    RONDO_KILL_STEP: String(kill.step),
    RONDO_KILL_WHEN: kill.when,
    RONDO_KILL_TRACE: trace,
    // Rust does not arm: it is quick enough to begin with the first write each time.
    RONDO_KILL_ARM: arms && language === 'TypeScript' ? '2' : '1',
  };
}
