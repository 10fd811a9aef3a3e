/**
 * Lock-free structures under RC11, where each function of `#atomics` has the order that its name
 * says and no more: what a port of them to Rust or C may rely on. Where that is not enough, the
 * structure says why, and it must not be enough.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { structures } from './all.ts';
import type { OrdersReport } from './orders.worker.ts';

describe('lock-free structures with the orders that their sources name', () => {
  const reports = new Map<string, OrdersReport>();
  let worker: Worker | undefined;

  before(async () => {
    worker = new Worker(new URL('orders.worker.js', import.meta.url), {
      execArgv: ['--conditions=checker'],
    });
    worker.on('message', (report: OrdersReport) => reports.set(report.name, report));
    await once(worker, 'exit');
  });

  after(async () => {
    await worker?.terminate();
  });

  for (const { name, named } of structures) {
    if (named === undefined) continue;
    const needs = named === 'holds' ? '' : ': they are not enough';
    it(`${name}${needs}`, (context) => {
      const report = reports.get(name);
      assert.ok(report, 'it was checked');
      context.diagnostic(report.coverage);
      assert.equal(report.problem, undefined);
    });
  }
});
