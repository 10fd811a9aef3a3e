/** `rondo drivers`: which drivers can be used on this machine, and why one cannot. */
import { driverStatuses } from '../driver/index.ts';
import { describeFlags, parseFlags } from './flags.ts';

const FLAGS = { help: { help: 'this text' } } as const;

const HELP = `rondo drivers: lists the drivers, best first, and why one cannot be used

${describeFlags(FLAGS)}
`;

/** Runs the command. */
export function drivers(args: readonly string[]): void {
  if (parseFlags(args, FLAGS).help) {
    process.stdout.write(HELP);
    return;
  }
  for (const { kind, available, reason } of driverStatuses()) {
    console.log(`${kind.padEnd(10)}${available ? 'available' : `unavailable: ${reason}`}`);
  }
}
