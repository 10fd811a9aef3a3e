/** Every checked structure. */
import { bellsOfRings } from './bells.ts';
import { broadcast } from './broadcast.ts';
import { claims } from './claims.ts';
import { copiers } from './copiers.ts';
import { inboxes } from './inboxes.ts';
import { lanes } from './lanes.ts';
import { loopBells } from './loop-bells.ts';
import { lossy } from './lossy.ts';
import { membership } from './membership.ts';
import { memory } from './memory.ts';
import { observed } from './observed.ts';
import { overtakingPieces } from './overtaking.ts';
import { peers } from './peers.ts';
import { published } from './published.ts';
import { sides } from './sides.ts';
import type { Structure } from './structure.ts';
import { urings } from './uring.ts';
import { wakers } from './wakers.ts';
import { watched } from './watched.ts';

export const structures: readonly Structure[] = [
  ...memory,
  ...published,
  ...observed,
  ...membership,
  ...lanes,
  ...claims,
  ...bellsOfRings,
  ...loopBells,
  ...broadcast,
  ...copiers,
  ...overtakingPieces,
  ...lossy,
  ...sides,
  ...inboxes,
  ...peers,
  ...urings,
  ...wakers,
  ...watched,
];

/** Sources with atomics, or with limits that copies depend on, that some structure covers. */
export function lockFree(textOf: (file: string) => string): string[] {
  const files = [...new Set(structures.flatMap(({ covers }) => covers))].sort();
  return files.filter(
    (file) => file === 'ring/lanes/inbox.js' || textOf(file).includes("from '#atomics'"),
  );
}
