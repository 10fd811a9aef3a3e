// The rule of sizes: files ≤ 600 lines, functions ≤ 70 lines, lines ≤ 100 columns.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './install.js';
import { conclude, lineAt, parse, readFiles, walk } from './source-files.js';

/** @typedef {import('./source-files.js').Node} Node */

export const FILE_LINES = 600;
export const FUNCTION_LINES = 70;
export const LINE_COLUMNS = 100;

/**
 * What may be longer, and the reason: a file's path, or `path function`. An entry that is no longer
 * needed is a problem too, so that the list stays true.
 * @type {Readonly<Record<string, string>>}
 */
export const EXCEPTIONS = {
  // What users of C copy into their own tree is one file.
  'peers/c/rondo_ring.h': 'one header is the whole peer',
};

/**
 * @typedef {{ name: string, line: number, lines: number }} FunctionSize
 */

/**
 * Checks files of TypeScript, JavaScript, C and Python; gives one line for each problem.
 * @param {import('./source-files.js').Files} files
 * @param {Readonly<Record<string, string>>} [exceptions]
 * @returns {string[]}
 */
export function checkSizes(files, exceptions = EXCEPTIONS) {
  /** @type {string[]} */
  const problems = [];
  const used = new Set();
  /**
   * @param {string} key
   * @param {string} problem
   */
  const found = (key, problem) => {
    if (key in exceptions) used.add(key);
    else problems.push(problem);
  };
  for (const [path, text] of files) {
    if (isGenerated(text)) continue;
    const lines = text.replace(/\n$/, '').split('\n');
    if (lines.length > FILE_LINES) {
      found(path, `${path}: has ${lines.length} lines, at most ${FILE_LINES}`);
    }
    for (const { name, line, lines: size } of functionsOf(path, text)) {
      if (size <= FUNCTION_LINES) continue;
      const problem = `${path}:${line}: ${name} has ${size} lines, at most ${FUNCTION_LINES}`;
      found(`${path} ${name}`, problem);
    }
    lines.forEach((line, index) => {
      if (!isTooWide(line)) return;
      const at = `${path}:${index + 1}`;
      problems.push(`${at}: is ${Array.from(line).length} columns wide, at most ${LINE_COLUMNS}`);
    });
  }
  for (const key of Object.keys(exceptions)) {
    if (!used.has(key)) problems.push(`scripts/check-sizes.js: ${key} needs no exception`);
  }
  return problems;
}

/**
 * Whether nobody wrote it, so that nobody reads it as it was written: its first line says so.
 * @param {string} text
 */
function isGenerated(text) {
  return /^(\/\/|#|\/\*) Generated from /.test(text);
}

/**
 * A line may be wider for the sake of a URL or of a text that must not be broken.
 * @param {string} line
 */
export function isTooWide(line) {
  if (Array.from(line).length <= LINE_COLUMNS || /https?:\/\//.test(line)) return false;
  const bare = line.replaceAll(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`?/g, "''");
  return Array.from(bare).length > LINE_COLUMNS;
}

/**
 * The functions of a file with their sizes.
 * @param {string} path
 * @param {string} text
 * @returns {FunctionSize[]}
 */
export function functionsOf(path, text) {
  if (/\.[ch]$/.test(path)) return functionsOfC(text);
  return /\.[jt]s$/.test(path) ? functionsOfScript(path, text) : [];
}

/**
 * @param {string} path
 * @param {string} text
 */
function functionsOfScript(path, text) {
  /** @type {FunctionSize[]} */
  const sizes = [];
  walk(parse(path, text).program, (node, ancestors) => {
    if (!/^(ArrowFunctionExpression|FunctionExpression|FunctionDeclaration)$/.test(node.type))
      return;
    const parent = ancestors.at(-1);
    // The function that `describe` gets is a chapter of tests, not a function that one reads whole.
    if (/^(describe|suite)$/.test(parent?.callee?.name ?? '')) return;
    const line = lineAt(text, node.start);
    sizes.push({ name: nameOf(node, parent), line, lines: lineAt(text, node.end) - line + 1 });
  });
  return sizes;
}

/**
 * @param {Node} node
 * @param {Node | undefined} parent
 * @returns {string}
 */
function nameOf(node, parent) {
  const named = node.id ?? parent?.id ?? parent?.key;
  if (named) return named.type === 'PrivateIdentifier' ? `#${named.name}` : named.name;
  const title = parent?.arguments?.[0]?.value;
  return typeof title === 'string' ? `"${title}"` : 'a function without a name';
}

/**
 * C as it is written here: a function's closing brace stands alone in the first column.
 * @param {string} text
 */
function functionsOfC(text) {
  /** @type {FunctionSize[]} */
  const sizes = [];
  let start = 0;
  let name = '';
  text.split('\n').forEach((line, index) => {
    const header = /^(?=[a-z_]).*?(\w+)\s*\(/i.exec(line);
    if (header && !/;\s*$/.test(line)) [start, name] = [index + 1, header[1] ?? ''];
    if (line.startsWith('}') && name) {
      sizes.push({ name, line: start, lines: index + 2 - start });
      name = '';
    }
  });
  return sizes;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const places = ['src', 'test', 'bench', 'scripts', 'native', 'examples', 'web', 'peers'];
  const files = readFiles(root, places, /\.(ts|js|c|h|py|rs)$/);
  files.set('.ci/run', readFileSync(join(root, '.ci', 'run'), 'utf8'));
  conclude('sizes', checkSizes(files), `${files.size} files`);
}
