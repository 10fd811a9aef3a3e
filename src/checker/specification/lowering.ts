/**
 * What V8 makes of a test, judged by the processor's memory model.
 *
 * | JavaScript                   | x64                | arm64                                |
 * | ---------------------------- | ------------------ | ------------------------------------ |
 * | plain read, plain write      | MOV                | LDR, STR                             |
 * | Atomics.load                 | MOV                | LDAR                                 |
 * | Atomics.store                | XCHG               | STLR                                 |
 * | Atomics.exchange             | XCHG               | SWPAL                                |
 * | add, sub, and, or, xor       | LOCK CMPXCHG loop  | LDADDAL and the like                 |
 * | compareExchange              | LOCK CMPXCHG       | CASAL                                |
 *
 * (x64 disassembled from Node 20; arm64 from `code-generator-arm64.cc`.) A message of the host is
 * at least a release that an acquire sees. What V8's optimiser may do to plain accesses before it
 * emits them is not in this: `es` allows it, these models do not.
 */
import { RondoError } from '../../base/index.ts';
import {
  Tag,
  type Access as HardwareAccess,
  type LitmusTest,
  type Observable,
  type ThreadContext,
  type ThreadProgram,
  type Value,
} from '../litmus/contract.ts';
import { runLitmus } from '../litmus/index.ts';
import { modelNamed } from '../models/index.ts';
import type { EcmaOutcome } from './evaluate.ts';
import {
  decode,
  encode,
  interpret,
  type Access,
  type Known,
  type Machine,
  type Scalar,
  type Script,
} from './script/index.ts';
import { formatAssignment, satisfies, variablesOf, type EcmaTest } from './ecma-test.ts';

/** The processors that V8's code is judged on. */
export type LoweredModel = 'v8-x64' | 'v8-arm64';

/** What a test may do when V8 runs it on a processor. */
export interface LoweredResult {
  readonly test: EcmaTest;
  readonly model: LoweredModel;
  /** The allowed outcomes, sorted by their texts. */
  readonly outcomes: readonly EcmaOutcome[];
  /** Whether what the test asks about is among them; undefined when it asks nothing. */
  readonly allowed: boolean | undefined;
  /** Runs were left out because a loop went on for longer than `unroll`. */
  readonly bounded: boolean;
}

/** Blocks lie so far apart that no access reaches from one into the next. */
const APART = 2 ** 20;
const BASE = 2 ** 30;

/**
 * Evaluates a test as V8 compiles it. `unroll` is how often loops turn back, 2 by default.
 *
 * @throws {RondoError} ERR_LITMUS_UNSUPPORTED for `wait` and `notify`, ERR_LITMUS_SIZE
 */
export function evaluateV8(
  test: EcmaTest,
  model: LoweredModel,
  options: { readonly unroll?: number } = {},
): LoweredResult {
  const scalars: Scalar[] = [undefined];
  const litmus = lower(test, model, scalars, options.unroll ?? 2);
  const hardware = modelNamed(model === 'v8-x64' ? 'tso' : 'armv8')!;
  const { outcomes, abandoned } = runLitmus(litmus, hardware);
  const variables = variablesOf(test);
  const found = outcomes.map((state): EcmaOutcome => {
    const numbers = new Map(
      [...state.matchAll(/(\d+):([^=\s]+)=(\d+);/g)].map(([, thread, name, number]) => {
        return [`${thread}:${name}`, scalars[Number(number)]];
      }),
    );
    const values = new Map(
      variables.map(({ thread, name, shown }) => [shown, numbers.get(`${thread}:${name}`)]),
    );
    return { text: formatAssignment(values), values };
  });
  const { ask } = test;
  return {
    test,
    model,
    outcomes: found.sort((one, other) => (one.text < other.text ? -1 : 1)),
    allowed: ask && found.some(({ values }) => satisfies(ask, values)),
    bounded: abandoned > 0,
  };
}

/**
 * A test as a litmus test of the processor. Its registers are the test's variables; what stands in
 * them is the number of a value in `scalars`, which is filled while the test runs.
 */
function lower(test: EcmaTest, model: LoweredModel, scalars: Scalar[], unroll: number): LitmusTest {
  const blocks: string[] = [];
  const address = (block: string): number => {
    let at = blocks.indexOf(block);
    if (at === -1) at = blocks.push(block) - 1;
    return BASE + at * APART;
  };
  const observed = variablesOf(test).map(({ thread, name }): Observable => {
    return { kind: 'register', thread, name, size: 4, signed: false };
  });
  const threads = test.threads.map((script): ThreadProgram => {
    return { run: (context) => run(script, new V8(context, model, address, unroll), scalars) };
  });
  return {
    name: test.name,
    architecture: model === 'v8-x64' ? 'x86' : 'aarch64',
    threads,
    source: test.threads.map(({ statements }) => statements.map(({ text }) => text)),
    symbols: { addressOf: address, nameOf: () => undefined },
    initial: test.initial.map(({ block, offset, bytes }) => {
      return { address: address(block) + offset, size: bytes.length, value: bitsOf(bytes) };
    }),
    observed,
    quantifier: 'exists',
    condition: { kind: 'true' },
    conditionText: test.ask?.text ?? 'true',
    filter: undefined,
  };
}

