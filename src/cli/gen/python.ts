/**
 * Python: a module of classes for the package rondo_ring. A class has the layout three times, for
 * ctypes, for numpy and as text; rondo_ring.Message holds them against each other when the module
 * is imported, and turns what ctypes gives into values of Python.
 */
import type { FieldLayout, ScalarName, TypeDescriptor } from '../../memory/index.ts';
import { PYTHON_KEYWORDS, PYTHON_MESSAGE } from './keywords.ts';
import { camel, Names, typeNames } from './names.ts';
import { headerLines, type Origin } from './origin.ts';
import { innermost, type Member, type Struct } from './schema.ts';

/** What every module imports, and so cannot declare. */
const IMPORTED = ['Any', 'ClassVar', 'Optional', 'TYPE_CHECKING'];
/** Columns that a line of a list may have before each item gets its own. */
const COLUMNS = 88;

const CTYPES: Readonly<Record<ScalarName, string>> = {
  u8: 'ctypes.c_uint8',
  u16: 'ctypes.c_uint16',
  u32: 'ctypes.c_uint32',
  u64: 'ctypes.c_uint64',
  i8: 'ctypes.c_int8',
  i16: 'ctypes.c_int16',
  i32: 'ctypes.c_int32',
  i64: 'ctypes.c_int64',
  f32: 'ctypes.c_float',
  f64: 'ctypes.c_double',
  bool: 'ctypes.c_uint8',
};

const FORMATS: Readonly<Record<ScalarName, string>> = {
  u8: 'u1',
  u16: '<u2',
  u32: '<u4',
  u64: '<u8',
  i8: 'i1',
  i16: '<i2',
  i32: '<i4',
  i64: '<i8',
  f32: '<f4',
  f64: '<f8',
  bool: 'u1',
};

/** For numpy: a reference into the slab. */
const REFERENCE = [
  '_REFERENCE: dict[str, Any] = {',
  '    "names": ["position", "length"],',
  '    "formats": ["<u4", "<u4"],',
  '    "offsets": [0, 4],',
  '    "itemsize": 8,',
  '}',
];

/** What things are called. */
interface ModuleNames {
  /** Classes by the names of structs. */
  readonly types: ReadonlyMap<string, string>;
  /** Enumerations by `struct field`. */
  readonly choices: ReadonlyMap<string, string>;
}

/** What attributes and the enumeration of a field are called in one class. */
interface Context {
  readonly struct: Struct;
  readonly names: ModuleNames;
  /** The attribute of a field. */
  readonly named: (field: FieldLayout) => string;
  /** The enumeration of a field; undefined when it has none. */
  readonly choiceOf: (field: FieldLayout) => string | undefined;
}

/** The module. @internal */
export function generatePython(structs: readonly Struct[], origin: Origin): string {
  const names = namesOf(structs);
  const all = [...names.types.values(), ...names.choices.values()].sort();
  const contexts = structs.map((struct) => contextOf(struct, names));
  const isOptional = structs.some(({ descriptor }) => descriptor.presenceOffset >= 0);
  const classes = contexts.flatMap((context) => structLines(context));
  const parts = [
    ...headerLines(origin).map((line) => `# ${line}`),
    'from __future__ import annotations',
    '',
    ...(classes.some((line) => line.includes('builtins.')) ? ['import builtins'] : []),
    'import ctypes',
    ...(names.choices.size > 0 ? ['import enum'] : []),
    `from typing import TYPE_CHECKING, Any, ClassVar${isOptional ? ', Optional' : ''}`,
    '',
    'import rondo_ring',
    '',
    ...listed('__all__ = [', all.map(quoted), ']', ''),
    ...(classes.some((line) => line.includes('_REFERENCE')) ? ['', ...REFERENCE] : []),
    ...classes,
  ];
  return `${parts.join('\n')}\n`;
}

function namesOf(structs: readonly Struct[]): ModuleNames {
  const scope = new Names([...PYTHON_KEYWORDS, ...IMPORTED]);
  const types = typeNames(
    structs.map(({ descriptor }) => descriptor.name),
    scope,
  );
  const choices = new Map<string, string>();
  for (const { descriptor } of structs) {
    for (const { name, type } of descriptor.fields) {
      const { kind } = innermost(type);
      if (kind !== 'enum' && kind !== 'flags') continue;
      const key = `${descriptor.name} ${name}`;
      choices.set(key, scope.take(`${types.get(descriptor.name)!}${camel(name)}`));
    }
  }
  return { types, choices };
}

