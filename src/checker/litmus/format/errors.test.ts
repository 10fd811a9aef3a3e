import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { RondoError } from '../../../base/index.ts';
import { parseText, toy } from './fixture.ts';

function refused(text: string): string {
  try {
    parseText(text);
  } catch (error) {
    assert.ok(error instanceof RondoError, String(error));
    return `${error.code}: ${error.message.replace('Cannot read the litmus test: ', '')}`;
  }
  return assert.fail(`"${text}" was taken`);
}

describe('errors of the format', () => {
  test('name the line, and quote it', () => {
    assert.equal(
      refused('TOY t\n{\nx=1;\ny=;\n}\nP0;\nnop;'),
      'ERR_LITMUS_SYNTAX: expected a value, found ";", in line 4, column 3: "y=;"',
    );
    assert.equal(
      refused('TOY t\n{}\n P0 | P1 ;\n nop | bad ;\n'),
      'ERR_LITMUS_SYNTAX: "bad" is no instruction, in line 4, column 8: "nop | bad ;"',
    );
    assert.equal(
      refused('C t\n{}\nP0 (int* x) {\n  int r0;\n  bad;\n}\n'),
      'ERR_LITMUS_SYNTAX: bad, in line 5, column 3: "bad;"',
    );
  });

  test('tell what is missing from what cannot be understood and what is too large', () => {
    assert.match(refused('TOY t\n{}\nP0;\nnew;'), /^ERR_LITMUS_UNSUPPORTED: .* in line 4/);
    assert.match(refused(toy('double x;', '')), /^ERR_LITMUS_UNSUPPORTED/);
    assert.match(refused(' '.repeat(2 ** 21)), /^ERR_LITMUS_SIZE/);
    const deep = `exists ${'('.repeat(100_000)}`;
    assert.match(refused(toy('', deep)), /^ERR_LITMUS_SIZE: more than 200 levels/);
    const many = Array.from({ length: 17 }, (_, index) => `P${index}`).join('|');
    assert.match(refused(`TOY t\n{}\n${many};\n`), /^ERR_LITMUS_SIZE/);
  });

  test('name what tests of herd may ask for beyond ordinary memory', () => {
    for (const [initial, question, what] of [
      ['0:r1=x:red;', '', /"x:red": memory tags, in line 2, column 8/],
      ['[tag(x)]=:green;', '', /"tag\(": memory tags/],
      ['0:r1=x; 0:r2=:green;', '', /":green": memory tags/],
      ['[PTE(x)]=(oa:PA(y), valid:0);', '', /page tables/],
      ['pte_x=(valid:0);', '', /page tables/],
      ['SS(x,2);', '', /shadow stacks/],
      ['0:r1=pac(x, da, 0);', '', /signed pointers/],
      ['0:V0.4S={0};', '', /V0\.4S: registers of vectors/],
      ['0:VNCR_EL2=x;', '', /system registers/],
      ['', 'forall (Fault(P0:L0))', /faults/],
    ] as const) {
      const message = refused(toy(initial, question));
      assert.match(message, /^ERR_LITMUS_UNSUPPORTED/, initial);
      assert.match(message, what);
    }
    assert.match(
      refused('C t\n{}\nP0 (int* x) {}\nregions: x:G'),
      /UNSUPPORTED: regions of memory/,
    );
    assert.match(refused('PPC t\n{}\nP0;\n'), /^ERR_LITMUS_UNSUPPORTED: the architecture "PPC"/);
    assert.match(refused('TOY t\n{}\n P0 | P0.F ;\n'), /^ERR_LITMUS_UNSUPPORTED: handlers/);
  });

  test('are given for every kind of mistake', () => {
    for (const text of [
      '',
      'TOY',
      'VAX t\n{}\nP0;\n',
      'TOY t',
      'TOY t\n{',
      'TOY t\n{}\n',
      'TOY t\n{}\nP1;\n',
      'TOY t\n{}\nP0 | Q ;\n',
      'TOY t\n{}\nP0;\nnop | nop;\n',
      'TOY t\n{}\nP0;\nnop\n',
      'TOY t (* \n{}\nP0;\n',
      'C t\n{}\nexists (x=1)',
      'C t\n{}\nP0 (int* x) {\n',
      'C t\n{}\nP1 (int* x) {}\n',
      toy('0:q1=1;', ''),
      toy('x=1 y=2;', ''),
      toy('int t[2]={1,2,3};', ''),
      toy('', 'exists'),
      toy('', 'exists x'),
      toy('', 'exists (x=1'),
      toy('', 'exists x=1 y=1'),
      toy('', 'exists 2:r1=0'),
      toy('', 'exists 0:q=0'),
      toy('', 'locations [x y'),
      toy('', 'sometimes x=1'),
      toy('', 'exists x=1 § y=1'),
    ]) {
      assert.match(refused(text), /^ERR_LITMUS_SYNTAX: /, text);
    }
  });

  test('are all there is for texts that are no tests', () => {
    const valid = toy(
      'int x=1; uint64_t y; int t[2]={1,2}; 0:r1=x; int *1:r2=&y;',
      'locations [x; t; 0:r1;]\nfilter (x=1)\nexists (x=1 /\\ (y=2 \\/ not 0:r1=0x3)) (* end *)',
    );
    const pieces = fc.constantFrom(
      ...[
        '{',
        '}',
        '(',
        ')',
        '(*',
        '*)',
        ';',
        '|',
        '=',
        '"',
        '~',
        '/\\',
        ':',
        '\n',
        '-',
        'P0',
        'x',
      ],
    );
    const edit = fc.tuple(fc.nat(valid.length), fc.nat(5), pieces);
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), (edits) => {
        let text = valid;
        for (const [at, removed, put] of edits) {
          text = text.slice(0, at) + put + text.slice(at + removed);
        }
        try {
          parseText(text);
        } catch (error) {
          assert.ok(error instanceof RondoError, String(error));
          assert.match(error.code, /^ERR_LITMUS_/);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
