/**
 * Traces as JSON: an array of accesses, or an object with `accesses` and, where there are some,
 * `threads` (names, by core), `names` (`{ name, address, size }`) and `program: true`. An access is
 * `{ core, kind, address, size, site }`: `kind` a word or its letter, `address` a number or a text
 * as `"0x40"`, `size` 4 unless said.
 */
import { RondoError } from '../../../base/index.ts';
import {
  type Access,
  ACCESS_BYTES_MAX,
  type AccessKind,
  KIND_LETTERS,
  type Named,
} from '../access.ts';
import { CORES_MAX } from '../options.ts';
import { LIMITS, type Source } from './source.ts';

const KINDS: ReadonlyMap<unknown, AccessKind> = new Map(
  Object.entries(KIND_LETTERS).flatMap(([kind, letter]) => [
    [kind, kind as AccessKind],
    [letter, kind as AccessKind],
  ]),
);

const ADDRESS_MAX = Number.MAX_SAFE_INTEGER - 2 ** 16;

/** See the head of this file. @throws {RondoError} ERR_CACHE_TRACE, ERR_CACHE_LIMIT */
export function parseTraceJson(text: string, maxAccesses: number): Source {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const why = (cause as Error).message;
    throw new RondoError('ERR_CACHE_TRACE', `Cannot read the trace as JSON: ${why}`, { cause });
  }
  const known = ['accesses', 'threads', 'names', 'program'];
  const whole = Array.isArray(value) ? { accesses: value } : fields(value, 'it', known);
  const accesses = list(whole.accesses, 'accesses');
  if (accesses.length > maxAccesses) {
    throw new RondoError(
      'ERR_CACHE_LIMIT',
      `Cannot read the trace: it has ${accesses.length} accesses, maxAccesses is ${maxAccesses}`,
    );
  }
  const names = list(whole.names ?? [], 'names');
  if (names.length > LIMITS.NAMES) {
    const problem = `it has ${names.length} names, at most ${LIMITS.NAMES}`;
    throw new RondoError('ERR_CACHE_LIMIT', `Cannot read the trace: ${problem}`);
  }
  const threads = list(whole.threads ?? [], 'threads');
  if (threads.length > CORES_MAX) fail('threads', `must be ${CORES_MAX} names at most`);
  if (![undefined, true, false].includes(whole.program as boolean)) {
    fail('program', 'must be true or false');
  }
  return {
    accesses: accesses.map((each, index) => accessOf(each, `accesses[${index}]`)),
    threads: threads.map((each, index) => nullable(each, `threads[${index}]`)),
    names: names.map((each, index) => namedOf(each, `names[${index}]`)),
    isProgram: whole.program === true,
  };
}

function accessOf(value: unknown, where: string): Access {
  const known = ['core', 'kind', 'address', 'size', 'site'];
  const { core, kind, address, size = 4, site } = fields(value, where, known);
  const found = KINDS.get(kind);
  if (found === undefined) fail(`${where}.kind`, `must be one of ${[...KINDS.keys()].join(', ')}`);
  const access = {
    core: integer(core, `${where}.core`, 0, CORES_MAX - 1),
    kind: found,
    address: addressOf(address, `${where}.address`),
    size: integer(size, `${where}.size`, 1, ACCESS_BYTES_MAX),
  };
  return site === undefined ? access : { ...access, site: string(site, `${where}.site`) };
}

function namedOf(value: unknown, where: string): Named {
  const { name, address, size = 4 } = fields(value, where, ['name', 'address', 'size']);
  return {
    name: string(name, `${where}.name`),
    address: addressOf(address, `${where}.address`),
    size: integer(size, `${where}.size`, 1, 2 ** 40),
  };
}

function addressOf(value: unknown, where: string): number {
  const isHex = typeof value === 'string' && /^0x[\da-f]{1,14}$/i.test(value);
  return integer(isHex ? Number(value) : value, where, 0, ADDRESS_MAX);
}

function nullable(value: unknown, where: string): string | undefined {
  return value === null ? undefined : string(value, where);
}

function string(value: unknown, where: string): string {
  if (typeof value === 'string' && value.length <= LIMITS.SITE) return value;
  return fail(where, `must be a text of at most ${LIMITS.SITE} characters`);
}

function integer(value: unknown, where: string, minimum: number, maximum: number): number {
  if (Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum) {
    return value as number;
  }
  return fail(where, `must be a whole number from ${minimum} to ${maximum}`);
}

function list(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  return fail(where, 'must be an array');
}

function fields(
  value: unknown,
  where: string,
  known: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    fail(where, 'must be an object');
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    fail(where, `has ${JSON.stringify(unknown.slice(0, 40))}, but can have ${known.join(', ')}`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function fail(where: string, problem: string): never {
  throw new RondoError('ERR_CACHE_TRACE', `Cannot read the trace: ${where} ${problem}`);
}
