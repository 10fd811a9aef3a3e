/** Catches reports of the sanitizer, and looks at the sites that they name. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { onViewReport, type ViewReport } from '../../src/memory/index.ts';

/** Reports since the last look: those that were thrown are there too. */
const told: ViewReport[] = [];

/** For each file: without the sanitizer its tests would say nothing. */
export function listen(): void {
  before(() => {
    const runs = onViewReport((report) => told.push(report));
    assert.ok(runs, 'these tests run with --conditions=sanitize: npm test -- --sanitize');
  });
  after(() => {
    onViewReport(undefined);
    assert.deepEqual(
      told.map(({ message }) => message),
      [],
      'nothing was reported that no test expects',
    );
  });
}

/** What a report must say: its code, its first line, and at each site what happened, and where. */
export interface Expected {
  readonly code: string;
  readonly message: RegExp;
  readonly sites: readonly (readonly [what: RegExp, where: RegExp])[];
}

/** The reports that were told and not looked at. */
export function takeReports(): ViewReport[] {
  return told.splice(0);
}

/** The one report that `misuse` throws. */
export function catches(misuse: () => unknown, expected: Expected): void {
  assert.throws(misuse, { name: 'RondoError', code: expected.code });
  const [report, ...more] = takeReports();
  assert.equal(more.length, 0);
  matches(report, expected);
}

/** Whether a report says what it must. */
export function matches(report: ViewReport | undefined, expected: Expected): void {
  assert.ok(report, 'there is a report');
  assert.equal(report.code, expected.code, report.message);
  assert.match(report.message.split('\n')[0]!, expected.message);
  assert.equal(report.sites.length, expected.sites.length, report.message);
  for (const [index, [what, where]] of expected.sites.entries()) {
    const site = report.sites[index]!;
    assert.match(site.what, what);
    assert.match(site.frames.join('\n'), where, site.what);
    assert.ok(report.message.includes(`${site.what}\n    ${site.frames[0]}`), 'the message has it');
  }
}
