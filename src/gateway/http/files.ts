/**
 * Files of a directory.
 *
 *  1. What is served lies below the directory after all links were resolved, and its path has no
 *     part that means something else than a name (see `splitPath`).
 *  2. A file is read when there is room for what was read, into one of a few buffers, and through
 *     one of a limited number of descriptors; its client's pace does not matter to others.
 *  3. A file that changes while it is sent resets the connection: nobody gets half of each.
 */
import { realpath } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import {
  booleanOption,
  formatHttpDate,
  integerOption,
  misuse,
  rejectUnknown,
  stringOption,
} from '../../base/index.ts';
import {
  chooseEncoding,
  evaluateConditions,
  mediaTypeOf,
  selectRange,
  splitPath,
  type Validators,
} from '../../http/index.ts';
import { BODY_TIMEOUT_MS, SEND_TIMEOUT_MS, type HandlerRoute } from './handler-exchange.ts';
import { OpenFiles, type OpenFile } from './open-files.ts';
import { makeReply, textReply, type Reply } from './reply.ts';
import type { HttpRequest } from './request.ts';
import { BodySource } from './source.ts';

/** How files are served. */
export interface FileOptions {
  /**
   * Seconds that clients may use a file without asking again, 0 to 31,536,000; with 0 they ask each
   * time whether it has changed. @default 0
   */
  readonly maxAge?: number;
  /** The file that stands for its directory; '' for none. @default 'index.html' */
  readonly index?: string;
  /** Serve files and directories whose name begins with a dot. @default false */
  readonly dotfiles?: boolean;
  /**
   * Send `file.br` or `file.gz`, where there is one, instead of `file` to clients that can take it.
   * @default true
   */
  readonly precompressed?: boolean;
  /** Descriptors open at once, 1 to 65,536; who needs one more waits. @default 64 */
  readonly maxOpenFiles?: number;
  /**
   * Milliseconds in which a client must take some of what it is sent, 1 to 3,600,000; then it is
   * reset. While memory is scarce it is reset after 2 seconds already. @default 60,000
   */
  readonly sendTimeoutMs?: number;
}

type ResolvedFileOptions = Readonly<Required<FileOptions>>;

const KNOWN: readonly (keyof FileOptions)[] = [
  'maxAge',
  'index',
  'dotfiles',
  'precompressed',
  'maxOpenFiles',
  'sendTimeoutMs',
];
const HOUR_MS = 3_600_000;
const YEAR_SECONDS = 31_536_000;
const PREFIX = /^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=@%]+\/)*$/;
const CODINGS = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;
/** What the file system says of what is not there, or not for us. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG', 'EPERM', 'ENXIO']);

const PIECE_BYTES = 64 * 1024;
/** Buffers kept for reuse. */
const BUFFERS_MAX = 16;
const buffers: Buffer[] = [];

/** See the head of this file. */
export class FileRoute {
  /** With a slash at its end. */
  readonly prefix: string;
  readonly route: HandlerRoute;
  readonly #directory: string;
  readonly #options: ResolvedFileOptions;
  readonly #files: OpenFiles;

  /** @throws {TypeError | RangeError} ERR_ROUTE, ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, … */
  constructor(prefix: string, directory: string, options: FileOptions) {
    if (typeof prefix !== 'string' || !PREFIX.test(prefix)) {
      throw misuse(
        'ERR_ROUTE',
        `Cannot serve files at ${JSON.stringify(prefix)}: a prefix starts and ends with /`,
      );
    }
    if (typeof directory !== 'string' || directory === '') {
      throw misuse('ERR_OPTION_TYPE', `Cannot serve files at ${prefix}: it needs a directory`);
    }
    this.prefix = prefix;
    this.#directory = resolve(directory);
    this.#options = resolveOptions(prefix, options);
    this.#files = new OpenFiles(this.#options.maxOpenFiles);
    const handle = (request: HttpRequest): Promise<Reply> => this.#answer(request);
    const { sendTimeoutMs } = this.#options;
    const limits = { maxBodyBytes: 0, bodyTimeoutMs: BODY_TIMEOUT_MS, sendTimeoutMs };
    this.route = Object.freeze({ name: `GET ${prefix}*`, ...limits, handle });
  }

