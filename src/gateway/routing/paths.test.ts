import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { MAX_PARAMETER_LENGTH, PathTable } from './paths.ts';

function table(...paths: string[]): PathTable<string> {
  const paths_ = new PathTable<string>();
  for (const path of paths) paths_.add(path, path);
  return paths_;
}

it('PathTable finds exact paths before those with parameters, and nothing else', () => {
  const routes = table('/', '/topics/all', '/topics/:topic', '/:a/:b/x');
  const found = (path: string): unknown => {
    const match = routes.match(path);
    return match?.kind === 'match' ? [match.route, match.params] : match;
  };
  assert.deepEqual(found('/'), ['/', {}]);
  assert.deepEqual(found('/topics/all'), ['/topics/all', {}]);
  assert.deepEqual(found('/topics/caf%C3%A9%2F'), ['/topics/:topic', { topic: 'café/' }]);
  assert.deepEqual(found('/1/2/x'), ['/:a/:b/x', { a: '1', b: '2' }]);
  for (const path of ['', '/topics', '/topics/', '/topics/a/b', '/1//x', '*']) {
    assert.equal(found(path), undefined, path);
  }
});

it('PathTable refuses parameters that cannot be decoded or are too long', () => {
  const routes = table('/topics/:topic');
  const status = (path: string): number | undefined => {
    const match = routes.match(path);
    return match?.kind === 'problem' ? match.status : undefined;
  };
  assert.equal(status('/topics/%e2%28'), 400);
  assert.equal(status(`/topics/${'x'.repeat(MAX_PARAMETER_LENGTH)}`), undefined);
  assert.equal(status(`/topics/${'x'.repeat(MAX_PARAMETER_LENGTH + 1)}`), 414);
});

it('PathTable gives any parameter back as it was before it was encoded', () => {
  const routes = table('/t/:name');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), (name) => {
      const match = routes.match(`/t/${encodeURIComponent(name)}`);
      assert.equal(match?.kind === 'match' && match.params['name'], name);
    }),
  );
});

it('PathTable refuses paths that are not valid, and paths that are taken', () => {
  const routes = table('/echo', '/topics/:topic');
  const bad = [
    '',
    'echo',
    '/a b',
    '/:',
    '/:1',
    '/a?b',
    '/a#b',
    '/:x/:x',
    '/x:y',
    '/echo',
    '/topics/:t',
  ];
  for (const path of [...bad, undefined as never]) {
    assert.throws(() => routes.add(path, ''), { name: 'TypeError', code: 'ERR_ROUTE' }, path);
  }
});
