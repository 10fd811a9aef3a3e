/** The example exchange as tests use it: built, started with a journal of its own, and ended. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bridge, Gateway } from '../../src/gateway/index.ts';
import type { SocketAddress } from '../../src/driver/index.ts';

/** What `createExchange` of the example gives. */
export interface Exchange {
  readonly gateway: Gateway;
  readonly bridge: Bridge<unknown, unknown>;
  readonly supervisor: {
    readonly pid: number | undefined;
    start(): void;
    stop(signal?: NodeJS.Signals): Promise<void>;
  };
  listen(): Promise<SocketAddress>;
  close(options?: { readonly deadlineMs?: number }): Promise<unknown>;
}

interface Program {
  /** The engine's program. */
  readonly ENGINE: string;
  readonly buildEngine: () => void;
  readonly createExchange: (options: object) => Exchange;
}

const hasCargo: boolean = spawnSync('cargo', ['--version']).status === 0;

/** Why the exchange cannot be tested here, or false. */
export const skip: string | false = hasCargo ? false : 'there is no cargo to build the engine with';

/** How old an order may be when an engine takes it, in ms: older than a busy machine makes it. */
export const PATIENT_MS = 600_000;

/** Builds the engine; gives the example. */
export async function loadExchange(): Promise<Program> {
  const url = new URL('../../../examples/exchange/server.js', import.meta.url);
  const program = (await import(url.href)) as Program;
  program.buildEngine();
  return program;
}

/** A directory for rings and a journal. */
export class Place {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'rondo-exchange-'));
  readonly journal: string = join(this.directory, 'journal');

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }
}
