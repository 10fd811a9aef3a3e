import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import type { FileOptions, Gateway } from '../../src/gateway/index.ts';
import { Client } from './client.ts';
import { onEveryDriver, until, untilNothingIsHeld, type Fixture } from './fixture.ts';
import { ask, requestText as text } from './http-requests.ts';

const MIB = 1 << 20;
const BIG = Buffer.alloc(5 * MIB, 'a large file, ');
/** A whole second, since headers tell no more. */
const TIME = Date.UTC(2024, 1, 29, 12, 0, 0);

let outer = '';
let root = '';

before(() => {
  outer = mkdtempSync(join(tmpdir(), 'rondo-files-'));
  root = join(outer, 'root');
  for (const path of ['root', 'root/sub', 'root/empty', 'root/.git', 'outside', 'root-twin']) {
    mkdirSync(join(outer, path));
  }
  const files: Record<string, string | Uint8Array> = {
    'root/a.txt': 'hello files',
    'root/empty.txt': '',
    'root/big.bin': BIG,
    'root/name with é.txt': 'odd',
    'root/index.html': '<p>root',
    'root/sub/index.html': '<p>sub',
    'root/app.js': 'plain()',
    'root/app.js.br': 'BR',
    'root/app.js.gz': 'GZIP',
    'root/only.css': 'c',
    'root/only.css.gz': 'GZ',
    'root/.secret': 'secret',
    'root/.git/config': 'secret',
    'outside/secret.txt': 'secret',
    'root-twin/secret.txt': 'secret',
  };
  for (const [path, content] of Object.entries(files)) writeFileSync(join(outer, path), content);
  utimesSync(join(root, 'a.txt'), TIME / 1000, TIME / 1000);
  symlinkSync(join(root, 'a.txt'), join(root, 'inside.txt'));
  symlinkSync(join(outer, 'outside/secret.txt'), join(root, 'outside.txt'));
  symlinkSync(join(outer, 'outside'), join(root, 'way-out'));
  symlinkSync(join(root, 'loop'), join(root, 'loop'));
});

after(() => rmSync(outer, { recursive: true, force: true }));

function serve(options?: FileOptions): (gateway: Gateway) => void {
  return (gateway) => gateway.files('/static/', root, options);
}

/** Descriptors of this process that are files of the test. */
async function openFiles(): Promise<number> {
  const { readlink } = await import('node:fs/promises');
  const links = (await readdir('/proc/self/fd')).map((each) =>
    readlink(join('/proc/self/fd', each)).catch(() => ''),
  );
  return (await Promise.all(links)).filter((path) => path.startsWith(outer)).length;
}

onEveryDriver('files', (fixture: Fixture) => {
  it('are served with their type, size, tag and date', async () => {
    const { gateway, address } = await fixture.start({}, serve());
    const { status, headers, text: body } = await ask(address, '/static/a.txt?version=1');
    assert.deepEqual([status, body], [200, 'hello files']);
    assert.equal(headers['content-type'], 'text/plain; charset=utf-8');
    assert.equal(headers['last-modified'], 'Thu, 29 Feb 2024 12:00:00 GMT');
    assert.match(String(headers['etag']), /^"[0-9a-f]+-[0-9a-f]+"$/);
    assert.equal(headers['cache-control'], 'no-cache');
    assert.equal(headers['accept-ranges'], 'bytes');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    const head = await ask(address, '/static/a.txt', { method: 'HEAD' });
    assert.deepEqual([head.status, head.text], [200, '']);
    for (const name of ['content-length', 'etag', 'content-type'] as const) {
      assert.equal(head.headers[name], headers[name]);
    }
    assert.equal((await ask(address, '/static/empty.txt')).headers['content-length'], '0');
    assert.equal((await ask(address, '/static/name%20with%20%C3%A9.txt')).text, 'odd');
    assert.equal((await ask(address, '/static/inside.txt')).text, 'hello files');
    assert.ok((await ask(address, '/static/big.bin')).body.equals(BIG));
    assert.equal((await ask(address, '/static/a.txt', { method: 'POST' })).status, 405);
    await untilNothingIsHeld(gateway);
    assert.equal(await openFiles(), 0);
  });

  it('have an index, and a slash after the name of a directory', async () => {
    const { address } = await fixture.start({}, serve());
    assert.equal((await ask(address, '/static/')).text, '<p>root');
    assert.equal((await ask(address, '/static/sub/')).text, '<p>sub');
    const redirect = await ask(address, '/static/sub');
    assert.deepEqual([redirect.status, redirect.headers['location']], [301, '/static/sub/']);
    for (const path of ['/static/empty/', '/static', '/static/a.txt/']) {
      assert.equal((await ask(address, path)).status, 404, path);
    }
    const bare = await fixture.start({}, serve({ index: '' }));
    for (const path of ['/static/', '/static/sub/', '/static/sub']) {
      assert.equal((await ask(bare.address, path)).status, 404, path);
    }
  });
});

