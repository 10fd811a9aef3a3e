/**
 * A slow inflater that is plainly right, bit by bit in the words of RFC 1951, for tests. It says
 * what zlib hides: how far back a stream refers, and whether it ends where a block ends.
 */

/** What a message means. */
export interface ReferenceMessage {
  /** Up to the end, or to what is wrong. */
  readonly output: number[];
  /** How far the message refers back at most; 0 when it never does. */
  readonly maxDistance: number;
  readonly end: 'complete' | 'bad' | 'too big';
}

/** Thrown for what is no deflate data, or not all of it. */
class Broken extends Error {}
class NoMoreInput extends Broken {}
class TooBig extends Error {}

const LENGTH_BASE: readonly number[] = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
  163, 195, 227, 258,
];
const LENGTH_EXTRA: readonly number[] = [
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
];
const DISTANCE_BASE: readonly number[] = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049,
  3073, 4097, 6145, 8193, 12289, 16385, 24577,
];
const LENGTH_ORDER: readonly number[] = [
  16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];

/** Code words as text of 0 and 1, to their symbols. */
type Code = ReadonlyMap<string, number>;

function codeOf(lengths: readonly number[]): Code {
  const code = new Map<string, number>();
  let next = 0;
  let left = 1;
  for (let size = 1; size <= 15; size++) {
    next *= 2;
    left *= 2;
    lengths.forEach((length, symbol) => {
      if (length !== size) return;
      code.set(next.toString(2).padStart(size, '0'), symbol);
      next += 1;
      left -= 1;
    });
    if (left < 0) throw new Broken('too many code words');
  }
  const complete = left === 0;
  const single = code.size <= 1 && lengths.every((length) => length <= 1);
  if (!complete && !single) throw new Broken('too few code words');
  return code;
}

const FIXED_LENGTHS: Code = codeOf(
  Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)),
);
const FIXED_DISTANCES: Code = codeOf(new Array<number>(32).fill(5));

class Bits {
  readonly input: readonly number[];
  at = 0;
  constructor(input: readonly number[]) {
    this.input = input;
  }
  get left(): number {
    return this.input.length * 8 - this.at;
  }
  bit(): number {
    if (this.left <= 0) throw new NoMoreInput('no more input');
    const value = (this.input[this.at >> 3]! >> (this.at & 7)) & 1;
    this.at += 1;
    return value;
  }
  number(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value += this.bit() * 2 ** i;
    return value;
  }
  symbol(code: Code): number {
    let word = '';
    while (word.length < 15) {
      word += this.bit();
      const symbol = code.get(word);
      if (symbol !== undefined) return symbol;
    }
    throw new Broken('no such code word');
  }
  align(): void {
    this.at = Math.ceil(this.at / 8) * 8;
  }
}

/** What was put out, behind what may be referred to. */
class Output {
  readonly window: number[];
  readonly #end: number;
  maxDistance = 0;
  constructor(history: readonly number[], limit: number) {
    this.window = [...history];
    this.#end = history.length + limit;
  }
  get atLimit(): boolean {
    return this.window.length === this.#end;
  }
  push(byte: number): void {
    if (this.atLimit) throw new TooBig();
    this.window.push(byte);
  }
  copy(distance: number, length: number): void {
    if (this.atLimit) throw new TooBig();
    if (distance > this.window.length || distance > 32_768) throw new Broken('too far back');
    this.maxDistance = Math.max(this.maxDistance, distance);
    for (let i = 0; i < length; i++) this.push(this.window[this.window.length - distance]!);
  }
}

/**
 * Inflates one message behind `history`, by RFC 7692 §7.2.2. As in the implementations, a message
 * may be empty, or end right behind a block with BFINAL. One that is cut off just where it reaches
 * `limit` bytes is too big: nobody can tell what it would have been.
 */
export function referenceInflate(
  message: readonly number[],
  history: readonly number[] = [],
  limit: number = Infinity,
): ReferenceMessage {
  const bits = new Bits([...message, 0x00, 0x00, 0xff, 0xff]);
  const output = new Output(history, limit);
  let end: ReferenceMessage['end'] = 'complete';
  try {
    while (message.length > 0 && bits.left > 0) {
      const final = bits.bit() === 1;
      block(bits, output);
      if (!final) continue;
      bits.align();
      if (bits.left === 32) break;
    }
  } catch (error) {
    if (error instanceof TooBig || (error instanceof NoMoreInput && output.atLimit))
      end = 'too big';
    else if (error instanceof Broken) end = 'bad';
    else throw error;
  }
  return { output: output.window.slice(history.length), maxDistance: output.maxDistance, end };
}

function block(bits: Bits, output: Output): void {
  const type = bits.number(2);
  if (type === 3) throw new Broken('no such type');
  if (type === 0) {
    bits.align();
    const length = bits.number(16);
    if (bits.number(16) !== 0xffff - length) throw new Broken('lengths do not agree');
    for (let i = 0; i < length; i++) output.push(bits.number(8));
    return;
  }
  const [lengths, distances] = type === 1 ? [FIXED_LENGTHS, FIXED_DISTANCES] : dynamicCodes(bits);
  for (;;) {
    const symbol = bits.symbol(lengths);
    if (symbol === 256) return;
    if (symbol < 256) {
      output.push(symbol);
      continue;
    }
    if (symbol > 285) throw new Broken('no such length');
    const length = LENGTH_BASE[symbol - 257]! + bits.number(LENGTH_EXTRA[symbol - 257]!);
    const far = bits.symbol(distances);
    if (far > 29) throw new Broken('no such distance');
    output.copy(DISTANCE_BASE[far]! + bits.number(far < 2 ? 0 : (far >> 1) - 1), length);
  }
}

function dynamicCodes(bits: Bits): [Code, Code] {
  const literals = bits.number(5) + 257;
  const distances = bits.number(5) + 1;
  const count = bits.number(4) + 4;
  if (literals > 286 || distances > 30) throw new Broken('too many symbols');
  const ofLengths = new Array<number>(19).fill(0);
  for (const symbol of LENGTH_ORDER.slice(0, count)) ofLengths[symbol] = bits.number(3);
  const code = codeOf(ofLengths);
  if (code.size === 1) throw new Broken('too few code words');
  const lengths: number[] = [];
  while (lengths.length < literals + distances) {
    // Without code words zlib reads zeros of one bit, and fails when it has them all.
    const symbol = code.size === 0 ? bits.bit() * 0 : bits.symbol(code);
    if (symbol < 16) {
      lengths.push(symbol);
      continue;
    }
    if (symbol === 16 && lengths.length === 0) throw new Broken('nothing to repeat');
    const value = symbol === 16 ? lengths.at(-1)! : 0;
    const times = symbol === 16 ? 3 : symbol === 17 ? 3 : 11;
    const repeats = times + bits.number(symbol === 18 ? 7 : symbol === 17 ? 3 : 2);
    for (let i = 0; i < repeats; i++) lengths.push(value);
  }
  if (lengths.length > literals + distances) throw new Broken('too many lengths');
  if (lengths[256] === 0) throw new Broken('no end');
  return [codeOf(lengths.slice(0, literals)), codeOf(lengths.slice(literals))];
}
