/** `rondo gen` as a command: what it reads, prints, writes, compares and refuses. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { cleanUp, folderWith, rondo, type Ended } from './command.ts';

const SCHEMA = `
  import { f64, struct, text, u32 } from 'rondo/memory';
  const Level = struct('md.Level', { price: f64 });
  export const Trade = struct('md.Trade', { best: Level, quantity: u32, symbol: text(4) });
  export const unrelated = { layout: 'something else' };
`;

const LAYOUT = `rondo-struct 1
name md.Level
field price f64 0
size 8 align 8
# md.Level: fingerprint 0x5ec9c0bd7de01f91, 8 bytes, alignment 8
# offset, bytes, field:
#   0  8  price  f64

rondo-struct 1
name md.Trade
field best struct(md.Level{price f64 0}8/8) 0
field quantity u32 8
field symbol text[4] 12
size 16 align 8
# md.Trade: fingerprint 0xe9dc94d5a3ef73c2, 16 bytes, alignment 8
# offset, bytes, field:
#    0  8  best      md.Level
#    8  4  quantity  u32
#   12  4  symbol    text[4]
`;

function gen(cwd: string, ...args: readonly string[]): Promise<Ended> {
  return rondo(['gen', ...args], { cwd }).ended;
}

describe('rondo gen', () => {
  afterEach(cleanUp);

  it('prints the layout', async () => {
    const folder = folderWith({ 'schema.js': SCHEMA });
    const { code, output } = await gen(folder, 'schema.js', '--layout');
    assert.equal(code, 0);
    const blank = (text: string): string => text.replaceAll(/0x[0-9a-f]{16}/g, '0x');
    assert.equal(blank(output), blank(LAYOUT));
  });

  it('prints one language where it is given no file', async () => {
    const folder = folderWith({ 'schema.mjs': SCHEMA });
    for (const [flag, said] of [
      ['--rust', 'pub struct Trade {'],
      ['--python', 'class Trade(rondo_ring.Message):'],
      ['--c', 'typedef struct md_Trade {'],
    ] as const) {
      const { code, output } = await gen(folder, 'schema.mjs', flag);
      assert.equal(code, 0, output);
      assert.ok(output.includes(said) && output.includes(`rondo gen schema.mjs ${flag}\n`), output);
      assert.equal((await gen(folder, flag, '-', 'schema.mjs')).output, output);
    }
  });

  it('writes files, and only when they change', async () => {
    const folder = folderWith({ 'schemas/schema.js': SCHEMA });
    mkdirSync(join(folder, 'out'));
    const args = ['schemas/schema.js', '--c', 'out/schema.h', '--python', 'out/schema.py'];
    const first = await gen(folder, ...args);
    assert.equal(first.output, 'out/schema.py is written\nout/schema.h is written\n');
    const text = readFileSync(join(folder, 'out/schema.h'), 'utf8');
    assert.match(text, /Generated from \.\.\/schemas\/schema\.js by\n.*--c schema\.h\n/);
    const { mtimeNs } = statSync(join(folder, 'out/schema.h'), { bigint: true });
    const second = await gen(join(folder, 'out'), '../schemas/schema.js', '--c', 'schema.h');
    assert.equal(second.output, 'schema.h is up to date\n');
    assert.equal(statSync(join(folder, 'out/schema.h'), { bigint: true }).mtimeNs, mtimeNs);
  });

  it('overwrites nothing that it has not generated', async () => {
    const folder = folderWith({ 'schema.js': SCHEMA, 'mine.rs': 'fn main() {}\n' });
    const { code, output } = await gen(folder, 'schema.js', '--rust', 'mine.rs');
    assert.equal(code, 1);
    assert.match(output, /Cannot write mine\.rs: it was not generated/);
    assert.equal(readFileSync(join(folder, 'mine.rs'), 'utf8'), 'fn main() {}\n');
  });

  it('says what it can neither read nor write', async () => {
    const folder = folderWith({ 'schema.js': SCHEMA });
    for (const target of ['missing/schema.rs', 'node_modules']) {
      const { code, output } = await gen(folder, 'schema.js', '--rust', target);
      assert.equal(code, 1);
      assert.match(output, /^rondo: Cannot (write|read) [\w/.]+: (E\w+|there is no folder )/);
    }
  });

  it('finds the structs of CommonJS, of default exports and of another copy of Rondo', async () => {
    const folder = folderWith({
      'all.cjs': `
        module.exports = (() => ({
          Trade: { layout: 'rondo-struct 1\\nname a.Trade\\nfield x u8 0\\nsize 1 align 1\\n' },
        }))();`,
      'alone.js': `
        import { struct, u8 } from 'rondo/memory';
        export default struct('a.Trade', { x: u8 });`,
    });
    const { output } = await gen(folder, 'alone.js', '--layout');
    assert.match(output, /^name a\.Trade$/m);
    assert.equal((await gen(folder, 'all.cjs', '--layout')).output, output);
  });
});

describe('rondo gen --check', () => {
  afterEach(cleanUp);

  it('ends with 0 when the files are what they would be', async () => {
    const folder = folderWith({ 'schema.js': SCHEMA });
    const files = ['--rust', 'a.rs', '--python', 'a.py', '--c', 'a.h'];
    await gen(folder, 'schema.js', ...files);
    assert.deepEqual(await gen(folder, 'schema.js', ...files, '--check'), { code: 0, output: '' });
  });

  it('ends with 1 and says where they differ, and writes nothing', async () => {
    const folder = folderWith({ 'schema.js': SCHEMA });
    await gen(folder, 'schema.js', '--rust', 'a.rs', '--c', 'a.h');
    const before = readFileSync(join(folder, 'a.h'), 'utf8');
    writeFileSync(join(folder, 'schema.js'), SCHEMA.replace('quantity: u32', 'amount: u32'));
    const files = ['--rust', 'a.rs', '--python', 'missing.py', '--c', 'a.h'];
    const { code, output } = await gen(folder, 'schema.js', ...files, '--check');
    assert.equal(code, 1);
    assert.match(output, /Cannot accept missing\.py: it is not there; in its folder: rondo gen/);
    const must = / {2}line \d+ is {2}.*quantity.*\n {2}and must be {2}.*amount.*\n/;
    assert.match(output, new RegExp(`a\\.rs: it is not what the schema gives.*\\n${must.source}`));
    assert.match(output, /a\.h: it is not what the schema gives; in its folder: rondo gen/);
    assert.equal(readFileSync(join(folder, 'a.h'), 'utf8'), before);
  });
});

describe('rondo gen refuses', () => {
  afterEach(cleanUp);

  const usage: readonly (readonly [args: readonly string[], said: RegExp])[] = [
    [[], /say what to generate|which module/],
    [['schema.js'], /say what to generate: --rust, --python, --c or --layout/],
    [['--rust', 'schema.js'], /which module .*schema\.js behind --rust is the file to write/],
    [['--layout'], /which module/],
    [['missing.js', '--c'], /there is no file missing\.js/],
    [['schema.js', '--c', '--rust'], /only one of them can go to stdout/],
    [['schema.js', '--layout', '--rust'], /only one of them can go to stdout/],
    [['schema.js', '--rust', '--check'], /--check compares files/],
    [['schema.js', '--layout', '--check'], /--check compares files/],
    [['schema.js', '--rust', 'schema.js'], /a FILE of its own/],
    [['schema.js', '--rust', 'a.txt', '--c', './a.txt'], /a FILE of its own/],
    [['schema.js', '--rust', 'a.rs', '--rust', 'b.rs'], /--rust was given 2 times/],
    [['schema.js', '--ruts'], /there is no flag --ruts, did you mean --rust\?/],
    [['schema.js', 'other.js', '--c'], /cannot use "other\.js"/],
  ];
  for (const [args, said] of usage) {
    it(`rondo gen ${args.join(' ')}`, async () => {
      const { code, output } = await gen(folderWith({ 'schema.js': SCHEMA }), ...args);
      assert.equal(code, 2, output);
      assert.match(output, said);
    });
  }

  const modules: readonly (readonly [module: string, said: RegExp])[] = [
    ['export const nothing = 1;', /Cannot use schema\.js: it exports no struct/],
    [
      "import { struct } from 'rondo/memory';\nexport const Empty = struct('a', {});",
      /Cannot load schema\.js: TypeError.*Cannot make struct a: it has no fields\n.*schema\.js:2/,
    ],
    [
      `import { struct, u8, u16 } from 'rondo/memory';
       export const A = struct('a', { x: u8 });
       export const B = struct('b', { a: struct('a', { x: u16 }) });`,
      /Cannot use schema\.js: it has two structs a that differ/,
    ],
    [
      "export const Old = { layout: 'rondo-struct 2\\nname a\\n' };",
      /Cannot read the layout of a struct: at character 0/,
    ],
  ];
  for (const [module, said] of modules) {
    it(`a module: ${String(said)}`, async () => {
      const { code, output } = await gen(folderWith({ 'schema.js': module }), 'schema.js', '--c');
      assert.equal(code, 1, output);
      assert.match(output, said);
      assert.doesNotMatch(output, /dist\/src/, 'no stack of its own');
    });
  }

  it('TypeScript where Node does not run it, and takes it where it does', async () => {
    const folder = folderWith({ 'schema.ts': `${SCHEMA}\ntype Unused = string;\n` });
    const { code, output } = await gen(folder, 'schema.ts', '--layout');
    if ((process.features as { readonly typescript?: unknown }).typescript) {
      assert.match(output, /^name md\.Trade$/m);
    } else {
      assert.equal(code, 1);
      assert.match(output, /Cannot load schema\.ts: Node \S+ does not run TypeScript/);
    }
  });

  it('a path that ends a comment', async () => {
    const folder = folderWith({ 'a"*/ b.js': SCHEMA });
    const { output } = await gen(folder, 'a"*/ b.js', '--c');
    assert.match(output, /^ \*\/$/m);
    assert.equal(output.slice(0, output.indexOf('#ifndef')).match(/\*\//g)?.length, 1);
  });
});