/** Attributes are called as `rondo_ring.message_type` calls them. */
function contextOf(struct: Struct, names: ModuleNames): Context {
  const { name: owner, fields } = struct.descriptor;
  const scope = new Names([...PYTHON_KEYWORDS, ...PYTHON_MESSAGE]);
  // Python gives a meaning to such names, now or later.
  const safe = (name: string): string => (/^__\w+__$/.test(name) ? `${name}_` : name);
  const attributes = new Map(fields.map(({ name }) => [name, scope.take(safe(name))]));
  return {
    struct,
    names,
    named: ({ name }) => attributes.get(name)!,
    choiceOf: ({ name }) => names.choices.get(`${owner} ${name}`),
  };
}

function structLines(context: Context): readonly string[] {
  const { struct, names, named, choiceOf } = context;
  const { descriptor, text, members, fingerprint } = struct;
  const slabs = descriptor.fields.flatMap((field) =>
    field.type.kind === 'slab' ? [`${quoted(named(field))}: ${quoted(field.type.content)}`] : [],
  );
  const enums = descriptor.fields.flatMap((field) => {
    const choice = choiceOf(field);
    return choice === undefined ? [] : [`${quoted(named(field))}: ${choice}`];
  });
  return [
    ...descriptor.fields.flatMap((field) => choiceLines(field, choiceOf(field))),
    '',
    '',
    `class ${names.types.get(descriptor.name)!}(rondo_ring.Message):`,
    `    """${descriptor.name}: ${descriptor.size} bytes."""`,
    '',
    `    NAME: ClassVar[str] = ${quoted(descriptor.name)}`,
    '    LAYOUT: ClassVar[str] = (',
    ...text
      .trimEnd()
      .split('\n')
      .map((line) => `        "${line}\\n"`),
    '    )',
    `    FINGERPRINT: ClassVar[int] = 0x${fingerprint.toString(16).toUpperCase().padStart(16, '0')}`,
    ...listed('    SLAB_FIELDS: ClassVar[dict[str, str]] = {', slabs, '}', '    '),
    ...listed('    ENUMS: ClassVar[dict[str, Any]] = {', enums, '}', '    '),
    ...dtypeLines(context),
    '    _fields_ = [',
    ...members.map((member) => `        ${memberText(member, context)},`),
    '    ]',
    '    if TYPE_CHECKING:',
    ...annotations(context).map((line) => `        ${line}`),
  ];
}

function choiceLines(field: FieldLayout, name: string | undefined): readonly string[] {
  const type = innermost(field.type);
  if (name === undefined || (type.kind !== 'enum' && type.kind !== 'flags')) return [];
  const isEnum = type.kind === 'enum';
  const choices = memberNames(type.names);
  return [
    '',
    '',
    `class ${name}(enum.${isEnum ? 'IntEnum' : 'IntFlag'}):`,
    `    """${isEnum ? 'Values' : 'Bits'} of \`${field.name}\`."""`,
    '',
    ...choices.map((choice, index) => `    ${choice} = ${isEnum ? index : 2 ** index}`),
  ];
}

/**
 * The names of an enumeration, as `rondo_ring.message_type` makes them: those that begin with an
 * underscore would be private to the class, or mean something to `enum`.
 */
function memberNames(names: readonly string[]): readonly string[] {
  const scope = new Names([...PYTHON_KEYWORDS, 'mro']);
  return names.map((name) => scope.take(name.startsWith('_') ? `n${name}` : name));
}

function memberText(member: Member, { named, names }: Context): string {
  switch (member.kind) {
    case 'field':
      return `(${quoted(named(member.field))}, ${ctypeOf(member.field.type, names)})`;
    case 'presence':
      return `(${quoted(member.name)}, ctypes.c_uint32)`;
    default:
      return `(${quoted(member.name)}, ctypes.c_uint8 * ${member.size})`;
  }
}

