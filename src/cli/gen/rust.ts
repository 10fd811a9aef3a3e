/**
 * Rust: a module for the crate rondo-ring. Every bit pattern is a valid value of what it declares,
 * as `rondo_ring::Message` demands, because a peer may write any: enumerations and booleans are
 * numbers in memory, and are checked when they are asked for.
 *
 * Names of the standard library are written in full: a struct may be called `Option`.
 */
import type { FieldLayout, TypeDescriptor } from '../../memory/index.ts';
import { RUST_KEYWORDS, RUST_STRICT } from './keywords.ts';
import { camel, Names, namesIn, typeNames } from './names.ts';
import { headerLines, type Origin } from './origin.ts';
import { choiceLines } from './rust-choices.ts';
import { rustFields } from './rust-fields.ts';
import { innermost, placeOf, type Member, type Struct } from './schema.ts';

/** Lints that names of schemas and code that a program does not use would set off. */
const ALLOWED = [
  '#![allow(dead_code, non_camel_case_types, non_snake_case)]',
  '#![allow(clippy::all, clippy::pedantic)]',
];

/** What things are called. */
interface ModuleNames {
  /** Types by the names of structs. */
  readonly types: ReadonlyMap<string, string>;
  /** By `struct field`: what lies in memory, and for an enumeration what it can be. */
  readonly choices: ReadonlyMap<string, { readonly raw: string; readonly value: string }>;
}

/** A struct and its names. */
interface Context {
  readonly struct: Struct;
  readonly name: string;
  /** Of fields, as they are declared. */
  readonly fields: ReadonlyMap<string, string>;
  readonly names: ModuleNames;
}

/** The module. @internal */
export function generateRust(structs: readonly Struct[], origin: Origin): string {
  const names = namesOf(structs);
  const lines = [
    ...headerLines(origin).map((line) => `// ${line}`),
    '',
    ...ALLOWED,
    ...structs.flatMap((struct) => structLines(contextOf(struct, names))),
  ];
  return `${lines.join('\n')}\n${rustFields(needed(structs))}`;
}

function namesOf(structs: readonly Struct[]): ModuleNames {
  const scope = new Names(['Self']);
  const types = typeNames(
    structs.map(({ descriptor }) => descriptor.name),
    scope,
  );
  const choices = new Map<string, { raw: string; value: string }>();
  for (const { descriptor } of structs) {
    for (const { name, type } of descriptor.fields) {
      const { kind } = innermost(type);
      if (kind !== 'enum' && kind !== 'flags') continue;
      const value = scope.take(`${types.get(descriptor.name)!}${camel(name)}`);
      const raw = kind === 'flags' ? value : scope.take(`${value}Raw`);
      choices.set(`${descriptor.name} ${name}`, { raw, value });
    }
  }
  return { types, choices };
}

function contextOf(struct: Struct, names: ModuleNames): Context {
  const { descriptor } = struct;
  const declared = descriptor.fields.map(({ name }) => name);
  const fields = new Map(
    [...namesIn(declared, RUST_STRICT)].map(([name, free]) => [
      name,
      RUST_KEYWORDS.has(free) ? `r#${free}` : free,
    ]),
  );
  return { struct, name: names.types.get(descriptor.name)!, fields, names };
}

function needed(structs: readonly Struct[]): Parameters<typeof rustFields>[0] {
  const types = structs.flatMap(({ descriptor }) =>
    descriptor.fields.map(({ type }) => innermost(type)),
  );
  return {
    text: types.some(({ kind }) => kind === 'text'),
    bool: types.some((type) => type.kind === 'scalar' && type.scalar === 'bool'),
    safe: new Set(types.flatMap((type) => (type.kind === 'safe' ? [type.scalar] : []))),
  };
}

function structLines(context: Context): readonly string[] {
  const { struct, name } = context;
  const { descriptor, members, text } = struct;
  const lines = text.trimEnd().split('\n');
  return [
    ...descriptor.fields.flatMap((field) => choicesOf(field, context)),
    '',
    `/// \`${descriptor.name}\`: ${descriptor.size} bytes.`,
    '#[derive(Clone, Copy)]',
    '#[repr(C)]',
    `pub struct ${name} {`,
    ...members.flatMap((member) => memberLines(member, context)),
    '}',
    '',
    '// SAFETY: C lays the fields out as the text says, which is checked below; padding is declared;',
    '// numbers, arrays of them and structs of them have no invalid values.',
    `unsafe impl rondo_ring::Message for ${name} {`,
    '    const SCHEMA: rondo_ring::Schema = rondo_ring::Schema::new(',
    ...lines.map((line, index) => {
      const isLast = index === lines.length - 1;
      return `        ${index === 0 ? '"' : ' '}${line}\\n${isLast ? '",' : '\\'}`;
    }),
    '    );',
    '}',
    '',
    'const _: () = {',
    `    assert!(core::mem::size_of::<${name}>() == ${descriptor.size});`,
    `    assert!(core::mem::align_of::<${name}>() == ${descriptor.alignment});`,
    ...members.map((member) => {
      const place = placeOf(member, context.fields);
      return `    assert!(core::mem::offset_of!(${name}, ${place.name}) == ${place.offset});`;
    }),
    '};',
    '',
    `impl ${name} {`,
    '    /// All zeros: numbers are 0, texts empty, optional fields absent.',
    '    pub const ZERO: Self = Self {',
    ...members.flatMap((member) =>
      `${zeroOf(member, context)},`.split('\n').map((line) => `        ${line}`),
    ),
    '    };',
    ...optionalLines(context),
    '}',
    '',
    `impl core::default::Default for ${name} {`,
    '    fn default() -> Self {',
    '        Self::ZERO',
    '    }',
    '}',
    '',
    ...debugLines(context),
  ];
}

