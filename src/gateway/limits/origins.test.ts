import assert from 'node:assert/strict';
import { it } from 'node:test';
import { resolveOrigins } from './origins.ts';

it('resolveOrigins allows every origin without a list', () => {
  const allow = resolveOrigins(undefined);
  assert.deepEqual(
    [allow('https://example.com'), allow('null'), allow(undefined)],
    [true, true, true],
  );
  const strict = resolveOrigins(undefined, true);
  assert.deepEqual([strict('https://example.com'), strict(undefined)], [true, false]);
});

it('resolveOrigins allows what is listed', () => {
  const list = [
    'https://Example.com',
    'http://localhost:8080',
    'https://*.example.org',
    'http://*.example.net:81',
    'http://[::1]:8080',
    'https://bücher.example:443',
    'chrome-extension://abcdef',
  ];
  const allow = resolveOrigins(list);
  const cases: Readonly<Record<string, boolean>> = {
    'https://example.com': true,
    'https://EXAMPLE.com:443': true,
    'HTTPS://example.com': true,
    'http://example.com': false,
    'https://example.com:444': false,
    'https://example.com.': false,
    'https://a.example.com': false,
    'http://localhost:8080': true,
    'http://localhost': false,
    'https://a.example.org': true,
    'https://a.b.example.org': true,
    'https://example.org': false,
    'https://.example.org': false,
    'https://evilexample.org': false,
    'https://evil.com/.example.org': false,
    'https://evil.com#.example.org': false,
    'https://evil.com?.example.org': false,
    'https://evil.com\\.example.org': false,
    'https://user@a.example.org': false,
    'https://a.example.org/': false,
    'https://a.example.org:444': false,
    'http://a.example.net:81': true,
    'http://a.example.net': false,
    'http://[::1]:8080': true,
    'http://[::1]': false,
    'https://xn--bcher-kva.example': true,
    'chrome-extension://abcdef': true,
    'chrome-extension://abcdeg': false,
    null: false,
    '': false,
    'https://example.com, https://example.com': false,
    'https://example.com https://example.com': false,
  };
  for (const [origin, allowed] of Object.entries(cases)) {
    assert.equal(allow(origin), allowed, origin);
  }
  assert.equal(allow(undefined), true, 'it is no browser');
  assert.equal(resolveOrigins(list, true)(undefined), false);
});

it("resolveOrigins allows 'null' only when it is listed, and nobody by an empty list", () => {
  assert.equal(resolveOrigins(['null'])('null'), true);
  assert.equal(resolveOrigins(['null'])('https://example.com'), false);
  assert.equal(resolveOrigins([])('null'), false);
});

it('resolveOrigins refuses what is no origin', () => {
  const entries: readonly unknown[] = [
    '*',
    'https://*',
    'https://*.',
    'https://a.*.example.com',
    'https://*example.com',
    'https://*.*.example.com',
    'example.com',
    'https://example.com/',
    'https://example.com/chat',
    'https://user@example.com',
    'https://example.com:65536',
    'https://example.com:',
    'https://',
    'https://exa mple.com',
    'NULL',
    '',
    1,
    undefined,
  ];
  for (const entry of entries) {
    const list = [entry] as readonly string[];
    assert.throws(() => resolveOrigins(list), { code: 'ERR_OPTION_TYPE' }, String(entry));
  }
  assert.throws(() => resolveOrigins('https://example.com' as never), { code: 'ERR_OPTION_TYPE' });
});
