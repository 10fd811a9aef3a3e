import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anchorsOf, checkLinks } from '../../scripts/check-links.js';

/** @param {Record<string, string>} pages */
const check = (pages) =>
  checkLinks(new Map(Object.entries(pages)), (path) => path in pages || path === 'src');

test('checkLinks accepts files, folders, anchors and other sites', () => {
  const problems = check({
    'README.md':
      '# A\n[a](docs/b.md) [b](docs/b.md#two-words) [c](#a) [d](src/) [e](https://x.org)',
    'docs/b.md': '## Two `words`\n[back](../README.md "title")\n[r][x]\n\n[x]: ../README.md#a\n',
  });
  assert.deepEqual(problems, []);
});

test('checkLinks refuses what does not exist, with its place', () => {
  const problems = check({
    'docs/b.md': '# B\n\n[a](c.md)\n[b](#nowhere)\n<img src="d.svg">\n[c](../../out.md)\n[d](/etc)',
  });
  assert.deepEqual(problems, [
    'docs/b.md:3: c.md does not exist',
    'docs/b.md:4: #nowhere names a heading that does not exist',
    'docs/b.md:5: d.svg does not exist',
    'docs/b.md:6: ../../out.md leads out of the project',
    'docs/b.md:7: /etc leads out of the project',
  ]);
});

test('checkLinks does not look into code', () => {
  assert.deepEqual(check({ 'a.md': '`[a](b.md)`\n\n```md\n[a](b.md)\n```\n' }), []);
});

test('anchorsOf makes the anchors of GitHub, numbering repeated ones', () => {
  const text = '# A & B\n## What works, where?\n## x_y `z`\n## A & B\n```\n# not one\n```\n';
  assert.deepEqual([...anchorsOf(text)], ['a--b', 'what-works-where', 'x_y-z', 'a--b-1']);
});
