/** What every way of handing messages over is given, and what it is. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report } from '../program.ts';

/** How a way is measured. */
export interface Plan {
  /** Of the sender and the receiver; undefined leaves them to the scheduler. */
  readonly cores: readonly (number | undefined)[];
  /** How long the sender sends, in ms. */
  readonly milliseconds: number;
  /** How long the receiver does not measure, in ms. */
  readonly warmup: number;
  /** Messages that are handed over together. */
  readonly batch: number;
}

/** Sends messages of five fields for as long as the plan says; the receiver reads every field. */
export type Way = (plan: Plan) => Promise<Report>;

/** The folder of the package. */
export const root: string = fileURLToPath(new URL('../../../../..', import.meta.url));

const require = createRequire(join(root, 'bench', 'peers', 'package.json'));

/** A package of bench/peers; throws when it is not installed. */
export function peer(name: string): unknown {
  return require(name);
}

/** Where a program of the benchmark, or a library, was built. */
export function built(name: string): string {
  return join(root, 'build', name);
}
