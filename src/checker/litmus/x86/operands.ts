/** Operands in both syntaxes: `[x+4]` and `4(%rax,%rbx,8)`, `$1`, `EAX` and `%eax`. */
import type { Value } from '../contract.ts';
import { parseInteger, toValue } from '../format/index.ts';
import type { Environment } from '../format/index.ts';
import { GENERAL, registerPart } from './registers.ts';
import type { RegisterPart } from './registers.ts';

/** A place in memory: the sum of its parts. */
export interface Memory {
  readonly kind: 'memory';
  readonly displacement: Value;
  /** Indices of registers, 64 bits of which count; -1 is none. */
  readonly base: number;
  readonly index: number;
  readonly scale: number;
  /** Bytes, when the text says so: `DWORD PTR`. */
  readonly size: number | undefined;
}

const NOWHERE = { kind: 'memory', base: -1, index: -1, scale: 1, size: undefined } as const;

/** What an instruction works on. */
export type Operand =
  | { readonly kind: 'register'; readonly part: RegisterPart }
  | { readonly kind: 'immediate'; readonly value: Value }
  | { readonly kind: 'name'; readonly name: string }
  | Memory;

/** Intel writes the destination first, AT&T last. */
export type Syntax = 'intel' | 'att';

/** Registers of the machine: the general ones, then those that the test names itself. */
export interface RegisterFile {
  /** The part that a name behind `%` (or a bare name, with Intel) stands for. */
  find(name: string): RegisterPart | undefined;
}

/** The general registers, and one of 64 bits for each parameter. */
export function registerFile(parameters: ReadonlyMap<string, Value>): RegisterFile {
  const own = new Map(
    [...parameters.keys()].map((name, index): [string, RegisterPart] => [
      name,
      { index: GENERAL.length + index, size: 8, shift: 0 },
    ]),
  );
  return { find: (name) => own.get(name) ?? registerPart(name) };
}

/** Reads operands of one thread. */
export class OperandReader {
  readonly #environment: Environment;
  readonly #registers: RegisterFile;

  constructor(environment: Environment, registers: RegisterFile) {
    this.#environment = environment;
    this.#registers = registers;
  }

  /** The operands of a list, in the order of the text; of a jump it is the label. */
  list(text: string, syntax: Syntax, row: number): Operand[] {
    return splitList(text).map((piece) =>
      syntax === 'att' ? this.#att(piece, row) : this.#intel(piece, row),
    );
  }

  #att(written: string, row: number): Operand {
    const text = written.replace(/^(.*)\[([^[\]]*)\]$/, '$1($2)');
    const bare = this.#registers.find(text);
    if (bare !== undefined) return { kind: 'register', part: bare };
    if (text.startsWith('%')) return this.#register(text.slice(1), row);
    if (text.startsWith('$')) return this.#immediate(text.slice(1), row);
    const parts = /^([^()]*)(?:\(([^()]*)\))?$/.exec(text);
    if (parts === null) return this.#environment.fail(`"${text}" is no operand`, row);
    const [, before = '', inside] = parts;
    if (inside === undefined) {
      // `shl 2,%eax`: a number alone is a number; a name alone is what lies there.
      const value = parseInteger(before);
      if (value !== undefined) return { kind: 'immediate', value };
      return { ...NOWHERE, displacement: this.#sum(before, row) };
    }
    const [base = '', index = '', scale = ''] = inside.split(',').map((piece) => piece.trim());
    const relative = /^%?rip$/.test(base);
    const isRegister = base.startsWith('%') || this.#registers.find(base) !== undefined;
    const named = base !== '' && !relative && !isRegister;
    const displacement = [before, named ? base : ''].filter((piece) => piece !== '').join('+');
    return {
      kind: 'memory',
      displacement: displacement === '' ? 0 : this.#sum(displacement, row),
      base: isRegister && !relative ? this.#wide(base.replace(/^%/, ''), row) : -1,
      index: index === '' ? -1 : this.#wide(index.replace(/^%/, ''), row),
      scale: scale === '' ? 1 : this.#scale(scale, row),
      size: undefined,
    };
  }

  #intel(written: string, row: number): Operand {
    const text = written.replace(/^\(([^()]*)\)$/, '[$1]');
    const pointer = /^(?:(byte|word|dword|qword)\s+)?(?:ptr\s+)?\[([^\]]+)\]$/i.exec(text);
    if (pointer !== null) return this.#bracketed(pointer[2] ?? '', pointer[1], row);
    const part = this.#registers.find(text.replace(/^%/, ''));
    if (part !== undefined) return { kind: 'register', part };
    if (text.startsWith('$')) return this.#immediate(text.slice(1), row);
    const value = parseInteger(text);
    return value === undefined ? { kind: 'name', name: text } : { kind: 'immediate', value };
  }

  /** `[x]`, `[EAX+4]`, `[x+ECX*4]`. */
  #bracketed(text: string, width: string | undefined, row: number): Memory {
    let base = -1;
    let index = -1;
    let scale = 1;
    const rest: string[] = [];
    for (const piece of text.replace(/-/g, '+-').split('+')) {
      const [name = '', factor] = piece.trim().split('*');
      const part = this.#registers.find(name.trim().replace(/^%/, ''));
      if (part === undefined) rest.push(piece.trim());
      else if (factor === undefined && base === -1) base = part.index;
      else if (index === -1) {
        index = part.index;
        scale = factor === undefined ? 1 : this.#scale(factor.trim(), row);
      } else this.#environment.fail(`"[${text}]" is no operand`, row);
    }
    const displacement = rest.length === 0 ? 0 : this.#sum(rest.join('+'), row);
    const size = width === undefined ? undefined : WIDTHS[width.toLowerCase()];
    return { kind: 'memory', displacement, base, index, scale, size };
  }

  #register(name: string, row: number): Operand {
    const part = this.#registers.find(name);
    if (part === undefined) this.#environment.fail(`"%${name}" is no register`, row);
    return { kind: 'register', part };
  }

  #wide(name: string, row: number): number {
    const part = this.#registers.find(name);
    if (part === undefined || part.shift > 0 || part.size < 4) {
      return this.#environment.fail(`"${name}" is no register for an address`, row);
    }
    return part.index;
  }

  #immediate(text: string, row: number): Operand {
    return { kind: 'immediate', value: this.#sum(text, row) };
  }

  /** Numbers and names added up: `x+4`. */
  #sum(text: string, row: number): Value {
    let sum = 0n;
    for (const piece of text.replace(/([^+])-/g, '$1+-').split('+')) {
      sum += BigInt(this.#term(piece.trim(), row));
    }
    return toValue(sum);
  }

  #term(text: string, row: number): Value {
    const number = parseInteger(text);
    if (number !== undefined) return number;
    if (!/^[A-Za-z_][\w.]*$/.test(text)) {
      return this.#environment.fail(`"${text}" is no number and no name`, row);
    }
    return this.#environment.symbols.addressOf(text);
  }

  #scale(text: string, row: number): number {
    const scale = Number(text);
    if (![0, 1, 2, 4, 8].includes(scale)) this.#environment.fail(`"${text}" is no scale`, row);
    return scale;
  }
}

const WIDTHS: Readonly<Record<string, number>> = { byte: 1, word: 2, dword: 4, qword: 8 };

/** Splits at the commas that are outside of parentheses. */
function splitList(text: string): string[] {
  return text === '' ? [] : text.split(/,(?![^()[\]]*[)\]])/).map((piece) => piece.trim());
}
