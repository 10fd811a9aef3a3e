/** What `rondo gen` writes: it compiles, and lays bytes as TypeScript does. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Views, type SlabSide, type StructType } from 'rondo/memory';
import { PYTHON_MESSAGE } from '../../src/cli/gen/keywords.ts';
import { rondo } from './command.ts';
import { fixtures, missing, root, run, runLanguage, type Language } from './languages.ts';

const LEVEL = { price: 1.5, quantity: 7, flags: { firm: true, own: false, hidden_size: true } };
const OWN = { price: 2.5, quantity: 8, flags: { firm: false, own: true, hidden_size: false } };

/** A message of each struct of market.js, as test/fixtures/gen/fill.* fill them. */
const MESSAGES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'md.Trade': {
    id: (1n << 60n) + 1n,
    price: 101.25,
    quantity: 300,
    side: 'sell',
    symbol: 'ABCDEFGH',
    note: 'hello',
  },
  'md.Book': {
    isOpen: true,
    time: Number.MAX_SAFE_INTEGER,
    drift: -5,
    tags: ['é', 'xyz'],
    digest: Uint8Array.of(1, 2, 3, 4, 5),
    bids: [LEVEL, OWN],
    best: LEVEL,
    states: ['none', 'opening', 'Open'],
    halted: [true, false, true],
    keys: [Uint8Array.of(1, 2), Uint8Array.of(3, 4)],
    times: [42],
    raw: Uint8Array.of(7, 8, 9),
  },
  Option: {
    kind: 1,
    type: 'put',
    code: 'AB',
    legs: [1, 2, 3],
    level: LEVEL,
    isLive: true,
    set_strike: 200,
  },
  'fx.Trade': {
    type: 1,
    struct: 2,
    class: -3,
    self: -4,
    fn: -5,
    def: 0.5,
    class_: 6,
    match: 'TYPE',
    async: { in: true, and: false, _a_: false, None: true },
    int: -(1n << 40n),
    uint8_t: 7,
    NAME: 8,
    errno: 9,
  },
};

/** Where the slab side begins to give, by struct. */
const POSITIONS: Readonly<Record<string, number>> = { 'md.Trade': 64, 'md.Book': 128 };

const SLAB_AT = 4096;

/** The line that a program prints for a struct: its name, and the bytes that TypeScript writes. */
function expected(type: StructType<Record<string, unknown>, string>): string {
  const views = Views.of(new ArrayBuffer(8192));
  const slab: SlabSide = { base: SLAB_AT, size: 4096, reserve: () => POSITIONS[type.name]! };
  const cursor = type.cursor(views, slab);
  cursor.$set(MESSAGES[type.name]!);
  return `${type.name} ${Buffer.from(views.u8.subarray(0, type.size)).toString('hex')}`;
}

async function expectedLines(): Promise<readonly string[]> {
  const module = (await import(pathToFileURL(join(fixtures, 'market.js')).href)) as Readonly<
    Record<string, StructType<Record<string, unknown>, string>>
  >;
  const types = new Map(Object.values(module).map((type) => [type.name, type]));
  return Object.keys(MESSAGES).map((name) => expected(types.get(name)!));
}

