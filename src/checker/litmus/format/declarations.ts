/** What a test declares: types and initial values of registers and locations. */
import type { LitmusTest, Observable, Symbols, Value } from '../contract.ts';
import { DEFAULT_TYPE, cut } from './values.ts';
import type { ValueType } from './values.ts';

/** How the parser sees the architecture of the test. */
export interface Naming {
  readonly architecture: LitmusTest['architecture'];
  /** The canonical name of a register; undefined when there is no such register. */
  canonical(name: string): string | undefined;
  /** Bytes of a pointer in memory. */
  readonly pointer: ValueType;
}

/** What a location holds at the start, as memory holds it. */
export interface Initial {
  readonly address: Value;
  readonly size: number;
  readonly value: Value;
}

type Register = Observable & { readonly kind: 'register' };
type Location = Observable & { readonly kind: 'location' };

interface Declared {
  readonly type: ValueType;
  /** Elements of an array; undefined for a single value. */
  readonly length: number | undefined;
}

/** C has no sizes: the contract counts every access as one of 4 bytes. */
const C_TYPE: ValueType = { size: 4, signed: true };

/** Names, types and initial values of one test. */
export class Declarations {
  readonly naming: Naming;
  readonly symbols: Symbols;
  readonly initial: Map<Value, Initial> = new Map();
  readonly #locations = new Map<string, Declared>();
  readonly #registerTypes = new Map<string, ValueType>();
  readonly #values = new Map<number, Map<string, Value>>();
  readonly #parameters = new Map<number | undefined, Map<string, Value>>();
  readonly #observables = new Map<string, Register | Location>();

  constructor(naming: Naming, symbols: Symbols) {
    this.naming = naming;
    this.symbols = symbols;
  }

  /** A location with its type, and its initial values when there are some. */
  declareLocation(
    name: string,
    type: ValueType,
    length: number | undefined,
    values: readonly Value[],
  ): void {
    const kept = this.naming.architecture === 'c11' ? C_TYPE : type;
    this.#locations.set(name, { type: kept, length });
    for (let index = 0; index < Math.max(length ?? 1, values.length); index++) {
      const address = this.address(name, index);
      const value = this.#store(values[index] ?? 0, kept);
      this.initial.set(address, { address, size: kept.size, value });
    }
  }

  declareRegister(thread: number, name: string, type: ValueType): void {
    this.#registerTypes.set(`${thread}:${name}`, type);
  }

  setRegister(thread: number, name: string, value: Value): void {
    of(this.#values, thread).set(name, value);
  }

  /** A register that the test names itself, of one thread or of all. */
  setParameter(thread: number | undefined, name: string, value: Value): void {
    of(this.#parameters, thread).set(name, value);
  }

  initialRegisters(thread: number): ReadonlyMap<string, Value> {
    return this.#values.get(thread) ?? new Map<string, Value>();
  }

  parameters(thread: number): ReadonlyMap<string, Value> {
    return new Map([
      ...(this.#parameters.get(undefined) ?? []),
      ...(this.#parameters.get(thread) ?? []),
    ]);
  }

  /** Whether the location is an array, by its length. */
  lengthOf(name: string): number | undefined {
    return this.#locations.get(name)?.length;
  }

  /** The address of an element. */
  address(name: string, index: number): Value {
    const base = this.symbols.addressOf(name);
    if (index === 0) return base;
    return Number(base) + index * this.#declared(name).type.size;
  }

  register(thread: number, name: string): Register {
    const key = `${thread}:${name}`;
    const known = this.#observables.get(key);
    if (known?.kind === 'register') return known;
    const { size, signed } = this.#registerTypes.get(key) ?? DEFAULT_TYPE;
    const made: Register = { kind: 'register', thread, name, size, signed };
    this.#observables.set(key, made);
    return made;
  }

  /** A location, or with an index an element of an array. */
  location(name: string, index?: number): Location {
    return this.#location(index === undefined ? name : `${name}[${index}]`, name, index ?? 0);
  }

  /** The elements of an array, as they are printed together. */
  elements(name: string): Location[] {
    const length = this.lengthOf(name) ?? 1;
    return Array.from({ length }, (_, index) =>
      this.#location(`${name}[${index}]`, name, index, name),
    );
  }

  #location(name: string, base: string, index: number, within?: string): Location {
    const key = `${within ?? ''}[${name}`;
    const known = this.#observables.get(key);
    if (known?.kind === 'location') return known;
    const { size, signed } = this.#declared(base).type;
    const address = this.address(base, index);
    const bare = { kind: 'location', name, address, size, signed } as const;
    const made: Location = within === undefined ? bare : { ...bare, within };
    this.#observables.set(key, made);
    return made;
  }

  #declared(name: string): Declared {
    const type = this.naming.architecture === 'c11' ? C_TYPE : DEFAULT_TYPE;
    return this.#locations.get(name) ?? { type, length: undefined };
  }

  /** As memory holds it: unsigned bits of the type; in C the value itself. */
  #store(value: Value, type: ValueType): Value {
    if (this.naming.architecture === 'c11') return value;
    return cut(value, { size: type.size, signed: false });
  }
}

function of<K, V>(maps: Map<K, Map<string, V>>, key: K): Map<string, V> {
  const known = maps.get(key);
  if (known !== undefined) return known;
  const made = new Map<string, V>();
  maps.set(key, made);
  return made;
}
