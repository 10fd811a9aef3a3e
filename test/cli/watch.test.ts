/** `rondo serve --watch`: a change is served, a broken module is not, and the port stays. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { Client, closePayload, Opcode } from '../gateway/client.ts';
import { until } from '../gateway/fixture.ts';
import { cleanUp, folderWith, rondo, serveIn, type Serving } from './command.ts';

const says = (word: string): string =>
  `export default { '/': { open(connection) { connection.send('${word}'); } } };`;

const greeting = async ({ address }: Serving): Promise<string> => {
  const client = await Client.open(address, '/');
  const text = await client.text();
  await client.close();
  return text;
};

/** How many times a gateway of this run has begun to listen. */
const starts = ({ output }: Serving): number => output().split('rondo gateway on').length - 1;

describe('rondo serve --watch', () => {
  afterEach(cleanUp);

  it('serves what has changed on the same port, and drains what was served before', async () => {
    const folder = folderWith({
      'handlers.js': `import { word } from './lib/word.js'; ${says('x').replace("'x'", 'word')}`,
      'lib/word.js': `export const word = 'one';`,
    });
    const run = await serveIn(folder, 'handlers.js', '--watch');
    assert.equal(await greeting(run), 'one');
    const before = await Client.open(run.address, '/');
    assert.equal(await before.text(), 'one');
    writeFileSync(join(folder, 'lib/word.js'), `export const word = 'two';`);
    assert.equal(await before.closeCode(), 1001);
    before.send(Opcode.CLOSE, closePayload(1001));
    await before.over();
    await until(() => starts(run) === 2, 'the new one listens');
    assert.equal(await greeting(run), 'two');
    await until(() => /ended: \d+ closed, 0 reset/.test(run.output()), 'the old one has drained');
    run.child.kill('SIGTERM');
    assert.equal((await run.ended).code, 0);
  });

  it('goes on serving when the module is broken, and takes the next that is not', async () => {
    const folder = folderWith({ 'handlers.js': says('one') });
    const run = await serveIn(folder, 'handlers.js', '--watch');
    writeFileSync(join(folder, 'handlers.js'), 'export default {\n  nonsense here\n};');
    await until(() => run.output().includes('the one before goes on'), 'it is reported');
    assert.match(run.output(), /SyntaxError.*\n.*handlers\.js:2/);
    assert.equal(await greeting(run), 'one');
    writeFileSync(join(folder, 'handlers.js'), says('three'));
    await until(() => starts(run) === 2, 'the new one listens');
    assert.equal(await greeting(run), 'three');
  });

  it('waits for a module that is broken from the start, and minds its config', async () => {
    const folder = folderWith({
      'handlers.js': 'throw new Error("not yet");',
      'rondo.config.json': '{ "port": 0, "host": "127.0.0.1", "handlers": "handlers.js" }',
    });
    const run = rondo(['serve', '--watch'], { cwd: folder });
    await until(() => run.output().includes('nothing is served'), 'it is reported');
    assert.match(run.output(), /Error: not yet/);
    writeFileSync(join(folder, 'handlers.js'), says('at last'));
    const port = (): string | undefined => /127\.0\.0\.1:(\d+) /.exec(run.output())?.[1];
    await until(() => port() !== undefined, 'it listens');
    const address = { host: '127.0.0.1', port: Number(port()) };
    const client = await Client.open(address, '/');
    assert.equal(await client.text(), 'at last');
    writeFileSync(join(folder, 'rondo.config.json'), '{ "prot": 0 }');
    await until(() => run.output().includes('did you mean "port"'), 'the config is read again');
    rmSync(join(folder, 'rondo.config.json'));
    await until(() => run.output().includes('there is no file'), 'the config is missed');
    run.child.kill('SIGINT');
    assert.equal(await client.closeCode(), 1001);
    client.send(Opcode.CLOSE, closePayload(1001));
    assert.equal((await run.ended).code, 0);
  });

  it('reports one that ends by itself, and starts the next after a change', async () => {
    const folder = folderWith({
      'handlers.js': `export default { '/': { message() { process.exit(7); } } };`,
    });
    const run = await serveIn(folder, 'handlers.js', '--watch');
    const client = await Client.open(run.address, '/');
    client.send(Opcode.TEXT, 'end');
    await client.over();
    await until(() => run.output().includes('it ended with 7'), 'it is reported');
    writeFileSync(join(folder, 'handlers.js'), says('again'));
    await until(() => starts(run) === 2, 'the new one listens');
    assert.equal(await greeting(run), 'again');
  });

  it('ends at once at the second signal, and the process that serves with it', async () => {
    const folder = folderWith({ 'handlers.js': says('one') });
    const run = await serveIn(folder, 'handlers.js', '--watch', '--drain-deadline', '3600000');
    const deaf = await Client.open(run.address, '/');
    run.child.kill('SIGTERM');
    assert.equal(await deaf.text(), 'one');
    assert.equal(await deaf.closeCode(), 1001);
    run.child.kill('SIGTERM');
    assert.equal((await run.ended).code, 143);
    assert.notEqual(await deaf.over(), undefined);
  });

  it('does not start with a command line that is wrong', async () => {
    const cwd = folderWith({ 'handlers.js': says('one') });
    const run = rondo(['serve', 'handlers.js', '--watch', '--driver', 'nonsense'], { cwd });
    const { code, output } = await run.ended;
    assert.equal(code, 2);
    assert.match(output, /driver: it must be one of/);
  });
});
