/** For tests: an architecture of three instructions, so that the format is tested by itself. */
import type { LitmusTest, ThreadProgram } from '../contract.ts';
import type { Architecture, CArchitecture, CFunction } from './architecture.ts';
import { parseWith } from './parse.ts';

/** What the front ends were given, in order. */
export interface Compiled {
  readonly columns: (readonly string[])[];
  readonly functions: CFunction[];
  readonly registers: Record<string, unknown>[];
  readonly parameters: Record<string, unknown>[];
}

const NOTHING: ThreadProgram = { run: () => new Map() };

/** Parses a test whose registers are `r0`, `r1`, …, and whose instructions are `nop`, `bad` and `new`. */
export function parseText(text: string): { test: LitmusTest; compiled: Compiled } {
  const compiled: Compiled = { columns: [], functions: [], registers: [], parameters: [] };
  const toy: Architecture = {
    name: 'riscv',
    pointerSize: 8,
    registers: {
      canonical: (name) => (/^r\d+$/i.test(name) ? name.toLowerCase() : undefined),
      rank: (name) => Number(name.slice(1)),
    },
    compile(lines, environment): ThreadProgram {
      for (const [row, line] of lines.entries()) {
        if (line === 'bad') environment.fail('"bad" is no instruction', row);
        if (line === 'new') environment.unsupported('"new" is not known', row);
      }
      compiled.columns.push(lines);
      compiled.registers.push(Object.fromEntries(environment.initialRegisters));
      compiled.parameters.push(Object.fromEntries(environment.parameters));
      return NOTHING;
    },
  };
  const c11: CArchitecture = {
    name: 'c11',
    compile(thread, environment): ThreadProgram {
      const place = thread.body.indexOf('bad');
      if (place >= 0) environment.fail('bad', place);
      compiled.functions.push(thread);
      return NOTHING;
    },
  };
  const test = parseWith({ assembly: new Map([['toy', toy]]), c: c11 }, text);
  return { test, compiled };
}

/** A test of two threads with these parts. */
export function toy(initial: string, question: string): string {
  return `TOY name\n{ ${initial} }\n P0 | P1 ;\n nop | nop ;\n${question}`;
}
