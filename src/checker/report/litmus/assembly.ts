/** Litmus tests in assembly: columns of instructions. */
import { RondoError } from '../../../base/index.ts';
import type { AccessOrder, Instruction, LitmusProgram } from './program.ts';

/** Registers of one thread. */
interface Registers {
  /** Where a value is put before it is stored. */
  readonly scratch: string;
  /** By number of the read. */
  readonly result: (register: number) => string;
  /** What holds the address of a variable. */
  readonly address: (at: string) => string;
}

/** How an architecture writes things. */
export interface Assembly {
  /** The word that a test begins with. */
  readonly header: string;
  /** Names of registers in the order in which they are used. */
  readonly registers: readonly string[];
  /** Whether addresses are in registers. */
  readonly hasAddresses: boolean;
  lines(instruction: Instruction, registers: Registers): string[];
  /** A register as a condition and the initial state name it. */
  observed(register: string): string;
}

function isAcquire(order: AccessOrder): boolean {
  return order === 'acquire' || order === 'acq_rel' || order === 'seq_cst';
}

function isRelease(order: AccessOrder): boolean {
  return order === 'release' || order === 'acq_rel' || order === 'seq_cst';
}

/** x86: a store that is not to wait in the buffer is an XCHG. */
export const x86Assembly: Assembly = {
  header: 'X86_64',
  registers: ['ax', 'bx', 'cx', 'dx', 'si', 'di', '8', '9', '10', '11', '12', '13', '14', '15'],
  hasAddresses: false,
  observed: (register) => `r${register}`,
  lines(instruction, { scratch, result }) {
    const long = (name: string): string => (/^\d/.test(name) ? `%r${name}d` : `%e${name}`);
    switch (instruction.kind) {
      case 'load': {
        const load = `movl (${instruction.at}),${long(result(instruction.register))}`;
        return instruction.isLocked ? ['mfence', load] : [load];
      }
      case 'store':
        if (instruction.order !== 'seq_cst') {
          return [`movl $${instruction.value},(${instruction.at})`];
        }
        return [
          `movl $${instruction.value},${long(scratch)}`,
          `xchgl ${long(scratch)},(${instruction.at})`,
        ];
      case 'exchange': {
        const register = long(result(instruction.register));
        return [`movl $${instruction.value},${register}`, `xchgl ${register},(${instruction.at})`];
      }
      default:
        return instruction.order === 'seq_cst' ? ['mfence'] : [];
    }
  },
};

/** ARMv8 with LSE. `orderOf` is what becomes of the order that was asked for. */
export function aarch64Assembly(orderOf: (order: AccessOrder) => AccessOrder): Assembly {
  return {
    header: 'AArch64',
    registers: Array.from({ length: 29 }, (_, index) => String(index)),
    hasAddresses: true,
    observed: (register) => `X${register}`,
    lines(instruction, { scratch, result, address }) {
      const order = orderOf(instruction.order);
      switch (instruction.kind) {
        case 'load': {
          const name = isAcquire(order) ? 'LDAR' : 'LDR';
          return [`${name} W${result(instruction.register)},[X${address(instruction.at)}]`];
        }
        case 'store': {
          const name = isRelease(order) ? 'STLR' : 'STR';
          return [
            `MOV W${scratch},#${instruction.value}`,
            `${name} W${scratch},[X${address(instruction.at)}]`,
          ];
        }
        case 'exchange': {
          const name = `SWP${isAcquire(order) ? 'A' : ''}${isRelease(order) ? 'L' : ''}`;
          const register = result(instruction.register);
          return [
            `MOV W${scratch},#${instruction.value}`,
            `${name} W${scratch},W${register},[X${address(instruction.at)}]`,
          ];
        }
        default:
          return [instruction.order === 'acquire' ? 'DMB LD' : 'DMB SY'];
      }
    },
  };
}

const RISCV_FENCES: Readonly<Partial<Record<AccessOrder, string>>> = {
  acquire: 'fence r,rw',
  release: 'fence rw,w',
  acq_rel: 'fence.tso',
};

