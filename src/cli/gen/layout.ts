/** The layout for people: the canonical text, and every byte of the struct with the padding. */
import { typeText, type FieldLayout, type TypeDescriptor } from '../../memory/index.ts';
import { hexOf, type Member, type Struct } from './schema.ts';

const PRESENCE_BYTES = 4;

/** The structs, each after those inside it. */
export function generateLayout(structs: readonly Struct[]): string {
  return structs.map(layoutOf).join('\n');
}

function layoutOf({ descriptor, text, fingerprint, members }: Struct): string {
  const rows = members.map(rowOf);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const table = rows.map(([offset, size, name, type]) => {
    const left = [offset!.padStart(widths[0]!), size!.padStart(widths[1]!)];
    return `#   ${left.join('  ')}  ${`${name!.padEnd(widths[2]!)}  ${type}`.trimEnd()}\n`;
  });
  const { name, size, alignment } = descriptor;
  return [
    text,
    `# ${name}: fingerprint ${hexOf(fingerprint)}, ${size} bytes, alignment ${alignment}\n`,
    '# offset, bytes, field:\n',
    ...table,
  ].join('');
}

function rowOf(member: Member): readonly string[] {
  switch (member.kind) {
    case 'field': {
      const { offset, size, name } = member.field;
      return [String(offset), String(size), name, typeOf(member.field)];
    }
    case 'presence':
      return [String(member.offset), String(PRESENCE_BYTES), member.name, 'presence'];
    default:
      return [String(member.offset), String(member.size), '(padding)', ''];
  }
}

function typeOf({ type, presence }: FieldLayout): string {
  return presence < 0 ? short(type) : `${short(type)}, optional: bit ${presence}`;
}

/** As in the canonical text, but structs by their names alone. */
function short(type: TypeDescriptor): string {
  if (type.kind === 'struct') return type.name;
  return type.kind === 'array' ? `array[${type.length}](${short(type.element)})` : typeText(type);
}
