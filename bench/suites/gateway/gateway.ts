/** Everything that the gateway promises against its peers, in one run. */
import { type Part, suiteOf } from '../parts.ts';
import type { Suite } from '../suite.ts';
import { attacksPart } from './attacks.ts';
import { broadcastPart } from './broadcast.ts';
import { echoPart, ratePart } from './echo.ts';
import { latencyPart } from './latency.ts';
import { connectionsPart, heapPart, memoryPart } from './memory.ts';

const PARTS: readonly Part[] = [
  echoPart,
  ratePart,
  broadcastPart,
  latencyPart,
  memoryPart,
  connectionsPart,
  heapPart,
  attacksPart,
];

/** The table of the gateway's bars; each part can be run alone. */
export const gatewaySuite: Suite = suiteOf(
  'gateway',
  'Does the gateway keep its promises against ws, Bun and the others?',
  PARTS,
);
