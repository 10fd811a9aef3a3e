/**
 * What an access of a test becomes on a machine: the tables that compilers use. Fences around an
 * access are events of their own.
 */
import { Tag } from '../litmus/contract.ts';
import { Flag, Kind, Order } from './graph.ts';

/** An access or fence of a test in terms of a model. */
export interface Lowered {
  /** Fence before it, or ''. */
  readonly before: string;
  /** Bits of `Tag`; of a fence nothing. */
  readonly tag: number;
  /** The fence itself, or the one behind an access, or ''. */
  readonly behind: string;
}

/**
 * Lowers what is not plain. `kind` is that of the event, `isRmw` says that it is half of an RMW.
 */
export type Lowering = (kind: number, order: number, isRmw: boolean) => Lowered;

const NOTHING: Lowered = { before: '', tag: 0, behind: '' };

function tags(tag: number): Lowered {
  return { before: '', tag, behind: '' };
}

function fence(name: string): Lowered {
  return { before: '', tag: 0, behind: name };
}

function isAcquire(order: number): boolean {
  return order === Order.ACQUIRE || order === Order.ACQ_REL || order === Order.SEQ_CST;
}

function isRelease(order: number): boolean {
  return order === Order.RELEASE || order === Order.ACQ_REL || order === Order.SEQ_CST;
}

/**
 * What V8 emits on arm64 for `Atomics`: LDAR, STLR, and the LSE instructions with acquire and
 * release; the order that was asked for does not matter. Source: `code-generator-arm64.cc`.
 */
export const v8Arm64: Lowering = (kind, order, isRmw) => {
  if (kind === Kind.FENCE) return fence('dmb.sy');
  if (order === Order.PLAIN) return NOTHING;
  const rmw = isRmw ? Tag.ATOMIC_RMW : 0;
  return tags(rmw | (kind === Kind.READ ? Tag.ACQUIRE : Tag.RELEASE));
};

/** C11 on ARMv8: LDAR, STLR, LSE; DMB LD and DMB SY for fences. */
export const armv8Lowering: Lowering = (kind, order, isRmw) => {
  if (kind === Kind.FENCE) return fence(order === Order.ACQUIRE ? 'dmb.ld' : 'dmb.sy');
  const rmw = isRmw ? Tag.ATOMIC_RMW : 0;
  if (kind === Kind.READ) return tags(rmw | (isAcquire(order) ? Tag.ACQUIRE : 0));
  return tags(rmw | (isRelease(order) ? Tag.RELEASE : 0));
};

const RISCV_FENCES: Readonly<Record<number, string>> = {
  [Order.ACQUIRE]: 'fence.r.rw',
  [Order.RELEASE]: 'fence.rw.w',
  [Order.ACQ_REL]: 'fence.tso',
  [Order.SEQ_CST]: 'fence.rw.rw',
};

/**
 * C11 on RISC-V with fences: table A.6 of the unprivileged specification; AMOs with .aq and .rl.
 */
export const riscvLowering: Lowering = (kind, order, isRmw) => {
  if (kind === Kind.FENCE) return fence(RISCV_FENCES[order] ?? 'fence.rw.rw');
  if (isRmw) {
    // One instruction: both halves have its bits.
    const bits = (isAcquire(order) ? Tag.ACQUIRE : 0) | (isRelease(order) ? Tag.RELEASE : 0);
    return tags(bits | Tag.ATOMIC_RMW);
  }
  if (kind === Kind.READ) {
    return {
      before: order === Order.SEQ_CST ? 'fence.rw.rw' : '',
      tag: 0,
      behind: isAcquire(order) ? 'fence.r.rw' : '',
    };
  }
  return { before: isRelease(order) ? 'fence.rw.w' : '', tag: 0, behind: '' };
};

/** ECMAScript: everything that is not plain is sequentially consistent, and there is no fence. */
export const esLowering: Lowering = (kind, order, isRmw) => {
  if (kind === Kind.FENCE) return NOTHING;
  // RELAXED marks what need not be coherent by itself: see `models/es.ts`.
  if (order === Order.PLAIN) return tags(Tag.RELAXED);
  return tags((isRmw ? Tag.ATOMIC_RMW : 0) | Tag.SEQ_CST | Tag.RELAXED);
};

/** Whether an event is half of a read-modify-write. */
export function isHalf(flags: number): boolean {
  return (flags & Flag.RMW) !== 0;
}
