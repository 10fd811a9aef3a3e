/**
 * Who somebody is, so that nobody else is taken for them: process id, thread id, start time, pid
 * namespace and boot (`spec/ring.md`, §5). Read from /proc with plain reads, which work on every
 * thread; where there is no /proc, nobody can be told dead.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { threadId as workerId } from 'node:worker_threads';

/** Who a participant or a holder is. */
export interface Identity {
  readonly pid: number;
  /** Kernel thread id when it stands for one thread, 0 for a whole process. */
  readonly tid: number;
  /** In clock ticks since boot. */
  readonly startTime: bigint;
  /** Inode of the pid namespace. */
  readonly namespace: bigint;
  /** 32 hexadecimal digits. */
  readonly bootId: string;
}

/** The part of a file system that is read here. */
export interface ProcFiles {
  /** The text of a file; throws as `readFileSync` does. */
  read(path: string): string;
  /** Where a link points; throws as `readlinkSync` does. */
  link(path: string): string;
}

const NO_BOOT = '0'.repeat(32);

const systemFiles: ProcFiles = {
  read: (path) => readFileSync(path, 'latin1'),
  link: (path) => readlinkSync(path, 'latin1'),
};

/** What a `stat` file of /proc says. */
interface Status {
  readonly state: string;
  readonly threads: number;
  readonly startTime: bigint;
}

/** What this process can say about others. */
export class Proc {
  readonly #files: ProcFiles;
  #machine: { readonly bootId: string; readonly namespace: bigint } | undefined;

  constructor(files: ProcFiles = systemFiles) {
    this.#files = files;
  }

  /** The boot and pid namespace that this process is in, or undefined without a /proc. */
  machine(): { readonly bootId: string; readonly namespace: bigint } | undefined {
    if (this.#machine) return this.#machine;
    try {
      const bootId = this.#files
        .read('/proc/sys/kernel/random/boot_id')
        .replaceAll(/[^0-9a-f]/g, '');
      const inode = /^pid:\[(\d+)\]$/.exec(this.#files.link('/proc/self/ns/pid'))?.[1];
      // A /proc of another namespace would answer for other processes than ours.
      const own = this.#files.link('/proc/self') === String(process.pid);
      if (bootId.length !== 32 || inode === undefined || !own) return undefined;
      this.#machine = { bootId, namespace: BigInt(inode) };
      return this.#machine;
    } catch {
      return undefined;
    }
  }

  /** The kernel's id of the calling thread; without /proc, the number that Node gives it. */
  currentThread(): number {
    try {
      const tid = Number(/\/task\/(\d+)$/.exec(this.#files.link('/proc/thread-self'))?.[1]);
      if (Number.isSafeInteger(tid)) return tid;
    } catch {
      // No /proc: the threads of one process are told apart by Node's numbers.
    }
    return workerId === 0 ? process.pid : workerId;
  }

  /** The status of a process, or of one of its threads; 'none' when there is none. */
  status(pid: number, tid: number): Status | 'none' | 'unknown' {
    const path = tid === 0 ? `/proc/${pid}/stat` : `/proc/${pid}/task/${tid}/stat`;
    let text: string;
    try {
      text = this.#files.read(path);
    } catch (error) {
      const { code } = error as { code?: unknown };
      // A process that ends while its file is read answers ESRCH.
      return code === 'ENOENT' || code === 'ESRCH' ? 'none' : 'unknown';
    }
    // Its name may have spaces and parentheses; field 3 follows the last one.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [state = ''] = fields;
    const threads = Number(fields[17]);
    const start = fields[19] ?? '';
    if (!/^\d+$/.test(start) || !Number.isSafeInteger(threads)) return 'unknown';
    return { state, threads, startTime: BigInt(start) };
  }
}

/** The machine's own /proc. */
export const systemProc: Proc = new Proc();

/** Whether a process can have the id: what a peer says of itself may be any number. */
export function isProcessId(pid: number): boolean {
  return pid >= 1 && pid < 2 ** 31;
}

function isZombie({ state, threads }: Status): boolean {
  return (state === 'Z' || state === 'X') && threads <= 1;
}

/** Who a process is, or one of its threads; undefined when it does not live or cannot be read. */
export function readIdentity(
  pid: number,
  tid: number = 0,
  proc: Proc = systemProc,
): Identity | undefined {
  const machine = proc.machine();
  if (machine === undefined) return undefined;
  const status = proc.status(pid, tid);
  if (typeof status === 'string' || isZombie(status)) return undefined;
  return { pid, tid, startTime: status.startTime, ...machine };
}

/** Who this process is, or this thread of it. */
export function ownIdentity(asThread: boolean, proc: Proc = systemProc): Identity {
  const tid = asThread ? proc.currentThread() : 0;
  const identity = readIdentity(process.pid, tid, proc);
  if (identity !== undefined) return identity;
  return { pid: process.pid, tid, startTime: 0n, namespace: 0n, bootId: NO_BOOT };
}

/**
 * Whether somebody is dead for certain. Who is stopped is alive, a zombie is dead, and of another
 * pid namespace nothing can be said: alive.
 */
export function isDead(identity: Identity, proc: Proc = systemProc): boolean {
  const machine = proc.machine();
  if (machine === undefined) return false;
  if (identity.bootId !== machine.bootId) return identity.bootId !== NO_BOOT;
  if (identity.namespace !== machine.namespace) return false;
  const status = proc.status(identity.pid, identity.tid);
  if (status === 'unknown') return false;
  return status === 'none' || status.startTime !== identity.startTime || isZombie(status);
}

/** Whether no thread of this namespace has the id: for who has not said yet who it is. */
export function isThreadGone(tid: number, proc: Proc = systemProc): boolean {
  if (proc.machine() === undefined) return false;
  // Threads are no entries of /proc, but are found there by their id.
  const status = proc.status(tid, 0);
  return status === 'none' || (typeof status === 'object' && isZombie(status));
}
