/**
 * Threads of litmus tests that are written in C: the C11 atomics, plain accesses, variables,
 * branches and bounded loops. A superset of what herd reads.
 */
import type { CArchitecture } from '../format/architecture.ts';
import { compileThread } from './compile.ts';
import { parseThread } from './parser.ts';

/** The front end for C. */
export const c11: CArchitecture = {
  name: 'c11',
  compile(thread, environment) {
    const syntax = parseThread(
      thread,
      (message, place) => environment.fail(message, place),
      (message, place) => environment.unsupported(message, place),
    );
    return compileThread(syntax, environment);
  },
};
