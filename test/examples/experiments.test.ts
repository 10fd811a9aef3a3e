/** `examples/experiments` in a short form: what they find holds, however fast the machine is. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** What an experiment prints; one that finds what must not be ends with an error. */
async function run(name: string, ...args: string[]): Promise<string> {
  const options = { cwd: root, timeout: 110_000 };
  const program = `examples/experiments/${name}.js`;
  return (await promisify(execFile)(process.execPath, [program, ...args], options)).stdout;
}

/** The rows of the table, each with its cells by the names of the columns. */
function rowsOf(output: string): Readonly<Record<string, string>>[] {
  const lines = output.split('\n').filter((line) => line.startsWith('│'));
  const [names = [], ...rows] = lines.map((line) =>
    line
      .split('│')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("'", '')),
  );
  return rows.map((cells) => Object.fromEntries(cells.map((cell, i) => [names[i], cell])));
}

describe('examples/experiments', () => {
  it('crowded: every way of waiting gets its messages over, in order', async () => {
    const rows = rowsOf(await run('crowded', '200', '1'));
    assert.equal(rows.length, 6);
    for (const row of rows) assert.ok(Number(row['trips/s']) >= 0, JSON.stringify(row));
    // In the time that one row has, a busy machine may run none of its threads: never of all rows.
    const sleepers = rows.filter(({ way }) => way !== 'spins for ever');
    assert.ok(sleepers.some((row) => Number(row['trips/s']) > 0));
  });

  it('litmus: Atomics and fences let nothing through', async () => {
    const rows = rowsOf(await run('litmus', '300'));
    assert.equal(rows.length, 5);
    for (const { test, runs, wrong } of rows) {
      assert.ok(Number(runs) > 0, test);
      if (!test!.endsWith('plain')) assert.equal(wrong, '0', test);
    }
    // Every outcome was counted once.
    for (const row of rows) {
      const seen = ['0,0', '0,1', '1,0', '1,1'].map((pair) => Number(row[`saw ${pair}`]));
      assert.equal(
        seen.reduce((sum, count) => sum + count),
        Number(row.runs),
      );
    }
  });

  it('cancelled: nothing is left of what was cancelled in flight', async () => {
    const output = await run('cancelled', '3000');
    const rows = rowsOf(output);
    assert.ok(rows.length >= 4, output);
    for (const row of rows) {
      assert.equal(Number(row.cancelled) + Number(row.done), 3000);
      for (const column of ['operations', 'KiB', 'files', 'connections']) {
        const [before, , after] = row[column]!.split(' → ');
        assert.equal(after, before, `${row.operation}: ${column}`);
      }
    }
    const reads = rows.find(({ operation }) => operation === 'read a file')!;
    assert.match(reads.KiB!, /^0 → [1-9]\d* → 0$/, 'memory was held while they were in flight');
  });
});
