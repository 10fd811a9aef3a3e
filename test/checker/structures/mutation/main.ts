/**
 * `npm run mutate [-- words]`: tries every mutant of the lock-free sources, or of those whose path
 * contains one of the words, and prints which test catches it, or that it survives. Why survivors
 * may do so is argued in `docs/reference/checker-mutants.md`.
 */
import { lockFree } from '../all.ts';
import { Bench, sourceOf } from './bench.ts';
import { mutantsOf } from './mutants.ts';

const words = process.argv.slice(2);
const files = lockFree(sourceOf);
const wanted = files.filter(
  (file) => words.length === 0 || words.some((word) => file.includes(word)),
);
const queue = wanted.flatMap((file) => mutantsOf(file, sourceOf(file)));
const { length } = queue;
console.log(`${length} mutants of ${wanted.length} sources`);

let caught = 0;
await Promise.all(
  [0, 1].map(async () => {
    const bench = new Bench();
    try {
      for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
        const by = await bench.caughtBy(mutant);
        if (by !== undefined) caught += 1;
        console.log(`${by === undefined ? '✖' : '✔'} ${mutant.id}\n    ${by ?? 'SURVIVES'}`);
      }
    } finally {
      bench.close();
    }
  }),
);
console.log(`${caught} caught, ${length - caught} survive`);
