/** Whether io_uring can drive us here: asked once per thread, with a real ring. */
import { processArena, type Arena } from '../../memory/index.ts';
import { nativeStatus } from '../../native/index.ts';
import { Opcode } from './abi.ts';
import { Ring } from './ring.ts';

/** Without these there is no driver. All are older than what NO_MMAP needs for whole rings. */
const NEEDED: readonly (keyof typeof Opcode)[] = [
  'ACCEPT',
  'ASYNC_CANCEL',
  'CLOSE',
  'CONNECT',
  'FSYNC',
  'OPENAT',
  'POLL_ADD',
  'READ',
  'RECV',
  'SEND',
  'SENDMSG',
  'SHUTDOWN',
  'SOCKET',
  'STATX',
  'TIMEOUT',
  'URING_CMD',
  'WRITE',
];

let answer: { reason: string | undefined } | undefined;

/** Undefined when io_uring can be used, otherwise the reason why not. */
export function uringStatus(arena?: Arena): string | undefined {
  answer ??= { reason: probe(arena) };
  return answer.reason;
}

function probe(given: Arena | undefined): string | undefined {
  const status = nativeStatus();
  if (!status.available) return `the native addon is missing: ${status.reason}`;
  const arena = given ?? processArena();
  status.native.attachArena(arena.bytes);
  const known = arena.allocate('probe', 4096, { owner: 'probe' });
  // Of the default size: small rings can be had where these cannot.
  const ring = Ring.open(arena, status.native, 'probe', 1024, 8192);
  try {
    if (typeof ring === 'string') return ring;
    const last = status.native.uringProbe(ring.id, known.offset);
    if (last < 0) return 'the kernel does not say which operations it knows';
    const missing = NEEDED.filter((name) => arena.bytes[known.offset + Opcode[name]] !== 1);
    if (missing.length > 0) return `the kernel lacks the operations ${missing.join(', ')}`;
    return undefined;
  } finally {
    known.release();
    if (typeof ring !== 'string') ring.close();
  }
}