onEveryDriver('files and what is none', (fixture: Fixture) => {
  it('lie below their directory, whatever is asked for', async () => {
    const { gateway, address } = await fixture.start({}, serve());
    const probes = [
      ...['../outside/secret.txt', '..%2foutside%2fsecret.txt', '%2e%2e/outside/secret.txt'],
      ...['sub/../../outside/secret.txt', './a.txt', 'sub//index.html', '/etc/passwd', '//a.txt'],
      ...['..\\outside\\secret.txt', '..%5coutside%5csecret.txt', 'a.txt%00', 'a.txt%00.html'],
      ...['outside.txt', 'way-out/secret.txt', 'way-out/', 'way-out', 'loop', '.secret'],
      ...['.git/config', '%2egit/config', '../root-twin/secret.txt', 'a.txt/b', 'x'.repeat(300)],
      ...['%ff', '%', 'nothing', '..', '.', '...', '~', 'sub/..', 'C:/a.txt', 'a.txt::$DATA'],
    ];
    for (const probe of probes) {
      const client = await Client.connect(address);
      client.write(text('GET', `/static/${probe}`));
      const { status, body } = await client.response();
      assert.ok(status === 404 || status === 400, `${probe}: ${status}`);
      assert.ok(!body.includes('secret'), probe);
      client.reset();
    }
    await untilNothingIsHeld(gateway);
    assert.equal(gateway.counters().handlerErrors, 0);
    assert.equal(await openFiles(), 0);
    const open = await fixture.start({}, serve({ dotfiles: true }));
    assert.equal((await ask(open.address, '/static/.secret')).text, 'secret');
    assert.equal((await ask(open.address, '/static/..')).status, 404);
  });
});

