/** The programs of the suite: how each is built and started, and what it says. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench } from '../../harness/bench.ts';
import { BenchError, flags } from '../../harness/load.ts';
import { Child, type Command } from '../../harness/process.ts';
import type { Report } from '../../servers/ring/program.ts';

/** What a program may take, in ms, before it is ended. */
const LIMIT = 120_000;

/** Options of a program. True stands for a flag without a value. */
export type Options = Readonly<Record<string, string | number | true | undefined>>;

function argumentsOf(options: Options): string[] {
  return Object.entries(options).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : flags({ [name]: value }),
  );
}

/** Cores of the two sides; undefined leaves a side to the scheduler. */
export interface Cores {
  readonly first: number | undefined;
  readonly second: number | undefined;
}

/** One for each run of the benchmark: nothing is built twice. */
const known = new WeakMap<Bench, Programs>();

/** See the head of this file. */
export class Programs {
  static of(bench: Bench): Programs {
    let programs = known.get(bench);
    if (!programs) known.set(bench, (programs = new Programs(bench)));
    return programs;
  }

  readonly cores: Cores;
  readonly #bench: Bench;
  readonly #root: string;
  readonly #refusals = new Map<string, string>();

  private constructor(bench: Bench) {
    this.#bench = bench;
    this.#root = bench.options.root;
    const { pinning } = bench;
    this.cores =
      'reason' in pinning
        ? { first: undefined, second: undefined }
        : { first: pinning.server, second: pinning.generator };
  }

  /** Both cores, as the programs of several threads take them; undefined when nothing is pinned. */
  get list(): string | undefined {
    const { first, second } = this.cores;
    return first === undefined ? undefined : `${first},${second}`;
  }

  /** A program in `bench/servers/ring`. */
  script(name: string, mode: string, options: Options): Command {
    const file = join(this.#root, 'dist', 'bench', 'servers', 'ring', `${name}.js`);
    const rest = [...(mode === '' ? [] : [mode]), ...argumentsOf(options)];
    return { file: process.execPath, arguments: [file, ...rest] };
  }

  /** A program in `build/`. */
  built(name: string, argv: readonly (string | number)[]): Command {
    return { file: join(this.#root, 'build', name), arguments: argv.map(String) };
  }

  /** Rondo's Rust peer. */
  rust(mode: string, options: Options): Command {
    const file = join(this.#root, 'peers', 'rust', 'target', 'release', 'examples', 'bench');
    return { file, arguments: [mode, ...argumentsOf(options)] };
  }

  /** One of the peers in Rust, `queues`, `iceoryx2` or `tokio`. */
  peer(name: string, mode: string, options: Options): Command {
    const file = join(this.#root, 'build', 'bench-rust', 'release', name);
    return { file, arguments: [mode, ...argumentsOf(options)] };
  }

  /** The same command, kept to both cores. */
  onBoth(command: Command): Command {
    const { list } = this;
    if (list === undefined) return command;
    return { file: 'taskset', arguments: ['-c', list, command.file, ...command.arguments] };
  }

  /** Builds Rondo's Rust peer; empty, or why there is none. */
  rustRefusal(): string {
    const folder = join(this.#root, 'peers', 'rust');
    return this.#cargo('the Rust peer', folder, ['--example', 'bench']);
  }

  /** Builds a peer in Rust with what it needs from the registry; empty, or why there is none. */
  peerRefusal(name: 'queues' | 'iceoryx2' | 'tokio'): string {
    const folder = join(this.#root, 'bench', 'peers', 'rust');
    return this.#cargo(name, folder, ['--locked', '--bin', name, '--features', name]);
  }

  /** Empty when a package of bench/peers is installed. */
  packageRefusal(name: string): string {
    const folder = join(this.#root, 'bench', 'peers', 'node_modules', name);
    return existsSync(folder) ? '' : `the package ${name} is not installed in bench/peers`;
  }

  #cargo(name: string, folder: string, argv: readonly string[]): string {
    const before = this.#refusals.get(name);
    if (before !== undefined) return before;
    this.#bench.options.say(`building ${name} (cargo)`);
    const result = spawnSync('cargo', ['build', '--release', '--quiet', ...argv], {
      cwd: folder,
      encoding: 'utf8',
    });
    let refusal = '';
    if (result.error) refusal = 'there is no cargo';
    else if (result.status !== 0) {
      const lines = result.stderr.split('\n').map((line) => line.trim());
      refusal = lines.find((line) => line.startsWith('error')) ?? 'cargo failed';
    }
    if (refusal !== '') this.#bench.options.say(`${name} is left out: ${refusal}`);
    this.#refusals.set(name, refusal);
    return refusal;
  }

  /** Runs a program; what it reports. @throws {BenchError} */
  async run(command: Command, core?: number): Promise<Report> {
    const [report] = await this.#together([[command, core]]);
    return report!;
  }

  /**
   * Runs the two ends of a ring that has this name in a directory of its own; what both report.
   * @throws {BenchError}
   */
  async pair(
    ends: (place: Options) => readonly [Command, Command],
    cores: Cores = this.cores,
  ): Promise<readonly [Report, Report]> {
    return this.inDirectory(async (place) => {
      const [first, second] = ends(place);
      const reports = await this.#together([
        [first, cores.first],
        [second, cores.second],
      ]);
      return [reports[0]!, reports[1]!];
    });
  }

  /** Gives `use` the options that name a ring, and removes what was made. */
  async inDirectory<R>(use: (place: Options) => Promise<R>): Promise<R> {
    const directory = mkdtempSync(join(tmpdir(), 'rondo-bench-'));
    try {
      return await use({ directory, name: 'bench' });
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  async #together(
    commands: readonly (readonly [Command, number | undefined])[],
  ): Promise<Report[]> {
    const children = commands.map(([command, core]) => new Child(command, core));
    const stop = (): void => children.forEach((child) => void child.stop());
    const timer = setTimeout(stop, LIMIT);
    try {
      return await Promise.all(children.map((child) => this.#report(child)));
    } finally {
      clearTimeout(timer);
      await Promise.all(children.map((child) => child.stop()));
    }
  }

  /** Its last line; a program that has nothing to say gives zeros. */
  async #report(child: Child): Promise<Report> {
    let last = '{"count":0,"nanoseconds":0}';
    for (let line = await child.line(); line !== undefined; line = await child.line()) last = line;
    const code = await child.finish();
    if (code !== 0) throw new BenchError(child.errors || `a program ended with ${code}`);
    return JSON.parse(last) as Report;
  }
}