  async #answer(request: HttpRequest): Promise<Reply> {
    const found = splitPath(request.path.slice(this.prefix.length - 1));
    const isHidden = (segment: string): boolean => segment.startsWith('.');
    if (found === undefined) return absent();
    if (!this.#options.dotfiles && found.segments.some(isHidden)) return absent();
    try {
      return await this.#find(request, found.segments, found.isFolder);
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (ABSENT.has(String(code))) return absent();
      if (code === 'EMFILE' || code === 'ENFILE') {
        return textReply(503, 'Too many files are open', { 'Retry-After': '1' });
      }
      throw error;
    }
  }

  async #find(
    request: HttpRequest,
    segments: readonly string[],
    isFolder: boolean,
  ): Promise<Reply> {
    const { index } = this.#options;
    if (isFolder && index === '') return absent();
    const names = isFolder ? [...segments, index] : segments;
    const path = await this.#resolve(names);
    if (path === undefined) return absent();
    const file = await this.#files.open(path);
    if (file.identity === undefined) {
      const { isDirectory } = file;
      await file.close();
      // The page's own links would lead elsewhere without the slash. The path has no empty parts,
      // so it cannot be taken for a host.
      if (!isDirectory || isFolder || index === '') return absent();
      return makeReply(301, { Location: `${request.path}/` });
    }
    // Who has one descriptor while it waits for a second lends it: others may do the same.
    file.rest();
    const compressed = await this.#findCompressed(request, path);
    if (compressed !== undefined) await file.close();
    const [chosen, coding] = compressed ?? [file, undefined];
    try {
      return await this.#send(request, chosen, mediaTypeOf(names.at(-1)!), coding);
    } catch (error) {
      await chosen.close();
      throw error;
    }
  }

  /** Where a file is, without links; undefined when that is not below the directory. */
  async #resolve(names: readonly string[]): Promise<string | undefined> {
    const [root, path] = await Promise.all([
      realpath(this.#directory),
      realpath(join(this.#directory, ...names)),
    ]);
    const below = root.endsWith(sep) ? root : root + sep;
    return path.startsWith(below) ? path : undefined;
  }

  async #findCompressed(
    request: HttpRequest,
    path: string,
  ): Promise<[OpenFile, string] | undefined> {
    const available: string[] = this.#options.precompressed ? CODINGS.map(([name]) => name) : [];
    while (available.length > 0) {
      const coding = chooseEncoding(request.headers.get('accept-encoding'), available);
      if (coding === undefined) return undefined;
      available.splice(available.indexOf(coding), 1);
      const end = CODINGS.find(([name]) => name === coding)![1];
      try {
        const file = await this.#files.open(path + end);
        if (file.identity !== undefined) return [file, coding];
        await file.close();
      } catch (error) {
        if (!ABSENT.has(String((error as { code?: unknown }).code))) throw error;
      }
    }
    return undefined;
  }

  async #send(
    request: HttpRequest,
    file: OpenFile,
    type: string,
    coding: string | undefined,
  ): Promise<Reply> {
    const { maxAge, precompressed } = this.#options;
    const { size, mtimeMs } = file.identity!;
    const stamp = Math.round(mtimeMs * 1000).toString(16);
    const etag = `"${size.toString(16)}-${stamp}${coding === undefined ? '' : `-${coding}`}"`;
    const validators: Validators = { etag, lastModified: mtimeMs };
    const headers: Record<string, string> = {
      ETag: etag,
      'Last-Modified': formatHttpDate(mtimeMs),
      'Cache-Control': maxAge === 0 ? 'no-cache' : `public, max-age=${maxAge}`,
      ...(precompressed ? { Vary: 'Accept-Encoding' } : {}),
    };
    const condition = evaluateConditions(request.method, request.headers, validators);
    if (condition !== undefined) {
      await file.close();
      return makeReply(condition, headers);
    }
    headers['Content-Type'] = type;
    headers['X-Content-Type-Options'] = 'nosniff';
    headers['Accept-Ranges'] = 'bytes';
    if (coding !== undefined) headers['Content-Encoding'] = coding;
    const range =
      request.method === 'GET' ? selectRange(request.headers, size, validators) : undefined;
    if (range === 416) {
      await file.close();
      return textReply(416, 'The file has no such part', { 'Content-Range': `bytes */${size}` });
    }
    if (range === undefined) return this.#body(request, file, 200, headers, 0, size);
    const { first, last } = range;
    headers['Content-Range'] = `bytes ${first}-${last}/${size}`;
    return this.#body(request, file, 206, headers, first, last - first + 1);
  }

  async #body(
    request: HttpRequest,
    file: OpenFile,
    status: number,
    headers: Record<string, string>,
    start: number,
    length: number,
  ): Promise<Reply> {
    const source = new FileSource(file, start, length);
    if (request.method === 'HEAD' || length > PIECE_BYTES) {
      file.rest();
      return makeReply(status, headers, source, length);
    }
    // What fits into one piece needs its descriptor no longer.
    const piece = Uint8Array.from((await source.next()) ?? []);
    await source.close();
    return makeReply(status, headers, piece);
  }
}

