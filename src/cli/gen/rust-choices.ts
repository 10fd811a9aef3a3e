/** Enumerations and flags in Rust: a number in memory, with what it can mean. */
import type { EnumDescriptor, FlagsDescriptor } from '../../memory/index.ts';
import { camel, Names, screaming, valid } from './names.ts';

const BITS = { u8: 8, u16: 16, u32: 32 } as const;

/** How a choice is called, and whose it is. */
export interface ChoiceNames {
  /** What lies in memory. */
  readonly raw: string;
  /** What an enumeration can be; the same as `raw` for flags. */
  readonly value: string;
  /** For comments. */
  readonly field: string;
}

/** The declarations, each after an empty line. */
export function choiceLines(
  type: EnumDescriptor | FlagsDescriptor,
  names: ChoiceNames,
): readonly string[] {
  return type.kind === 'enum' ? enumLines(type, names) : flagsLines(type, names);
}

function enumLines(
  { base, names }: EnumDescriptor,
  { raw, value, field }: ChoiceNames,
): readonly string[] {
  const variants = uniquely(names, (name) => valid(camel(name)), ['Self']);
  const constants = uniquely(names, (name) => valid(screaming(name)));
  const isFull = names.length === 2 ** BITS[base];
  return [
    '',
    `/// What ${field} can be.`,
    '#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]',
    `#[repr(${base})]`,
    `pub enum ${value} {`,
    ...variants.map((variant, index) => `    ${variant} = ${index},`),
    '}',
    '',
    `/// [\`${value}\`] in memory, where a peer may have written any number.`,
    ...newtype(raw, base),
    '',
    `impl ${raw} {`,
    ...constants.map((constant, index) => `    pub const ${constant}: Self = Self(${index});`),
    '',
    '    /// What it is; `None` for a number without a name.',
    `    pub const fn get(self) -> core::option::Option<${value}> {`,
    '        match self.0 {',
    ...variants.map((variant, index) => `            ${index} => Some(${value}::${variant}),`),
    ...(isFull ? [] : ['            _ => None,']),
    '        }',
    '    }',
    '}',
    '',
    `impl core::convert::From<${value}> for ${raw} {`,
    `    fn from(value: ${value}) -> Self {`,
    `        Self(value as ${base})`,
    '    }',
    '}',
    '',
    `impl core::convert::TryFrom<${raw}> for ${value} {`,
    `    type Error = ${raw};`,
    '',
    `    fn try_from(raw: ${raw}) -> core::result::Result<Self, ${raw}> {`,
    '        raw.get().ok_or(raw)',
    '    }',
    '}',
  ];
}

function flagsLines(
  { base, names }: FlagsDescriptor,
  { raw, field }: ChoiceNames,
): readonly string[] {
  const constants = uniquely(names, (name) => valid(screaming(name)));
  const all = names.reduce((sum, _, bit) => sum + 2 ** bit, 0);
  return [
    '',
    `/// Flags: ${field}. A peer may have set any bits.`,
    ...newtype(raw, base),
    '',
    `impl ${raw} {`,
    ...constants.map(
      (constant, bit) => `    pub const ${constant}: Self = Self(${hex(2 ** bit)});`,
    ),
    '',
    '    /// Whether all of `flags` are set.',
    '    pub const fn contains(self, flags: Self) -> bool {',
    '        self.0 & flags.0 == flags.0',
    '    }',
    '',
    '    /// Sets all of `flags`, or clears them.',
    '    pub fn set(&mut self, flags: Self, on: bool) {',
    '        if on {',
    '            self.0 |= flags.0;',
    '        } else {',
    '            self.0 &= !flags.0;',
    '        }',
    '    }',
    '',
    '    /// Whether every bit that is set has a name.',
    '    pub const fn is_known(self) -> bool {',
    `        self.0 & !${hex(all)} == 0`,
    '    }',
    '}',
    '',
    `impl core::ops::BitOr for ${raw} {`,
    '    type Output = Self;',
    '',
    '    fn bitor(self, other: Self) -> Self {',
    '        Self(self.0 | other.0)',
    '    }',
    '}',
  ];
}

function newtype(name: string, base: string): readonly string[] {
  return [
    '#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]',
    '#[repr(transparent)]',
    `pub struct ${name}(pub ${base});`,
  ];
}

function uniquely(
  names: readonly string[],
  spell: (name: string) => string,
  reserved: readonly string[] = [],
): readonly string[] {
  const scope = new Names(reserved);
  return names.map((name) => scope.take(spell(name)));
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
