/** A test: threads, what memory holds before they start, and the outcome that is asked about. */
import { RondoError } from '../../base/index.ts';
import {
  Cursor,
  ELEMENTS,
  encode,
  evaluateExpression,
  interpret,
  parseExpression,
  parseScript,
  PREFIXES,
  type Expression,
  type Machine,
  type Scalar,
  type Script,
  type View,
} from './script/index.ts';

/** What is asked about outcomes. */
export interface Ask {
  /** As written. */
  readonly text: string;
  /** Over the variables of all threads. */
  readonly condition: Expression;
}

/** Bytes that memory holds before the threads start. */
export interface InitialBytes {
  readonly block: string;
  /** First byte. */
  readonly offset: number;
  readonly bytes: readonly number[];
}

/** A test of the memory model of ECMAScript, ready to be evaluated. */
export interface EcmaTest {
  readonly name: string;
  /** One sentence, or empty. */
  readonly note: string;
  readonly threads: readonly Script[];
  /** Memory is zero where these say nothing; later ones win. */
  readonly initial: readonly InitialBytes[];
  /** Undefined: nothing is asked. */
  readonly ask: Ask | undefined;
}

/** An outcome's variables: `a`, or `0:a` when several threads have an `a`. */
export type Assignment = ReadonlyMap<string, Scalar>;

const THREADS = 16;

/**
 * Reads one test of the JSON format: `name`, `threads` (arrays of statements), and optionally
 * `note`, `ask` (`a=1; b=0`, or an expression of JavaScript), `initial` (`{ "x[0]": 5 }`) and
 * `views` (`{ "bytes": { "block": "x", "type": "Uint8Array", "offset": 0 } }`). Without `views` a
 * name says what it is: `x` is an Int32Array on the block x, and `i8_x`, `u16_x`, `f64_x`, `b64_x`,
 * `dv_x` and so on are other views of the same block.
 *
 * @throws {RondoError} ERR_LITMUS_SYNTAX, ERR_LITMUS_UNSUPPORTED, ERR_LITMUS_SIZE
 */
export function parseEcmaTest(json: unknown): EcmaTest {
  const fields = objectOf(json, 'a test');
  const name = typeof fields['name'] === 'string' ? fields['name'] : 'a test without name';
  const { threads, note, ask } = fields;
  if (!Array.isArray(threads)) throw syntax(name, '"threads" must be an array of threads');
  const views = viewsOf(name, fields['views']);
  const view = (word: string): View | undefined => views.get(word) ?? conventionalView(word);
  return makeTest({
    name,
    note: typeof note === 'string' ? note : '',
    threads: threads.map((lines: unknown, at) =>
      parseScript(linesOf(name, lines), `thread ${at} of test ${name}`, view),
    ),
    initial: initialOf(name, fields['initial'], view),
    ask: typeof ask === 'string' && ask.trim() !== '' ? parseAsk(ask) : undefined,
  });
}

/**
 * Reads the tests of a JSON file: one test, an array of tests, or an object with `tests`.
 *
 * @throws {RondoError} ERR_LITMUS_SYNTAX, ERR_LITMUS_UNSUPPORTED, ERR_LITMUS_SIZE
 */
export function parseEcmaTests(json: unknown): EcmaTest[] {
  if (Array.isArray(json)) return json.map((one: unknown) => parseEcmaTest(one));
  const { tests } = objectOf(json, 'tests');
  return Array.isArray(tests)
    ? tests.map((one: unknown) => parseEcmaTest(one))
    : [parseEcmaTest(json)];
}

/** Checks what every format must. @throws {RondoError} ERR_LITMUS_SIZE, ERR_LITMUS_SYNTAX */
export function makeTest(test: EcmaTest): EcmaTest {
  const { name, threads, ask } = test;
  if (threads.length === 0) throw syntax(name, 'it has no threads');
  if (threads.length > THREADS) {
    const message = `Cannot evaluate ${name}: it has ${threads.length} threads, at most ${THREADS}`;
    throw new RondoError('ERR_LITMUS_SIZE', message);
  }
  const known = variablesOf(test).map(({ shown }) => shown);
  const missing = ask && namesIn(ask.condition).find((asked) => !known.includes(asked));
  if (missing !== undefined) {
    throw syntax(name, `it asks about ${missing}, which is no variable of a thread`);
  }
  return test;
}

