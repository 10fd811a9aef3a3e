/**
 * The samples of the guide's pages on tasks and on the checker, as readers would run them: every
 * block of JavaScript that imports from the package ends well, and prints what its comments say
 * (`console.log(x); // 42`).
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const run = promisify(execFile);

// Inside of the package, which samples import by its name.
mkdirSync(`${root}/build`, { recursive: true });
const folder = mkdtempSync(`${root}/build/guide-`);
after(() => rmSync(folder, { recursive: true }));

const PAGES = [
  'README.md',
  'docs/guide/tasks.md',
  'docs/guide/executor.md',
  'docs/guide/channels-and-locks.md',
  'docs/guide/time.md',
  'docs/guide/streams.md',
  'docs/guide/sockets.md',
  'docs/guide/files.md',
  'docs/guide/testing-tasks.md',
  'docs/guide/crowded-cores.md',
  'docs/guide/memory-order.md',
  'docs/guide/cancelled-operations.md',
  'docs/guide/model-checking.md',
];

/** What pages other than those on tasks and on the checker show has tests of its own. */
const OURS = /from 'rondo(\/(net|fs|testing|checker))?'/;

/** Declares a test: see `model-checking.test.ts`. */
const ELSEWHERE = /^model\(/m;

interface Sample {
  readonly line: number;
  readonly code: string;
  readonly printed: readonly string[];
}

function samplesOf(page: string): Sample[] {
  const text = readFileSync(`${root}/${page}`, 'utf8');
  return [...text.matchAll(/^```[jt]s\n([\s\S]*?)^```$/gm)]
    .filter(([, code]) => OURS.test(code!) && !ELSEWHERE.test(code!))
    .map((match) => ({
      line: text.slice(0, match.index).split('\n').length,
      code: match[1]!,
      printed: [...match[1]!.matchAll(/console\.log\(.*\);? \/\/ (.+)$/gm)].map(
        ([, printed]) => printed!,
      ),
    }));
}

for (const page of PAGES) {
  describe(page, { concurrency: 2 }, () => {
    for (const { line, code, printed } of samplesOf(page)) {
      it(`line ${line}`, async () => {
        const file = `${folder}/${page.replaceAll('/', '-')}-${line}.mjs`;
        writeFileSync(file, code);
        const options = { cwd: root, timeout: 60_000 };
        const { stdout } = await run(process.execPath, [file], options);
        const lines = stdout.split('\n').filter((text) => text !== '');
        assert.deepEqual(lines.sort(), [...printed].sort());
      });
    }
  });
}
