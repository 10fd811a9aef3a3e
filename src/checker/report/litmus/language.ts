/** Litmus tests in C, and in JavaScript for the memory model of ECMAScript. */
import type { AccessOrder, Instruction, LitmusProgram } from './program.ts';

const LOAD_ORDERS: Readonly<Record<AccessOrder, string>> = {
  plain: '',
  relaxed: 'relaxed',
  acquire: 'acquire',
  release: 'relaxed',
  acq_rel: 'acquire',
  seq_cst: 'seq_cst',
};
const STORE_ORDERS: Readonly<Record<AccessOrder, string>> = {
  ...LOAD_ORDERS,
  acquire: 'relaxed',
  release: 'release',
  acq_rel: 'release',
};

function cLine(instruction: Instruction): string {
  switch (instruction.kind) {
    case 'load': {
      const { register, at, order } = instruction;
      return order === 'plain'
        ? `int r${register} = *${at};`
        : `int r${register} = atomic_load_explicit(${at}, memory_order_${LOAD_ORDERS[order]});`;
    }
    case 'store': {
      const { at, value, order } = instruction;
      return order === 'plain'
        ? `*${at} = ${value};`
        : `atomic_store_explicit(${at}, ${value}, memory_order_${STORE_ORDERS[order]});`;
    }
    case 'exchange': {
      const { register, at, value, order } = instruction;
      const name = order === 'plain' ? 'relaxed' : order;
      return `int r${register} = atomic_exchange_explicit(${at}, ${value}, memory_order_${name});`;
    }
    default:
      return `atomic_thread_fence(memory_order_${instruction.order});`;
  }
}

function readsOf({
  threads,
}: LitmusProgram): { thread: number; register: number; value: number }[] {
  return threads.flatMap((instructions, thread) =>
    instructions.flatMap((instruction) => {
      if (instruction.kind === 'load') return [{ thread, ...instruction }];
      if (instruction.kind === 'exchange') {
        return [{ thread, register: instruction.register, value: instruction.before }];
      }
      return [];
    }),
  );
}

function variablesOf(instructions: readonly Instruction[]): string[] {
  return [...new Set(instructions.flatMap((each) => (each.kind === 'fence' ? [] : [each.at])))];
}

/** Whether a thread has an access of the variable that is not plain. */
function isAtomic(instructions: readonly Instruction[], variable: string): boolean {
  return instructions.some((each) => {
    return each.kind !== 'fence' && each.at === variable && each.order !== 'plain';
  });
}

/** The test in herd's dialect of C; `head` is the lines in front of the initial state. */
export function cText(program: LitmusProgram, head: string): string {
  const initial = program.variables.map(({ at, initial: value }) => `[${at}] = ${value};`);
  const threads = program.threads.map((instructions, thread) => {
    const parameters = variablesOf(instructions).map((at) => {
      return `${isAtomic(instructions, at) ? 'atomic_int' : 'int'}* ${at}`;
    });
    const lines = instructions.map((instruction) => `  ${cLine(instruction)}`);
    return [`P${thread} (${parameters.join(', ')}) {`, ...lines, '}'].join('\n');
  });
  const conditions = [
    ...readsOf(program).map(({ thread, register, value }) => `${thread}:r${register}=${value}`),
    ...program.last.map(({ at, value }) => `[${at}]=${value}`),
  ];
  return [
    `C ${head}`,
    `{ ${initial.join(' ')} }`,
    '',
    threads.join('\n\n'),
    '',
    `exists (${conditions.length === 0 ? 'true' : conditions.join(' /\\ ')})`,
    '',
  ].join('\n');
}

function javascriptLine(instruction: Instruction, thread: number): string {
  switch (instruction.kind) {
    case 'load': {
      const { register, at, order } = instruction;
      const value = order === 'plain' ? `${at}[0]` : `Atomics.load(${at}, 0)`;
      return `  const r${thread}_${register} = ${value};`;
    }
    case 'store': {
      const { at, value, order } = instruction;
      return order === 'plain' ? `  ${at}[0] = ${value};` : `  Atomics.store(${at}, 0, ${value});`;
    }
    case 'exchange': {
      const { register, at, value } = instruction;
      return `  const r${thread}_${register} = Atomics.exchange(${at}, 0, ${value});`;
    }
    default:
      return '';
  }
}

/** The test as `rondo litmus FILE.js` reads it; undefined when nothing is read, so that it asks nothing. */
export function javascriptText(program: LitmusProgram, name: string): string | undefined {
  const reads = readsOf(program);
  if (reads.length === 0) return undefined;
  const { variables } = program;
  const views = variables.map(({ at }, index) => {
    return `const ${at} = new Int32Array(memory, ${4 * index}, 1);`;
  });
  const initial = variables.flatMap(({ at, initial: value }) => {
    return value === 0 ? [] : [`${at}[0] = ${value};`];
  });
  const threads = program.threads.map((instructions, thread) => {
    const lines = instructions.map((instruction) => javascriptLine(instruction, thread));
    return ['thread(() => {', ...lines.filter((line) => line !== ''), '});'].join('\n');
  });
  const conditions = reads.map(
    ({ thread, register, value }) => `r${thread}_${register} === ${value}`,
  );
  return [
    `'${name.replaceAll(/['\\]/g, ' ')}';`,
    `const memory = new SharedArrayBuffer(${4 * variables.length});`,
    ...views,
    ...initial,
    ...threads,
    `exists(${conditions.join(' && ')});`,
    '',
  ].join('\n');
}
