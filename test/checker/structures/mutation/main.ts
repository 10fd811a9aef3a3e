/**
 * `npm run mutate [-- words]`: tries every mutant of the sources that structures cover, or of those
 * whose path contains one of the words. Fails when one survives that is not in `survivors.ts`, or
 * when one of those is caught by now.
 */
import { lockFree } from '../all.ts';
import { Bench, sourceOf } from './bench.ts';
import { type Mutant, mutantsOf } from './mutants.ts';
import { survivors } from './survivors.ts';

const words = process.argv.slice(2);
const files = lockFree(sourceOf);
const wanted = files.filter(
  (file) => words.length === 0 || words.some((word) => file.includes(word)),
);
const mutants = wanted.flatMap((file) => mutantsOf(file, sourceOf(file)));
console.log(`${mutants.length} mutants of ${wanted.length} sources`);

const known = new Set(survivors.map(({ id }) => id));
let caught = 0;
let argued = 0;
let problems = 0;

function tell(mutant: Mutant, by: string | undefined): void {
  if (by !== undefined) caught += 1;
  if (by === undefined && known.has(mutant.id)) argued += 1;
  if ((by === undefined) === known.has(mutant.id)) {
    console.log(`✔ ${mutant.id}\n    ${by ?? 'survives, see survivors.ts'}`);
    return;
  }
  problems += 1;
  console.log(`✖ ${mutant.id}\n    ${by === undefined ? 'SURVIVES' : `caught now: ${by}`}`);
}

const queue = [...mutants];
await Promise.all(
  [0, 1].map(async () => {
    const bench = new Bench();
    try {
      for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
        tell(mutant, await bench.caughtBy(mutant));
      }
    } finally {
      bench.close();
    }
  }),
);
console.log(`${caught} caught, ${argued} survive as argued, ${problems} are not as expected`);
process.exitCode = problems === 0 ? 0 : 1;
