/** Structs of all shapes and names: what is generated compiles, and its checks hold. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import {
  array,
  bool,
  bytes,
  f32,
  f64,
  flags,
  i16,
  i64,
  i8,
  oneOf,
  optional,
  safe,
  slab,
  struct,
  text,
  u16,
  u32,
  u64,
  u8,
} from 'rondo/memory';
import { generateC } from '../../src/cli/gen/c.ts';
import { C_RESERVED, PYTHON_KEYWORDS, RUST_KEYWORDS } from '../../src/cli/gen/keywords.ts';
import { generatePython } from '../../src/cli/gen/python.ts';
import { generateRust } from '../../src/cli/gen/rust.ts';
import { structsOf } from '../../src/cli/gen/schema.ts';
import { fixtures, missing, root, runLanguage } from './languages.ts';

const STRUCTS = 24;
const ORIGIN = { module: 'schema.js', command: 'rondo gen schema.js', title: 'schema' };

type Type = Parameters<typeof array>[0];
type Any = Parameters<typeof struct>[1][string];

const identifier = fc.oneof(
  fc.constantFrom(...C_RESERVED, ...PYTHON_KEYWORDS, ...RUST_KEYWORDS),
  fc.constantFrom('a', 'A', '_a', 'set_a', 'N_a', 'Text', 'dtype', 'fields', 'int', 'real', 'mro'),
  fc.constantFrom('_Bool', '__linux', '__init__', 'linux', 'EOF'),
  fc.stringMatching(/^[a-z_][A-Za-z0-9_]{0,11}$/),
);
// What Python means by other names with four underscores depends on its version.
const fieldName = identifier.filter(
  (name) =>
    !/^_(pad|present$)|^(constructor|prototype|toString|valueOf)$/.test(name) &&
    (name === '__init__' || !/^__\w+__$/.test(name)),
);
const names = (maxLength: number): fc.Arbitrary<string[]> =>
  fc.uniqueArray(fieldName, { minLength: 1, maxLength });

const plain: fc.Arbitrary<Type> = fc.oneof(
  fc.constantFrom<Type>(u8, u16, u32, u64, i8, i16, i64, f32, f64, bool, safe(u64), safe(i64)),
  fc.integer({ min: 1, max: 9 }).map((length) => text(length)),
  fc.integer({ min: 1, max: 9 }).map((length) => bytes(length)),
  fc
    .tuple(fc.constantFrom('u8' as const, 'u16' as const, 'u32' as const), names(12))
    .map(([base, some]) => oneOf(base, some)),
  fc
    .tuple(fc.constantFrom('u16' as const, 'u32' as const), names(16))
    .map(([base, some]) => flags(base, some)),
);

/** Named after what is in it: no two of one name differ. */
const inner: fc.Arbitrary<Type> = fc
  .tuple(names(4), fc.array(plain, { minLength: 4, maxLength: 4 }))
  .map(([keys, types]) => {
    const fields = Object.fromEntries(keys.map((key, index) => [key, types[index]!]));
    const { fingerprint } = struct('in', fields);
    return struct(`in.S${fingerprint}`, fields);
  });

const field: fc.Arbitrary<Any> = fc
  .tuple(fc.oneof({ arbitrary: plain, weight: 4 }, inner), fc.integer({ min: 0, max: 9 }))
  .chain(([type, kind]) => {
    if (kind === 0) return fc.constantFrom<Any>(slab(), slab('bytes'), optional(slab()));
    const some = kind < 4 ? array(type, kind) : type;
    return fc.constant<Any>(kind > 6 ? optional(some) : some);
  });

/** Names without `_x` numbers, so that last parts and joined names collide. */
const structName = fc.oneof(
  fc.constantFrom('Message', 'Option', 'Self', 'Any', 'fields', 'rondo_reference', 'class'),
  fc.tuple(identifier, fc.constantFrom('Trade', 'trade', 'type', 'x')).map((parts) => {
    return parts.join('.');
  }),
);

const anyStruct = fc
  .tuple(structName, fc.array(fc.tuple(fieldName, field), { minLength: 1, maxLength: 9 }))
  .map(([name, fields]) => struct(name, Object.fromEntries(fields)));

const schema = fc
  .array(anyStruct, { minLength: STRUCTS, maxLength: STRUCTS })
  .map((types) => Object.fromEntries(types.map((type) => [type.name, type])));

describe('rondo gen for structs of all shapes', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'rondo-gen-random-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** A few schemas, and the seed for the message when one does not compile. */
  function schemas(count: number): readonly (readonly [seed: number, ReturnType<typeof parse>])[] {
    const seed = fc.sample(fc.integer(), 1)[0]!;
    const seeds = Array.from({ length: count }, (_, index) => seed + index);
    return seeds.map((each) => [each, parse(fc.sample(schema, { seed: each, numRuns: 1 })[0]!)]);
  }

  function parse(exports: Readonly<Record<string, unknown>>): ReturnType<typeof structsOf> {
    return structsOf(exports, 'schema.js');
  }

  it('C and C++', { skip: missing('c', 'cxx') }, () => {
    for (const [seed, structs] of schemas(3)) {
      writeFileSync(join(folder, `s${seed}.h`), generateC(structs, ORIGIN));
      const args = ['-Wall', '-Wextra', '-Werror', '-fsyntax-only'];
      runLanguage('c', ['-std=c11', ...args, '-x', 'c', `s${seed}.h`], folder);
      runLanguage('c', ['-std=gnu17', ...args, '-x', 'c', `s${seed}.h`], folder);
      runLanguage('cxx', ['-std=c++20', ...args, '-x', 'c++', `s${seed}.h`], folder);
    }
  });

  it('Rust', { skip: missing('rust') }, () => {
    const crate = ['--edition', '2024', '--crate-type', 'rlib', '--cap-lints', 'allow'];
    const path = join(root, 'peers', 'rust', 'src', 'lib.rs');
    runLanguage('rust', [...crate, '--crate-name', 'rondo_ring', path], folder);
    for (const [seed, structs] of schemas(1)) {
      writeFileSync(join(folder, `s${seed}.rs`), generateRust(structs, ORIGIN));
      const args = ['--edition', '2021', '--crate-type', 'lib', '--emit', 'metadata'];
      const strict = ['-D', 'warnings', '--extern', 'rondo_ring=librondo_ring.rlib'];
      runLanguage('rust', [...args, ...strict, '--crate-name', 's', `s${seed}.rs`], folder);
    }
  });

  it('Python', { skip: missing('python') }, () => {
    copyFileSync(join(fixtures, 'compare.py'), join(folder, 'compare.py'));
    for (const [seed, structs] of schemas(2)) {
      const name = `s${Math.abs(seed)}`;
      writeFileSync(join(folder, `${name}.py`), generatePython(structs, ORIGIN));
      const env = { PYTHONPATH: join(root, 'peers', 'python'), PYTHONDONTWRITEBYTECODE: '1' };
      const program = `import compare, ${name}\ncompare.compare(${name})`;
      runLanguage('python', ['-W', 'error', '-c', program], folder, env);
    }
  });

  it('the same text each time', () => {
    const [[, structs]] = schemas(1) as [readonly [number, ReturnType<typeof parse>]];
    for (const generate of [generateC, generateRust, generatePython]) {
      assert.equal(generate(structs, ORIGIN), generate(structs, ORIGIN));
      assert.doesNotMatch(generate(structs, ORIGIN), /undefined|\[object|[ \t]$/m);
    }
  });
});
