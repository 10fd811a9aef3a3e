/**
 * `npm run mutate [-- words]`: tries every mutant of the lock-free sources, or of those whose path
 * contains one of the words, and prints which checker test catches it; or else which of the unit
 * tests beside the source; or that it survives. Why survivors may do so is argued in
 * `docs/reference/checker-mutants.md`, whose table is printed at the end.
 */
import { join } from 'node:path';
import { lockFree, structures } from '../all.ts';
import { Bench, DIST, sourceOf } from './bench.ts';
import { type Mutant, mutantsOf } from './mutants.ts';
import { Chooser } from './tries.ts';
import { firstFailing, unitsOf } from './units.ts';
import type { Trial } from './trial.ts';

/** How many mutants of a source came to what. */
interface Counts {
  checker: number;
  unit: number;
  survives: number;
}

/** Large, and of one thread but for their accesses, which alone are changed there. */
const ACCESSES_ALONE: readonly string[] = [
  'driver/epoll/epoll-driver.js',
  'driver/simulated/simulated-driver.js',
  'driver/uring/uring-driver.js',
  'ring/segment/segment.js',
];

function isTried({ file, kind }: Mutant): boolean {
  return !ACCESSES_ALONE.includes(file) || /^(drop|plain|relaxed)$/.test(kind);
}

const words = process.argv.slice(2);
const files = lockFree(sourceOf).filter(
  (file) => words.length === 0 || words.some((word) => file.includes(word)),
);
const queue = files.flatMap((file) => mutantsOf(file, sourceOf(file)).filter(isTried));
console.log(`${queue.length} mutants of ${files.length} sources`);

const counts = new Map<string, Counts>();
for (const file of files) counts.set(file, { checker: 0, unit: 0, survives: 0 });
const benches = [new Bench(), new Bench()];

async function surveyed(): Promise<Chooser> {
  const about = structures.filter(({ covers }) => covers.some((file) => files.includes(file)));
  const usual: Trial[] = about.flatMap(({ name, models }) =>
    models
      .filter((model, index) => index === 0 || model === 'sc' || model === 'v8-arm64')
      .map((model) => ({ name, model })),
  );
  const named: Trial[] = about
    .filter((structure) => structure.named === 'holds')
    .map(({ name }) => ({ name, model: 'rc11' }));
  const surveys = await Promise.all([
    benches[0]!.survey({ files, trials: usual }, false),
    benches[1]!.survey({ files, trials: named }, true),
  ]);
  return new Chooser(...surveys);
}

/** Unit tests that pass as long as nothing is changed. */
async function soundUnits(): Promise<Map<string, string[]>> {
  const root = join(DIST, 'src');
  const isSound = new Map<string, boolean>();
  const units = new Map<string, string[]>();
  for (const file of files) {
    const all = unitsOf(root, file);
    for (const unit of all) {
      if (!isSound.has(unit)) {
        isSound.set(unit, (await firstFailing(root, [unit])) === undefined);
        if (!isSound.get(unit)!) console.log(`${unit} fails by itself: it is left out`);
      }
    }
    units.set(
      file,
      all.filter((unit) => isSound.get(unit)!),
    );
  }
  return units;
}

/** What there is to notice mutants. */
interface Means {
  readonly chooser: Chooser;
  readonly units: ReadonlyMap<string, readonly string[]>;
}

async function tryOne(mutant: Mutant, bench: Bench, { chooser, units }: Means): Promise<string> {
  const count = counts.get(mutant.file)!;
  const tries = chooser.choose(mutant);
  const caught = await bench.caughtBy(mutant, tries);
  if (caught !== undefined) {
    count.checker += 1;
    const { trial, how } = caught;
    if (trial !== undefined) chooser.caught(trial);
    return `✔ ${mutant.id}\n    ${trial ? `${trial.name} (${trial.model}): ` : ''}${how}`;
  }
  // What is of one order and not of another is nothing that one thread would notice.
  const isOfOrder = mutant.kind === 'plain' || mutant.kind === 'relaxed';
  const unit = isOfOrder ? undefined : await bench.unitOf(mutant, units.get(mutant.file)!);
  if (unit !== undefined) {
    count.unit += 1;
    return `✓ ${mutant.id}\n    ${unit}`;
  }
  count.survives += 1;
  const isRun = tries.usual.length + tries.named.length > 0;
  return `✖ ${mutant.id}\n    SURVIVES${isRun ? '' : ': no checker test runs it'}`;
}

async function work(bench: Bench, means: Means): Promise<void> {
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    console.log(await tryOne(mutant, bench, means));
  }
}

try {
  const means = { chooser: await surveyed(), units: await soundUnits() };
  await Promise.all(benches.map((bench) => work(bench, means)));
} finally {
  for (const bench of benches) bench.close();
}
for (const [file, { checker, unit, survives }] of counts) {
  console.log(`| \`${file}\` | ${checker} | ${unit} | ${survives} |`);
}
