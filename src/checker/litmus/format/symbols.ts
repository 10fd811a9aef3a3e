/** Where the names of a litmus test lie. */
import { RondoError } from '../../../base/index.ts';
import type { Symbols, Value } from '../contract.ts';

/**
 * The first address and the room of each name. All of them stay below 2³¹, so that a register of
 * 32 bits holds an address whole, and are multiples of 64 KiB, so that masks and offsets of tests
 * are harmless.
 */
const BASE = 0x4000_0000;
const ROOM = 0x1_0000;

/** Names a test can have: the room between `BASE` and 2³¹. */
const MAX_SYMBOLS = (0x8000_0000 - BASE) / ROOM;

/** The names of one test, each with an address that it gets when it is first asked for. */
export class SymbolTable implements Symbols {
  readonly #addresses = new Map<string, number>();
  readonly #names: string[] = [];

  addressOf(name: string): Value {
    let address = this.#addresses.get(name);
    if (address === undefined) {
      if (this.#names.length >= MAX_SYMBOLS) throw tooManyNames();
      address = BASE + this.#names.length * ROOM;
      this.#addresses.set(name, address);
      this.#names.push(name);
    }
    return address;
  }

  nameOf(address: Value): string | undefined {
    if (typeof address !== 'number' || address < BASE) return undefined;
    const offset = (address - BASE) % ROOM;
    const name = this.#names[(address - BASE - offset) / ROOM];
    return name === undefined || offset === 0 ? name : `${name}+${offset}`;
  }
}

function tooManyNames(): RondoError {
  return new RondoError(
    'ERR_LITMUS_SIZE',
    `Cannot read the litmus test: it has more than ${MAX_SYMBOLS} names`,
  );
}
