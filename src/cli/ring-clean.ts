/** `rondo ring clean`: removes what dead processes left in a directory of names. */
import { cleanRings, listRings } from '../ring/index.ts';
import { describeFlags, parseCommand } from './flags.ts';
import { DIRECTORY_FLAG, directoryOf } from './ring-flags.ts';
import { quoted } from './ring-text.ts';

const FLAGS = {
  directory: DIRECTORY_FLAG,
  'dry-run': { help: 'only say what would be removed' },
  help: { help: 'this text' },
} as const;

const HELP = `rondo ring clean [NAME] [flags]: removes what dead processes left

Only names are left: the memory of a ring is gone with the last process that has it. Who creates a
ring tidies the directory too.

${describeFlags(FLAGS)}
`;

/** Runs the command. */
export function clean(args: readonly string[]): void {
  const { given, words } = parseCommand(args, FLAGS, 1);
  if (given.help) {
    process.stdout.write(HELP);
    return;
  }
  const [name] = words;
  const options = directoryOf(given);
  const dryRun = given['dry-run'] === true;
  const removals = cleanRings({ ...options, dryRun, ...(name === undefined ? {} : { name }) });
  for (const { path, why } of removals) {
    console.log(`${quoted(path)} ${dryRun ? 'would be' : 'was'} removed: ${why}`);
  }
  if (removals.length === 0) console.log('There is nothing to remove');
  if (name !== undefined) return;
  for (const stray of listRings(options).strays) {
    console.error(`${quoted(stray)} does not belong there and is left alone`);
  }
}
