/** Unit tests beside the sources: what of one thread they notice, no checker test has to. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A test that runs for longer has no end. */
const LIMIT_MS = 60_000;

/** Unit tests of other folders that are about a source, too. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  'ring/segment/tail.js': ['ring/directory/observer.test.js'],
};

/** Unit tests about a source: those of its folder, and of the folders around it. */
export function unitsOf(root: string, file: string): string[] {
  const units = [...(ELSEWHERE[file] ?? [])];
  for (let folder = dirname(file); folder !== '.'; folder = dirname(folder)) {
    for (const name of readdirSync(join(root, folder)).sort()) {
      if (name.endsWith('.test.js')) units.push(join(folder, name));
    }
  }
  return units;
}

async function passes(path: string): Promise<boolean> {
  const child = spawn(process.execPath, [path], { stdio: 'ignore' });
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearTimeout(timer);
  return code === 0;
}

/** The first of these tests that fails, or does not end. */
export async function firstFailing(
  root: string,
  units: readonly string[],
): Promise<string | undefined> {
  for (const unit of units) if (!(await passes(join(root, unit)))) return unit;
  return undefined;
}
