import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Observable } from '../contract.ts';
import { parseText, toy } from './fixture.ts';
import { nameOf } from './state.ts';

function namesOf(observed: readonly Observable[]): string {
  return observed.map(nameOf).join(' ');
}

describe('parseWith, sections', () => {
  test('reads name, threads, source and question; skips description and keys', () => {
    const { test: litmus, compiled } = parseText(`TOY a/b+c (other) "words"
"description { with } braces"
Orig=PodWW { Rfe
Com=Rf
{ x=1; }
 P0  | P1   ;
 nop | L0:  ;
     | nop  ;
exists (x=1)
`);
    assert.equal(litmus.name, 'a/b+c');
    assert.equal(litmus.threads.length, 2);
    assert.deepEqual(litmus.source, [['nop'], ['L0:', 'nop']]);
    assert.deepEqual(compiled.columns, [
      ['nop', ''],
      ['L0:', 'nop'],
    ]);
    assert.equal(litmus.conditionText, 'exists ([x]=1)');
  });

  test('takes comments of both kinds anywhere, nested ones too', () => {
    const { test: litmus } = parseText(`TOY t (* one (* two *) { *)
{ x=1; (* exists *) y=2; // { }
}
 P0          ; (* thread *)
 nop (* ; *) ; // | more
(* before *) exists (x=1 (* inside *) /\\ y=2)
(* after *)`);
    assert.equal(litmus.conditionText, 'exists ([x]=1 /\\ [y]=2)');
  });

  test('takes a short form, empty parts and rows that are too short', () => {
    const { test: litmus, compiled } = parseText('TOY t\n{};\nP0|P1;\nnop;\n');
    assert.equal(litmus.conditionText, 'forall (true)');
    assert.deepEqual(compiled.columns, [['nop'], ['']]);
    assert.deepEqual(litmus.observed, []);
  });

  test('cuts the threads of C out, with their comments blanked and their lines kept', () => {
    const { test: litmus, compiled } = parseText(`C t
(* a comment *)
{ [x] = 0; }

P0 (atomic_int* x) {
  int r0 = (*x); // (* not one
  /* } */
}
P1 (atomic_int* x) { if (1) { } }
(* and *)
exists (0:r0=1 /\\ x=-1)`);
    const [first, second] = compiled.functions;
    assert.equal(first?.parameters, 'atomic_int* x');
    assert.deepEqual(
      first?.body.split('\n').map((line) => line.trim()),
      ['', 'int r0 = (*x);', '', ''],
    );
    assert.equal(second?.body.trim(), 'if (1) { }');
    assert.equal(litmus.conditionText, 'exists (0:r0=1 /\\ [x]=-1)');
    assert.equal(litmus.architecture, 'c11');
  });
});

describe('parseWith, initial state', () => {
  test('gives registers and locations values, and addresses for names', () => {
    const { test: litmus, compiled } = parseText(
      toy('uint64_t x=0x10; [y]=-1; 0:r1=x; P1:R2=7; int *1:r3=&y; z=x;', 'exists (true)'),
    );
    const at = (name: string): unknown => litmus.symbols.addressOf(name);
    assert.deepEqual(compiled.registers, [{ r1: at('x') }, { r2: 7, r3: at('y') }]);
    assert.deepEqual(litmus.initial, [
      { address: at('x'), size: 8, value: 16 },
      { address: at('y'), size: 4, value: 0xffff_ffff },
      { address: at('z'), size: 8, value: at('x') },
    ]);
  });

  test('lays arrays out, and lets elements be named', () => {
    const { test: litmus } = parseText(
      toy('int16_t t[3]={1,-2}; 0:r0=t[1]; 0:r1=t+4;', 'exists (t[2]=0 /\\ t={1,-2,0})'),
    );
    const base = Number(litmus.symbols.addressOf('t'));
    assert.deepEqual(
      litmus.initial.map(({ address, value }) => [Number(address) - base, value]),
      [
        [0, 1],
        [2, 0xfffe],
        [4, 0],
      ],
    );
    assert.equal(litmus.conditionText, 'exists (t[2]=0 /\\ t={1,-2,0})');
    assert.equal(litmus.symbols.nameOf(base + 4), 't+4');
  });

  test('hands parameters to the threads, and labels as values', () => {
    const { test: litmus, compiled } = parseText(
      toy('uint64_t %p=x; 1:%q=5; 0:r1=P1:L0; 0:r2=label:"1:L0";', 'exists (0:r1=label:"P1:L0")'),
    );
    const x = litmus.symbols.addressOf('x');
    assert.deepEqual(compiled.parameters, [{ p: x }, { p: x, q: 5 }]);
    assert.equal(compiled.registers[0]?.['r1'], compiled.registers[0]?.['r2']);
    assert.equal(litmus.conditionText, 'exists (0:r1=label:"P1:L0")');
  });
});

describe('parseWith, what is observed', () => {
  test('is in the order of herd: threads, registers by rank, locations, elements', () => {
    const { test: litmus } = parseText(
      toy(
        'int t[2]; int u[2];',
        'locations [y; t[1]; 1:r1; u; t[0];]\nexists (1:r10=0 /\\ 0:r3=0 /\\ Z=1 /\\ 1:r2=1)',
      ),
    );
    assert.equal(namesOf(litmus.observed), '0:r3 1:r1 1:r2 1:r10 [Z] u[0] u[1] [y] t[0] t[1]');
  });

  test('does not have what only the filter names', () => {
    const { test: litmus } = parseText(toy('', 'filter (0:r1=1)\nexists (x=1)'));
    assert.equal(namesOf(litmus.observed), '[x]');
    assert.equal(litmus.filter?.kind, 'equals');
  });

  test('has the type that is declared, a signed int otherwise', () => {
    const { test: litmus } = parseText(
      toy('uint8_t x; uint64_t 0:r1;', 'exists (x=1 /\\ y=1 /\\ 0:r1=1 /\\ 0:r2=1)'),
    );
    assert.deepEqual(
      litmus.observed.map(({ size, signed }) => `${signed ? 'i' : 'u'}${size * 8}`),
      ['u64', 'i32', 'u8', 'i32'],
    );
  });
});
