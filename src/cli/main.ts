#!/usr/bin/env node
/** The command `rondo`. Ends with 0, 1 when something failed, 2 for a mistake in the command line. */
import { readFileSync } from 'node:fs';
import { nearest } from '../base/index.ts';
import { build } from './build.ts';
import { cache } from './cache.ts';
import { check } from './check.ts';
import { drivers } from './drivers.ts';
import { exitCodeOf, isExpected } from './faults.ts';
import { UsageError } from './flags.ts';
import { gen } from './gen.ts';
import { litmus } from './litmus.ts';
import { ring } from './ring.ts';
import { serve } from './serve.ts';

const HELP = `usage: rondo COMMAND [flags]

  serve      runs a WebSocket gateway
  drivers    lists the drivers, and why one cannot be used
  build      compiles the native addon that the fast drivers need
  gen        writes the structs of a schema in Rust, Python and C
  ring       lists, shows and tidies rings in shared memory
  check      explores every execution of concurrent tests under memory models
  litmus     runs litmus tests under a memory model
  cache      simulates what caches do with a trace, a litmus test or a ring

  --help     this text; also after a command
  --version  the version
`;

const COMMANDS: Readonly<Record<string, (args: readonly string[]) => void | Promise<void>>> = {
  serve,
  drivers,
  build,
  gen,
  ring,
  check,
  litmus,
  cache,
};

function version(): string {
  const manifest = readFileSync(new URL(import.meta.resolve('rondo/package.json')), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

async function run([name = '--help', ...args]: readonly string[]): Promise<void> {
  if (name === '--help' || name === 'help') {
    process.stdout.write(HELP);
  } else if (name === '--version') {
    console.log(version());
  } else if (Object.hasOwn(COMMANDS, name)) {
    await COMMANDS[name]?.(args);
  } else {
    const near = nearest(name, Object.keys(COMMANDS));
    throw new UsageError(
      `there is no command ${name}${near ? `, did you mean ${near}?` : ''}\n\n${HELP}`,
    );
  }
}

try {
  await run(process.argv.slice(2));
} catch (error) {
  if (!isExpected(error)) throw error;
  console.error(`rondo: ${error.message}`);
  // Not only the exit code: whatever a module of handlers began would go on.
  process.exit(exitCodeOf(error));
}
