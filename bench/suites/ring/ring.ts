/** Everything that the rings promise, in one run. */
import { type Part, suiteOf } from '../parts.ts';
import type { Suite } from '../suite.ts';
import { costsPart } from './costs.ts';
import { idlePart } from './idle.ts';
import { manyPart } from './many.ts';
import { spscPart } from './spsc.ts';
import { tripsPart } from './trips.ts';
import { waysPart } from './ways.ts';

const PARTS: readonly Part[] = [spscPart, tripsPart, waysPart, manyPart, costsPart, idlePart];

/** The table of the rings' bars; each part can be run alone. */
export const ringSuite: Suite = suiteOf(
  'ring',
  'Do the rings keep their promises, against what is used instead?',
  PARTS,
);