/** RISC-V with fences around accesses: table A.6 of the unprivileged specification. */
export const riscvAssembly: Assembly = {
  header: 'RISCV',
  registers: Array.from({ length: 27 }, (_, index) => String(5 + index)),
  hasAddresses: true,
  observed: (register) => `x${register}`,
  lines(instruction, { scratch, result, address }) {
    const { order } = instruction;
    const bits = (isAcquire(order) ? '.aq' : '') + (isRelease(order) ? '.rl' : '');
    switch (instruction.kind) {
      case 'load': {
        const to = `x${result(instruction.register)}`;
        const from = `(x${address(instruction.at)})`;
        if (instruction.isLocked) return [`lr.w${bits} ${to},${from}`];
        const before = order === 'seq_cst' ? ['fence rw,rw'] : [];
        return [...before, `lw ${to},0${from}`, ...(isAcquire(order) ? ['fence r,rw'] : [])];
      }
      case 'store': {
        const before = isRelease(order) ? ['fence rw,w'] : [];
        return [
          `li x${scratch},${instruction.value}`,
          ...before,
          `sw x${scratch},0(x${address(instruction.at)})`,
        ];
      }
      case 'exchange': {
        const register = `x${result(instruction.register)}`;
        const swap = `amoswap.w${bits} ${register},x${scratch},(x${address(instruction.at)})`;
        return [`li x${scratch},${instruction.value}`, swap];
      }
      default:
        return [RISCV_FENCES[order] ?? 'fence rw,rw'];
    }
  },
};

/** Gives registers of one thread away: results first, then addresses; the last one is scratch. */
class Allocation {
  readonly #names: readonly string[];
  readonly #results: number;
  readonly addresses = new Map<string, string>();
  readonly scratch: string;

  constructor(names: readonly string[], program: readonly Instruction[]) {
    this.#names = names;
    this.scratch = names.at(-1)!;
    this.#results = program.filter(({ kind }) => kind === 'load' || kind === 'exchange').length;
  }

  result(register: number): string {
    return this.#take(register);
  }

  address(at: string): string {
    const known = this.addresses.get(at);
    if (known !== undefined) return known;
    const name = this.#take(this.#results + this.addresses.size);
    this.addresses.set(at, name);
    return name;
  }

  #take(index: number): string {
    const name = this.#names[index];
    if (name !== undefined && name !== this.scratch) return name;
    throw new RondoError(
      'ERR_LITMUS_SIZE',
      `Cannot write the execution as a litmus test: a thread has more than ${this.#names.length - 1} ` +
        'reads and variables, as many as there are registers',
    );
  }
}

/** The text of a test, and its condition; `head` is the lines in front of the initial state. */
export function assemblyText(assembly: Assembly, program: LitmusProgram, head: string): string {
  const initial: string[] = program.variables.map(({ at, initial: value }) => `${at}=${value};`);
  const conditions: string[] = [];
  const columns = program.threads.map((instructions, thread) => {
    const registers = new Allocation(assembly.registers, instructions);
    const view: Registers = {
      scratch: registers.scratch,
      result: (register) => registers.result(register),
      address: (at) => registers.address(at),
    };
    const lines = instructions.flatMap((instruction) => {
      if (instruction.kind === 'load' || instruction.kind === 'exchange') {
        const value = instruction.kind === 'load' ? instruction.value : instruction.before;
        const name = assembly.observed(registers.result(instruction.register));
        conditions.push(`${thread}:${name}=${value}`);
      }
      return assembly.lines(instruction, view);
    });
    const held = [...registers.addresses].map(([at, name]) => {
      return `${thread}:${assembly.observed(name)}=${at};`;
    });
    if (assembly.hasAddresses && held.length > 0) initial.push(held.join(' '));
    return [`P${thread}`, ...lines];
  });
  conditions.push(...program.last.map(({ at, value }) => `${at}=${value}`));
  return [
    `${assembly.header} ${head}`,
    `{\n${initial.join('\n')}\n}`,
    columnsText(columns),
    `exists (${conditions.length === 0 ? 'true' : conditions.join(' /\\ ')})`,
    '',
  ].join('\n');
}

function columnsText(columns: readonly (readonly string[])[]): string {
  const height = Math.max(...columns.map(({ length }) => length));
  const widths = columns.map((lines) => Math.max(...lines.map(({ length }) => length)));
  return Array.from({ length: height }, (_, row) => {
    const cells = columns.map((lines, at) => (lines[row] ?? '').padEnd(widths[at]!));
    return ` ${cells.join(' | ')} ;`;
  }).join('\n');
}
