/** Segments with names, and directories for them, for tests. */
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processArena, Segment, Window } from '../../memory/index.ts';
import { specOf } from '../segment/fixture.test.helper.ts';
import { ownIdentity, type Identity } from '../segment/identity.ts';
import { RingSegment, segmentBytes } from '../segment/segment.ts';
import type { DirectoryFiles } from './holders.ts';
import { formatHolder } from './names.ts';

/** A memfd with a segment in it. */
export interface NamedSegment {
  readonly fd: number;
  readonly id: string;
  close(): void;
}

/** A segment that says that its name is `name`. */
export function namedSegment(name: string): NamedSegment {
  const rings = [specOf()];
  const bytes = segmentBytes(rings);
  const segment = Segment.create(name, bytes);
  const window = Window.open(processArena(), segment.fd, { name, writable: true });
  const { info } = RingSegment.format(
    processArena(),
    window.offset,
    bytes,
    { name, kind: 'ring' },
    rings,
  );
  return {
    fd: segment.fd,
    id: info.id,
    close: () => {
      window.release();
      segment.close();
    },
  };
}

/** A path for a directory of rings that is not there yet. */
export function freshPath(): string {
  return join(fs.mkdtempSync(join(tmpdir(), 'rondo-ring-')), 'rings');
}

/** A process that does not exist. */
export const nobody: Identity = { ...ownIdentity(false), pid: 4_194_303, startTime: 1n };

/** Some segment. */
export const someId: string = '0123456789abcdef'.repeat(2);

/** Makes a holder file. */
export function plant(
  path: string,
  name: string,
  identity: Identity = nobody,
  { id = someId, descriptor = 3 }: { id?: string; descriptor?: number } = {},
): string {
  const file = formatHolder({ id, identity, descriptor });
  fs.mkdirSync(join(path, name), { recursive: true, mode: 0o700 });
  fs.chmodSync(path, 0o700);
  fs.writeFileSync(join(path, name, file), '', { mode: 0o600 });
  return file;
}

/** The system's files, with something done before the first call of a function that `when` holds of. */
export function interrupted(
  name: keyof DirectoryFiles,
  when: (path: string) => boolean,
  before: () => void,
): DirectoryFiles {
  let isDone = false;
  const real = fs[name] as (...args: readonly unknown[]) => unknown;
  const between = (...args: readonly unknown[]): unknown => {
    if (!isDone && when(String(args[0]))) {
      isDone = true;
      before();
    }
    return real(...args);
  };
  return { ...fs, [name]: between };
}
