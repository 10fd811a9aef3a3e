/** The operands of one instruction as text, read in turn by whoever knows their kinds. */
import type { Environment } from '../format/architecture.ts';
import type { Value } from '../contract.ts';
import { registerNumber } from './registers.ts';

/** A base register and a distance in bytes. */
export interface Address {
  readonly base: number;
  readonly offset: number | bigint;
}

const INTEGER = /^[-+]?(?:0x[0-9a-f]+|\d+)$/i;
const ADDRESS = /^([^()]*)\(([^()]+)\)$/;

/** Numbers of the parameters of a test, above those of the registers. */
export class ParameterNumbers {
  private readonly numbers = new Map<string, number>();

  of(name: string): number {
    const number = this.numbers.get(name) ?? 32 + this.numbers.size;
    this.numbers.set(name, number);
    return number;
  }

  entries(): IterableIterator<[string, number]> {
    return this.numbers.entries();
  }
}

/** What follows the mnemonic of an instruction. */
export class Operands {
  private readonly texts: readonly string[];
  private readonly parameters: ParameterNumbers;
  private readonly environment: Environment;
  private readonly row: number;
  private at = 0;

  constructor(text: string, parameters: ParameterNumbers, environment: Environment, row: number) {
    this.texts = text === '' ? [] : text.split(',').map((one) => one.trim());
    this.parameters = parameters;
    this.environment = environment;
    this.row = row;
  }

  fail(message: string): never {
    this.environment.fail(message, this.row);
  }

  unsupported(message: string): never {
    this.environment.unsupported(message, this.row);
  }

  get left(): number {
    return this.texts.length - this.at;
  }

  /** The next operand as text. */
  word(what: string): string {
    const text = this.texts[this.at];
    if (text === undefined || text === '') this.fail(`${what} is missing`);
    this.at++;
    return text;
  }

  register(): number {
    return this.registerOf(this.word('a register'));
  }

  immediate(): Value {
    return this.integerOf(this.word('an immediate'));
  }

  /** The address of a named location. */
  symbol(): Value {
    return this.environment.symbols.addressOf(this.word('the name of a location'));
  }

  /** `8(x5)`, or `(x5)`. */
  address(): Address {
    const text = this.word('an address');
    const match = ADDRESS.exec(text);
    const [, offset = '', base = ''] = match ?? [];
    if (match === null) this.fail(`"${text}" is no address: offset(register)`);
    return {
      base: this.registerOf(base.trim()),
      offset: offset.trim() === '' ? 0 : this.integerOf(offset.trim()),
    };
  }

  /** `(x5)` or `0(x5)`. */
  bareAddress(): number {
    const { base, offset } = this.address();
    if (offset !== 0) this.fail('atomic instructions take no offset');
    return base;
  }

  end(): void {
    if (this.left > 0) this.fail(`"${this.texts[this.at] ?? ''}" is one operand too many`);
  }

  private registerOf(text: string): number {
    if (/^%\w/.test(text)) return this.parameters.of(text.slice(1));
    return registerNumber(text) ?? this.fail(`"${text}" is no register`);
  }

  private integerOf(text: string): Value {
    if (!INTEGER.test(text)) this.fail(`"${text}" is no integer`);
    const sign = text.startsWith('-') ? -1n : 1n;
    const value = sign * BigInt(text.replace(/^[-+]/, ''));
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }
}
