/** `rondo gen`: the structs of a module of schemas in Rust, Python and C, or their layout. */
import { resolve } from 'node:path';
import { RondoError } from '../base/index.ts';
import { shownPath } from './faults.ts';
import { describeFlags, parseCommand, UsageError, type Given } from './flags.ts';
import { generateC } from './gen/c.ts';
import { checkFile, writeFile } from './gen/files.ts';
import { generateLayout } from './gen/layout.ts';
import { originOf, STDOUT, type Origin } from './gen/origin.ts';
import { generatePython } from './gen/python.ts';
import { generateRust } from './gen/rust.ts';
import { structsOf } from './gen/schema.ts';
import { loadModule } from './modules.ts';

const LANGUAGES = { rust: generateRust, python: generatePython, c: generateC } as const;
type Language = keyof typeof LANGUAGES;

const FLAGS = {
  rust: { help: 'Rust, for the crate rondo-ring', value: '[FILE]' },
  python: { help: 'Python, for the package rondo_ring', value: '[FILE]' },
  c: { help: 'C11 and C++11', value: '[FILE]' },
  layout: { help: 'print the structs with offsets and fingerprints' },
  check: { help: 'write nothing; end with 1 when a file is not what it would be' },
  help: { help: 'this text' },
} as const;

const HELP = `rondo gen SCHEMA [flags]: writes the structs of a module in other languages

SCHEMA is a module (.js, .mjs, or .ts on Node 22.18 and later) that exports structs of rondo/memory.
All of them are written, and those inside them. Without FILE the text goes to stdout.

${describeFlags(FLAGS)}

See docs/guide/schemas-and-codegen.md.
`;

/** What is to be generated, and where it goes: a path, or `STDOUT`. */
interface Target {
  readonly flag: Language;
  readonly file: string;
}

/** Runs the command. */
export async function gen(args: readonly string[]): Promise<void> {
  const { given, words } = parseCommand(withOptionalValues(args), FLAGS, 1);
  if (given.help) {
    process.stdout.write(HELP);
    return;
  }
  const targets = targetsOf(given);
  const [word] = words;
  if (word === undefined) throw new UsageError(noModule(targets));
  const module = resolve(word);
  checkTargets(targets, given, module);
  const structs = structsOf(await loadModule(module), shownPath(module));
  if (given.layout) process.stdout.write(generateLayout(structs));
  const stale: string[] = [];
  for (const { flag, file } of targets) {
    const origin = originOf(module, flag, file);
    const problem = put(LANGUAGES[flag](structs, origin), file, given.check === true, origin);
    if (problem !== undefined) stale.push(problem);
  }
  if (stale.length > 0) throw new RondoError('ERR_GEN_STALE', stale.join('\n'));
}

/** Writes the text or compares it. Returns what is wrong with the file that is there. */
function put(text: string, file: string, isCheck: boolean, origin: Origin): string | undefined {
  if (file === STDOUT) {
    process.stdout.write(text);
    return undefined;
  }
  if (isCheck) return checkFile(file, text, origin);
  console.log(`${shownPath(file)} ${writeFile(file, text) ? 'is written' : 'is up to date'}`);
  return undefined;
}

/**
 * `--rust` alone means stdout: the one kind of flag whose value may be left out.
 * @throws {UsageError} for a language that is there twice
 */
function withOptionalValues(args: readonly string[]): readonly string[] {
  const rewritten: string[] = [];
  for (const flag of Object.keys(LANGUAGES)) {
    const times = args.filter((arg) => arg === `--${flag}` || arg.startsWith(`--${flag}=`)).length;
    if (times > 1) throw new UsageError(`--${flag} was given ${times} times: one FILE at a time`);
  }
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    const next = args[i + 1];
    if (!Object.hasOwn(LANGUAGES, arg.replace(/^--/, '')) || !arg.startsWith('--')) {
      rewritten.push(arg);
    } else if (next === undefined || (next.startsWith('-') && next !== STDOUT)) {
      rewritten.push(`${arg}=${STDOUT}`);
    } else {
      rewritten.push(`${arg}=${next}`);
      i += 1;
    }
  }
  return rewritten;
}

function targetsOf(given: Given<typeof FLAGS>): readonly Target[] {
  return (Object.keys(LANGUAGES) as Language[]).flatMap((flag) => {
    const file = given[flag];
    return file === undefined ? [] : [{ flag, file: file === STDOUT ? file : resolve(file) }];
  });
}

function noModule(targets: readonly Target[]): string {
  const [first] = targets;
  if (first === undefined || first.file === STDOUT) return 'which module of schemas?';
  const { flag } = first;
  const file = shownPath(first.file);
  return `which module of schemas? ${file} behind --${flag} is the file to write: rondo gen SCHEMA --${flag} ${file}`;
}

/** @throws {UsageError} */
function checkTargets(
  targets: readonly Target[],
  { layout, check }: Given<typeof FLAGS>,
  module: string,
): void {
  const files = targets.map(({ file }) => file).filter((file) => file !== STDOUT);
  const printed = targets.length - files.length + (layout ? 1 : 0);
  if (targets.length === 0 && !layout) {
    throw new UsageError('say what to generate: --rust, --python, --c or --layout');
  }
  if (check && (printed > 0 || files.length === 0)) {
    throw new UsageError('--check compares files: give each language a FILE');
  }
  if (printed > 1)
    throw new UsageError('only one of them can go to stdout: give the others a FILE');
  if (new Set([module, ...files]).size <= files.length) {
    throw new UsageError('each language needs a FILE of its own, which is not the module');
  }
}
