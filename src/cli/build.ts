/** `rondo build`: compiles the addon on this machine, for an installed package as for a clone. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describeFlags, parseFlags } from './flags.ts';

const FLAGS = { help: { help: 'this text' } } as const;

const HELP = `rondo build: compiles the native addon; it needs a C compiler (CC names one)

Without the addon the gateway runs on Node's own sockets.

${describeFlags(FLAGS)}
`;

/** Runs the command. */
export function build(args: readonly string[]): void {
  if (parseFlags(args, FLAGS).help) {
    process.stdout.write(HELP);
    return;
  }
  const manifest = import.meta.resolve('rondo/package.json');
  const script = fileURLToPath(new URL('scripts/build-native.js', manifest));
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit' });
  if (status === 0) console.log('The native addon is in place; rondo drivers shows what it gives');
  process.exitCode = status ?? 1;
}
