/** Reads traces and programs, whatever they are written in. */
import { RondoError } from '../../../base/index.ts';
import type { Trace } from '../access.ts';
import { parseTraceJson } from './json.ts';
import { LIMITS, type Source } from './source.ts';
import { parseTraceText } from './text.ts';

export type { Source } from './source.ts';

/**
 * Reads a trace or a program: JSON when it begins with a bracket or brace, text otherwise.
 * @throws {RondoError} ERR_CACHE_TRACE when it cannot be understood
 * @throws {RondoError} ERR_CACHE_LIMIT when it has more than `maxAccesses`
 */
export function parseTrace(text: string, maxAccesses: number = 1e6): Source {
  if (text.length > LIMITS.BYTES) {
    const size = `it has ${text.length} characters, at most ${LIMITS.BYTES}`;
    throw new RondoError('ERR_CACHE_LIMIT', `Cannot read the trace: ${size}`);
  }
  const begin = /\S/.exec(text)?.[0];
  const isJson = begin === '[' || begin === '{';
  return isJson ? parseTraceJson(text, maxAccesses) : parseTraceText(text, maxAccesses);
}

/** A trace as JSON that `parseTrace` reads, a line for each access. */
export function traceText({ accesses, threads = [], names = [] }: Trace): string {
  const lines = accesses.map((access) => `    ${JSON.stringify(access)}`).join(',\n');
  const head = `  "threads": ${JSON.stringify(threads)},\n  "names": ${JSON.stringify(names)}`;
  return `{\n${head},\n  "accesses": [\n${lines}\n  ]\n}\n`;
}
