/**
 * Two layouts side by side: whether a reader can read what a writer wrote, and if not, why.
 *
 * Structs grow at their end: a reader's fields must be the first fields of the segment, each with
 * the same name, type and place. The size is not compared, because readers take the stride of
 * messages from the segment.
 */
import { fieldTypeText } from './layout.ts';
import { PRESENCE_NAME } from './limits.ts';
import { parseLayout } from './parse.ts';
import type { StructDescriptor } from './types.ts';

/** Differences that a message lists at most. */
const DIFFERENCES_MAX = 16;
/** Characters of a type that a message shows at most. */
const TYPE_LENGTH_MAX = 80;
/** Characters before the first difference that are shown of a type that is too long. */
const CONTEXT_LENGTH = 16;

/** What came out. */
export interface LayoutComparison {
  /**
   * `equal`: the same text. `extended`: theirs begins with all of mine, so that I can read it.
   * `different`: neither.
   */
  readonly kind: 'equal' | 'extended' | 'different';
  /** Field by field, such as `quantity: u32 at 16 here, u64 at 16 there; note: missing there`. */
  readonly diff: string;
}

/** A field as it is compared and shown. */
interface Line {
  readonly type: string;
  readonly offset: number;
}

/**
 * Compares canonical texts: `mine` of the reader, `theirs` of the segment, which may be anything.
 * Never throws for what is in `theirs`.
 * @throws {RondoError} ERR_STRUCT_LAYOUT when `mine` is not valid
 */
export function compareLayouts(mine: string, theirs: string): LayoutComparison {
  const here = parseLayout(mine);
  if (mine === theirs) return { kind: 'equal', diff: '' };
  let there: StructDescriptor;
  try {
    there = parseLayout(theirs);
  } catch (error) {
    return { kind: 'different', diff: `the other side: ${(error as Error).message}` };
  }
  const differences: string[] = [];
  if (here.name !== there.name) differences.push(`name: ${here.name} here, ${there.name} there`);
  const ours = linesOf(here);
  const others = linesOf(there);
  for (const [name, line] of ours) {
    const other = others.get(name);
    if (!other) differences.push(`${name}: missing there`);
    else if (line.type !== other.type || line.offset !== other.offset) {
      differences.push(`${name}: ${pair(line, other)}`);
    }
  }
  // A field in what is padding here would be readable; but then theirs did not grow out of mine.
  const names = [...others.keys()];
  const isPrefix = [...ours.keys()].every((name, index) => names[index] === name);
  const kind = differences.length === 0 && isPrefix ? 'extended' : 'different';
  for (const name of names) if (!ours.has(name)) differences.push(`${name}: missing here`);
  return { kind, diff: listed(differences) };
}

function linesOf(struct: StructDescriptor): Map<string, Line> {
  const lines = new Map<string, Line>();
  for (const field of struct.fields) {
    if (field.presence === 0) {
      lines.set(PRESENCE_NAME, { type: 'presence', offset: struct.presenceOffset });
    }
    lines.set(field.name, { type: fieldTypeText(field), offset: field.offset });
  }
  return lines;
}

function pair(here: Line, there: Line): string {
  let from = 0;
  if (here.type.length > TYPE_LENGTH_MAX || there.type.length > TYPE_LENGTH_MAX) {
    let same = 0;
    while (same < here.type.length && here.type[same] === there.type[same]) same += 1;
    from = Math.max(0, same - CONTEXT_LENGTH);
  }
  return `${shown(here, from)} here, ${shown(there, from)} there`;
}

function shown({ type, offset }: Line, from: number): string {
  const end = from + TYPE_LENGTH_MAX;
  const part = `${from > 0 ? '…' : ''}${type.slice(from, end)}${type.length > end ? '…' : ''}`;
  return `${part} at ${offset}`;
}

function listed(differences: readonly string[]): string {
  const rest = differences.length - DIFFERENCES_MAX;
  const some = differences.slice(0, DIFFERENCES_MAX);
  if (rest > 0) some.push(`and ${rest} more`);
  return some.join('; ');
}