function run(script: Script, machine: V8, scalars: Scalar[]): ReadonlyMap<string, Value> {
  const locals = new Map<string, Known>();
  interpret(script, machine, locals);
  return new Map(
    script.names.map((name) => {
      const value = locals.get(name)?.value;
      let number = scalars.findIndex((known) => Object.is(known, value));
      if (number === -1) number = scalars.push(value) - 1;
      return [name, number];
    }),
  );
}

/** The instructions that V8 emits. */
class V8 implements Machine {
  readonly #context: ThreadContext;
  readonly #isArm: boolean;
  readonly #addressOf: (block: string) => number;
  readonly #unroll: number;

  constructor(
    context: ThreadContext,
    model: LoweredModel,
    addressOf: (block: string) => number,
    unroll: number,
  ) {
    this.#context = context;
    this.#isArm = model === 'v8-arm64';
    this.#addressOf = addressOf;
    this.#unroll = unroll;
  }

  read(access: Access): Known {
    return this.#load(access, access.seqCst && this.#isArm ? Tag.ACQUIRE : 0);
  }

  write(access: Access, value: Known): void {
    if (access.seqCst && !this.#isArm) {
      this.modify(access, () => value);
      return;
    }
    this.#store(access, access.seqCst ? Tag.RELEASE : 0, value);
  }

  modify(access: Access, compute: (old: Known) => Known | undefined): Known {
    const number = this.#context.accesses;
    const old = this.#load(access, Tag.ATOMIC_RMW | (this.#isArm ? Tag.ACQUIRE : 0));
    const value = compute(old);
    // A comparison that fails: LOCK CMPXCHG writes back what it found, CASAL may or may not.
    if (value === undefined && this.#isArm && this.#context.choose(2) === 1) return old;
    const tag = Tag.ATOMIC_RMW | (this.#isArm ? Tag.RELEASE : 0);
    this.#store(access, tag, value ?? old, number);
    return old;
  }

  wait(): never {
    return this.#unsupported('Atomics.wait');
  }

  notify(): never {
    return this.#unsupported('Atomics.notify');
  }

  host(end: 'signal' | 'await', edge: number): void {
    const address = this.#addressOf(`message ${edge}`);
    const tag = this.#isArm ? (end === 'signal' ? Tag.RELEASE : Tag.ACQUIRE) : 0;
    const access: HardwareAccess = { address, size: 4, tag, addressFrom: 0 };
    if (end === 'signal') this.#context.write(access, 1, 0);
    else if (this.#context.read(access) !== 1) this.#context.abandon('no message', true);
  }

  branch(from: number): void {
    this.#context.branch(from);
  }

  turn(turns: number): void {
    if (turns > this.#unroll) this.#context.abandon('a loop goes on');
  }

  #load(access: Access, tag: number): Known {
    const { element, littleEndian } = access;
    const number = this.#context.accesses;
    const bits = this.#context.read(this.#hardware(access, tag));
    const value = decode(element, bytesOf(bits, element.size), littleEndian);
    return { value, from: 1 << number };
  }

  #store(access: Access, tag: number, { value, from }: Known, reads?: number): void {
    const bits = bitsOf(encode(access.element, value, access.littleEndian));
    this.#context.write(this.#hardware(access, tag), bits, from, reads);
  }

  #hardware({ block, offset, element, addressFrom }: Access, tag: number): HardwareAccess {
    return { address: this.#addressOf(block) + offset, size: element.size, tag, addressFrom };
  }

  #unsupported(what: string): never {
    const message = `Cannot run the test as V8 does: ${what} is not translated; "es" has it`;
    throw new RondoError('ERR_LITMUS_UNSUPPORTED', message);
  }
}

/** Bytes of memory as the unsigned integer that a little-endian processor sees. */
function bitsOf(bytes: readonly number[]): Value {
  const bits = bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return bits <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(bits) : bits;
}

function bytesOf(bits: Value, size: number): number[] {
  const all = BigInt(bits);
  return Array.from({ length: size }, (_, at) => Number((all >> BigInt(8 * at)) & 255n));
}
