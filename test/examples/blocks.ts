/** Blocks of code and output in pages, and what becomes of them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The folder of the package. */
export const root: string = fileURLToPath(new URL('../../..', import.meta.url));

const COMMAND = `${root}/dist/src/cli/main.js`;

/** Blocks of one language in a page, in order. */
export function blocksOf(page: string, language: string): string[] {
  return [...page.matchAll(/^```(\w*)\n([^]*?)^```$/gm)]
    .filter(([, found]) => found === language)
    .map(([, , text]) => text!);
}

/** Replaces what must be there. */
export function change(text: string, from: string | RegExp, to: string): string {
  const changed = text.replace(from, to);
  assert.notEqual(changed, text);
  return changed;
}

/** How a program went; `code` is null when it did not come to its end in time. */
export interface Outcome {
  readonly code: number | null;
  readonly output: string;
}

/** Runs Node in a folder. */
export function run(folder: string, ...args: readonly string[]): Promise<Outcome> {
  const env = { ...process.env, NO_COLOR: '1' };
  return new Promise((done) => {
    const options = { cwd: folder, timeout: 60_000, env };
    const child = execFile(process.execPath, args, options, (_error, stdout, stderr) => {
      done({ code: child.exitCode, output: stdout + stderr });
    });
  });
}

/** `rondo check` in a folder. */
export function rondoCheck(folder: string, file: string): Promise<Outcome> {
  return run(folder, COMMAND, 'check', file);
}

/** Lines as they are compared. What a token looks like is nobody's business. */
function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trimEnd().replace(/^(Token of this execution: )[\w-]+$/, '$1'));
}

/** Whether a page shows what is printed: all lines in order, but for those that `…` stands for. */
export function assertShown(shown: string, output: string): void {
  const lines = linesOf(output);
  let at = 0;
  let isNext = false;
  for (const line of linesOf(shown)) {
    if (line === '') continue;
    if (line === '…') {
      isNext = false;
      continue;
    }
    while (lines[at] === '') at += 1;
    const found = isNext ? (lines[at] === line ? at : -1) : lines.indexOf(line, at);
    assert.ok(found >= 0, `the page shows\n${line}\nwhich is not there in\n${output}`);
    at = found + 1;
    isNext = true;
  }
}
