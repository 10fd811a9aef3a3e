/**
 * Tests written as a program, so that an editor colours them and people can read them:
 *
 *     'message passing';
 *     const memory = new SharedArrayBuffer(8);
 *     const data = new Int32Array(memory, 0, 1);
 *     const flag = new Int32Array(memory, 4, 1);
 *     thread(() => {
 *       data[0] = 42;
 *       Atomics.store(flag, 0, 1);
 *     });
 *     thread(() => {
 *       const seen = Atomics.load(flag, 0);
 *       const value = data[0];
 *     });
 *     exists(seen === 1 && value === 0);
 *
 * Statements between the declarations and the first thread set memory up. Names that nothing
 * declares are views by their names, as in the JSON format.
 */
import { conventionalView, initialWrites, makeTest, viewOf, type EcmaTest } from './ecma-test.ts';
import {
  Cursor,
  parseBody,
  parseExpression,
  parseScript,
  type Expression,
  type Script,
  type View,
} from './script/index.ts';

/** What has been read so far. */
interface Draft {
  name: string;
  readonly buffers: Set<string>;
  readonly views: Map<string, View>;
  readonly setUp: string[];
  readonly threads: Script[];
  ask: { text: string; condition: Expression } | undefined;
}

/**
 * Reads a test that is written as a program. `name` is used when the program does not begin with
 * one.
 *
 * @throws {RondoError} ERR_LITMUS_SYNTAX, ERR_LITMUS_UNSUPPORTED, ERR_LITMUS_SIZE
 */
export function parseEcmaProgram(text: string, name: string): EcmaTest {
  const cursor = new Cursor(text, name);
  const draft: Draft = {
    name,
    buffers: new Set(),
    views: new Map(),
    setUp: [],
    threads: [],
    ask: undefined,
  };
  const view = (word: string): View | undefined => draft.views.get(word) ?? conventionalView(word);
  if (cursor.token.kind === 'string') {
    draft.name = cursor.next().text;
    cursor.accept(';');
  }
  while (cursor.token.kind !== 'end') parsePart(cursor, draft, view);
  const setUp = parseScript(draft.setUp.join('\n'), `the set-up of ${name}`, view);
  const { threads, ask } = draft;
  return makeTest({ name: draft.name, note: '', threads, ask, initial: initialWrites(setUp) });
}

function parsePart(cursor: Cursor, draft: Draft, view: (name: string) => View | undefined): void {
  const { start, text } = cursor.token;
  if (cursor.accept(';')) return;
  if (text === 'const' && cursor.accept('const')) parseConstant(cursor, draft);
  else if (text === 'thread' && cursor.accept('thread')) parseThread(cursor, draft, view);
  else if (text === 'exists' && cursor.accept('exists')) {
    cursor.expect('(');
    const from = cursor.token.start;
    const condition = parseExpression(cursor, { locals: new Set(), view: () => undefined });
    draft.ask = { text: cursor.text.slice(from, cursor.end), condition };
    cursor.expect(')');
    cursor.accept(';');
  } else {
    parseExpression(cursor, { locals: new Set(), view });
    draft.setUp.push(`${cursor.text.slice(start, cursor.end)};`);
    cursor.expect(';');
  }
}

function parseThread(
  cursor: Cursor,
  { threads }: Draft,
  view: (name: string) => View | undefined,
): void {
  for (const sign of ['(', '(', ')', '=>', '{']) cursor.expect(sign);
  threads.push(parseBody(cursor, view));
  for (const sign of ['}', ')']) cursor.expect(sign);
  cursor.accept(';');
}

/** `const memory = new SharedArrayBuffer(8);`, `const x = new Int32Array(memory, 0, 1);`. */
function parseConstant(cursor: Cursor, { buffers, views }: Draft): void {
  const { start } = cursor.token;
  const name = cursor.name();
  if (buffers.has(name) || views.has(name)) cursor.fail(`${name} is declared twice`, start);
  cursor.expect('=');
  cursor.expect('new');
  const constructor = cursor.name();
  cursor.expect('(');
  if (constructor === 'SharedArrayBuffer') {
    numberHere(cursor);
    buffers.add(name);
  } else {
    const [block, offset] = parseMemory(cursor, name, buffers);
    views.set(name, viewOf(name, constructor, block, offset));
  }
  cursor.expect(')');
  cursor.accept(';');
}

/**
 * The memory of a view, of its own or declared, and where the view begins; its length is skipped.
 */
function parseMemory(
  cursor: Cursor,
  view: string,
  buffers: ReadonlySet<string>,
): [block: string, offset: number] {
  if (cursor.accept('new')) {
    cursor.expect('SharedArrayBuffer');
    cursor.expect('(');
    numberHere(cursor);
    cursor.expect(')');
    return [view, 0];
  }
  const { start } = cursor.token;
  const block = cursor.name();
  if (!buffers.has(block)) cursor.fail(`${block} is no SharedArrayBuffer`, start);
  const offset = cursor.accept(',') ? numberHere(cursor) : 0;
  if (cursor.accept(',')) numberHere(cursor);
  return [block, offset];
}

function numberHere(cursor: Cursor): number {
  const { kind, text } = cursor.token;
  if (kind !== 'number') cursor.fail(`a number was expected instead of "${text}"`);
  return Number(cursor.next().text);
}