/** A variable of a thread. */
export interface Variable {
  readonly thread: number;
  /** In its thread. */
  readonly name: string;
  /** In outcomes. */
  readonly shown: string;
}

/** All variables, in the order in which they are printed. */
export function variablesOf({ threads }: Pick<EcmaTest, 'threads'>): Variable[] {
  const count = new Map<string, number>();
  for (const { names } of threads) {
    for (const name of names) count.set(name, (count.get(name) ?? 0) + 1);
  }
  return threads
    .flatMap(({ names }, thread) =>
      names.map((name) => ({
        thread,
        name,
        shown: count.get(name) === 1 ? name : `${thread}:${name}`,
      })),
    )
    .sort((one, other) => (one.shown < other.shown ? -1 : 1));
}

/**
 * Reads what is asked: `a=1; b=0` (also with `,`, `/\` or `&&` in between), or an expression.
 *
 * @throws {RondoError} ERR_LITMUS_SYNTAX
 */
export function parseAsk(text: string): Ask {
  const parts = text.split(/;|,|\/\\|&&/).map((part) => part.trim());
  const pairs = parts
    .filter((part) => part !== '')
    .map((part) =>
      /^([\w$:]+)\s*={1,3}\s*(not-equal|timed-out|-?[\w.+]+n?|'[^']*'|"[^"]*")$/.exec(part),
    );
  const scope = { locals: new Set<string>(), view: () => undefined };
  const parse = (piece: string): Expression => {
    const cursor = new Cursor(piece, 'the outcome asked about');
    const condition = parseExpression(cursor, scope);
    if (cursor.token.kind !== 'end') cursor.fail(`"${cursor.token.text}" was not expected`);
    return condition;
  };
  if (!pairs.every((pair) => pair !== null)) return { text, condition: parse(text) };
  const equals = pairs.map(([, name, value]): Expression => {
    const word = /^(?:ok|not-equal|timed-out|asleep|blocked)$/.test(value!);
    const right: Expression = word ? { kind: 'literal', value: value! } : parse(value!);
    return { kind: 'binary', operator: '===', left: { kind: 'name', name: name! }, right };
  });
  const condition = equals.reduce((left, right) => {
    return { kind: 'logical', operator: '&&', left, right };
  });
  return { text, condition };
}

/** Whether an outcome is one that was asked about. A bigint equals the number of the same value. */
export function satisfies({ condition }: Ask, values: Assignment): boolean {
  const locals = new Map(
    [...values].map(([name, value]) => {
      const small = typeof value === 'bigint' && Number.isSafeInteger(Number(value));
      return [name, { value: small ? Number(value) : value, from: 0 }];
    }),
  );
  return Boolean(evaluateExpression(unbig(condition), locals));
}

/** Small bigints of a condition as numbers: see `satisfies`. */
function unbig(of: Expression): Expression {
  if (of.kind === 'literal' && typeof of.value === 'bigint') {
    const value = Number(of.value);
    return Number.isSafeInteger(value) ? { kind: 'literal', value } : of;
  }
  if (of.kind === 'binary' || of.kind === 'logical') {
    return { ...of, left: unbig(of.left), right: unbig(of.right) };
  }
  return of.kind === 'unary' ? { ...of, of: unbig(of.of) } : of;
}

/** An outcome as it is printed: `a=1; b=0`. */
export function formatAssignment(values: Assignment): string {
  return [...values].map(([name, value]) => `${name}=${String(value)}`).join('; ');
}

/** Names that an expression uses. */
export function namesIn(expression: Expression): string[] {
  const found = new Set<string>();
  walkExpression(expression, (one) => {
    if (one.kind === 'name') found.add(one.name);
  });
  return [...found];
}

