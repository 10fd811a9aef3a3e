/** Texts and tables of `rondo ring`. What other processes wrote is shown without control characters. */
import type { ParticipantInfo, RingShape } from '../ring/index.ts';

/** A text of another process, so that a terminal only shows it: quoted, escaped. */
export function quoted(text: string): string {
  // JSON leaves out DEL and the control characters of Latin-1, which terminals obey too.
  return JSON.stringify(text).replaceAll(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (each) => {
    return `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** JSON on one line; big integers are strings of digits, bytes of hexadecimal digits. */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value, (_, each: unknown) => {
    if (typeof each === 'bigint') return each.toString();
    return each instanceof Uint8Array ? Buffer.from(each).toString('hex') : each;
  });
  return text.replaceAll(/[\u007f-\u009f]/g, (each) => {
    return `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** A number of bytes: `68 KiB`. */
export function sized(bytes: number): string {
  for (const [unit, size] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const) {
    if (bytes >= size) return `${Number((bytes / size).toFixed(1))} ${unit}`;
  }
  return `${bytes} B`;
}

/** How long ago something was: `3 min`. */
export function aged(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
  ] as const) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${seconds} s`;
}

/** Who has a role. */
export function described(who: ParticipantInfo | undefined): string {
  if (who === undefined) return 'nobody';
  if (who.pid === 0) return 'nobody known';
  const parts = [`${who.pid}${who.tid === 0 ? '' : `/${who.tid}`}`, who.language];
  if (who.label !== '') parts.push(quoted(who.label));
  if (!who.alive) parts.push('(dead)');
  if (who.asking) parts.push('(asks)');
  return parts.join(' ');
}

/** The name of a struct, from its schema text. */
export function structName(schema: string): string {
  return /^name (\S{1,256})$/m.exec(schema)?.[1] ?? '?';
}

/** What a ring is like: `mpsc, 4 lanes of 1024 slots, lossy`. */
export function shaped(shape: RingShape): string {
  const { topology, lanes, slots, stride, slabBytes, lossy } = shape;
  const count = lanes === 1 ? `${slots} slots` : `${lanes} lanes of ${slots} slots`;
  const parts = [topology, `${count} of ${stride} bytes`];
  if (slabBytes > 0) parts.push(`${sized(slabBytes)} of slab${lanes === 1 ? '' : ' each'}`);
  if (lossy) parts.push('lossy');
  return parts.join(', ');
}

/** Which ring of its segment: '' when it is the only one. */
export function ringTitle(index: number, count: number): string {
  return count === 1 ? '' : RINGS[index]!;
}

/** Rings of a channel, in order. */
export const RINGS: readonly string[] = ['request', 'response'];

/** Rows in columns; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const isRight = head.map((_, column) => rows.every((row) => /^[\d.]*$/.test(row[column]!)));
  const lines = all.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column]!;
        return isRight[column] ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
  return lines.join('\n');
}
