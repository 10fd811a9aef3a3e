/** Starts a server, puts load on it, and hands back what the generator measured. */
import { join } from 'node:path';
import type { Contender, ServerSettings } from './contenders.ts';
import { payloadFile } from './payloads.ts';
import { Child, type Pinning } from './process.ts';

/** One place in the matrix. */
export interface Point {
  readonly connections: number;
  /** Bytes of payload. */
  readonly size: number;
  /** Messages in flight per connection (closed loop). @default 1 */
  readonly inflight?: number;
  /** Messages a second over all connections (open loop). @default closed loop */
  readonly rate?: number;
  /** Every message compressed, both ways. @default false */
  readonly deflate?: boolean;
  /** Each message goes to all; what is counted are deliveries. @default false */
  readonly broadcast?: boolean;
}

/** What the connections of `Generator.hold` are for. */
export interface Hold {
  /** An offer of permessage-deflate, which must be accepted. @default none */
  readonly deflate?: string;
  /** Harm that is done until the end; see `generator/attack.c`. @default connections are idle */
  readonly attack?: string;
  /** A file of payloads; see `payloads.ts`. */
  readonly payloads?: string;
}

/** What became of the connections that were held. */
export interface HoldResult {
  readonly connections: LoadResult['connections'];
  /** Pings of the server that were answered. */
  readonly pings: number;
  /** Bytes; of attacks only. */
  readonly sent: number;
  readonly received: number;
}

/** What a browser offers. */
export const BROWSER_OFFER = 'permessage-deflate; client_max_window_bits';

/**
 * What the generator offers when it measures: answers that do not depend on earlier ones can be
 * checked, and it is what a server with one compressor for all connections chooses anyway.
 */
const CHECKED_OFFER = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';

/** Seconds of a run. */
export interface Timing {
  readonly warmup: number;
  /** The measured window; the longest it may take when `messages` is given. */
  readonly duration: number;
  /** The window ends after so many messages. @default it ends after `duration` */
  readonly messages?: number;
  /** Load that goes on after the window, unmeasured. @default 0 */
  readonly linger?: number;
  /** @default 30 */
  readonly connectTimeout?: number;
}

/** The generator's line of JSON; see `bench/generator/generator.c`. */
export interface LoadResult {
  readonly connections: {
    readonly wanted: number;
    readonly established: number;
    readonly answered: number;
    readonly closed: number;
    readonly retries: number;
  };
  readonly seconds: number;
  readonly messages: number;
  /** Messages a second. */
  readonly rate: number;
  /** Of the server, per message. */
  readonly cpu_ns: { readonly total: number; readonly user: number; readonly system: number };
  readonly server: {
    /** Share of a core. */
    readonly busy: number;
    /** Share of the window that its threads were ready and had to wait for the core. */
    readonly waiting: number;
    readonly rss_before: number;
    readonly rss_after: number;
    readonly descriptors: number;
  };
  readonly latency_us: {
    readonly p50: number;
    readonly p99: number;
    readonly p999: number;
    readonly max: number;
    readonly count: number;
  };
  readonly skipped: number;
  readonly outstanding: number;
  /** Answers that came compressed, from the beginning of the run to its end. */
  readonly packed: number;
  readonly generator_busy: number;
}

/** A measurement that could not be made; the message holds what the programs said. */
export class BenchError extends Error {
  override readonly name: string = 'BenchError';
}

/** What a server has to be to serve a point. */
export function roleOf({ deflate = false, broadcast = false }: Point): readonly string[] {
  return [...(deflate ? ['--deflate'] : []), ...(broadcast ? ['--broadcast'] : [])];
}

/** A running server. */
export class Server {
  readonly port: number;
  readonly contender: Contender;
  readonly #child: Child;

  private constructor(contender: Contender, child: Child, port: number) {
    this.contender = contender;
    this.#child = child;
    this.port = port;
  }