/** Visits an expression and all inside it, but for indices of views: these are no values. */
export function walkExpression(of: Expression, visit: (one: Expression) => void): void {
  visit(of);
  for (const [key, inside] of Object.entries(of)) {
    const skipped = key === 'place' || key === 'target' || key === 'offset' || key === 'timeout';
    if (skipped || typeof inside !== 'object' || inside === null) continue;
    if (key === 'arrow') walkExpression((inside as { body: Expression }).body, visit);
    else if ('kind' in inside) walkExpression(inside as Expression, visit);
  }
}

/** The view that a name stands for when nothing declares it. */
export function conventionalView(name: string): View | undefined {
  const [, prefix = '', block = ''] = /^([a-z]+\d*c?)_(.+)$/.exec(name) ?? [];
  if (prefix === 'dv') return { name, block, offset: 0, element: undefined };
  const element = PREFIXES.get(prefix);
  return {
    name,
    block: element ? block : name,
    offset: 0,
    element: ELEMENTS.get(element ?? 'Int32'),
  };
}

/**
 * A view by the name of its constructor.
 *
 * @throws {RondoError} ERR_LITMUS_UNSUPPORTED when there is no such constructor
 */
export function viewOf(name: string, constructor: string, block: string, offset: number): View {
  if (constructor === 'DataView') return { name, block, offset, element: undefined };
  const element = ELEMENTS.get(constructor.replace(/Array$/, ''));
  if (!element || !constructor.endsWith('Array')) {
    const message = `Cannot make the view ${name}: ${constructor} is no view that tests know`;
    throw new RondoError('ERR_LITMUS_UNSUPPORTED', message);
  }
  if (offset % element.size !== 0) {
    throw syntax(name, `a ${constructor} begins at a multiple of ${element.size}, not ${offset}`);
  }
  return { name, block, offset, element };
}

/** What statements write that run before all threads. */
export function initialWrites(script: Script): InitialBytes[] {
  const found: InitialBytes[] = [];
  const refuse = (): never => {
    throw new RondoError('ERR_LITMUS_SYNTAX', 'Cannot start with that: only writes set memory up');
  };
  const machine: Machine = {
    read: refuse,
    write: ({ block, offset, element, littleEndian }, { value }) => {
      found.push({ block, offset, bytes: encode(element, value, littleEndian) });
    },
    modify: refuse,
    wait: refuse,
    notify: refuse,
    host: refuse,
    branch: () => undefined,
    turn: refuse,
  };
  interpret(script, machine, new Map());
  return found;
}

function initialOf(
  test: string,
  json: unknown,
  view: (name: string) => View | undefined,
): InitialBytes[] {
  if (json === undefined) return [];
  const lines = Object.entries(objectOf(json, '"initial"')).map(([place, value]) => {
    const written = String(value);
    const target = place.includes('[') || place.includes('(') ? place : `${place}[0]`;
    return target.includes('(') ? `${target};` : `${target} = ${written};`;
  });
  return initialWrites(parseScript(lines.join('\n'), `the initial state of ${test}`, view));
}

function viewsOf(test: string, json: unknown): Map<string, View> {
  const views = new Map<string, View>();
  if (json === undefined) return views;
  for (const [name, given] of Object.entries(objectOf(json, '"views"'))) {
    const { type, block, offset } =
      typeof given === 'string'
        ? { type: given, block: undefined, offset: undefined }
        : objectOf(given, `view ${name}`);
    if (typeof type !== 'string') throw syntax(test, `view ${name} has no "type"`);
    const of = typeof block === 'string' ? block : name;
    views.set(name, viewOf(name, type, of, typeof offset === 'number' ? offset : 0));
  }
  return views;
}

function linesOf(test: string, lines: unknown): string {
  if (typeof lines === 'string') return lines;
  if (Array.isArray(lines) && lines.every((line) => typeof line === 'string')) {
    return lines.join('\n');
  }
  throw syntax(test, 'a thread must be an array of statements');
}

function objectOf(json: unknown, what: string): Record<string, unknown> {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
    return json as Record<string, unknown>;
  }
  throw new RondoError('ERR_LITMUS_SYNTAX', `Cannot read ${what}: it must be an object`);
}

function syntax(test: string, message: string): RondoError {
  return new RondoError('ERR_LITMUS_SYNTAX', `Cannot read ${test}: ${message}`);
}