/** A part of a file. */
class FileSource extends BodySource {
  readonly #file: OpenFile;
  #position: number;
  #left: number;
  #buffer: Buffer | undefined;

  constructor(file: OpenFile, start: number, length: number) {
    super();
    this.#file = file;
    this.#position = start;
    this.#left = length;
  }

  async next(): Promise<Uint8Array | undefined> {
    if (this.#left === 0) {
      await this.close();
      return undefined;
    }
    const buffer = (this.#buffer = buffers.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES));
    const length = Math.min(this.#left, PIECE_BYTES);
    const read = await this.#file.read(buffer, length, this.#position);
    if (read === 0) {
      throw new Error('A file has become shorter while it was sent');
    }
    this.#position += read;
    this.#left -= read;
    return buffer.subarray(0, read);
  }

  override taken(): void {
    if (this.#buffer !== undefined && buffers.length < BUFFERS_MAX) buffers.push(this.#buffer);
    this.#buffer = undefined;
    this.#file.rest();
  }

  async close(): Promise<void> {
    // While it is being read into, the buffer is not another's.
    this.#buffer = undefined;
    await this.#file.close();
  }
}

function resolveOptions(prefix: string, options: FileOptions): ResolvedFileOptions {
  rejectUnknown(`files at ${prefix}`, options, KNOWN);
  const index = stringOption('index', options.index, 'index.html');
  if (index !== '' && splitPath(`/${encodeURIComponent(index)}`) === undefined) {
    throw misuse('ERR_OPTION_TYPE', `Cannot use index: it must be a file's name, got ${index}`);
  }
  return Object.freeze({
    maxAge: integerOption('maxAge', options.maxAge, 0, 0, YEAR_SECONDS),
    index,
    dotfiles: booleanOption('dotfiles', options.dotfiles, false),
    precompressed: booleanOption('precompressed', options.precompressed, true),
    maxOpenFiles: integerOption('maxOpenFiles', options.maxOpenFiles, 64, 1, 65_536),
    sendTimeoutMs: integerOption(
      'sendTimeoutMs',
      options.sendTimeoutMs,
      SEND_TIMEOUT_MS,
      1,
      HOUR_MS,
    ),
  });
}

function absent(): Reply {
  return textReply(404, 'Nothing is here');
}
