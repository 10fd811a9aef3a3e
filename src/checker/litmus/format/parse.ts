/** Litmus tests in herd's format, from the text to what can be run. */
import type { LitmusTest, ThreadProgram } from '../contract.ts';
import type { Architecture, CArchitecture, Environment } from './architecture.ts';
import { Declarations } from './declarations.ts';
import type { Naming } from './declarations.ts';
import { readInitial } from './initial.ts';
import { readQuestion } from './question.ts';
import { findInitial, readColumns, readFunctions, readHeader } from './sections.ts';
import type { Range } from './sections.ts';
import { inOrder } from './state.ts';
import { SymbolTable } from './symbols.ts';
import { TestText, blankComments } from './text.ts';
import { Tokens } from './tokens.ts';
import type { ValueType } from './values.ts';

/** The front ends, by the word with which a test begins, in lower case. */
export interface FrontEnds {
  readonly assembly: ReadonlyMap<string, Architecture>;
  readonly c: CArchitecture;
}

/** How a test is to be read. */
export interface ParseOptions {
  /**
   * How often a loop may turn back before the run is abandoned, 0 to 1000.
   *
   * @default 2
   */
  readonly unroll?: number;
}

/** Languages and machines that herd knows besides. */
const OTHERS = new Set(
  'aarch32 arm asl bell bpf c++ cpp java lisa mips opencl ppc ptx vulkan'.split(' '),
);

/** Times that a loop turns back at most, as herd has it. */
const DEFAULT_UNROLL = 2;

/** Parses with the given front ends. */
export function parseWith(
  frontEnds: FrontEnds,
  text: string,
  options: ParseOptions = {},
): LitmusTest {
  const raw = new TestText(text);
  const header = readHeader(blankComments(raw, 'nested', 0, firstLineEnd(text)));
  const unroll = options.unroll ?? DEFAULT_UNROLL;
  const word = header.architecture.toLowerCase();
  if (OTHERS.has(word)) {
    raw.unsupported(`the architecture "${header.architecture}"`, 0);
  }
  if (word === 'c') return parseC(frontEnds.c, raw, header.name, header.end, unroll);
  const architecture = frontEnds.assembly.get(word);
  if (architecture === undefined) {
    return raw.fail(`the architecture "${header.architecture}" is not known`, 0);
  }
  return parseAssembly(architecture, raw, header.name, header.end, unroll);
}

function firstLineEnd(text: string): number {
  const end = text.indexOf('\n', Math.max(text.search(/\S/), 0));
  return end === -1 ? text.length : end;
}

/** Pointers of 32-bit x86 are short; everywhere else they have 8 bytes. */
function pointerOf(architecture: Architecture): ValueType {
  return { size: architecture.pointerSize, signed: false };
}

function parseAssembly(
  architecture: Architecture,
  raw: TestText,
  name: string,
  from: number,
  unroll: number,
): LitmusTest {
  const source = blankComments(raw, 'nested');
  const initial = findInitial(source, from);
  const naming: Naming = {
    architecture: architecture.name,
    canonical: (register) => architecture.registers.canonical(register),
    pointer: pointerOf(architecture),
  };
  const declarations = readDeclarations(source, initial, naming);
  const columns = readColumns(source, initial.to + 1);
  const threads = columns.threads.map((cells, thread) => {
    const offsetOf = (row: number | undefined): number =>
      cells[row ?? 0]?.offset ?? cells[0]?.offset ?? initial.to;
    return architecture.compile(
      cells.map((cell) => cell.text),
      environment(declarations, source, thread, unroll, offsetOf),
    );
  });
  return finish(source, columns.end, declarations, name, threads, {
    source: columns.threads.map((cells) =>
      cells.flatMap(({ text }) => (text === '' ? [] : [text])),
    ),
    rank: (register) => architecture.registers.rank(register),
  });
}

function parseC(
  architecture: CArchitecture,
  raw: TestText,
  name: string,
  from: number,
  unroll: number,
): LitmusTest {
  // Comments of the format stand in front of the threads and behind them; among C `(*` is code.
  const initial = findInitial(blankUpToInitial(raw, from), from);
  const before = blankComments(raw, 'nested', 0, initial.to);
  const naming: Naming = {
    architecture: 'c11',
    canonical: (register) => (/^[A-Za-z_]\w*$/.test(register) ? register : undefined),
    pointer: { size: 8, signed: false },
  };
  const declarations = readDeclarations(before, initial, naming);
  const { threads, source, end } = readFunctions(before, initial.to + 1);
  const programs = threads.map(({ parameters, body }, thread) =>
    architecture.compile(
      {
        parameters: source.text.slice(parameters.from, parameters.to),
        parametersAt: parameters.from - body.from,
        body: source.text.slice(body.from, body.to),
      },
      environment(declarations, source, thread, unroll, (place) => body.from + (place ?? 0)),
    ),
  );
  return finish(blankComments(before, 'nested', end), end, declarations, name, programs, {
    source: threads.map(({ body }) => linesOf(source.text.slice(body.from, body.to))),
    rank: () => 0,
  });
}

/** Comments blanked as far as they surely are comments of the format: up to the first thread. */
function blankUpToInitial(raw: TestText, from: number): TestText {
  const thread = /^\s*(?:(?:static|void|int)\s+)*P0\s*\(/m.exec(raw.text.slice(from));
  return blankComments(raw, 'nested', 0, thread === null ? raw.text.length : from + thread.index);
}

function readDeclarations(source: TestText, initial: Range, naming: Naming): Declarations {
  const declarations = new Declarations(naming, new SymbolTable());
  readInitial(new Tokens(source, initial.from, initial.to), declarations);
  return declarations;
}

function environment(
  declarations: Declarations,
  source: TestText,
  thread: number,
  unroll: number,
  offsetOf: (row: number | undefined) => number,
): Environment {
  return {
    thread,
    unroll,
    symbols: declarations.symbols,
    initialRegisters: declarations.initialRegisters(thread),
    parameters: declarations.parameters(thread),
    namesCode: [...declarations.initial.values()].some(({ value }) =>
      declarations.symbols.nameOf(value)?.startsWith('label:'),
    ),
    fail: (message, row) => source.fail(message, offsetOf(row)),
    unsupported: (message, row) => source.unsupported(message, offsetOf(row)),
  };
}

function finish(
  source: TestText,
  from: number,
  declarations: Declarations,
  name: string,
  threads: readonly ThreadProgram[],
  shown: {
    readonly source: readonly (readonly string[])[];
    readonly rank: (register: string) => number;
  },
): LitmusTest {
  const question = readQuestion(new Tokens(source, from, source.text.length), declarations);
  for (const observable of question.observed) {
    if (observable.kind === 'register' && observable.thread >= threads.length) {
      source.fail(`there is no thread ${observable.thread}`, from);
    }
  }
  return {
    name,
    architecture: declarations.naming.architecture,
    threads,
    source: shown.source,
    symbols: declarations.symbols,
    initial: [...declarations.initial.values()],
    observed: inOrder(question.observed, shown.rank),
    quantifier: question.quantifier,
    condition: question.condition,
    conditionText: question.conditionText,
    filter: question.filter,
  };
}

function linesOf(text: string): string[] {
  return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
}
