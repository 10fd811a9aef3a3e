// The rule of the links: every relative link and anchor in the Markdown files is alive.
import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './install.js';
import { conclude, lineAt, readFiles } from './source-files.js';

/**
 * Replaces code by blanks: what looks like a link in code is none, and lines keep their numbers.
 * @param {string} text
 */
function withoutCode(text) {
  /** @param {string} code */
  const blank = (code) => code.replaceAll(/[^\n]/g, ' ');
  return text
    .replaceAll(/^(```+|~~~+)[^\n]*\n[\s\S]*?^\1[^\n]*$/gm, blank)
    .replaceAll(/(`+)[^`\n]+\1/g, blank);
}

/**
 * The anchors of a page, as GitHub makes them from its headings; repeated headings get -1, -2, ….
 * @param {string} text
 * @returns {Set<string>}
 */
export function anchorsOf(text) {
  const anchors = new Set();
  const fenced = text.replaceAll(/^(```+|~~~+)[^\n]*\n[\s\S]*?^\1[^\n]*$/gm, '');
  for (const [, heading = ''] of fenced.matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain.replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replaceAll(' ', '-');
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  for (const [, id] of fenced.matchAll(/<a (?:name|id)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}

/**
 * Checks the links of Markdown files; gives one line for each problem.
 * @param {import('./source-files.js').Files} pages
 * @param {(path: string) => boolean} exists whether a file or folder of the root exists
 * @returns {string[]}
 */
export function checkLinks(pages, exists) {
  const problems = [];
  const link =
    /\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|^\[[^\]]+\]:\s*(\S+)|(?:href|src)="([^"]+)"/gm;
  for (const [path, text] of pages) {
    for (const match of withoutCode(text).matchAll(link)) {
      const target = match[1] ?? match[2] ?? match[3] ?? '';
      if (/^[a-z][a-z+.-]*:/i.test(target)) continue; // Another site: not ours to keep alive.
      const at = `${path}:${lineAt(text, match.index)}`;
      const [file = '', anchor] = decodeURI(target).split('#');
      const inner = file === '' ? path : posix.join(posix.dirname(path), file).replace(/\/$/, '');
      if (file.startsWith('/') || inner.startsWith('..')) {
        problems.push(`${at}: ${target} leads out of the project`);
      } else if (!exists(inner)) {
        problems.push(`${at}: ${target} does not exist`);
      } else if (anchor && pages.has(inner) && !anchorsOf(pages.get(inner) ?? '').has(anchor)) {
        problems.push(`${at}: ${target} names a heading that does not exist`);
      }
    }
  }
  return problems;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const pages = readFiles(root, ['.'], /\.md$/);
  const problems = checkLinks(pages, (path) => existsSync(join(root, path)));
  conclude('links', problems, `${pages.size} pages`);
}
