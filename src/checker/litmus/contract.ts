/**
 * What the front ends of litmus tests (x86, AArch64, RISC-V, C) give, and what the enumeration asks
 * of them. A thread is a deterministic function of the values that its reads return: it is run
 * again and again from its start, so it keeps nothing between two runs.
 */

/**
 * A value of a register or a location: an integer, as a number when it is within ±2⁵³ and as a
 * bigint otherwise, so that `===` compares. Addresses are values too: see `Symbols`.
 */
export type Value = number | bigint;

/**
 * The accesses of the same thread that a value was computed from: bit `n` is the thread's `n`-th
 * access (reads and writes are counted from 0, fences are not). At most 31 accesses a thread.
 */
export type Dependencies = number;

/** Bits of an access: what its instruction says beyond reading or writing. */
export const Tag = {
  /** C11: a plain access; two of them that conflict without being ordered are a race. */
  NON_ATOMIC: 1,
  /** C11 orders; SC is also in ACQUIRE and RELEASE as far as the access can be. */
  RELAXED: 2,
  /** C11 acquire; ARMv8 LDAR, LDAXR and the like; RISC-V `.aq`. */
  ACQUIRE: 4,
  /** C11 release; ARMv8 STLR and the like; RISC-V `.rl`. */
  RELEASE: 8,
  SEQ_CST: 16,
  /** ARMv8 LDAPR. */
  ACQUIRE_PC: 32,
  /** Load-exclusive and store-exclusive, `lr` and `sc`. */
  EXCLUSIVE: 64,
  /** Half of one read-modify-write instruction: locked on x86, LSE on ARMv8, AMO on RISC-V, C11. */
  ATOMIC_RMW: 128,
  /**
   * A read of a read-modify-write that writes nothing back that anybody may see (ST<op>, x0 as rd).
   */
  NO_RETURN: 256,
  /** C11 `memory_order_consume`. */
  CONSUME: 512,
} as const;

/** An access as the thread asks for it. */
export interface Access {
  /** First byte. */
  readonly address: Value;
  /** 1, 2, 4, 8 or 16 bytes. C11: 4, whatever the type. */
  readonly size: number;
  /** Bits of `Tag`. */
  readonly tag: number;
  /** What the address was computed from. */
  readonly addressFrom: Dependencies;
  /** What the address was picked by without being computed from it (the condition of a CSEL). */
  readonly addressPick?: Dependencies;
  /**
   * Earlier accesses of the thread that nothing orders with this one (operands of one expression).
   */
  readonly unsequenced?: Dependencies;
}

/** What a thread does. Control dependencies come from `branch`. */
export interface ThreadContext {
  /** Reads; the access is number `this.accesses` before the call. */
  read(access: Access): Value;
  /**
   * Writes. `reads` is the number of the read with which it is one read-modify-write, whether one
   * instruction or a pair of exclusives that succeeds; -1 is none. `valuePick` is what the value
   * was picked by without being computed from it.
   */
  write(
    access: Access,
    value: Value,
    valueFrom: Dependencies,
    reads?: number,
    valuePick?: Dependencies,
  ): void;
  /**
   * A fence by its name: `mfence`, `lfence`, `sfence`; `dmb.sy`, `dmb.ld`, `dmb.st`, `dsb.sy`, …,
   * `isb`; `fence.rw.rw`, `fence.r.rw`, …, `fence.tso`, `fence.i`; C11: `relaxed`, `acquire`,
   * `release`, `acq_rel`, `seq_cst`.
   */
  fence(name: string): void;
  /**
   * A branch on a value: everything from here on depends on `from` by control, and on `pick` by a
   * choice between values that were branched on.
   */
  branch(from: Dependencies, pick?: Dependencies): void;
  /** One of `0 … count - 1`; each is explored. A store-conditional may fail for no reason. */
  choose(count: number): number;
  /**
   * Gives this run up: a loop went beyond its bound; or, when it is `impossible`, there is no such
   * run (an assumption does not hold), so that nothing is lost.
   */
  abandon(reason: string, impossible?: boolean): never;
  /** Accesses so far. */
  readonly accesses: number;
}

/** One thread of a test. */
export interface ThreadProgram {
  /**
   * Values that it may write in code which only such values lead to: what stands behind conditions.
   * Tried as values of reads by models that let values come out of nothing. Absent is none.
   */
  readonly conjectures?: readonly Value[];
  /** Runs from the start to the end; gives the final values of its registers by their names. */
  run(context: ThreadContext): ReadonlyMap<string, Value>;
}

/** Where the names of a test lie: each has an address of its own, far from the others. */
export interface Symbols {
  /** The address of a name; the same for the same name, a new one otherwise. */
  addressOf(name: string): Value;
  /** The name at an address, with `+n` behind it inside of it; undefined when there is none. */
  nameOf(address: Value): string | undefined;
}

/**
 * Something that a condition names or that is printed: a register of a thread, or a location. Its
 * type as declared (a signed int of 4 bytes when nothing is declared) says how its value is
 * understood: `observe` of `format/` gives it from the bits that are there.
 */
export type Observable =
  | {
      readonly kind: 'register';
      readonly thread: number;
      readonly name: string;
      readonly size: number;
      readonly signed: boolean;
    }
  | {
      readonly kind: 'location';
      /** `x`, or `v[1]` for an element of an array. */
      readonly name: string;
      readonly address: Value;
      readonly size: number;
      readonly signed: boolean;
      /** The array that it is printed as a part of: `v={1,2}` instead of `v[0]=1; v[1]=2`. */
      readonly within?: string;
    };

/** A condition over final states. */
export type Condition =
  | { readonly kind: 'true' | 'false' }
  | { readonly kind: 'equals'; readonly left: Observable; readonly right: Value | Observable }
  | { readonly kind: 'not'; readonly of: Condition }
  | {
      readonly kind: 'and' | 'or' | 'implies';
      readonly left: Condition;
      readonly right: Condition;
    };

/** A litmus test, ready to be run under a model. */
export interface LitmusTest {
  readonly name: string;
  readonly architecture: 'x86' | 'aarch64' | 'riscv' | 'c11';
  readonly threads: readonly ThreadProgram[];
  /** Instructions or statements of each thread as written, for reports. */
  readonly source: readonly (readonly string[])[];
  readonly symbols: Symbols;
  /** Locations with an initial value that is not 0, or that are declared: by address. */
  readonly initial: readonly {
    readonly address: Value;
    readonly size: number;
    readonly value: Value;
  }[];
  /** What is printed, in the order in which it is printed: registers by thread, then locations. */
  readonly observed: readonly Observable[];
  readonly quantifier: 'exists' | 'not exists' | 'forall';
  readonly condition: Condition;
  /** The condition as written, on one line. */
  readonly conditionText: string;
  /** Only final states that hold this are looked at; undefined is all. */
  readonly filter: Condition | undefined;
}
