/** `rondo ring`: shows and tidies the rings of this user, from outside. */
import { nearest } from '../base/index.ts';
import { adoptArena, Arena } from '../memory/index.ts';
import { codeOf } from './faults.ts';
import { UsageError } from './flags.ts';
import { clean } from './ring-clean.ts';
import { list } from './ring-list.ts';
import { stat } from './ring-stat.ts';
import { tail } from './ring-tail.ts';

const HELP = `usage: rondo ring COMMAND [flags]

  ls       lists rings and channels, and who holds them
  stat     shows a ring: its lanes, how full they are, who produces and consumes
  tail     prints the messages of a ring, without taking them
  clean    removes what dead processes left in the directory of names

  --help   this text; also after a command
`;

const COMMANDS: Readonly<Record<string, (args: readonly string[]) => void | Promise<void>>> = {
  ls: list,
  stat,
  tail,
  clean,
};

/** Room for the largest segment; only pages that are looked at cost memory. */
const ARENA_BYTES = 2 ** 31;

/** Runs the command. */
export async function ring([name = '--help', ...args]: readonly string[]): Promise<void> {
  if (name === '--help' || name === 'help') {
    process.stdout.write(HELP);
    return;
  }
  if (!Object.hasOwn(COMMANDS, name)) {
    const near = nearest(name, Object.keys(COMMANDS));
    const hint = near === undefined ? '' : `, did you mean ${near}?`;
    throw new UsageError(`there is no command ring ${name}${hint}\n\n${HELP}`);
  }
  adoptArena(Arena.create({ size: ARENA_BYTES }));
  try {
    await COMMANDS[name]?.(args);
  } catch (error) {
    if (codeOf(error) === 'ERR_RING_NAME') throw new UsageError((error as Error).message);
    throw error;
  }
}
