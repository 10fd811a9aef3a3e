export { Chunk } from '../runtime/index.ts';
export type { Writable } from './data.ts';
export {
  copyFile,
  exists,
  listDirectory,
  makeDirectory,
  readDirectory,
  realPath,
  remove,
  rename,
  stat,
  symlink,
} from './directories.ts';
export type { FileError } from './errors.ts';
export { File } from './file.ts';
export { FileWriter } from './file-writer.ts';
export type { FileFlags, FlagWord } from './flags.ts';
export type {
  FileStreamOptions,
  FileWriterOptions,
  ReadFileOptions,
  WriteFileOptions,
} from './options.ts';
export type {
  CopyFileOptions,
  DirectoryEntry,
  MakeDirectoryOptions,
  RemoveOptions,
} from './path-system.ts';
export type { Path } from './paths.ts';
export type { FileKind, FileStat } from './stats.ts';
export { temporaryDirectory, TemporaryDirectory } from './temporary.ts';
export { appendFile, open, readFile, writeFile } from './whole.ts';
