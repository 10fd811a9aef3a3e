/**
 * C: a header of structs for C11 and C++11 that needs no other file. A struct stands behind a guard
 * of its own, so that headers of two modules which share it can both be included; when they mean
 * different things by it, the compiler stops.
 */
import {
  fingerprintOf,
  type FieldLayout,
  type ScalarName,
  type TypeDescriptor,
} from '../../memory/index.ts';
import { C_RESERVED } from './keywords.ts';
import { Names, namesIn } from './names.ts';
import { headerLines, type Origin } from './origin.ts';
import { hexOf, innermost, placeOf, type Member, type Struct } from './schema.ts';

/** Of the hash in the guard of the header. */
const GUARD_DIGITS = 8;

/** What every header brings, besides what its structs do. */
const PRELUDE = `#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef RONDO_GEN_H
#define RONDO_GEN_H

#ifdef __cplusplus
#define RONDO_GEN_ASSERT(condition) static_assert(condition, #condition)
#define RONDO_GEN_ALIGNOF(type) alignof(type)
#else
#define RONDO_GEN_ASSERT(condition) _Static_assert(condition, #condition)
#define RONDO_GEN_ALIGNOF(type) _Alignof(type)
#endif

/* Where text or bytes of any length lie in the slab of a ring: position and length in bytes. */
typedef struct rondo_reference {
  uint32_t position;
  uint32_t length;
} rondo_reference;

/*
 * Writes UTF-8 into a text field of \`size\` bytes, the rest zeros. Returns 0, or -1 and writes
 * nothing when it is too long or has a zero in it.
 */
static inline int rondo_set_text(char *field, size_t size, const char *text, size_t length) {
  if (length > size || (length > 0 && memchr(text, 0, length) != NULL)) return -1;
  if (length > 0) memcpy(field, text, length);
  memset(field + length, 0, size - length);
  return 0;
}

/* The bytes of the text in a field of \`size\` bytes, which has no zero at its end when full. */
static inline size_t rondo_text_length(const char *field, size_t size) {
  const char *end = (const char *)memchr(field, 0, size);
  return end == NULL ? size : (size_t)(end - field);
}

#endif
`;

/** Names of the prelude. */
const TAKEN = [
  'RONDO_GEN_H',
  'RONDO_GEN_ASSERT',
  'RONDO_GEN_ALIGNOF',
  'rondo_reference',
  'rondo_set_text',
  'rondo_text_length',
];

const SCALARS: Readonly<Record<ScalarName, string>> = {
  u8: 'uint8_t',
  u16: 'uint16_t',
  u32: 'uint32_t',
  u64: 'uint64_t',
  i8: 'int8_t',
  i16: 'int16_t',
  i32: 'int32_t',
  i64: 'int64_t',
  f32: 'float',
  f64: 'double',
  bool: 'uint8_t',
};

/** Names that belong to compilers, which may have any of them as a macro. */
const OF_THE_COMPILER = /^_[A-Z_]/;

/** What a struct and the constants that belong to it are called. */
interface StructNames {
  readonly type: string;
  readonly name: string;
  readonly layout: string;
  readonly fingerprint: string;
  /** Those of optional fields, by field. */
  readonly present: ReadonlyMap<string, string>;
  /** Those of enumerations and flags, by field, in their order. */
  readonly choices: ReadonlyMap<string, readonly string[]>;
}

/** The header. @internal */
export function generateC(structs: readonly Struct[], origin: Origin): string {
  const scope = new Names([...C_RESERVED, ...TAKEN]);
  const guard = scope.take(guardOf(structs, origin));
  const types = new Map(
    structs.map(({ descriptor: { name } }) => {
      const joined = name.replaceAll('.', '_');
      return [name, scope.take(OF_THE_COMPILER.test(joined) ? `${joined}_` : joined)];
    }),
  );
  const names = structs.map((struct) => namesOf(struct, types, scope));
  // Members must not be what a macro is, nor, in C++, what a type is.
  const reserved = new Set([...C_RESERVED, ...scope.all()]);
  return [
    `/*\n${headerLines(origin)
      .map((line) => ` * ${line}\n`)
      .join('')} */`,
    `#ifndef ${guard}\n#define ${guard}\n`,
    PRELUDE,
    ...structs.map((struct, index) => structText(struct, names[index]!, types, reserved)),
    '#endif\n',
  ].join('\n');
}

/** Files of the same name are told apart by what is in them. */
function guardOf(structs: readonly Struct[], { title }: Origin): string {
  const all = fingerprintOf(structs.map(({ text }) => text).join(''));
  const word = title.replaceAll(/[^A-Za-z0-9]+/g, '_').toUpperCase();
  return `RONDO_GEN_${word}_${hexOf(all)
    .slice(2, 2 + GUARD_DIGITS)
    .toUpperCase()}_H`;
}