  /** @throws {BenchError} when it cannot be started */
  static async start(
    root: string,
    pinning: Pinning,
    contender: Contender,
    settings: ServerSettings = {},
  ): Promise<Server> {
    const command = contender.command(root, settings);
    if (typeof command === 'string') throw new BenchError(command);
    const child = new Child(command, 'server' in pinning ? pinning.server : undefined);
    for (;;) {
      const line = await child.line();
      if (line === undefined) throw new BenchError(`the server did not start: ${child.errors}`);
      const port = /^listening (\d+)$/.exec(line)?.[1];
      if (port) return new Server(contender, child, Number(port));
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  get errors(): string {
    return this.#child.errors;
  }

  /** Asks one of the questions of `servers/announce.ts`. */
  async ask<Answer>(question: 'gc' | 'begin' | 'end'): Promise<Answer> {
    this.#child.tell(question);
    const line = await this.#child.line();
    if (line === undefined) throw new BenchError(`the server died: ${this.errors}`);
    return JSON.parse(line) as Answer;
  }

  async stop(): Promise<void> {
    await this.#child.stop();
  }
}

/** `--name value` for each that is not undefined. */
export function flags(values: Record<string, string | number | undefined>): string[] {
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  );
}

/** Called at the two ends of the measured window with the messages answered until then. */
export type WindowListener = (end: 'begin' | 'end', messages: number) => Promise<void>;

/** The generator on one server. */
export class Generator {
  readonly #root: string;
  readonly #pinning: Pinning;
  /** Processes needed at a point: each holds at most this many connections. */
  readonly #perProcess: number;

  constructor(root: string, pinning: Pinning, perProcess: number = 15_000) {
    this.#root = root;
    this.#pinning = pinning;
    this.#perProcess = perProcess;
  }

  #start(server: Server, connections: number, more: readonly string[]): Child {
    const own = flags({
      mode: server.contender.protocol,
      'server-pid': server.pid,
      connections,
      processes: Math.ceil(connections / this.#perProcess),
    });
    const { dialect = [] } = server.contender;
    const file = join(this.#root, 'build', 'generator');
    const core = 'generator' in this.#pinning ? this.#pinning.generator : undefined;
    return new Child({ file, arguments: [...own, ...dialect, ...more] }, core);
  }

  /** @throws {BenchError} when an echo was wrong or the connections were lost */
  async run(
    server: Server,
    point: Point,
    timing: Timing,
    atWindow: WindowListener = async (): Promise<void> => {},
  ): Promise<LoadResult> {
    const { deflate = false, broadcast = false } = point;
    const times = flags({
      port: server.port,
      size: point.size,
      inflight: point.inflight ?? 1,
      rate: point.rate,
      deflate: deflate ? CHECKED_OFFER : undefined,
      payloads: deflate ? payloadFile(this.#root, point.size) : undefined,
      warmup: timing.warmup,
      duration: timing.duration,
      messages: timing.messages,
      linger: timing.linger,
      'connect-timeout': timing.connectTimeout,
    });
    const how = broadcast ? [...times, '--broadcast'] : times;
    const child = this.#start(server, point.connections, how);
    let result: LoadResult | undefined;
    for (let line = await child.line(); line !== undefined; line = await child.line()) {
      const read = JSON.parse(line) as LoadResult | { window: 'begin' | 'end'; messages: number };
      if ('window' in read) await atWindow(read.window, read.messages);
      else result = read;
    }
    if ((await child.finish()) !== 0 || !result) {
      throw new BenchError(`${child.errors} ${server.errors}`.trim());
    }
    return result;
  }

  /** Opens connections, calls `held` while they are there, and ends them. */
  async hold<T>(
    server: Server,
    connections: number,
    held: () => Promise<T>,
    { deflate, attack, payloads }: Hold = {},
  ): Promise<{ value: T; result: HoldResult }> {
    const how = flags({ port: server.port, deflate, payloads, attack });
    const child = this.#start(server, connections, attack === undefined ? [...how, '--idle'] : how);
    const line = await child.line();
    if (line === undefined) throw new BenchError(`${child.errors} ${server.errors}`.trim());
    let value: T;
    try {
      value = await held();
    } finally {
      await child.finish();
    }
    const last = await child.line();
    if (last === undefined) throw new BenchError(`${child.errors} ${server.errors}`.trim());
    return { value, result: JSON.parse(last) as HoldResult };
  }
}
