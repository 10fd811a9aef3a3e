/** Enumerations and flags: names in the program, small integers in memory. */
import { misuse } from '../../base/index.ts';
import { rangeError, typeError, valueError, type Codec } from './codec.ts';
import { baseBytes } from './layout.ts';
import { show } from './limits.ts';
import type { ChoiceBase, EnumDescriptor, FlagsDescriptor } from './types.ts';
import { define, View, type ViewClass } from './view.ts';
import type { Views } from './views.ts';
import type { Decode, Element, Encode } from './words.ts';

/** The memory of a base: `array[offset >>> shift]`. */
function wordsOf(
  base: ChoiceBase,
  views: Views,
): { words: Uint8Array | Uint16Array | Uint32Array; shift: 0 | 1 | 2 } {
  const bytes = baseBytes(base);
  if (bytes === 1) return { words: views.u8, shift: 0 };
  return bytes === 2 ? { words: views.u16, shift: 1 } : { words: views.u32, shift: 2 };
}

/** `oneOf(base, names)`. */
export function enumElement({ base, names }: EnumDescriptor, label: string): Element {
  const indices = new Map<unknown, number>(names.map((name, index) => [name, index]));
  const expected = () => `one of ${names.slice(0, 16).join(', ')}${names.length > 16 ? ', …' : ''}`;
  const encode = enumEncode(indices, (value) => {
    if (typeof value !== 'string') throw typeError(label, expected(), value);
    throw rangeError(label, expected(), value);
  });
  const decode = enumDecode(names, names.length, (index) => {
    throw valueError(label, `below ${names.length}`, index);
  });
  return { kind: base, encode, decode };
}

// Parameters, and little else: see words.ts for why.
function enumEncode(
  indices: ReadonlyMap<unknown, number>,
  refuse: (value: unknown) => never,
): Encode<number> {
  return (value) => {
    const index = indices.get(value);
    if (index === undefined) refuse(value);
    return index;
  };
}

function enumDecode(
  names: readonly string[],
  count: number,
  refuse: (index: number) => never,
): Decode {
  return (index) => {
    if (!(index < count)) refuse(index);
    return names[index];
  };
}

/** The codec of `flags(base, names)`, for plain objects. */
export function flagsCodec({ base, names }: FlagsDescriptor, views: Views, label: string): Codec {
  const { words, shift } = wordsOf(base, views);
  // As a number without sign: 32 flags fill the word.
  const all = 2 ** names.length - 1;
  const known = new Set(names);
  return {
    read: (offset) => {
      const bits = words[offset >>> shift]!;
      if (bits > all) throw unknownBits(label, bits, names);
      const value: Record<string, boolean> = {};
      for (let i = 0; i < names.length; i++) value[names[i]!] = (bits & (1 << i)) !== 0;
      return value;
    },
    write: (offset, value) => {
      if (typeof value !== 'object' || value === null) {
        throw typeError(label, 'an object of booleans', value);
      }
      if (!(value instanceof View)) rejectKeys(value, known, label);
      let bits = 0;
      for (let i = 0; i < names.length; i++) {
        const flag = (value as Record<string, unknown>)[names[i]!];
        if (flag === undefined) throw missingKey(label, names[i]!);
        if (typeof flag !== 'boolean') throw typeError(`${label}.${names[i]}`, 'a boolean', flag);
        if (flag) bits |= 1 << i;
      }
      words[offset >>> shift] = bits;
    },
  };
}

/** The views of `flags(base, names)`: a property for each, which reads and writes one bit. */
export function flagsViewClass(
  { base, names }: FlagsDescriptor,
  views: Views,
  codec: Codec,
  label: string,
): ViewClass {
  const { words, shift } = wordsOf(base, views);
  class Flags extends View {}
  define(Flags.prototype, '$codec', { value: codec });
  const all = 2 ** names.length - 1;
  names.forEach((name, index) => {
    const bit = 1 << index;
    define(Flags.prototype, name, {
      get(this: View): boolean {
        const bits = words[this.$offset >>> shift]!;
        if (bits > all) throw unknownBits(label, bits, names);
        return (bits & bit) !== 0;
      },
      set(this: View, value: unknown) {
        if (typeof value !== 'boolean') throw typeError(`${label}.${name}`, 'a boolean', value);
        const word = this.$offset >>> shift;
        words[word] = value ? words[word]! | bit : words[word]! & ~bit;
      },
    });
  });
  return Flags;
}

function unknownBits(label: string, bits: number, names: readonly string[]): Error {
  return valueError(label, `flags of the lowest ${names.length} bits`, bits);
}

/** A plain object that lacks what the struct or set of flags has. */
export function missingKey(label: string, key: string): TypeError {
  return misuse('ERR_STRUCT_KEY', `Cannot write ${label}: the object has no ${key}`);
}

/** @throws {TypeError} ERR_STRUCT_KEY when an object has a key of its own that is not known */
export function rejectKeys(value: object, known: ReadonlySet<string>, label: string): void {
  for (const key in value) {
    if (known.has(key) || !Object.hasOwn(value, key)) continue;
    throw misuse('ERR_STRUCT_KEY', `Cannot write ${label}: it has no field ${show(key)}`);
  }
}
