import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Sources } from './source.ts';

/** One segment for the first column of each of two lines: line 3 of the source, then line 1. */
const MAP = { version: 3, sources: ['../src/queue.ts'], names: [], mappings: 'AAEA;AAFA' };

describe('Sources', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'rondo-source-'));
    mkdirSync(join(folder, 'src'));
    mkdirSync(join(folder, 'dist'));
    writeFileSync(join(folder, 'src/queue.ts'), 'one();\ntwo();\n  Atomics.store(words, 0, 1);\n');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  test('gives the line of a place, and what is called there', () => {
    const place = new Sources(folder).at(`${join(folder, 'src/queue.ts')}:3:11`);
    assert.equal(place.name, join('src', 'queue.ts:3'));
    assert.equal(place.short, 'queue.ts:3');
    assert.equal(place.text, 'Atomics.store(words, 0, 1);');
    assert.equal(place.call, 'Atomics.store');
  });

  test('goes back to what was compiled, by a map beside the file or inside of it', () => {
    write('dist/queue.js.map', JSON.stringify(MAP));
    const beside = write('dist/queue.js', 'a();\nb();\n//# sourceMappingURL=queue.js.map\n');
    assert.equal(new Sources(folder).at(`${beside}:1:1`).short, 'queue.ts:3');
    assert.equal(new Sources(folder).at(`${beside}:2:1`).text, 'one();');
    const data = Buffer.from(JSON.stringify(MAP)).toString('base64');
    const url = `data:application/json;base64,${data}`;
    const inside = write('dist/inside.js', `a();\n//# sourceMappingURL=${url}\n`);
    assert.equal(new Sources(folder).at(`${inside}:1:1`).short, 'queue.ts:3');
  });

  test('shows what was compiled when there is nothing to go back to', () => {
    const broken = write('dist/broken.js', 'a();\n//# sourceMappingURL=broken.js.map\n');
    assert.equal(new Sources(folder).at(`${broken}:1:1`).short, 'broken.js:1');
    write('dist/lost.js.map', JSON.stringify({ ...MAP, sources: ['../src/lost.ts'] }));
    const lost = write('dist/lost.js', 'a();\n//# sourceMappingURL=lost.js.map\n');
    assert.equal(new Sources(folder).at(`${lost}:1:1`).text, 'a();');
  });

  test('has nothing of files that are not there, or of no place at all', () => {
    const sources = new Sources(folder);
    assert.deepEqual(sources.at(''), {
      name: '',
      short: '',
      line: 0,
      column: 0,
      text: '',
      call: '',
    });
    assert.equal(sources.at('/nowhere/index.js:7:1').short, 'nowhere/index.js:7');
    assert.equal(sources.at('/nowhere/index.js:7:1').text, '');
  });

  test('shows of a long line what stands at the place', () => {
    const line = `${'a'.repeat(100)} words[0] = 1; ${'b'.repeat(100)}`;
    const path = write('dist/long.js', `${line}\n`);
    const { text } = new Sources(folder).at(`${path}:1:102`);
    assert.match(text, /^…a+ words\[0\] = 1; b+…$/);
    assert.ok(text.length <= 64);
  });
});
