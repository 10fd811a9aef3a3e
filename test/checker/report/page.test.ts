import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { check, dotText, pageText } from '../../../src/checker/index.ts';
import { CASES, cells, message, storeBuffering } from './cases.ts';

/** Checks that every tag is closed; gives the names of all. */
function tagsOf(page: string): Set<string> {
  const names = new Set<string>();
  const open: string[] = [];
  const text = page.replace(/<style>[^]*?<\/style>/, '').replace('<!doctype html>', '');
  for (const [, close, name, self] of text.matchAll(/<(\/?)([\w-]+)[^<>]*?(\/?)>/g)) {
    names.add(name!);
    if (self === '/' || ['meta', 'input'].includes(name!)) continue;
    if (close === '') open.push(name!);
    else assert.equal(open.pop(), name);
  }
  assert.deepEqual(
    open.filter((name) => name !== 'p'),
    [],
  );
  return names;
}

describe('pageText', () => {
  test('draws a box for each row, and an arrow for each relation', () => {
    const page = pageText(check({ model: 'armv8' }, message), 'message')!;
    const tags = tagsOf(page);
    assert.ok(tags.has('svg') && tags.has('rect') && tags.has('path'));
    assert.equal(page.match(/<rect class="box/g)!.length, 4);
    assert.equal(page.match(/<rect class="box odd"/g)!.length, 1);
    assert.match(
      page,
      /<path class="arrow rf" [^>]*><title>reads from: row 3 reads box\[1\] = 1, row 2</,
    );
    assert.match(page, /<path class="arrow fr" [^>]*><title>from read: row 4 does not see row 1</);
    assert.match(page, /may become visible before/);
    assert.match(page, /Token of this execution: <code>/);
  });

  test('loads nothing, and has no text of the test as tags', () => {
    for (const { name, models, body } of CASES) {
      const page = pageText(check({ model: models[0]! }, body), `<i>${name}</i>`)!;
      assert.ok(!tagsOf(page).has('i'), name);
      assert.doesNotMatch(page, /<script|src=|href=|@import|https?:|url\((?!#)/, name);
    }
    assert.match(
      pageText(check({ model: 'rc11' }, cells), 'x')!,
      /&quot;nobody&quot; &lt;script&gt;/,
    );
  });

  test('is not there when nothing failed', () => {
    assert.equal(pageText(check({ model: 'sc' }, storeBuffering), 'fine'), undefined);
  });
});

describe('dotText', () => {
  test('has a cluster for each thread', () => {
    const text = dotText(check({ model: 'es' }, message))!;
    assert.equal(text.match(/subgraph cluster_/g)!.length, 2);
    assert.match(text, /r1 -> r2 \[label=rf /);
    assert.match(text, /r3 -> r0 \[label=fr /);
    assert.match(text, /initial -> r3 \[label=rf /);
    assert.equal(text.split('{').length, text.split('}').length);
  });

  test('quotes what stands in names', () => {
    const text = dotText(check({ model: 'rc11' }, cells))!;
    for (const line of text.split('\n')) {
      assert.equal((line.replaceAll(/\\[\\"n]/g, '').match(/"/g) ?? []).length % 2, 0, line);
    }
  });

  test('is not there when nothing failed', () => {
    assert.equal(dotText(check({ model: 'sc' }, storeBuffering)), undefined);
  });
});
