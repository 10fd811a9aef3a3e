/** Reads the files of spec/vectors/, as README.md there describes them. */
import { readFileSync } from 'node:fs';
import { folder } from './folder.ts';

/** A line: its first word, and the rest. */
export interface Line {
  readonly word: string;
  readonly rest: string;
}

/** The sections of a file: each begins with a line of the word `first`. */
export function sections(file: string, first: string): readonly (readonly Line[])[] {
  const found: Line[][] = [];
  for (const text of readFileSync(`${folder}/${file}`, 'utf8').split('\n')) {
    if (text === '') continue;
    const end = text.indexOf(' ') < 0 ? text.length : text.indexOf(' ');
    const line = { word: text.slice(0, end), rest: text.slice(end + 1) };
    if (line.word === first) found.push([]);
    found.at(-1)!.push(line);
  }
  return found;
}

/** What stands behind a word in a section, once or several times. */
export function allOf(section: readonly Line[], word: string): readonly string[] {
  return section.filter((line) => line.word === word).map(({ rest }) => rest);
}

/** The bytes of a section: `bytes` of zeros, with the `at` lines in them. */
export function bytesOf(section: readonly Line[]): Buffer {
  const bytes = Buffer.alloc(Number(allOf(section, 'bytes')[0]));
  for (const rest of allOf(section, 'at')) {
    const [offset, hex] = rest.split(' ');
    bytes.write(hex!, Number.parseInt(offset!, 16), 'hex');
  }
  return bytes;
}

/** The canonical text of a section of structs.txt. */
export function textIn(section: readonly Line[]): string {
  return `${allOf(section, 'text').join('\n')}\n`;
}
