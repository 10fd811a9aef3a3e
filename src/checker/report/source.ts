/**
 * Places in source files: what stands there, and which TypeScript line a compiled one comes from.
 */
import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { basename, dirname, isAbsolute, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A place in a source file. */
export interface SourcePlace {
  /** As a person in the current folder would write it, with the line: `src/queue.ts:12`. */
  readonly name: string;
  /** The same without folders: `queue.ts:12`. */
  readonly short: string;
  readonly line: number;
  readonly column: number;
  /**
   * The line itself without the space around it; of a long one what stands at the place. '' when it
   * cannot be read.
   */
  readonly text: string;
  /** What is called there, such as `Atomics.load` or `flag.store`; '' when nothing is. */
  readonly call: string;
}

const NOWHERE: SourcePlace = { name: '', short: '', line: 0, column: 0, text: '', call: '' };

interface Mapped {
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

/** Reads files once, and keeps them. */
export class Sources {
  readonly #folder: string;
  readonly #lines = new Map<string, readonly string[] | undefined>();
  readonly #maps = new Map<string, SourceMap | undefined>();
  readonly #places = new Map<string, SourcePlace>();

  /** `folder` is where names are relative to. */
  constructor(folder: string = process.cwd()) {
    this.#folder = folder;
  }

  /** What is at a site, `path:line:column`. */
  at(site: string): SourcePlace {
    const known = this.#places.get(site);
    if (known !== undefined) return known;
    const place = this.#find(site);
    this.#places.set(site, place);
    return place;
  }

  #find(site: string): SourcePlace {
    const parts = /^(.*?)(?:\?[^:]*)?:(\d+):(\d+)$/s.exec(site);
    if (parts === null) return NOWHERE;
    const compiled = { path: parts[1]!, line: Number(parts[2]), column: Number(parts[3]) };
    const { path, line, column } = this.#mapped(compiled);
    const text = this.#linesOf(path)?.[line - 1] ?? '';
    const near = relative(this.#folder, path);
    const shown = near.startsWith('..') || isAbsolute(near) ? path : near;
    const call = callAt(text, column) || callAt(this.#textAt(compiled), compiled.column);
    const short = `${shortName(path)}:${line}`;
    return { name: `${shown}:${line}`, short, line, column, text: excerpt(text, column), call };
  }

  #textAt({ path, line }: Mapped): string {
    return this.#linesOf(path)?.[line - 1] ?? '';
  }

  /** The place in what the file was compiled from, when that can be read. */
  #mapped(place: Mapped): Mapped {
    const entry = this.#mapOf(place.path)?.findEntry(place.line - 1, place.column - 1);
    if (entry === undefined || !('originalSource' in entry)) return place;
    const { originalSource, originalLine, originalColumn } = entry;
    const path = originalSource.startsWith('file:')
      ? fileURLToPath(originalSource)
      : resolve(dirname(place.path), originalSource);
    if (this.#linesOf(path) === undefined) return place;
    return { path, line: originalLine + 1, column: originalColumn + 1 };
  }

  #mapOf(path: string): SourceMap | undefined {
    if (this.#maps.has(path)) return this.#maps.get(path);
    let map: SourceMap | undefined;
    const lines = this.#linesOf(path) ?? [];
    const last = lines.findLast((line) => line.startsWith('//# sourceMappingURL='));
    const url = last?.slice('//# sourceMappingURL='.length).trim();
    try {
      if (url !== undefined) map = new SourceMap(payloadOf(url, path));
    } catch {
      // Without a map that can be read, what was compiled is what is shown.
    }
    this.#maps.set(path, map);
    return map;
  }

  #linesOf(path: string): readonly string[] | undefined {
    if (this.#lines.has(path)) return this.#lines.get(path);
    let lines: string[] | undefined;
    try {
      lines = readFileSync(path, 'utf8').split('\n');
    } catch {
      // It is gone, or was never a file.
    }
    this.#lines.set(path, lines);
    return lines;
  }
}

/** The name of a file; with its folder when it is one that every folder has. */
function shortName(path: string): string {
  const name = basename(path);
  return name.startsWith('index.') ? `${basename(dirname(path))}/${name}` : name;
}

function payloadOf(url: string, path: string): SourceMapPayload {
  const inline = /^data:application\/json[^,]*;base64,(.*)$/s.exec(url);
  const text =
    inline === null
      ? readFileSync(resolve(dirname(path), decodeURI(url)), 'utf8')
      : Buffer.from(inline[1]!, 'base64').toString('utf8');
  return JSON.parse(text) as SourceMapPayload;
}

/** Longest text of a line, and how much of it stands before the place. */
const TEXT_MAX = 64;
const BEFORE = 24;

function excerpt(text: string, column: number): string {
  const line = text.trim();
  if (line.length <= TEXT_MAX) return line;
  const at = column - 1 - text.indexOf(line);
  const start = Math.max(0, Math.min(at - BEFORE, line.length - TEXT_MAX + 1));
  const end = start + TEXT_MAX - (start === 0 ? 1 : 2);
  return `${start === 0 ? '' : '…'}${line.slice(start, end)}${end >= line.length ? '' : '…'}`;
}

/** The function that is called at a column: its name, with what stands before the dot. */
function callAt(text: string, column: number): string {
  const method = /^([\w$]+)\s*\(/.exec(text.slice(column - 1))?.[1];
  if (method === undefined) return '';
  const receiver = /([\w$]+)\.$/.exec(text.slice(0, column - 1))?.[1];
  if (receiver !== undefined) return `${receiver}.${method}`;
  // Some engines point to the start of `receiver.method(`.
  return method;
}
