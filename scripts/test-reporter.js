// The reporter that scripts/test-run.js loads into each test process. It writes one JSON line per
// finished test, at once, so that a crash loses nothing; `{"end":true}` says that the run came to
// its end by itself.
import { closeSync, openSync, writeSync } from 'node:fs';
import { inspect } from 'node:util';

/** The environment variable that names the file to write. */
export const REPORT_VARIABLE = 'RONDO_TEST_REPORT';

/**
 * @typedef {{ type: string, data: any }} TestEvent
 * @typedef {{ name: string, result: 'passed' | 'failed' | 'skipped', error?: string }} TestRecord
 */

/**
 * What one event adds to the report: undefined for events that are not the end of a test.
 * Suites are containers: they count only when they fail by themselves, for instance in a hook.
 * @param {TestEvent} event
 * @param {readonly string[]} parents names of the tests around it
 * @returns {TestRecord | undefined}
 */
export function toRecord({ type, data }, parents) {
  if (type !== 'test:pass' && type !== 'test:fail') return undefined;
  const name = [...parents, data.name].join(' › ');
  const error = data.details?.error;
  if (data.details?.type === 'suite') {
    if (type === 'test:pass' || error?.failureType === 'subtestsFailed') return undefined;
  }
  // `skip` is the reason, or true; a test with `todo` fails silently, so it counts as skipped too.
  if (data.skip !== undefined || data.todo !== undefined) return { name, result: 'skipped' };
  if (type === 'test:pass') return { name, result: 'passed' };
  const cause = error?.cause instanceof Error ? error.cause : error;
  return { name, result: 'failed', error: inspect(cause, { colors: false }) };
}

/**
 * A reporter of node:test.
 * @param {AsyncIterable<TestEvent>} source
 */
export default async function* report(source) {
  const path = process.env[REPORT_VARIABLE];
  if (path === undefined) throw new Error(`Cannot report: ${REPORT_VARIABLE} must name a file`);
  const file = openSync(path, 'a');
  /** @type {string[]} */
  const names = [];
  for await (const event of source) {
    if (event.type === 'test:start') {
      names[event.data.nesting] = event.data.name;
      names.length = event.data.nesting + 1;
    }
    const record = toRecord(event, names.slice(0, event.data?.nesting ?? 0));
    if (record !== undefined) writeSync(file, `${JSON.stringify(record)}\n`);
  }
  writeSync(file, '{"end":true}\n');
  closeSync(file);
  yield '';
}
