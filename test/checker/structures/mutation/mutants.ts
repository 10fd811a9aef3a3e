/**
 * Mutants of a compiled source: each differs from it in one place. Made from the syntax tree, in
 * the order of the text, so that the list is the same each time.
 *
 * - `drop`: a call of `#atomics` whose result nobody uses is left out.
 * - `plain`: an access has no order at all, a read-modify-write is a load and a store.
 * - `relaxed`: a load or a store keeps its atomicity and loses its order (RC11 alone knows that).
 * - `bound`: a comparison is off by one.
 * - `check`: an `if` is never taken, or a mask is left out.
 * - `step`: a count goes on by nothing.
 */
import { type Node, parseSync } from 'oxc-parser';

/** What was done to a source. */
export type MutantKind = 'drop' | 'plain' | 'relaxed' | 'bound' | 'check' | 'step';

/** One change of a source. */
export interface Mutant {
  /** From `src/` on, compiled. */
  readonly file: string;
  readonly kind: MutantKind;
  /** Of the compiled text, from 1 on. */
  readonly line: number;
  /** Where in the compiled text it begins. */
  readonly at: number;
  /** What stood there, and what stands there now, shortened to one line. */
  readonly before: string;
  readonly after: string;
  /** Names it: file, kind, text, and which of those that are alike. */
  readonly id: string;
  /** The whole text. */
  readonly text: string;
}

interface Change {
  readonly kind: MutantKind;
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** What is shown as `before`. */
  readonly shown?: string;
}

type Tree = Node;

const BOUNDS: Readonly<Record<string, string>> = { '<': '<=', '<=': '<', '>': '>=', '>=': '>' };

const UPDATES: Readonly<Record<string, (before: string, value: string) => string>> = {
  exchange: (_before, value) => value,
  add: (before, value) => `(${before} + ${value}) | 0`,
  or: (before, value) => `${before} | ${value}`,
};

/** Reads and writes without being one step. */
function apart(name: string, [words, index, ...values]: readonly string[]): string | undefined {
  const at = `${words}, ${index}`;
  if (name === 'compareExchange') {
    const [expected, value] = values;
    return (
      `((was$) => { if (was$ === ${expected}) Atomics.store(${at}, ${value}); return was$; })` +
      `(Atomics.load(${at}))`
    );
  }
  const update = UPDATES[name];
  if (update === undefined) return undefined;
  const after = update('was$', values[0]!);
  return `((was$) => { Atomics.store(${at}, ${after}); return was$; })(Atomics.load(${at}))`;
}

function plain(name: string, input: readonly string[]): string | undefined {
  const [words, index, value] = input;
  if (name === 'loadAcquire') return `${words}[${index}]`;
  if (name === 'storeRelease') return `(${words}[${index}] = ${value})`;
  return apart(name, input);
}

const RELAXED: Readonly<Record<string, string>> = {
  loadAcquire: 'loadRelaxed',
  storeRelease: 'storeRelaxed',
};

/** Statements that only use what a call of `#atomics` gives do not count as such. */
const DOOR = new Set([
  'loadAcquire',
  'storeRelease',
  'compareExchange',
  'exchange',
  'add',
  'or',
  'fence',
  'notify',
  'waitBlocking',
]);

class Collector {
  readonly changes: Change[] = [];
  readonly #text: string;
  readonly #door: ReadonlySet<string>;

  constructor(text: string, door: ReadonlySet<string>) {
    this.#text = text;
    this.#door = door;
  }

  #of({ start, end }: Tree): string {
    return this.#text.slice(start, end);
  }

  visit(node: Tree): void {
    if (node.type === 'ExpressionStatement') this.#statement(node);
    else if (node.type === 'CallExpression') this.#call(node);
    else if (node.type === 'BinaryExpression') this.#binary(node);
    else if (node.type === 'IfStatement') this.#push('check', node.test, 'false');
  }

  #push(kind: MutantKind, { start, end }: Tree, text: string): void {
    this.changes.push({ kind, start, end, text });
  }

  #doorName(node: Tree): string | undefined {
    if (node.type !== 'CallExpression') return undefined;
    const { callee } = node;
    if (callee.type !== 'Identifier') return undefined;
    const name = this.#of(callee);
    return this.#door.has(name) ? name : undefined;
  }

  #statement(node: Extract<Tree, { type: 'ExpressionStatement' }>): void {
    if (this.#doorName(node.expression) !== undefined) this.#push('drop', node, ';');
  }

  #call(node: Extract<Tree, { type: 'CallExpression' }>): void {
    const name = this.#doorName(node);
    if (name === undefined) return;
    const input = node.arguments.map((argument) => this.#of(argument));
    const weak = plain(name, input);
    if (weak !== undefined) this.#push('plain', node, weak);
    const relaxed = RELAXED[name];
    if (relaxed !== undefined) this.#push('relaxed', node.callee, relaxed);
  }

  #binary(node: Extract<Tree, { type: 'BinaryExpression' }>): void {
    const { left, right, operator } = node;
    const other = BOUNDS[operator];
    if (other !== undefined)
      this.#push('bound', node, `${this.#of(left)} ${other} ${this.#of(right)}`);
    const isOne = this.#of(right) === '1';
    if (isOne && (operator === '+' || operator === '-')) this.#push('step', node, this.#of(left));
    const isMask = operator === '&' && /Mask$|- 1\)?$/.test(this.#of(right));
    if (isMask) this.#push('check', node, this.#of(left));
  }
}

function walk(node: unknown, visit: (node: Tree) => void): void {
  if (Array.isArray(node)) {
    for (const each of node) walk(each, visit);
  } else if (typeof node === 'object' && node !== null) {
    if (typeof (node as { type?: unknown }).type === 'string') visit(node as Tree);
    for (const child of Object.values(node)) walk(child, visit);
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

/** All mutants of a source. */
export function mutantsOf(file: string, text: string): Mutant[] {
  const { program } = parseSync(file, text);
  const imported = /import \{([^}]*)\} from '#atomics'/.exec(text)?.[1] ?? '';
  const names = imported.split(',').map((name) => name.trim());
  const collector = new Collector(text, new Set(names.filter((name) => DOOR.has(name))));
  walk(program, (node) => collector.visit(node));
  const counts = new Map<string, number>();
  return collector.changes
    .sort((a, b) => a.start - b.start || a.end - b.end)
    .map(({ kind, start, end, text: after }) => {
      const lineStart = text.lastIndexOf('\n', start) + 1;
      const lineEnd = text.indexOf('\n', end);
      const shown = oneLine(text.slice(lineStart, lineEnd));
      const changed = oneLine(text.slice(lineStart, start) + after + text.slice(end, lineEnd));
      const name = `${file} ${kind}: ${shown} => ${changed}`;
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      const extra = kind === 'relaxed' ? `import { ${after} } from '#atomics';\n` : '';
      return {
        file,
        kind,
        line: text.slice(0, start).split('\n').length,
        at: start,
        before: shown,
        after: changed,
        id: count === 1 ? name : `${name} (${count})`,
        text: extra + text.slice(0, start) + after + text.slice(end),
      };
    });
}
