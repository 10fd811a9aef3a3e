// The rule of the error codes: the table in src/base/errors.ts, docs/errors.md and the code agree.
//   node scripts/check-errors.js --write    adds and corrects the meanings in docs/errors.md
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './install.js';
import { conclude, lineAt, parse, readFiles, walk } from './source-files.js';

const TABLE = 'src/base/errors.ts';
const PAGE = 'docs/errors.md';

/** Codes of Node that our code meets or tests, and that are not ours to list. */
const FOREIGN_CODES = new Set([
  'ERR_BUFFER_TOO_LARGE',
  'ERR_MODULE_NOT_FOUND',
  'ERR_PACKAGE_PATH_NOT_EXPORTED',
  'ERR_SOCKET_CLOSED',
  'ERR_SOCKET_CLOSED_BEFORE_CONNECTION',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_WRITE_AFTER_END',
  'ERR_WORKER_OUT_OF_MEMORY',
]);

/**
 * The codes and meanings of the table.
 * @param {string} text of src/base/errors.ts
 * @returns {Map<string, string>}
 */
export function codesOfTable(text) {
  /** @type {Map<string, string>} */
  const codes = new Map();
  walk(parse(TABLE, text).program, (node) => {
    if (node.type !== 'VariableDeclarator' || node.id.name !== 'ERROR_CODES') return;
    const table = node.init.expression ?? node.init;
    for (const { key, value } of table.properties) codes.set(key.name, value.value);
  });
  return codes;
}

/**
 * The codes of the page: a heading with the code, then a paragraph that begins with the meaning.
 * @param {string} text of docs/errors.md
 * @returns {Map<string, string>}
 */
export function codesOfPage(text) {
  /** @type {Map<string, string>} */
  const codes = new Map();
  for (const section of text.split(/^#+ /m).slice(1)) {
    const [heading = '', ...rest] = section.split('\n');
    const code = /^`?(ERR_\w+)`?$/.exec(heading.trim())?.[1];
    if (code) codes.set(code, rest.join('\n').trim().split('\n\n')[0]?.replaceAll('\n', ' ') ?? '');
  }
  return codes;
}

/**
 * Checks that all three agree; gives one line for each problem.
 * @param {string} table text of src/base/errors.ts
 * @param {string} page text of docs/errors.md
 * @param {import('./source-files.js').Files} sources where codes are used
 * @returns {string[]}
 */
export function checkErrors(table, page, sources) {
  const codes = codesOfTable(table);
  const documented = codesOfPage(page);
  const problems = [];
  for (const [code, meaning] of codes) {
    const text = documented.get(code);
    if (text === undefined) problems.push(`${PAGE}: has no heading ${code}`);
    else if (text !== `${meaning}.`) {
      problems.push(`${PAGE}: ${code} must begin with the paragraph "${meaning}."`);
    }
  }
  for (const code of documented.keys()) {
    if (!codes.has(code)) problems.push(`${PAGE}: ${code} is not in the table of ${TABLE}`);
  }
  const used = new Set();
  for (const [path, text] of sources) {
    for (const match of text.matchAll(/\bERR_[A-Z][A-Z_]*[A-Z]\b/g)) {
      const [code] = match;
      // A code that only a test mentions is not given by anything.
      if (!/\.test\.|^(test|bench|scripts)\//.test(path)) used.add(code);
      if (codes.has(code) || FOREIGN_CODES.has(code)) continue;
      problems.push(
        `${path}:${lineAt(text, match.index)}: ${code} is not in the table of ${TABLE}`,
      );
    }
  }
  for (const code of codes.keys()) {
    if (!used.has(code)) problems.push(`${TABLE}: ${code} is not given anywhere`);
  }
  return problems;
}

/**
 * The page with every code of the table: meanings corrected in place, new codes at the end.
 * @param {string} table
 * @param {string} page
 */
export function writePage(table, page) {
  const documented = codesOfPage(page);
  let text = page.trimEnd();
  for (const [code, meaning] of codesOfTable(table)) {
    if (!documented.has(code)) text += `\n\n### ${code}\n\n${meaning}.`;
    else if (documented.get(code) !== `${meaning}.`) {
      const paragraph = new RegExp(`^(#+ \`?${code}\`?\n\n)(?:[^\n]+\n?)*`, 'm');
      text = `${text}\n`.replace(paragraph, (_, heading) => `${heading}${meaning}.\n`).trimEnd();
    }
  }
  return `${text}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const table = readFileSync(join(root, TABLE), 'utf8');
  const page = join(root, PAGE);
  if (process.argv.includes('--write')) {
    writeFileSync(page, writePage(table, readFileSync(page, 'utf8')));
  }
  const sources = readFiles(root, ['src', 'test', 'bench', 'native'], /\.(ts|c|h)$/);
  // errors.ts throws codes of its own; its table alone does not count as a use.
  sources.set(TABLE, table.replace(/ERROR_CODES = \{[^}]*\}/, ''));
  const problems = checkErrors(table, readFileSync(page, 'utf8'), sources);
  conclude('errors', problems, `${codesOfTable(table).size} codes`);
}
