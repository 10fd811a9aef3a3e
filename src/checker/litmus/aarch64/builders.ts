/** Shapes that many instructions on registers have. */
import type { Binary, Unary } from './arithmetic.ts';
import type { Builder, Source } from './instruction.ts';
import type { Step } from './machine.ts';
import type { Register } from './registers.ts';

/** `rd, rn, rm{, shift}` or `rd, rn, #k`. */
export function binary(operation: Binary): Builder {
  return (instruction) => {
    const target = instruction.register(0);
    const left = instruction.register(1);
    return combine(target, left, instruction.source(2, target.width), operation);
  };
}

/** Computes the target from both. */
export function combine(target: Register, left: Register, right: Source, operation: Binary): Step {
  const { width } = target;
  return (machine) => {
    const value = operation(machine.get(left), right.value(machine), width);
    machine.compute(target, value, left.slot, right.slot);
  };
}

/** `rd, rn`. */
export function unary(operation: Unary): Builder {
  return (instruction) => {
    instruction.expect(2);
    const target = instruction.register(0);
    const source = instruction.register(1);
    return (machine) => {
      machine.compute(target, operation(machine.get(source), target.width), source.slot);
    };
  };
}
