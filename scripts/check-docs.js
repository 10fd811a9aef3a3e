// The rule of the documentation: every public export has a docstring, and so has every option and
// every method of a public class. Reads the emitted declarations, because they are what users see;
// what is marked @internal is not in them. No `@param` may only repeat the name.
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './install.js';
import { conclude, lineAt, parse, readFiles } from './source-files.js';

/** @typedef {import('./source-files.js').Node} Node */
/** @typedef {{ path: string, text: string, node: Node, documented: boolean }} Declaration */
/** @typedef {(path: string) => string} Read the text of a declaration file */

/**
 * Everything that a declaration file exports, through re-exports.
 * @param {string} path with `/`
 * @param {Read} read
 * @returns {Map<string, Declaration[]>} an overloaded function has several declarations
 */
export function exportsOf(path, read) {
  const text = read(path);
  const { program, comments } = parse(path, text);
  const ends = comments
    .filter(({ type, value }) => type === 'Block' && value.startsWith('*'))
    .map(({ end }) => end);
  /** @type {Map<string, Declaration[]>} */
  const local = new Map();
  /** @type {Map<string, Declaration[]>} */
  const exported = new Map();
  /** @type {Map<string, [source: string, name: string]>} */
  const imports = new Map();
  /** @param {string} source */
  const other = (source) => {
    const target = posix.join(posix.dirname(path), source).replace(/\.[jt]s$/, '.d.ts');
    return exportsOf(target, read);
  };
  for (const statement of program.body) {
    if (statement.type === 'ImportDeclaration' && statement.source.value.startsWith('.')) {
      for (const { imported, local: name } of statement.specifiers) {
        if (imported) imports.set(name.name, [statement.source.value, imported.name]);
      }
    }
    const declaration = statement.declaration ?? statement;
    const documented = ends.some(
      (end) => text.slice(end, statement.start).trim() === '' && end <= statement.start,
    );
    for (const name of namesOf(declaration)) {
      const one = { path, text, node: declaration, documented };
      local.set(name, [...(local.get(name) ?? []), one]);
      if (statement.declaration) exported.set(name, local.get(name) ?? []);
    }
  }
  for (const statement of program.body) {
    const source = statement.source?.value;
    if (statement.type === 'ExportAllDeclaration' && source.startsWith('.')) {
      for (const [name, found] of other(source)) exported.set(name, found);
    }
    if (statement.type !== 'ExportNamedDeclaration') continue;
    const from = source === undefined ? local : source.startsWith('.') ? other(source) : new Map();
    for (const entry of statement.specifiers) {
      const name = entry.local.name;
      // Followed only for what is exported on: following every import visits whole graphs again
      // and again, and never ends where types import each other.
      const [file, own] = (source === undefined && imports.get(name)) || [];
      const found = file && own ? other(file).get(own) : from.get(name);
      exported.set(entry.exported.name, found ?? []);
    }
  }
  return exported;
}

/**
 * @param {Node} declaration
 * @returns {string[]}
 */
function namesOf(declaration) {
  if (declaration.type === 'VariableDeclaration') {
    return declaration.declarations.map((/** @type {Node} */ one) => one.id.name);
  }
  return declaration.id?.name ? [declaration.id.name] : [];
}

/**
 * The public members that must be documented and are not: every option of an options interface,
 * and the methods that a class adds to what it implements or extends.
 * @param {Declaration} declaration
 * @returns {Node[]}
 */
function bareMembers({ text, node }) {
  const isOptions =
    node.type === 'TSInterfaceDeclaration' && /(Options|Limits)$/.test(node.id.name);
  const isOwnClass =
    node.type === 'ClassDeclaration' && !node.superClass && (node.implements ?? []).length === 0;
  if (!isOptions && !isOwnClass) return [];
  const members = /** @type {Node[]} */ (node.body.body);
  let before = node.body.start + 1;
  return members.filter((member) => {
    const gap = text.slice(before, member.start);
    before = member.end;
    const isHidden = member.accessibility === 'private' || member.key?.type === 'PrivateIdentifier';
    // A field's name and type say most of what it is; an option or a method needs its sentence.
    const isField = member.type === 'PropertyDefinition';
    // A setter says nothing that its getter has not said.
    const isShape = ['constructor', 'set'].includes(member.kind) || member.key === undefined;
    return !isHidden && !isField && !isShape && !/\*\/\s*$/.test(gap);
  });
}

/**
 * Checks the exports of every entry; gives one line for each problem.
 * @param {readonly string[]} entries declaration files
 * @param {Read} read
 * @returns {{ problems: string[], count: number }}
 */
export function checkDocs(entries, read) {
  const problems = new Set();
  const seen = new Set();
  for (const entry of entries) {
    for (const [name, declarations] of exportsOf(entry, read)) {
      const [first] = declarations;
      if (!first) continue; // Comes from another package.
      seen.add(`${first.path} ${name}`);
      if (!declarations.some(({ documented }) => documented)) {
        problems.add(`${at(first, first.node)}: ${name} has no docstring`);
      }
      for (const declaration of declarations) {
        for (const member of bareMembers(declaration)) {
          problems.add(`${at(declaration, member)}: ${name}.${member.key.name} has no docstring`);
        }
      }
    }
  }
  return { problems: [...problems], count: seen.size };
}

/**
 * @param {Declaration} declaration
 * @param {Node} node
 */
function at({ path, text }, node) {
  return `${path}:${lineAt(text, node.start)}`;
}

/**
 * The `@param` lines that say nothing but the parameter's name.
 * @param {import('./source-files.js').Files} files
 * @returns {string[]}
 */
export function emptyParams(files) {
  const problems = [];
  for (const [path, text] of files) {
    for (const match of text.matchAll(
      /@param +(?:\{[^}\n]*\} +)?\[?(\w+)[^\s]* *(?:- )?([^\n]*)/g,
    )) {
      const [, name = '', said = ''] = match;
      /** @param {string} words */
      const plain = (words) =>
        words
          .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
          .toLowerCase()
          .replaceAll(/\b(the|a|an)\b|[^a-z ]/g, '')
          .trim();
      if (plain(said) === '' || plain(said) === plain(name)) {
        problems.push(`${path}:${lineAt(text, match.index)}: @param ${name} only repeats the name`);
      }
    }
  }
  return problems;
}

/**
 * The declaration files of package.json's subpath exports.
 * @param {Record<string, unknown>} exported
 */
export function entriesOf(exported) {
  return Object.values(exported)
    .map((entry) => /** @type {any} */ (entry))
    .map((entry) => String(typeof entry === 'string' ? entry : (entry.types ?? entry.default)))
    .filter((entry) => /\.(js|d\.ts)$/.test(entry))
    .map((entry) => posix.normalize(entry).replace(/(\.d)?\.[jt]s$/, '.d.ts'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const entries = entriesOf(manifest.exports);
  const missing = entries.filter((entry) => !existsSync(join(root, entry)));
  const { problems, count } = checkDocs(
    entries.filter((entry) => !missing.includes(entry)),
    (path) => readFileSync(join(root, path), 'utf8'),
  );
  for (const entry of missing) problems.push(`package.json: ${entry} is exported and not built`);
  problems.push(...emptyParams(readFiles(root, ['src'], /(?<!\.d)\.ts$/)));
  conclude('docs', problems, `${count} public exports`);
}
