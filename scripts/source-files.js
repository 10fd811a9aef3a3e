// What the rules of the house share: finding files, parsing them, and saying what is wrong.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { parseSync } from 'oxc-parser';

/** @typedef {Map<string, string>} Files path with `/`, relative to the root → text */
/** @typedef {{ type: string, start: number, end: number, [key: string]: any }} Node */
/** @typedef {{ specifier: string, names: string[], typeOnly: boolean, start: number }} Import */

/** Folders that hold nothing written by hand. */
const GENERATED = new Set(['node_modules', 'dist', 'build', '.git', 'results', 'target']);

/**
 * Reads the files below some folders (or files) of the root whose names match.
 * @param {string} root
 * @param {readonly string[]} places
 * @param {RegExp} pattern of the name
 * @returns {Files}
 */
export function readFiles(root, places, pattern) {
  /** @type {Files} */
  const files = new Map();
  /** @param {string} path */
  const visit = (path) => {
    for (const entry of readdirSync(join(root, path), { withFileTypes: true })) {
      const inner = path === '.' ? entry.name : `${path}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!GENERATED.has(entry.name)) visit(inner);
      } else if (pattern.test(entry.name)) {
        files.set(inner, readFileSync(join(root, inner), 'utf8'));
      }
    }
  };
  for (const place of places) if (existsSync(join(root, place))) visit(place.replaceAll(sep, '/'));
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Parses TypeScript or JavaScript.
 * @param {string} path
 * @param {string} text
 * @throws {SyntaxError} when it does not parse
 */
export function parse(path, text) {
  const { program, module, comments, errors } = parseSync(path, text);
  const [first] = errors;
  if (first) throw new SyntaxError(`Cannot parse ${path}: ${first.message}`);
  return { program: /** @type {Node} */ (/** @type {unknown} */ (program)), module, comments };
}

/**
 * Calls `visit` for every node, parents first; `ancestors` are the nodes around it, outermost first.
 * @param {Node} node
 * @param {(node: Node, ancestors: Node[]) => void} visit
 * @param {Node[]} [ancestors]
 */
export function walk(node, visit, ancestors = []) {
  visit(node, ancestors);
  ancestors.push(node);
  for (const [key, value] of Object.entries(node)) {
    if (key === 'parent' || typeof value !== 'object' || value === null) continue;
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === 'string') walk(child, visit, ancestors);
    }
  }
  ancestors.pop();
}

/**
 * Every import and re-export of a file, and every `import()` and `new URL(…, import.meta.url)` of
 * a constant path: worker entry files are reached by the latter.
 * @param {string} path
 * @param {string} text
 * @returns {Import[]}
 */
export function importsOf(path, text) {
  /** @type {Import[]} */
  const imports = [];
  walk(parse(path, text).program, (node) => {
    const literal = node.source ?? (isModuleUrl(node) ? node.arguments[0] : undefined);
    if (typeof literal?.value !== 'string') return;
    const specifiers = node.specifiers ?? [];
    // Not `import { type A }`: verbatimModuleSyntax keeps that one as an import without names.
    const typeOnly = node.importKind === 'type' || node.exportKind === 'type';
    const names = specifiers.flatMap((/** @type {Node} */ entry) => entry.imported?.name ?? []);
    imports.push({ specifier: literal.value, names, typeOnly, start: literal.start });
  });
  return imports;
}

/** @param {Node} node */
function isModuleUrl(node) {
  return (
    node.type === 'NewExpression' &&
    node.callee.name === 'URL' &&
    node.arguments[1]?.object?.type === 'MetaProperty'
  );
}

/**
 * The line of a position, counted from 1.
 * @param {string} text
 * @param {number} position
 */
export function lineAt(text, position) {
  let line = 1;
  for (let index = text.indexOf('\n'); index !== -1 && index < position;) {
    line++;
    index = text.indexOf('\n', index + 1);
  }
  return line;
}

/**
 * Ends a rule's run: prints the problems, or one line that says what was looked at.
 * @param {string} rule
 * @param {readonly string[]} problems
 * @param {string} looked for instance `58 files`
 */
export function conclude(rule, problems, looked) {
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) {
    console.error(`${rule}: ${problems.length} problem${problems.length === 1 ? '' : 's'}`);
    process.exitCode = 1;
  } else {
    console.log(`${rule}: ${looked}, no problem`);
  }
}