onEveryDriver('files in caches, and in part', (fixture: Fixture) => {
  it('are not sent again to those who have them', async () => {
    const { gateway, address } = await fixture.start({}, serve({ maxAge: 60 }));
    const first = await ask(address, '/static/a.txt');
    assert.equal(first.headers['cache-control'], 'public, max-age=60');
    const etag = String(first.headers['etag']);
    for (const headers of [
      { 'If-None-Match': etag },
      { 'If-None-Match': `"x", W/${etag}` },
      { 'If-Modified-Since': 'Thu, 29 Feb 2024 12:00:00 GMT' },
    ] as Record<string, string>[]) {
      const again = await ask(address, '/static/a.txt', { headers });
      assert.deepEqual([again.status, again.text], [304, ''], JSON.stringify(headers));
      assert.equal(again.headers['etag'], etag);
      assert.equal(again.headers['content-length'], undefined);
    }
    const changed = { 'If-Modified-Since': 'Thu, 29 Feb 2024 11:59:59 GMT' };
    assert.equal((await ask(address, '/static/a.txt', { headers: changed })).status, 200);
    const other = { 'If-Match': '"other"' };
    assert.equal((await ask(address, '/static/a.txt', { headers: other })).status, 412);
    await untilNothingIsHeld(gateway);
    assert.equal(await openFiles(), 0);
  });

  it('are served in part', async () => {
    const { address } = await fixture.start({}, serve());
    const part = async (path: string, range: string): Promise<unknown[]> => {
      const answer = await ask(address, `/static/${path}`, { headers: { Range: range } });
      return [answer.status, answer.headers['content-range'], answer.text];
    };
    assert.deepEqual(await part('a.txt', 'bytes=0-4'), [206, 'bytes 0-4/11', 'hello']);
    assert.deepEqual(await part('a.txt', 'bytes=-5'), [206, 'bytes 6-10/11', 'files']);
    assert.deepEqual(await part('a.txt', 'bytes=6-'), [206, 'bytes 6-10/11', 'files']);
    const beyond = await ask(address, '/static/a.txt', { headers: { Range: 'bytes=11-' } });
    assert.deepEqual([beyond.status, beyond.headers['content-range']], [416, 'bytes */11']);
    assert.equal((await part('a.txt', 'bytes=0-1,3-4'))[0], 200);
    const large = await ask(address, '/static/big.bin', {
      headers: { Range: 'bytes=100-3000099' },
    });
    assert.equal(large.status, 206);
    assert.ok(large.body.equals(BIG.subarray(100, 3_000_100)));
    const stale = { Range: 'bytes=0-4', 'If-Range': '"other"' };
    assert.equal((await ask(address, '/static/a.txt', { headers: stale })).status, 200);
  });
});

onEveryDriver('files that are compressed', (fixture: Fixture) => {
  it('are served compressed where somebody has done that', async () => {
    const { gateway, address } = await fixture.start({}, serve());
    const get = async (path: string, accepted?: string): Promise<unknown[]> => {
      const headers: Record<string, string> =
        accepted === undefined ? {} : { 'Accept-Encoding': accepted };
      const answer = await ask(address, `/static/${path}`, { headers });
      assert.equal(answer.headers['vary'], 'Accept-Encoding');
      assert.match(String(answer.headers['content-type']), /^text\/(javascript|css)/);
      return [answer.text, answer.headers['content-encoding']];
    };
    assert.deepEqual(await get('app.js'), ['plain()', undefined]);
    assert.deepEqual(await get('app.js', 'gzip, deflate, br'), ['BR', 'br']);
    assert.deepEqual(await get('app.js', 'gzip'), ['GZIP', 'gzip']);
    assert.deepEqual(await get('only.css', 'br, gzip'), ['GZ', 'gzip']);
    assert.deepEqual(await get('app.js', 'identity'), ['plain()', undefined]);
    const plain = await ask(address, '/static/app.js');
    const packed = await ask(address, '/static/app.js', { headers: { 'Accept-Encoding': 'br' } });
    assert.notEqual(plain.headers['etag'], packed.headers['etag']);
    await untilNothingIsHeld(gateway);
    assert.equal(await openFiles(), 0);
    const off = await fixture.start({}, serve({ precompressed: false }));
    const answer = await ask(off.address, '/static/app.js', {
      headers: { 'Accept-Encoding': 'br' },
    });
    assert.deepEqual([answer.text, answer.headers['vary']], ['plain()', undefined]);
  });
});

