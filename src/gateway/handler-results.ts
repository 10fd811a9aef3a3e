/** What handlers give and throw, of WebSockets and HTTP alike. */
import { inspect } from 'node:util';

/** Tells of a handler that failed, as a warning of the process. */
export function warnOfHandler(route: string, error: unknown): void {
  process.emitWarning(`A handler of route ${route} failed: ${describe(error)}`, {
    type: 'RondoWarning',
    code: 'RONDO_HANDLER',
  });
}

/** Tells of what failed between a gateway and an engine, as a warning of the process. */
export function warnOfEngine(name: string, error: unknown): void {
  process.emitWarning(`What the engine ${name} is bridged with failed: ${describe(error)}`, {
    type: 'RondoWarning',
    code: 'RONDO_ENGINE',
  });
}

/** What was thrown may be made to throw again when it is looked at. */
function describe(error: unknown): string {
  try {
    return inspect(error);
  } catch {
    return 'an error that cannot be shown';
  }
}
