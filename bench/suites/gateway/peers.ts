/** Whom the gateway is compared with, and what it promises against each. */
import type { Bar, RatioBar } from '../../harness/bar.ts';
import type { Bench } from '../../harness/bench.ts';
import { type Contender, uwsIn, websocket } from '../../harness/contenders.ts';

export type { Part } from '../parts.ts';

/** The contenders of the suite. */
export interface Field {
  readonly gateway: Contender;
  readonly bun: Contender;
  readonly ws: Contender;
  readonly uws: Contender;
  readonly socketio: Contender;
}

/** Made once per run: what is not there is said once. */
const fields = new WeakMap<Bench, Field>();

/** The contenders of a run. */
export function fieldOf(bench: Bench): Field {
  const { uring: gateway, bun, ws, socketio } = websocket;
  const field = fields.get(bench) ?? { gateway, bun, ws, socketio, uws: uwsIn(bench.options.uws) };
  fields.set(bench, field);
  return field;
}

/** Those of a list that can be started here. */
export function present(bench: Bench, contenders: readonly Contender[]): Promise<Contender[]> {
  return bench.available(contenders);
}

/** The row of a peer that is not there. */
export function absentBar(
  bench: Bench,
  peer: Contender,
  { name, target, direction }: Pick<RatioBar, 'name' | 'target' | 'direction'>,
): Bar {
  const detail = bench.refusal(peer);
  return { name, target, direction, unit: '×', measured: undefined, detail };
}