function ctypeOf(type: TypeDescriptor, names: ModuleNames): string {
  switch (type.kind) {
    case 'scalar':
    case 'safe':
      return CTYPES[type.scalar];
    case 'enum':
    case 'flags':
      return CTYPES[type.base];
    case 'text':
      return `ctypes.c_char * ${type.length}`;
    case 'bytes':
      return `ctypes.c_uint8 * ${type.length}`;
    case 'array': {
      const element = ctypeOf(type.element, names);
      return `${element.includes('*') ? `(${element})` : element} * ${type.length}`;
    }
    case 'slab':
      return 'rondo_ring.Slab';
    default:
      return names.types.get(type.name)!;
  }
}

function dtypeLines({ struct, named, names }: Context): readonly string[] {
  const seen: [name: string, format: string, offset: number][] = [];
  for (const member of struct.members) {
    if (member.kind === 'presence') seen.push([member.name, quoted('<u4'), member.offset]);
    if (member.kind !== 'field') continue;
    const { type, offset } = member.field;
    seen.push([named(member.field), formatOf(type, names), offset]);
  }
  const inside = '        ';
  return [
    '    DTYPE: ClassVar[dict[str, Any]] = {',
    ...listed(
      `${inside}"names": [`,
      seen.map(([name]) => quoted(name)),
      '],',
      inside,
    ),
    ...listed(
      `${inside}"formats": [`,
      seen.map(([, format]) => format),
      '],',
      inside,
    ),
    ...listed(
      `${inside}"offsets": [`,
      seen.map(([, , offset]) => String(offset)),
      '],',
      inside,
    ),
    `${inside}"itemsize": ${struct.descriptor.size},`,
    '    }',
  ];
}

function formatOf(type: TypeDescriptor, names: ModuleNames): string {
  switch (type.kind) {
    case 'scalar':
    case 'safe':
      return quoted(FORMATS[type.scalar]);
    case 'enum':
    case 'flags':
      return quoted(FORMATS[type.base]);
    case 'text':
      return quoted(`S${type.length}`);
    case 'bytes':
      return `("u1", (${type.length},))`;
    case 'array':
      return `(${formatOf(type.element, names)}, (${type.length},))`;
    case 'slab':
      return '_REFERENCE';
    default:
      return `${names.types.get(type.name)!}.DTYPE`;
  }
}

/** For checkers. In a class its attributes hide what else has their names. */
function annotations(context: Context): readonly string[] {
  const { struct, named } = context;
  const hidden = new Set(struct.descriptor.fields.map(named));
  const builtin = (name: string): string => (hidden.has(name) ? `builtins.${name}` : name);
  return struct.descriptor.fields.map((field) => {
    const value = valueType(field.type, field, context, builtin);
    const type = field.presence < 0 ? value : `Optional[${value}]`;
    const isHidden = type.split(/[^\w.]+/).some((word) => hidden.has(word));
    return `${named(field)}: ${isHidden ? 'Any' : type}`;
  });
}

function valueType(
  type: TypeDescriptor,
  field: FieldLayout,
  context: Context,
  builtin: (name: string) => string,
): string {
  switch (type.kind) {
    case 'scalar':
      if (type.scalar === 'bool') return builtin('bool');
      return builtin(type.scalar.startsWith('f') ? 'float' : 'int');
    case 'safe':
      return builtin('int');
    case 'enum':
    case 'flags':
      return context.choiceOf(field)!;
    case 'text':
      return builtin('str');
    case 'bytes':
      return builtin('bytes');
    case 'array':
      return `${builtin('tuple')}[${valueType(type.element, field, context, builtin)}, ...]`;
    case 'slab':
      return builtin(type.content === 'text' ? 'str' : 'bytes');
    default:
      return context.names.types.get(type.name)!;
  }
}

/** A list as Black writes it: in one line where it fits, an item per line where not. */
function listed(
  open: string,
  items: readonly string[],
  close: string,
  indent: string,
): readonly string[] {
  const line = `${open}${items.join(', ')}${close}`;
  if (line.length <= COLUMNS) return [line];
  return [open, ...items.map((item) => `${indent}    ${item},`), `${indent}${close}`];
}

function quoted(text: string): string {
  return `"${text}"`;
}
