/** `rondo serve` with a person's own module, config file and log. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { Client, handshake, Opcode } from '../gateway/client.ts';
import { until } from '../gateway/fixture.ts';
import { cleanUp, events, folderWith, rondo, serve, serveIn } from './command.ts';

const SHOUT = `
  import { defineHandlers } from 'rondo/gateway';
  export default defineHandlers({
    '/shout/:name': {
      message(connection, message) {
        connection.send(connection.params.name + ': ' + message.text().toUpperCase());
      },
    },
  });
`;

async function ask(client: Client, text: string): Promise<string> {
  client.send(Opcode.TEXT, text);
  return client.text();
}

describe('rondo serve HANDLERS', () => {
  afterEach(cleanUp);

  it('serves an object of handlers by path', async () => {
    const { address, output } = await serveIn(folderWith({ 'shout.js': SHOUT }), 'shout.js');
    assert.equal(await ask(await Client.open(address, '/shout/ann'), 'hello'), 'ann: HELLO');
    assert.match(output(), /shout\.js at ws:/);
    const other = await Client.connect(address);
    other.write('GET / HTTP/1.1\r\nHost: test\r\n\r\n');
    assert.equal((await other.response()).status, 404, 'the demonstration is not there');
  });

  it('serves what an async function adds, in CommonJS too', async () => {
    const folder = folderWith({
      'handlers.cjs': `
        module.exports = async (gateway) => {
          await Promise.resolve();
          gateway.websocket('/echo', { message: (connection, message) => connection.send(message) });
        };`,
    });
    const { address } = await serveIn(folder, './handlers.cjs');
    assert.equal(await ask(await Client.open(address, '/echo'), 'hello'), 'hello');
  });

  it('serves the example', async () => {
    const { address } = await serve('examples/handlers.js');
    const refused = await Client.connect(address);
    refused.write(handshake('/rooms/lobby'));
    assert.equal((await refused.response()).status, 400);
    const ann = await Client.open(address, '/rooms/lobby?name=ann');
    assert.equal(await ann.text(), 'ann is here');
    const bob = await Client.open(address, '/rooms/lobby?name=bob');
    assert.equal(await ann.text(), 'bob is here');
    bob.send(Opcode.TEXT, 'hello');
    assert.equal(await ann.text(), 'bob: hello');
    const browser = await Client.connect(address);
    browser.write('GET /api/rooms/lobby HTTP/1.1\r\nHost: test\r\n\r\n');
    assert.equal((await browser.response()).body, '["ann","bob"]');
    assert.deepEqual([await bob.text(), await bob.text()], ['bob is here', 'bob: hello']);
    await bob.close();
    assert.equal(await ann.text(), 'bob has left');
  });

  it('says where a module is wrong, without a stack of its own', async () => {
    const cases: readonly (readonly [module: string, code: number, said: RegExp])[] = [
      [
        'export default {};\nconst = 1;',
        1,
        /Cannot load module\.js: SyntaxError.*\n.*module\.js:2/,
      ],
      ['import "./missing.js";', 1, /Cannot find module '.*missing\.js'/],
      ['import { nothing } from "node:fs";', 1, /module\.js:1\n.*nothing/],
      ['\nthrow new Error("no database");', 1, /Error: no database\n +at module\.js:2:7/],
      ['throw "a word";', 1, /Cannot load module\.js: 'a word' was thrown/],
      ['export const handlers = {};', 1, /Cannot use module\.js: it has no default export/],
      ['export default 5;', 1, /its default export must be a function/],
      ['export default { echo: {} };', 1, /an object of handlers by path/],
      [
        'export default (gateway) => {\n  gateway.websocket("x", {});\n}',
        1,
        /Cannot use module\.js: TypeError.*"x".*\n +at .*module\.js:2:11\)?/,
      ],
      ['export default { "/x": { mesage() {} } };', 1, /"mesage".*did you mean "message"\?/],
      ['export default () => { setInterval(() => {}, 1e6); throw new Error("x"); };', 1, /: x/],
    ];
    for (const [text, expected, said] of cases) {
      const cwd = folderWith({ 'module.js': text });
      const { code, output } = await rondo(['serve', 'module.js', '-p', '0'], { cwd }).ended;
      assert.equal(code, expected, text);
      assert.match(output, said, text);
      assert.doesNotMatch(output, /node:internal|src\/cli|src\/gateway/, text);
    }
  });

  it('runs TypeScript where Node does, and says what to do where it does not', async () => {
    const cwd = folderWith({ 'shout.ts': `const name: string = 'x';${SHOUT}export { name };` });
    if ((process.features as { typescript?: unknown }).typescript) {
      const { address } = await serveIn(cwd, 'shout.ts');
      assert.equal(await ask(await Client.open(address, '/shout/ann'), 'hello'), 'ann: HELLO');
      return;
    }
    const { code, output } = await rondo(['serve', 'shout.ts'], { cwd }).ended;
    assert.equal(code, 1);
    assert.match(output, /Cannot load shout\.ts: Node \S+ does not run TypeScript; .*22\.18/);
  });

  it('logs a handler that fails with the place in the module, and goes on', async () => {
    const folder = folderWith({
      'handlers.js': `export default { '/': {
        message(connection, message) {
          if (message.text() === 'fail') throw new Error('it failed');
          connection.send(message);
        } } };`,
    });
    const { address, output } = await serveIn(folder, 'handlers.js');
    const failing = await Client.open(address, '/');
    failing.send(Opcode.TEXT, 'fail');
    assert.equal(await failing.closeCode(), 1011);
    await until(() => /error: A handler of route \/ failed/.test(output()), 'it is logged');
    assert.match(output(), /Error: it failed\n +at .*handlers\.js:3:\d+/);
    assert.doesNotMatch(output(), /node:internal|src\/gateway/);
    assert.equal(await ask(await Client.open(address, '/'), 'hello'), 'hello');
  });

  it('ends with 1 when something else in the module fails', async () => {
    const folder = folderWith({
      'handlers.js': `export default { '/': {
        open() { setImmediate(() => { throw new Error('nobody catches it'); }); } } };`,
    });
    const { address, ended } = await serveIn(folder, 'handlers.js');
    const client = await Client.open(address, '/');
    await client.over();
    const { code, output } = await ended;
    assert.equal(code, 1);
    assert.match(output, /error: Error: nobody catches it\n +at .*handlers\.js:2:\d+/);
  });
});

describe('rondo serve --config', () => {
  afterEach(cleanUp);

  it('takes options and handlers from the file in the folder, and flags win over it', async () => {
    const folder = folderWith({
      'app/shout.js': SHOUT,
      'rondo.config.js': `
        import { defineConfig } from 'rondo/gateway';
        export default defineConfig({
          handlers: './app/shout.js', port: 1, maxMessageSize: 10, drainDeadlineMs: 0, log: 'json',
        });`,
    });
    const { address, child, ended, output } = await serveIn(folder, '--max-message-size', '20');
    const client = await Client.open(address, '/shout/ann');
    assert.equal(
      await ask(client, '12345678901'),
      'ann: 12345678901',
      '11 bytes pass, by the flag',
    );
    client.send(Opcode.TEXT, 'x'.repeat(21));
    assert.equal(await client.closeCode(), 1009);
    const deaf = await Client.open(address, '/shout/bob');
    child.kill('SIGTERM');
    await deaf.over();
    assert.equal((await ended).code, 0);
    const [listening] = events(output());
    assert.deepEqual([listening?.['event'], listening?.['port']], ['listening', address.port]);
  });

  it('takes a file of any kind by its path, relative to which its handlers are', async () => {
    const folder = folderWith({
      'shout.js': SHOUT,
      'etc/gateway.json': '{ "handlers": "../shout.js" }',
      'etc/gateway.mjs': `
        export default { handlers: (gateway) => gateway.websocket('/shout/:name', {
          message: (connection, message) => { connection.send('inline ' + message.text()); } }) };`,
    });
    const json = await serveIn(folder, '--config', 'etc/gateway.json');
    assert.equal(await ask(await Client.open(json.address, '/shout/ann'), 'x'), 'ann: X');
    const module = await serveIn(folder, '-c', 'etc/gateway.mjs');
    assert.equal(await ask(await Client.open(module.address, '/shout/ann'), 'x'), 'inline x');
    const flag = await serveIn(folder, 'shout.js', '-c', 'etc/gateway.mjs');
    assert.equal(await ask(await Client.open(flag.address, '/shout/ann'), 'x'), 'ann: X');
  });

  it('refuses what it does not understand, and suggests', async () => {
    const cases: readonly (readonly [file: string, code: number, said: RegExp])[] = [
      ['{ "prot": 1 }', 2, /"prot" of rondo\.config\.json: it does not exist, did you mean "port"/],
      ['{ "handler": "x" }', 2, /did you mean "handlers"/],
      ['{ "port": "80" }', 2, /port: it must be an integer/],
      ['{ "log": "xml" }', 2, /log: it must be one of text, json, got "xml"/],
      ['{ "handlers": "nowhere.js" }', 2, /there is no file nowhere\.js/],
      ['{ "handlers": 5 }', 1, /the handlers of the config file: .*must be a function/],
      ['[]', 1, /rondo\.config\.json: a config file must export an object/],
      ['{ "port": }', 1, /Cannot load rondo\.config\.json: /],
    ];
    for (const [text, expected, said] of cases) {
      const cwd = folderWith({ 'rondo.config.json': text });
      const { code, output } = await rondo(['serve'], { cwd }).ended;
      assert.equal(code, expected, text);
      assert.match(output, said, text);
      assert.doesNotMatch(output, /\n {4}at /, 'no stack');
    }
    const two = folderWith({ 'rondo.config.json': '{}', 'rondo.config.mjs': '' });
    const { code, output } = await rondo(['serve'], { cwd: two }).ended;
    assert.equal(code, 2);
    assert.match(output, /rondo\.config\.mjs and rondo\.config\.json are here/);
  });
});

describe('rondo serve --log', () => {
  afterEach(cleanUp);

  it('json: every line is an event with its time and level', async () => {
    const folder = folderWith({
      'handlers.js': `export default { '/': { message() { throw new Error('it failed'); } } };`,
    });
    const { address, child, ended, output } = await serveIn(folder, 'handlers.js', '--log', 'json');
    const client = await Client.open(address, '/');
    client.send(Opcode.TEXT, 'x');
    await until(() => output().includes('"handler"'), 'the failure is logged');
    child.kill('SIGUSR2');
    await until(() => output().includes('"usage"'), 'the usage is logged');
    child.kill('SIGTERM');
    await client.over();
    assert.equal((await ended).code, 0);
    const log = events(output());
    assert.deepEqual(
      log.map(({ event, level }) => [event, level]),
      [
        ['listening', 'info'],
        ['handler', 'error'],
        ['usage', 'info'],
        ['draining', 'info'],
        ['ended', 'info'],
      ],
    );
    for (const { time } of log) assert.equal(new Date(String(time)).toISOString(), time);
    assert.match(JSON.stringify(log[2]?.['counters']), /"messagesReceived":1\b/);
    assert.equal(log[3]?.['signal'], 'SIGTERM');
    assert.equal(typeof log[4]?.['closed'], 'number');
  });

  it('json: what keeps it from serving is an event too', async () => {
    const cwd = folderWith({ 'broken.js': 'throw new Error("x");' });
    const { code, output } = await rondo(['serve', 'broken.js', '--log', 'json'], { cwd }).ended;
    const [event] = events(output);
    assert.equal(code, 1);
    assert.deepEqual([event?.['level'], event?.['code']], ['error', 'ERR_MODULE_LOAD']);
  });

  it('text: lines have a time and a level, and --log-level leaves out the lesser ones', async () => {
    const { child, output, ended } = await serve();
    child.kill('SIGUSR2');
    await until(() => /^\S+Z 0 connections, \d+ bytes held/m.test(output()), 'it is logged');
    child.kill('SIGTERM');
    await ended;
    const quiet = await serve('--log-level', 'warn');
    quiet.child.kill('SIGTERM');
    assert.doesNotMatch((await quiet.ended).output, /closing|ended/);
  });
});

describe('rondo serve', () => {
  afterEach(cleanUp);

  it('echoes 16 MiB of text and of binary', async () => {
    const { address } = await serve('--max-message-size', String(64 << 20));
    const client = await Client.open(address, '/echo');
    const size = 16 << 20;
    client.send(Opcode.BINARY, Buffer.alloc(size, 7));
    const binary = await client.frame();
    assert.deepEqual([binary.opcode, binary.payload.length], [Opcode.BINARY, size]);
    assert.ok(binary.payload.every((byte) => byte === 7));
    client.send(Opcode.TEXT, 'é'.repeat(size / 2));
    assert.equal(await client.text(), 'é'.repeat(size / 2));
  });

  it('echoes at / beside the page', async () => {
    const { address } = await serve();
    const client = await Client.open(address, '/');
    assert.equal(await ask(client, 'hello'), 'hello');
    const browser = await Client.connect(address);
    browser.write('GET / HTTP/1.1\r\nHost: test\r\n\r\n');
    assert.match((await browser.response()).body, /<title>Rondo gateway<\/title>/);
  });
});
