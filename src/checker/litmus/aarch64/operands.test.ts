import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lookupWith, parseImmediate, parseOperand, splitOperands } from './operands.ts';
import { registerOf, registers } from './registers.ts';

const lookup = lookupWith((name) => (name === 'P0_x' ? 40 : undefined));
const x1 = { slot: 1, width: 64 };
const w2 = { slot: 2, width: 32 };

test('splitOperands cuts outside of brackets only', () => {
  assert.deepEqual(splitOperands(' W0, [X1, #4]! , X2'), ['W0', '[X1, #4]!', 'X2']);
  assert.deepEqual(splitOperands('  '), []);
});

test('parseImmediate reads decimal and hexadecimal numbers of either sign', () => {
  assert.equal(parseImmediate('#-8'), -8);
  assert.equal(parseImmediate('0x1F'), 31);
  assert.equal(parseImmediate('#0xffffffffffffffff'), 0xffffffffffffffffn);
  assert.equal(parseImmediate('x'), undefined);
});

test('parseOperand reads registers, parameters, modifiers and names', () => {
  assert.deepEqual(parseOperand('w2', lookup), { kind: 'register', register: w2 });
  assert.deepEqual(parseOperand('WZR', lookup), {
    kind: 'register',
    register: { slot: 32, width: 32 },
  });
  assert.deepEqual(parseOperand('X%P0_x', lookup), {
    kind: 'register',
    register: { slot: 40, width: 64 },
  });
  assert.deepEqual(parseOperand('lsl 2', lookup), { kind: 'modifier', name: 'LSL', amount: 2 });
  assert.deepEqual(parseOperand('SXTW', lookup), { kind: 'modifier', name: 'SXTW', amount: 0 });
  assert.deepEqual(parseOperand('.+8', lookup), { kind: 'name', text: '.+8' });
  assert.equal(parseOperand('C1 + 2', lookup), undefined);
});

test('parseOperand reads addresses in every mode', () => {
  const plain = { kind: 'address', base: x1, offset: 0, index: undefined, modifier: undefined };
  assert.deepEqual(parseOperand('[X1]', lookup), { ...plain, writeBack: false });
  assert.deepEqual(parseOperand('[X1,#-4]!', lookup), { ...plain, offset: -4, writeBack: true });
  assert.deepEqual(parseOperand('[X1, W2, SXTW #2]', lookup), {
    ...plain,
    index: w2,
    modifier: { kind: 'modifier', name: 'SXTW', amount: 2 },
    writeBack: false,
  });
  assert.equal(parseOperand('[y]', lookup), undefined);
  assert.equal(parseOperand('[X1,#4,LSL #2]', lookup), undefined);
});

test('registers have one canonical name and a place in the order of printing', () => {
  assert.equal(registers.canonical('w3'), 'X3');
  assert.equal(registers.canonical('WSP'), 'SP');
  assert.equal(registers.canonical('LR'), 'X30');
  assert.equal(registers.canonical('Q3'), undefined);
  assert.deepEqual(registerOf('xzr'), { slot: 32, width: 64 });
  const names = ['SP', 'X10', 'XZR', 'X2'];
  const sorted = names.sort((left, right) => registers.rank(left) - registers.rank(right));
  assert.deepEqual(sorted, ['XZR', 'X2', 'X10', 'SP']);
});
