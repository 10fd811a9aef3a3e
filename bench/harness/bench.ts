/** What every suite is given: the options, the cores, and where results go. */
import { cpus, release } from 'node:os';
import type { Contender, ServerSettings } from './contenders.ts';
import {
  BenchError,
  Generator,
  type LoadResult,
  type Point,
  roleOf,
  Server,
  type Timing,
} from './load.ts';
import { findCores, type Pinning } from './process.ts';
import { ratioPerRound, median, type Ratio } from './statistics.ts';

/** Options of a run. */
export interface BenchOptions {
  readonly root: string;
  /** Fewer rounds and shorter windows: an order of magnitude, not a result. */
  readonly quick: boolean;
  /** @default each suite's own */
  readonly rounds?: number;
  /** @default each suite's own */
  readonly connections?: readonly number[];
  /** @default each suite's own */
  readonly sizes?: readonly number[];
  /** The folder that uWebSockets.js is in. @default it is left out */
  readonly uws?: string;
  /** Where notes and progress go; tables go to the standard output. */
  readonly say: (line: string) => void;
}

/** The machine a result belongs to. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly kernel: string;
  readonly node: string;
  readonly pinning: string;
}

/** One contender at one point, over all rounds; undefined where the round failed. */
export interface Measured {
  readonly contender: string;
  readonly rounds: readonly (LoadResult | undefined)[];
  readonly failure?: string;
}

/** All contenders at one point. */
export interface Comparison {
  readonly protocol: Contender['protocol'];
  readonly point: Point;
  readonly measured: readonly Measured[];
}

/** The median over the rounds of one figure; NaN when every round failed. */
export function figure(measured: Measured, pick: (result: LoadResult) => number): number {
  return median(measured.rounds.flatMap((result) => (result ? [pick(result)] : [])));
}

/** The ratio of two contenders' figures, round by round; undefined when either is not there. */
export function compareRounds(
  comparison: Comparison,
  name: string,
  reference: string,
  pick: (result: LoadResult) => number,
): Ratio | undefined {
  const find = (wanted: string): (number | undefined)[] | undefined =>
    comparison.measured
      .find((measured) => measured.contender === wanted)
      ?.rounds.map((result) => (result ? pick(result) : undefined));
  const values = find(name);
  const references = find(reference);
  if (!values || !references) return undefined;
  const ratio = ratioPerRound(values, references);
  return Number.isNaN(ratio.median) ? undefined : ratio;
}

/** Options of `Bench.compare`. */
export interface CompareOptions {
  /** @default none */
  readonly settings?: (contender: Contender) => ServerSettings;
  /** Whether fewer connections than wanted are a result, not a failure. @default false */
  readonly partial?: boolean;
}

/** A point in words. */
export function pointText({ connections, size, inflight = 1, deflate, broadcast }: Point): string {
  const more = [
    inflight > 1 ? `, ${inflight} in flight` : '',
    deflate === true ? ', deflate' : '',
    broadcast === true ? ', broadcast' : '',
  ];
  return `${connections} connections × ${size} B${more.join('')}`;
}

function requireWhole({ connections: { wanted, established, closed } }: LoadResult): void {
  if (established === wanted && closed === 0) return;
  throw new BenchError(`${established} of ${wanted} connections were served, ${closed} were ended`);
}

/** A run of the benchmark. */
export class Bench {
  readonly options: BenchOptions;
  readonly pinning: Pinning;
  readonly generator: Generator;
  /** What went wrong while measuring; a wrong echo is in here. */
  readonly failures: string[] = [];
  /** Of each measurement: the share of time that the server had to wait for its core. */
  readonly waits: number[] = [];
  readonly #refused = new Map<Contender, string>();

  constructor(options: BenchOptions) {
    this.options = options;
    this.pinning = findCores();
    this.generator = new Generator(options.root, this.pinning);
  }

  get machine(): Machine {
    const processors = cpus();
    return {
      processor: processors[0]?.model.trim() ?? 'unknown',
      cores: processors.length,
      kernel: release(),
      node: process.version,
      pinning:
        'reason' in this.pinning
          ? `nothing is pinned: ${this.pinning.reason}`
          : `server on core ${this.pinning.server}, generator on core ${this.pinning.generator}`,
    };
  }

  async start(contender: Contender, settings?: ServerSettings): Promise<Server> {
    return Server.start(this.options.root, this.pinning, contender, settings);
  }

  /** Those that can be started here; the others are named once, with the reason. */
  async available<T extends Contender>(contenders: readonly T[]): Promise<T[]> {
    const found: T[] = [];
    for (const contender of contenders) {
      if (!this.#refused.has(contender))
        this.#refused.set(contender, await this.#tryOut(contender));
      if (this.#refused.get(contender) === '') found.push(contender);
    }
    return found;
  }

  /** Why a contender is left out; empty when it is not, or was not asked for yet. */
  refusal(contender: Contender): string {
    return this.#refused.get(contender) ?? '';
  }

  /**
   * Notes what went wrong while measuring, and goes on; returns what it says. Anything but a
   * measurement that failed is thrown on.
   */
  failed(where: string, error: unknown): string {
    if (!(error instanceof BenchError)) throw error;
    this.failures.push(`${where}: ${error.message}`);
    return error.message;
  }

  /** Empty when it starts. */
  async #tryOut(contender: Contender): Promise<string> {
    try {
      const server = await this.start(contender);
      await server.stop();
      return '';
    } catch (error) {
      if (!(error instanceof BenchError)) throw error;
      const lines = error.message.split('\n').map((line) => line.trim());
      const reason = lines.find((line) => /^\w*Error\b/.test(line)) ?? lines[0] ?? '';
      this.options.say(`${contender.name} is left out: ${reason}`);
      return reason || 'unknown';
    }
  }

  /**
   * Measures the contenders at one point, interleaved (A B C, A B C, …), each time in a fresh
   * process. A failed measurement is kept as a failure and does not stop the others.
   */
  async compare(
    contenders: readonly Contender[],
    point: Point,
    timing: Timing,
    rounds: number,
    { settings = () => ({}), partial = false }: CompareOptions = {},
  ): Promise<Comparison> {
    const results = contenders.map((): (LoadResult | undefined)[] => []);
    const failures = contenders.map((): string | undefined => undefined);
    for (let round = 0; round < rounds; round++) {
      for (const [index, contender] of contenders.entries()) {
        const where = `${contender.name} × ${pointText(point)}`;
        this.options.say(`round ${round + 1}/${rounds}: ${where}`);
        try {
          const result = await this.measure(contender, point, timing, settings(contender));
          if (!partial) requireWhole(result);
          results[index]?.push(result);
        } catch (error) {
          failures[index] = this.failed(where, error);
          results[index]?.push(undefined);
        }
      }
    }
    return {
      protocol: contenders[0]?.protocol ?? 'tcp',
      point,
      measured: contenders.map(({ name }, index) => ({
        contender: name,
        rounds: results[index] ?? [],
        ...(failures[index] === undefined ? {} : { failure: failures[index] }),
      })),
    };
  }

  /** One measurement of a fresh server. */
  async measure(
    contender: Contender,
    point: Point,
    timing: Timing,
    settings: ServerSettings = {},
  ): Promise<LoadResult> {
    const role = [...(settings.role ?? []), ...roleOf(point)];
    const server = await this.start(contender, { ...settings, role });
    try {
      const result = await this.generator.run(server, point, timing);
      this.waits.push(result.server.waiting);
      return result;
    } finally {
      await server.stop();
    }
  }
}
