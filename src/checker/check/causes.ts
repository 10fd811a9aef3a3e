/** What tests throw, which may be anything. */
import { inspect } from 'node:util';

/** The code of an error of Node's or of Rondo's; '' when there is none. */
export function codeOf(cause: unknown): string {
  const code = cause instanceof Error ? (cause as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : '';
}

/** An error's message; what is no error is shown as it is, without calling any code of its own. */
export function messageOf(cause: unknown): string {
  if (cause instanceof Error) return cause.message;
  if (typeof cause === 'string') return cause;
  return inspect(cause, { depth: 2, breakLength: Infinity, customInspect: false, getters: false });
}