/** Without padding, and optional fields as they are asked for. */
function debugLines({ struct, name, fields }: Context): readonly string[] {
  return [
    `impl core::fmt::Debug for ${name} {`,
    "    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {",
    `        let mut shown = f.debug_struct("${name}");`,
    ...struct.descriptor.fields.map((field) => {
      const value = `${fields.get(field.name)!}${field.presence < 0 ? '' : '()'}`;
      return `        shown.field("${field.name}", &self.${value});`;
    }),
    '        shown.finish()',
    '    }',
    '}',
  ];
}

function choicesOf(field: FieldLayout, { struct, names }: Context): readonly string[] {
  const type = innermost(field.type);
  const choice = names.choices.get(`${struct.descriptor.name} ${field.name}`);
  if (choice === undefined || (type.kind !== 'enum' && type.kind !== 'flags')) return [];
  return choiceLines(type, {
    ...choice,
    field: `\`${field.name}\` of \`${struct.descriptor.name}\``,
  });
}

function memberLines(member: Member, context: Context): readonly string[] {
  switch (member.kind) {
    case 'field': {
      const { field } = member;
      const name = context.fields.get(field.name)!;
      return [
        `    /// ${noteOf(field, name)}At ${field.offset}.`,
        `    pub ${name}: ${typeOf(field.type, field, context)},`,
      ];
    }
    case 'presence':
      return ['    /// A bit for each optional field.', `    pub ${member.name}: u32,`];
    default:
      return ['    #[doc(hidden)]', `    pub ${member.name}: [u8; ${member.size}],`];
  }
}

/** What the type in Rust does not say, as the beginning of a comment. */
function noteOf({ type, presence }: FieldLayout, name: string): string {
  const notes: string[] = [];
  if (presence >= 0) notes.push(`Only there when \`${name}()\` says so.`);
  if (type.kind === 'slab') notes.push(`Refers to ${type.content} in the slab.`);
  return notes.map((note) => `${note} `).join('');
}

/** The type of what lies in memory. */
function typeOf(type: TypeDescriptor, field: FieldLayout, context: Context): string {
  switch (type.kind) {
    case 'scalar':
      return type.scalar === 'bool' ? 'fields::Bool' : type.scalar;
    case 'safe':
      return `fields::Safe${type.scalar.toUpperCase()}`;
    case 'enum':
    case 'flags':
      return context.names.choices.get(`${context.struct.descriptor.name} ${field.name}`)!.raw;
    case 'text':
      return `fields::Text<${type.length}>`;
    case 'bytes':
      return `[u8; ${type.length}]`;
    case 'array':
      return `[${typeOf(type.element, field, context)}; ${type.length}]`;
    case 'slab':
      return 'rondo_ring::SlabRef';
    default:
      return context.names.types.get(type.name)!;
  }
}

/** A member of the struct of zeros. */
function zeroOf(member: Member, context: Context): string {
  switch (member.kind) {
    case 'field': {
      const { field } = member;
      return `${context.fields.get(field.name)!}: ${zero(field.type, field, context)}`;
    }
    case 'presence':
      return `${member.name}: 0`;
    default:
      return `${member.name}: [0; ${member.size}]`;
  }
}

function zero(type: TypeDescriptor, field: FieldLayout, context: Context): string {
  switch (type.kind) {
    case 'scalar':
      if (type.scalar === 'bool') return 'fields::Bool::FALSE';
      return type.scalar.startsWith('f') ? '0.0' : '0';
    case 'safe':
    case 'enum':
    case 'flags':
      return `${typeOf(type, field, context)}(0)`;
    case 'text':
      return 'fields::Text::EMPTY';
    case 'bytes':
      return `[0; ${type.length}]`;
    case 'array':
      return `[${zero(type.element, field, context)}; ${type.length}]`;
    case 'slab':
      return 'rondo_ring::SlabRef {\n    position: 0,\n    length: 0,\n}';
    default:
      return `${typeOf(type, field, context)}::ZERO`;
  }
}

/** What asks for optional fields, and sets them. */
function optionalLines(context: Context): readonly string[] {
  const optional = context.struct.descriptor.fields.filter(({ presence }) => presence >= 0);
  const getters = optional.map(({ name }) => context.fields.get(name)!);
  const scope = new Names(getters);
  return optional.flatMap((field) => {
    const name = context.fields.get(field.name)!;
    const type = typeOf(field.type, field, context);
    const isLarge = ['text', 'bytes', 'array', 'struct'].includes(field.type.kind);
    const bit = `0x${(2 ** field.presence).toString(16)}`;
    const option = `core::option::Option<${isLarge ? `&${type}` : type}>`;
    const value = `${isLarge ? '&' : ''}self.${name}`;
    return [
      '',
      `    /// \`${field.name}\`, when it is there.`,
      `    pub fn ${name}(&self) -> ${option} {`,
      `        if self._present & ${bit} == 0 {`,
      '            None',
      '        } else {',
      `            Some(${value})`,
      '        }',
      '    }',
      '',
      `    /// Writes \`${field.name}\`, or takes it away.`,
      `    pub fn ${scope.take(`set_${field.name}`)}(&mut self, value: core::option::Option<${type}>) {`,
      '        if let Some(value) = value {',
      `            self.${name} = value;`,
      `            self._present |= ${bit};`,
      '        } else {',
      `            self._present &= !${bit};`,
      '        }',
      '    }',
    ];
  });
}
