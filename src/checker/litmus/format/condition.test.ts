import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseText, toy } from './fixture.ts';
import { holds } from './state.ts';

function textOf(question: string): string {
  return parseText(toy('', question)).test.conditionText;
}

describe('condition', () => {
  test('is printed as herd prints it, whatever it was written like', () => {
    assert.equal(
      textOf('exists x=1 /\\ (y=2 \\/ 0:r1=0x3)'),
      'exists ([x]=1 /\\ ([y]=2 \\/ 0:r1=3))',
    );
    assert.equal(textOf('~ exists ((x=1))'), '~exists ([x]=1)');
    assert.equal(textOf('not exists x=1'), '~exists ([x]=1)');
    assert.equal(textOf('forall ~(x=1)'), 'forall (not ([x]=1))');
    assert.equal(textOf('exists 0:r1 != 0'), 'exists (not (0:r1=0))');
    assert.equal(textOf('exists (x=1 => y=1)'), 'exists ([x]=1 => [y]=1)');
    assert.equal(textOf('exists 0:r1=1:r2'), 'exists (0:r1=1:r2)');
    assert.equal(textOf('exists *x=y'), 'exists ([x]=y)');
    assert.equal(textOf('exists x=0xffffffffffffffff'), 'exists ([x]=-1)');
  });

  test('takes what stands behind it in older tests', () => {
    const old = 'final (x=1);\nwith\ntso: ~exists;\n(* c *)\n<<\nshow 0\n>>';
    assert.equal(textOf(old), 'exists ([x]=1)');
  });

  test('binds => before /\\ before \\/, as herd does', () => {
    const { test: litmus } = parseText(toy('', 'exists x=1 \\/ y=1 /\\ z=1 => w=1'));
    assert.equal(litmus.conditionText, 'exists ([x]=1 \\/ [y]=1 /\\ ([z]=1 => [w]=1))');
    const value = (x: number, y: number, z: number, w: number): boolean =>
      holds(litmus, litmus.condition, (observable) => ({ x, y, z, w })[observable.name] ?? 0);
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean(), (x, y, z, w) => {
        assert.equal(value(+x, +y, +z, +w), x || (y && (!z || w)));
      }),
    );
  });

  test('has parentheses where herd prints them', () => {
    const text = '(x=1 /\\ y=1) => (x=2 => not (y=2 \\/ x=3)) /\\ (y=3 \\/ true)';
    assert.equal(
      textOf(`forall ${text}`),
      'forall ((([x]=1 /\\ [y]=1) => [x]=2 => not ([y]=2 \\/ [x]=3)) /\\ ([y]=3 \\/ true))',
    );
  });

  test('compares registers and locations with each other', () => {
    assert.equal(textOf('exists 0:r1=P1:r2'), 'exists (0:r1=1:r2)');
    assert.equal(textOf('exists [x]=[y]'), 'exists ([x]=[y])');
    assert.equal(textOf('exists 0:r1=*y'), 'exists (0:r1=[y])');
    const { test: litmus } = parseText(toy('', 'exists x=*y'));
    const state = ({ name }: { name: string }): number => ({ x: 3, y: 3 })[name] ?? 0;
    assert.ok(holds(litmus, litmus.condition, state));
    assert.ok(!holds(litmus, litmus.condition, ({ name }) => Number(name === 'x')));
  });

  test('may be a list of states, or stand without a word', () => {
    assert.equal(textOf('observed x=1; 0:r1=2; and y=3;'), 'exists ([x]=1 /\\ 0:r1=2 \\/ [y]=3)');
    assert.equal(textOf('locations [x;] (y=1)'), 'exists ([y]=1)');
  });

  test('compares by the type of what it names', () => {
    const { test: litmus } = parseText(
      toy('uint64_t 0:r2; uint8_t b;', 'exists 0:r1=0xffffffff /\\ 0:r2=0xffffffff /\\ b=-1'),
    );
    const bits = { r1: 2n ** 64n - 1n, r2: 0xffff_ffff, b: 0xff };
    assert.ok(holds(litmus, litmus.condition, ({ name }) => bits[name as keyof typeof bits]));
    assert.ok(
      !holds(litmus, litmus.condition, ({ name }) => ({ ...bits, r2: bits.r1 })[name] ?? 0),
    );
  });

  test('may have thousands of parts', () => {
    const parts = Array.from({ length: 5000 }, (_, index) => `x=${index}`).join(' \\/ ');
    const { test: litmus } = parseText(toy('', `exists (${parts})`));
    assert.ok(holds(litmus, litmus.condition, () => 4999));
    assert.ok(!holds(litmus, litmus.condition, () => 5000));
  });
});
