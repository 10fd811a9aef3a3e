/** `examples/tasks`: each program as somebody starts it. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const started: ChildProcess[] = [];
after(() => {
  for (const child of started) child.kill('SIGKILL');
});

interface Program {
  readonly child: ChildProcess;
  readonly port: number;
  output(): string;
  /** Asks it to end; gives its exit code. */
  stop(): Promise<number | null>;
}

function run(name: string, ...args: string[]): { child: ChildProcess; output: () => string } {
  const child = spawn(process.execPath, [`examples/tasks/${name}.js`, ...args], { cwd: root });
  started.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => (output += data.toString()));
  }
  return { child, output: () => output };
}

async function serve(name: string, ...args: string[]): Promise<Program> {
  const { child, output } = run(name, ...args);
  while (!/127\.0\.0\.1:\d+/.test(output())) {
    if (child.exitCode !== null) assert.fail(output());
    await Promise.race([once(child.stdout!, 'data'), once(child, 'exit')]);
  }
  const stop = async (): Promise<number | null> => {
    const exit = once(child, 'exit');
    child.kill('SIGINT');
    const [code] = (await exit) as [number | null];
    return code;
  };
  return { child, port: Number(/127\.0\.0\.1:(\d+)/.exec(output())![1]), output, stop };
}

async function get(
  port: number,
  path: string,
  method = 'GET',
): Promise<{ status: number; body: Buffer; length: string | undefined }> {
  const asked = request({ host: '127.0.0.1', port, path, method, agent: false });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const length = response.headers['content-length'];
  return { status: response.statusCode!, body: Buffer.concat(chunks), length };
}

describe('examples/tasks/files.js', () => {
  it('serves files, and nothing outside of its folder', async () => {
    const files = await serve('files', '0', 'docs');
    const wanted = readFileSync(`${root}/docs/guide/rings.md`);
    const found = await get(files.port, '/guide/rings.md?x=1');
    assert.equal(found.status, 200);
    assert.ok(found.body.equals(wanted));
    const head = await get(files.port, '/guide/rings.md', 'HEAD');
    assert.deepEqual([head.body.length, head.length], [0, String(wanted.length)]);
    assert.equal((await get(files.port, '/nothing')).status, 404);
    assert.equal((await get(files.port, '/guide')).status, 404);
    assert.equal((await get(files.port, '/%2e%2e/package.json')).status, 400);
    assert.equal((await get(files.port, '/%zz')).status, 400);
    assert.equal((await get(files.port, '/', 'POST')).status, 405);
    assert.equal(await files.stop(), 0);
    assert.equal(files.output().trim().split('\n').length, 1, files.output());
  });

  it('answers several requests that came at once on one connection', async () => {
    const files = await serve('files', '0', 'docs');
    const socket = connect(files.port, '127.0.0.1');
    const ask = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;
    socket.write(ask('/nothing') + ask('/errors.md') + ask('/nothing'));
    const errors = readFileSync(`${root}/docs/errors.md`);
    let text = '';
    for await (const data of socket) {
      text += (data as Buffer).toString();
      if (text.split('HTTP/1.1 404').length === 3) break;
    }
    assert.ok(text.includes(errors.toString()));
    assert.equal(await files.stop(), 0);
  });
});

describe('examples/tasks/proxy.js', () => {
  it('passes bytes both ways, and ends its connections when it is stopped', async () => {
    const files = await serve('files', '0', 'docs');
    const proxy = await serve('proxy', '0', `127.0.0.1:${files.port}`);
    const direct = await get(files.port, '/errors.md');
    const through = await get(proxy.port, '/errors.md');
    assert.ok(through.body.equals(direct.body));
    const idle = connect(proxy.port, '127.0.0.1');
    idle.write('HEAD /errors.md HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(idle, 'data');
    const closed = once(idle, 'close');
    assert.equal(await proxy.stop(), 0);
    await closed;
    assert.match(proxy.output(), /every connection is closed\s*$/);
    await files.stop();
  });

  it('says which client could not be served, and goes on', async () => {
    const proxy = await serve('proxy', '0', '127.0.0.1:1');
    for (let i = 0; i < 2; i++) {
      const socket = connect(proxy.port, '127.0.0.1').on('error', () => undefined);
      await once(socket, 'close');
    }
    assert.equal(await proxy.stop(), 0);
    assert.match(proxy.output(), /ECONNREFUSED[\s\S]*ECONNREFUSED/);
  });
});

describe('examples/tasks/jobs.js', () => {
  it('runs what does not depend on each other at once, and the rest after that', async () => {
    const { child, output } = run('jobs');
    const [code] = (await once(child, 'close')) as [number];
    assert.equal(code, 0, output());
    const order = output().match(/^\w+(?=: done)/gm)!;
    assert.deepEqual([...order].sort(), ['bundle', 'checks', 'sources', 'styles', 'upload']);
    assert.ok(order.indexOf('bundle') > order.indexOf('styles'));
    assert.ok(order.indexOf('bundle') > order.indexOf('sources'));
    assert.equal(order.at(-1), 'upload');
    assert.match(output(), /bundle: done after \d+ ms: 12 files/);
  });
});
