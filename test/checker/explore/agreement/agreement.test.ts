/**
 * Exploration against the enumeration of litmus tests, which tries every value and every order and
 * throws away what the axioms forbid: random programs have the same final states under both, and as
 * many executions, so that exploration visits none twice.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { MemoryOrder, ModelName } from '../../../../src/checker/check/index.ts';
import { es } from '../../../../src/checker/models/es.ts';
import { type Model, modelNamed } from '../../../../src/checker/models/index.ts';
import {
  aarch64,
  type Assembler,
  c11,
  ecmascript,
  enumerated,
  explored,
  type Ground,
  programs,
  riscv,
  x86,
} from './programs.ts';

/** Programs of each model; a multiple may be asked for. */
const RUNS = 150 * Number(process.env['RONDO_RUNS'] ?? 1);

const JAVASCRIPT: Ground = {
  reads: ['plain', 'seq_cst'],
  writes: ['plain', 'seq_cst'],
  exchanges: ['seq_cst'],
  fences: [],
};
const ALL: readonly MemoryOrder[] = ['relaxed', 'acquire', 'release', 'acq_rel', 'seq_cst'];
const C: Ground = {
  reads: ['relaxed', 'acquire', 'seq_cst'],
  writes: ['relaxed', 'release', 'seq_cst'],
  exchanges: ALL,
  fences: ['acquire', 'release', 'acq_rel', 'seq_cst'],
};

interface Compared {
  readonly model: ModelName;
  /** The model of litmus tests that it is. */
  readonly litmus: Model;
  readonly ground: Ground;
  readonly assemble: Assembler;
  /** Programs, when they are fewer: every racy one is enumerated twice. */
  readonly runs?: number;
}

const COMPARED: readonly Compared[] = [
  { model: 'sc', litmus: modelNamed('sc')!, ground: JAVASCRIPT, assemble: x86 },
  {
    model: 'x86-tso',
    litmus: modelNamed('tso')!,
    ground: { ...JAVASCRIPT, fences: ['seq_cst'] },
    assemble: x86,
  },
  { model: 'v8-x64', litmus: modelNamed('tso')!, ground: JAVASCRIPT, assemble: x86 },
  { model: 'rc11', litmus: modelNamed('rc11')!, ground: C, assemble: c11 },
  { model: 'es', litmus: es, ground: JAVASCRIPT, assemble: ecmascript, runs: RUNS / 3 },
  { model: 'v8-arm64', litmus: modelNamed('armv8')!, ground: JAVASCRIPT, assemble: aarch64 },
  { model: 'armv8', litmus: modelNamed('armv8')!, ground: C, assemble: aarch64 },
  { model: 'riscv', litmus: modelNamed('riscv')!, ground: C, assemble: riscv },
];

describe('exploration finds what enumeration finds', () => {
  for (const { model, litmus, ground, assemble, runs = RUNS } of COMPARED) {
    it(`under ${model}`, () => {
      fc.assert(
        fc.property(programs(ground), (program) => {
          const { outcomes, result } = explored(model, program);
          const all = enumerated(litmus, assemble, program);
          assert.equal(result.bounded, undefined);
          assert.deepEqual([...outcomes].sort(), [...all.outcomes].sort());
          assert.equal(result.executions, all.executions);
        }),
        { numRuns: runs, seed: 6 },
      );
    });
  }
});
