/**
 * Traces as text, a line for each thing:
 *
 *     # a comment
 *     name tail 0x400 4          a piece of memory; without an address it gets lines of its own
 *     thread P0 producer
 *     P0 W tail 4 writer.ts:272  core, kind (R W U X), address, bytes (4), what did it
 *     P1 R 0x400
 *
 * The accesses happen in that order. With a line `program` before them only the order of each core
 * counts, and all ways to interleave them are meant.
 */
import { RondoError } from '../../../base/index.ts';
import { type Access, ACCESS_BYTES_MAX, type AccessKind, type Named } from '../access.ts';
import { CORES_MAX } from '../options.ts';
import { LIMITS, type Source } from './source.ts';

const KINDS: Readonly<Record<string, AccessKind>> = {
  R: 'read',
  W: 'write',
  U: 'update',
  X: 'evict',
};

/** Where names without an address begin, and how far they are apart: two lines of 64 bytes. */
const PLACES = { FIRST: 0x1_0000, APART: 128 } as const;

const BYTES = 4;
const NAME = /^[A-Za-z_][\w.[\]]{0,63}$/;

/** See the head of this file. @throws {RondoError} ERR_CACHE_TRACE, ERR_CACHE_LIMIT */
export function parseTraceText(text: string, maxAccesses: number): Source {
  return new TextReader(maxAccesses).read(text);
}

class TextReader {
  readonly #maxAccesses: number;
  readonly #accesses: Access[] = [];
  readonly #threads: (string | undefined)[] = [];
  readonly #names = new Map<string, Named>();
  #isProgram = false;
  /** The first address that no name without an address may overlap. */
  #free: number = PLACES.FIRST;
  /** What is read now, for messages. */
  #row = 0;
  #line = '';

  constructor(maxAccesses: number) {
    this.#maxAccesses = maxAccesses;
  }

  read(text: string): Source {
    for (const line of text.split('\n')) {
      this.#row += 1;
      this.#line = line.trim();
      if (this.#line !== '' && !this.#line.startsWith('#')) this.#readLine();
    }
    return {
      accesses: this.#accesses,
      threads: this.#threads,
      names: [...this.#names.values()],
      isProgram: this.#isProgram,
    };
  }

  #readLine(): void {
    const words = this.#line.split(/\s+/);
    switch (words[0]) {
      case 'program':
        if (words.length > 1 || this.#accesses.length > 0) {
          this.#fail('"program" stands alone, before all accesses');
        }
        this.#isProgram = true;
        break;
      case 'thread':
        this.#readThread(words);
        break;
      case 'name':
        this.#readName(words);
        break;
      default:
        this.#readAccess(words);
    }
  }

  #readThread([, core = '', ...name]: readonly string[]): void {
    if (name.length === 0) this.#fail('a thread has a core and a name: thread P0 producer');
    this.#threads[this.#coreOf(core)] = name.join(' ').slice(0, LIMITS.SITE);
  }

  #readName([, name = '', place, bytes, ...rest]: readonly string[]): void {
    if (!NAME.test(name)) this.#fail('a name is up to 64 letters, digits, and _ . [ ]');
    if (this.#names.has(name)) this.#fail(`"${name}" is a name already`);
    if (rest.length > 0) this.#fail('a name has an address and a number of bytes, no more');
    if (this.#names.size === LIMITS.NAMES) {
      throw new RondoError('ERR_CACHE_LIMIT', this.#message(`more than ${LIMITS.NAMES} names`));
    }
    const size = bytes === undefined ? BYTES : this.#numberOf(bytes, 'bytes', 1, 2 ** 40);
    const address = place === undefined ? this.#free : this.#addressOf(place).address;
    this.#names.set(name, { name, address, size });
    if (address + size > this.#free && address < this.#free + PLACES.APART) {
      this.#free = Math.ceil((address + size) / PLACES.APART) * PLACES.APART;
    }
  }

  #readAccess([core = '', letter = '', place, ...rest]: readonly string[]): void {
    if (this.#accesses.length === this.#maxAccesses) {
      const limit = `more accesses than maxAccesses, ${this.#maxAccesses}`;
      throw new RondoError('ERR_CACHE_LIMIT', this.#message(limit));
    }
    const number = this.#coreOf(core);
    const kind = KINDS[letter.toUpperCase()];
    if (kind === undefined) {
      this.#fail(`the second word is R, W, U or X, not "${letter.slice(0, 20)}"`);
    }
    if (place === undefined) this.#fail('an access has an address: P0 R 0x40 4');
    const { address, bytes } = this.#addressOf(place);
    const hasSize = /^\d/.test(rest[0] ?? '');
    const size = hasSize ? this.#numberOf(rest[0]!, 'bytes', 1, ACCESS_BYTES_MAX) : bytes;
    const site = rest.slice(hasSize ? 1 : 0).join(' ');
    if (site.length > LIMITS.SITE) this.#fail(`the site is longer than ${LIMITS.SITE} characters`);
    const access = { core: number, kind, address, size };
    this.#accesses.push(site === '' ? access : { ...access, site });
  }

  #coreOf(word: string): number {
    const digits = /^P(\d{1,4})$/i.exec(word)?.[1];
    if (digits === undefined) {
      this.#fail(`a line begins with a core (P0, P1, …), thread, name, program or #`);
    }
    return this.#numberOf(digits, 'cores', 0, CORES_MAX - 1);
  }

  /** `0x40`, `64`, `tail`, `tail+8`; and how many bytes are meant unless said. */
  #addressOf(word: string): { readonly address: number; readonly bytes: number } {
    if (/^\d/.test(word)) {
      const address = this.#numberOf(word, 'addresses', 0, Number.MAX_SAFE_INTEGER - 2 ** 16);
      return { address, bytes: BYTES };
    }
    const [name = '', inside] = word.split('+', 2);
    const found = this.#names.get(name);
    if (found === undefined) this.#fail(`there is no name "${name.slice(0, 64)}" before this line`);
    if (inside === undefined) {
      return { address: found.address, bytes: Math.min(found.size, ACCESS_BYTES_MAX) };
    }
    const offset = this.#numberOf(inside, 'offsets', 0, 2 ** 40);
    return { address: found.address + offset, bytes: BYTES };
  }

  #numberOf(word: string, what: string, minimum: number, maximum: number): number {
    const isNumber = /^(\d{1,16}|0x[\da-f]{1,14})$/i.test(word);
    const value = isNumber ? Number(word) : Number.NaN;
    if (value >= minimum && value <= maximum) return value;
    return this.#fail(`${what} are from ${minimum} to ${maximum}, not "${word.slice(0, 20)}"`);
  }

  #fail(problem: string): never {
    throw new RondoError('ERR_CACHE_TRACE', this.#message(problem));
  }

  #message(problem: string): string {
    const line = this.#line.length > 80 ? `${this.#line.slice(0, 80)}…` : this.#line;
    return `Cannot read the trace, line ${this.#row}: ${problem}: ${JSON.stringify(line)}`;
  }
}
