/** The command `rondo` as a process, in a folder with a person's own files. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../gateway/fixture.ts';

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** What a process said, and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** A process that runs. */
export interface Run {
  readonly child: ChildProcess;
  /** What it has said so far, on both streams. */
  readonly output: () => string;
  readonly ended: Promise<Ended>;
}

/** A gateway that listens. */
export interface Serving extends Run {
  readonly port: number;
  readonly address: { readonly host: string; readonly port: number };
}

const children: ChildProcess[] = [];
const folders: string[] = [];

/** Ends what was started, and removes what was written. For `afterEach`. */
export function cleanUp(): void {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** A folder with these files, in which `rondo` can be imported. */
export function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'rondo-cli-'));
  folders.push(folder);
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'rondo'));
  const all = { 'package.json': '{ "type": "module" }', ...files };
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** Starts the command. */
export function rondo(
  args: readonly string[],
  { cwd = root, env = process.env }: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Run {
  const child = spawn(process.execPath, [main, ...args], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
  return { child, output: () => output, ended };
}

const TEXT_PORT = /^rondo gateway on https?:\/\/127\.0\.0\.1:(\d+) \(.+\)$/m;
const JSON_PORT = /"event":"listening".*"port":(\d+)/;

/** Starts `rondo serve` on a free port, in this folder, and waits for its address. */
export async function serveIn(cwd: string, ...args: readonly string[]): Promise<Serving> {
  const run = rondo(['serve', '--port', '0', '--host', '127.0.0.1', ...args], { cwd });
  let over: Ended | undefined;
  void run.ended.then((ended) => (over = ended));
  const port = (): string | undefined =>
    (TEXT_PORT.exec(run.output()) ?? JSON_PORT.exec(run.output()))?.[1];
  await until(() => port() !== undefined || over !== undefined, 'rondo serve listens or ends');
  if (port() === undefined) throw new Error(`it ended: ${run.output()}`);
  const address = { host: '127.0.0.1', port: Number(port()) };
  return { ...run, port: address.port, address };
}

/** The same without files. */
export function serve(...args: readonly string[]): Promise<Serving> {
  return serveIn(root, ...args);
}

/** The events in a log of JSON lines. */
export function events(output: string): readonly Readonly<Record<string, unknown>>[] {
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