onEveryDriver('files and slow clients', (fixture: Fixture) => {
  it('keep a limit of descriptors, and slow clients keep nobody from them', async () => {
    const { gateway, address } = await fixture.start({}, serve({ maxOpenFiles: 2 }));
    const slow: Client[] = [];
    for (let i = 0; i < 5; i++) {
      const client = await Client.connect(address);
      client.socket.pause();
      client.write(text('GET', '/static/big.bin'));
      slow.push(client);
    }
    await until(() => gateway.counters().requests === 5, 'all have begun');
    for (let i = 0; i < 20; i++) {
      assert.equal((await ask(address, '/static/a.txt')).text, 'hello files');
      assert.ok((await openFiles()) <= 2);
    }
    for (const client of slow) {
      client.socket.resume();
      const { headers } = await client.response(true);
      const body = await client.bytes(Number(headers.get('content-length')));
      assert.ok(body.equals(BIG));
      client.reset();
    }
    await untilNothingIsHeld(gateway);
    await until(() => gateway.usage().connections === 0, 'all are gone');
    assert.equal(await openFiles(), 0);
  });

  it('give their descriptors back when clients go away', async () => {
    const { gateway, address } = await fixture.start({}, serve({ maxOpenFiles: 3 }));
    for (let i = 0; i < 10; i++) {
      const client = await Client.connect(address);
      client.write(text('GET', '/static/big.bin'));
      await client.bytes(10);
      client.reset();
    }
    await untilNothingIsHeld(gateway);
    let open = -1;
    const look = (): void => void openFiles().then((count) => (open = count));
    await until(() => (look(), open === 0), 'all are closed');
    assert.equal((await ask(address, '/static/a.txt')).status, 200);
    assert.equal(gateway.counters().handlerErrors, 0);
  });
});

onEveryDriver('files that change', (fixture: Fixture) => {
  it('that shrink while they are sent reset the connection', async () => {
    const path = join(root, `shrinking-${fixture.driver}.bin`);
    writeFileSync(path, Buffer.alloc(8 * MIB));
    const { gateway, address } = await fixture.start({}, serve());
    const client = await Client.connect(address);
    client.socket.pause();
    const name = `/static/shrinking-${fixture.driver}.bin`;
    client.write(text('GET', name));
    await until(() => gateway.counters().requests === 1, 'it has begun');
    truncateSync(path, 100);
    const warned = new Promise((resolve) => process.once('warning', resolve));
    client.socket.resume();
    await client.response(true);
    await assert.rejects(client.bytes(8 * MIB), /the connection is over/);
    await warned;
    assert.equal(gateway.counters().handlerErrors, 1);
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('files at a prefix', (fixture: Fixture) => {
  it('can be mounted at the root beside everything else', async () => {
    const { address } = await fixture.start({ page: true }, (gateway) => {
      gateway.files('/', root);
      gateway.files('/deeper/', join(root, 'sub'));
      gateway.http('GET', '/a.txt', () => 'a route');
    });
    assert.equal((await ask(address, '/a.txt')).text, 'a route');
    assert.equal((await ask(address, '/')).text, '<p>root');
    assert.equal((await ask(address, '/deeper/')).text, '<p>sub');
    assert.equal((await ask(address, '/healthz')).text, 'ok\n');
    assert.equal((await ask(address, '/app.js')).text, 'plain()');
    assert.equal((await ask(address, '/nothing')).status, 404);
  });

  it('cannot be mounted wrongly', async () => {
    const { gateway } = await fixture.start({}, serve());
    for (const prefix of ['', 'static/', '/static', '/a b/', '/static/', '//', 5 as never]) {
      assert.throws(() => gateway.files(prefix, root), { code: 'ERR_ROUTE' }, prefix);
    }
    const wrong: [FileOptions, string][] = [
      [{ index: '../a' }, 'ERR_OPTION_TYPE'],
      [{ index: '..' }, 'ERR_OPTION_TYPE'],
      [{ maxAge: -1 }, 'ERR_OPTION_RANGE'],
      [{ maxOpenFiles: 0 }, 'ERR_OPTION_RANGE'],
      [{ maxage: 1 } as never, 'ERR_OPTION_UNKNOWN'],
    ];
    for (const [options, code] of wrong) {
      assert.throws(() => gateway.files('/x/', root, options), { code }, JSON.stringify(options));
    }
    assert.throws(() => gateway.files('/x/', ''), { code: 'ERR_OPTION_TYPE' });
  });
});