function namesOf(
  { descriptor }: Struct,
  types: ReadonlyMap<string, string>,
  scope: Names,
): StructNames {
  const type = types.get(descriptor.name)!;
  const present = new Map<string, string>();
  const choices = new Map<string, readonly string[]>();
  const names = ['NAME', 'LAYOUT', 'FINGERPRINT'].map((each) => scope.take(`${type}_${each}`));
  for (const { name, type: of, presence } of descriptor.fields) {
    if (presence >= 0) present.set(name, scope.take(`${type}_PRESENT_${name}`));
    const inner = innermost(of);
    if (inner.kind !== 'enum' && inner.kind !== 'flags') continue;
    choices.set(
      name,
      inner.names.map((choice) => scope.take(`${type}_${name}_${choice}`)),
    );
  }
  const [name, layout, fingerprint] = names as [string, string, string];
  return { type, name, layout, fingerprint, present, choices };
}

function structText(
  struct: Struct,
  names: StructNames,
  types: ReadonlyMap<string, string>,
  reserved: ReadonlySet<string>,
): string {
  const { descriptor, members, text } = struct;
  const { type, fingerprint } = names;
  const number = `UINT64_C(${hexOf(struct.fingerprint)})`;
  const declaredNames = descriptor.fields.map(({ name }) => name);
  const ofTheCompiler = declaredNames.filter((name) => OF_THE_COMPILER.test(name));
  const fields = namesIn(declaredNames, new Set([...reserved, ...ofTheCompiler]));
  const lines = text.trimEnd().split('\n');
  return [
    `#ifndef ${fingerprint}`,
    `#define ${names.name} "${descriptor.name}"`,
    `#define ${fingerprint} ${number}`,
    `#define ${names.layout} \\`,
    ...lines.map((line, index) => `  "${line}\\n"${index === lines.length - 1 ? '' : ' \\'}`),
    ...constants(struct, names),
    '',
    `typedef struct ${type} {`,
    ...members.map((member) => `  ${memberText(member, fields, types)}`),
    `} ${type};`,
    '',
    `RONDO_GEN_ASSERT(sizeof(${type}) == ${descriptor.size});`,
    `RONDO_GEN_ASSERT(RONDO_GEN_ALIGNOF(${type}) == ${descriptor.alignment});`,
    ...members.map((member) => {
      const { name, offset } = placeOf(member, fields);
      return `RONDO_GEN_ASSERT(offsetof(${type}, ${name}) == ${offset});`;
    }),
    `#elif ${fingerprint} != ${number}`,
    `#error "two headers mean different structs by ${descriptor.name}"`,
    '#endif\n',
  ].join('\n');
}

function constants({ descriptor }: Struct, { present, choices }: StructNames): readonly string[] {
  const lines: string[] = [];
  for (const { name, type, presence } of descriptor.fields) {
    const inner = innermost(type);
    const own = choices.get(name) ?? [];
    if (own.length > 0) lines.push('', `/* ${name} */`);
    if (inner.kind === 'enum') {
      lines.push('enum {');
      lines.push(...own.map((choice, index) => `  ${choice} = ${index},`));
      lines.push('};');
    } else {
      lines.push(...own.map((flag, bit) => `#define ${flag} ${bitText(bit)}`));
    }
    if (presence >= 0) {
      lines.push('', `/* In _present when ${name} is there. */`);
      lines.push(`#define ${present.get(name)!} ${bitText(presence)}`);
    }
  }
  return lines;
}

function bitText(bit: number): string {
  return `UINT32_C(0x${(2 ** bit).toString(16)})`;
}

function memberText(
  member: Member,
  fields: ReadonlyMap<string, string>,
  types: ReadonlyMap<string, string>,
): string {
  const { name, offset } = placeOf(member, fields);
  switch (member.kind) {
    case 'field':
      return `${declared(member.field.type, name, types)}; /* ${offset}${noteOf(member.field)} */`;
    case 'presence':
      return `uint32_t ${name}; /* ${offset}, bits of the optional fields */`;
    default:
      return `uint8_t ${name}[${member.size}];`;
  }
}

function declared(type: TypeDescriptor, name: string, types: ReadonlyMap<string, string>): string {
  switch (type.kind) {
    case 'scalar':
    case 'safe':
      return `${SCALARS[type.scalar]} ${name}`;
    case 'enum':
    case 'flags':
      return `${SCALARS[type.base]} ${name}`;
    case 'text':
      return `char ${name}[${type.length}]`;
    case 'bytes':
      return `uint8_t ${name}[${type.length}]`;
    case 'array':
      return declared(type.element, `${name}[${type.length}]`, types);
    case 'slab':
      return `rondo_reference ${name}`;
    default:
      return `${types.get(type.name)!} ${name}`;
  }
}

/** What the type in C does not say. */
function noteOf({ type, presence }: FieldLayout): string {
  const inner = innermost(type);
  const notes: string[] = [];
  if (presence >= 0) notes.push('optional');
  if (inner.kind === 'scalar' && inner.scalar === 'bool') notes.push('0 or 1');
  if (inner.kind === 'safe') notes.push('within 2^53 - 1');
  if (inner.kind === 'enum') notes.push('one of the names above');
  if (inner.kind === 'flags') notes.push('flags above');
  if (inner.kind === 'text') notes.push('UTF-8, padded with zeros');
  if (inner.kind === 'slab') notes.push(`${inner.content} in the slab`);
  return notes.map((note) => `, ${note}`).join('');
}