describe('rondo gen writes', () => {
  let folder = '';
  const skip = (...languages: readonly Language[]): { readonly skip: string | false } => ({
    skip: missing(...languages),
  });
  const lines = (output: string): readonly string[] => output.trimEnd().split('\n');

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rondo-gen-'));
    for (const name of ['fill.c', 'fill.rs', 'fill.py', 'compare.py']) {
      copyFileSync(join(fixtures, name), join(folder, name));
    }
    const files = ['--rust', 'market.rs', '--python', 'market.py', '--c', 'market.h'];
    const module = join(fixtures, 'market.js');
    const { code, output } = await rondo(['gen', module, ...files], { cwd: folder }).ended;
    assert.equal(code, 0, output);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('what lies beside trade.js, to the byte', async () => {
    const files = ['--rust', 'trade.rs', '--python', 'trade.py', '--c', 'trade.h'];
    const args = ['gen', 'trade.js', ...files, '--check'];
    assert.deepEqual(await rondo(args, { cwd: fixtures }).ended, { code: 0, output: '' });
    const layout = await rondo(['gen', 'trade.js', '--layout'], { cwd: fixtures }).ended;
    assert.equal(layout.output, readFileSync(join(fixtures, 'trade.layout.txt'), 'utf8'));
  });

  it('C11', skip('c'), async () => {
    runLanguage('c', ['-std=c11', '-Wall', '-Wextra', '-Werror', '-o', 'c', 'fill.c'], folder);
    assert.deepEqual(lines(runProgram('c')), await expectedLines());
  });

  it('C++11, beside the header of the rings', skip('cxx'), async () => {
    const strict = ['-Wall', '-Wextra', '-Werror', '-x', 'c++'];
    runLanguage('cxx', ['-std=c++11', ...strict, '-o', 'cxx', 'fill.c'], folder);
    assert.deepEqual(lines(runProgram('cxx')), await expectedLines());
    const both = ['-include', join(root, 'peers', 'c', 'rondo_ring.h'), 'fill.c'];
    runLanguage('cxx', ['-std=c++20', ...strict, '-fsyntax-only', ...both], folder);
  });

  it('C headers that can be included twice, and with others', skip('c'), async () => {
    const args = ['-std=c11', '-Wall', '-Wextra', '-Werror', '-fsyntax-only', '-x', 'c'];
    copyFileSync(join(fixtures, 'trade.h'), join(folder, 'trade.h'));
    const same = ['-include', 'market.h', '-include', 'market.h', 'fill.c'];
    runLanguage('c', [...args, ...same], folder);
    assert.throws(
      () => runLanguage('c', [...args, '-include', 'market.h', 'trade.h'], folder),
      /two headers mean different structs by md\.Level/,
    );
  });

  it('Rust for the crate', skip('rust'), async () => {
    const crate = join(root, 'peers', 'rust', 'src', 'lib.rs');
    const library = ['--crate-type', 'rlib', '--crate-name', 'rondo_ring', '--cap-lints', 'allow'];
    runLanguage('rust', ['--edition', '2024', ...library, crate], folder);
    const strict = ['-D', 'warnings', '--extern', 'rondo_ring=librondo_ring.rlib'];
    runLanguage('rust', ['--edition', '2021', ...strict, '-o', 'rust', 'fill.rs'], folder);
    assert.deepEqual(lines(runProgram('rust')), await expectedLines());
    const check = ['--crate-type', 'lib', '--emit', 'metadata', '--edition', '2024'];
    runLanguage('rust', [...check, ...strict, 'market.rs'], folder);
  });

  it('Rust as rustfmt would', skip('rustfmt'), () => {
    runLanguage('rustfmt', ['--check', '--edition', '2021', 'market.rs'], folder);
  });

  it('Python for the package', skip('python'), async () => {
    const env = { PYTHONPATH: join(root, 'peers', 'python'), PYTHONDONTWRITEBYTECODE: '1' };
    const output = runLanguage('python', ['-W', 'error', 'fill.py'], folder, env);
    assert.deepEqual(lines(output), await expectedLines());
  });

  it('no attribute that Message has itself', skip('python'), () => {
    const env = { PYTHONPATH: join(root, 'peers', 'python'), PYTHONDONTWRITEBYTECODE: '1' };
    const program =
      'import rondo_ring as r\nprint(*dir(r.Message), *dir(type(r.Message)), sep="\\n")';
    const attributes = lines(runLanguage('python', ['-c', program], folder, env));
    const ours = attributes.filter((name) => !/^__\w+__$/.test(name));
    assert.deepEqual(
      ours.filter((name) => !PYTHON_MESSAGE.has(name)),
      [],
    );
  });

  /** Runs what was compiled. */
  function runProgram(name: string): string {
    assert.ok(existsSync(join(folder, name)));
    return run(join(folder, name), [], folder);
  }
});
