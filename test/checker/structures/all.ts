/** Every checked structure. */
import { bellsOfRings } from './bells.ts';
import { broadcast } from './broadcast.ts';
import { copiers } from './copiers.ts';
import { inboxes } from './inboxes.ts';
import { lanes } from './lanes.ts';
import { membership } from './membership.ts';
import { memory } from './memory.ts';
import { peers } from './peers.ts';
import { published } from './published.ts';
import { sides } from './sides.ts';
import type { Structure } from './structure.ts';

export const structures: readonly Structure[] = [
  ...memory,
  ...published,
  ...membership,
  ...lanes,
  ...bellsOfRings,
  ...broadcast,
  ...copiers,
  ...sides,
  ...inboxes,
  ...peers,
];

/** Sources with atomics, or with limits that copies depend on, that some structure covers. */
export function lockFree(textOf: (file: string) => string): string[] {
  const files = [...new Set(structures.flatMap(({ covers }) => covers))].sort();
  return files.filter(
    (file) => file === 'ring/lanes/inbox.js' || textOf(file).includes("from '#atomics'"),
  );
}
