import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  acceptDeflate,
  deflateOffer,
  negotiateDeflate,
  parseExtensions,
  type DeflateParameters,
  type DeflateSettings,
} from './extensions.ts';

const PMD = 'permessage-deflate';

function answer(offer: string, settings?: DeflateSettings): string | undefined {
  const offers = parseExtensions(offer);
  assert.ok(offers !== undefined, offer);
  return negotiateDeflate(offers, settings)?.header;
}

test('parseExtensions reads names, parameters and quoted values', () => {
  assert.deepEqual(parseExtensions('foo'), [{ name: 'foo', params: [] }]);
  assert.deepEqual(parseExtensions(' \tfoo ;bar; baz = 2\t,, foo;bar="a\\b",'), [
    {
      name: 'foo',
      params: [
        ['bar', undefined],
        ['baz', '2'],
      ],
    },
    { name: 'foo', params: [['bar', 'ab']] },
  ]);
});

test('parseExtensions refuses what the grammar does not have', () => {
  const malformed = [
    '',
    ',',
    ' , ',
    ';',
    'foo;',
    'foo; ;bar',
    'foo bar',
    'foo;bar=',
    'foo;=1',
    'foo=1',
    'foo;bar="',
    'foo;bar=""',
    'foo;bar="a b"',
    'foo;bar="a"b',
    'foo;bar=a"b"',
    'foo;bar=1=2',
    'f\u00e9',
    'foo/bar',
    'foo\n',
    'foo;bar="\\',
  ];
  for (const header of malformed) assert.equal(parseExtensions(header), undefined, header);
});

test('parseExtensions reads back what is written, quoted or not', () => {
  const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,8}$/);
  const space = fc.constantFrom('', ' ', '\t', '  ');
  const param = fc.tuple(token, fc.option(token, { nil: undefined }));
  const extension = fc.record(
    { name: token, params: fc.array(param, { maxLength: 4 }) },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(
      fc.array(extension, { minLength: 1, maxLength: 4 }),
      space,
      fc.boolean(),
      fc.boolean(),
      (extensions, gap, quoted, escaped) => {
        const write = (value: string): string =>
          quoted ? `"${escaped ? value.replace(/./g, '\\$&') : value}"` : value;
        const header = extensions
          .map(({ name, params }) =>
            [
              name,
              ...params.map(([key, value]) =>
                value === undefined ? key : `${key}${gap}=${gap}${write(value)}`,
              ),
            ].join(`${gap};${gap}`),
          )
          .join(`${gap},${gap}`);
        assert.deepEqual(parseExtensions(header), extensions);
      },
    ),
  );
});

test('parseExtensions ends for any text, in a time that grows with it', () => {
  fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => void parseExtensions(text)));
  for (const unit of [' ', ',', ', ', ';', 'a;', '"', '\\', '"\\', 'a="', 'a,']) {
    parseExtensions(unit.repeat(20_000));
    parseExtensions(`foo;bar="${unit.repeat(20_000)}`);
  }
});

test('negotiateDeflate answers the offers of RFC 7692 §7.1', () => {
  const cases: [offer: string, settings: DeflateSettings, header: string | undefined][] = [
    [PMD, {}, PMD],
    ['foo, bar; x=1', {}, undefined],
    [`foo, ${PMD}`, {}, PMD],
    // §7.1.3
    [`${PMD}; client_max_window_bits`, {}, PMD],
    [
      `${PMD}; client_max_window_bits; server_max_window_bits=10`,
      {},
      `${PMD}; server_max_window_bits=10`,
    ],
    [
      `${PMD}; client_max_window_bits; server_max_window_bits=10, ${PMD}; client_max_window_bits`,
      {},
      `${PMD}; server_max_window_bits=10`,
    ],
    // §7.1.1
    [`${PMD}; server_no_context_takeover`, {}, `${PMD}; server_no_context_takeover`],
    [`${PMD}; client_no_context_takeover`, {}, `${PMD}; client_no_context_takeover`],
    [PMD, { serverNoContextTakeover: true }, `${PMD}; server_no_context_takeover`],
    [PMD, { clientNoContextTakeover: true }, `${PMD}; client_no_context_takeover`],
    // §7.1.2
    [`${PMD}; server_max_window_bits=15`, {}, `${PMD}; server_max_window_bits=15`],
    [`${PMD}; server_max_window_bits=8`, {}, `${PMD}; server_max_window_bits=8`],
    [
      `${PMD}; server_max_window_bits=12`,
      { serverMaxWindowBits: 9 },
      `${PMD}; server_max_window_bits=9`,
    ],
    [
      `${PMD}; server_max_window_bits=9`,
      { serverMaxWindowBits: 12 },
      `${PMD}; server_max_window_bits=9`,
    ],
    [PMD, { serverMaxWindowBits: 12 }, `${PMD}; server_max_window_bits=12`],
    [PMD, { clientMaxWindowBits: 10 }, PMD],
    [
      `${PMD}; client_max_window_bits`,
      { clientMaxWindowBits: 10 },
      `${PMD}; client_max_window_bits=10`,
    ],
    [`${PMD}; client_max_window_bits=9`, {}, `${PMD}; client_max_window_bits=9`],
    [
      `${PMD}; client_max_window_bits="12"`,
      { clientMaxWindowBits: 10 },
      `${PMD}; client_max_window_bits=10`,
    ],
    [
      `${PMD}; client_max_window_bits=10`,
      { clientMaxWindowBits: 12 },
      `${PMD}; client_max_window_bits=10`,
    ],
  ];
  for (const [offer, settings, header] of cases) {
    assert.equal(answer(offer, settings), header, offer);
  }
});

test('negotiateDeflate declines an offer that is not in order, and tries the next', () => {
  const wrong = [
    'unknown',
    'unknown=1',
    'server_no_context_takeover=1',
    'client_no_context_takeover=true',
    'server_no_context_takeover; server_no_context_takeover',
    'server_max_window_bits',
    'server_max_window_bits=7',
    'server_max_window_bits=16',
    'server_max_window_bits=08',
    'server_max_window_bits=010',
    'server_max_window_bits=1e1',
    'server_max_window_bits=+9',
    'server_max_window_bits=10; server_max_window_bits=10',
    'client_max_window_bits=7',
    'client_max_window_bits=16',
    'client_max_window_bits; client_max_window_bits',
    'client_max_window_bits; client_max_window_bits=10',
    'Server_no_context_takeover',
  ];
  for (const params of wrong) {
    assert.equal(answer(`${PMD}; ${params}`), undefined, params);
    assert.equal(
      answer(`${PMD}; ${params}, ${PMD}; server_max_window_bits=11`),
      `${PMD}; server_max_window_bits=11`,
    );
  }
});

const bits = fc.option(fc.integer({ min: 8, max: 15 }), { nil: undefined });
const settings: fc.Arbitrary<DeflateSettings> = fc.record({
  serverNoContextTakeover: fc.boolean(),
  clientNoContextTakeover: fc.boolean(),
  serverMaxWindowBits: bits,
  clientMaxWindowBits: bits,
});

test('a client and a server always agree, on what both said', () => {
  fc.assert(
    fc.property(settings, settings, (client, server) => {
      const offers = parseExtensions(deflateOffer(client));
      const agreement = negotiateDeflate(offers!, server);
      assert.ok(agreement !== undefined);
      const accepted = acceptDeflate(agreement.header, client);
      assert.ok(accepted.valid);
      assert.deepEqual(accepted.parameters, agreement.parameters);
      const least = (a: number | undefined, b: number | undefined): number =>
        Math.min(a ?? 15, b ?? 15);
      const expected: DeflateParameters = {
        serverNoContextTakeover:
          client.serverNoContextTakeover === true || server.serverNoContextTakeover === true,
        clientNoContextTakeover:
          client.clientNoContextTakeover === true || server.clientNoContextTakeover === true,
        serverMaxWindowBits: least(client.serverMaxWindowBits, server.serverMaxWindowBits),
        clientMaxWindowBits: least(client.clientMaxWindowBits, server.clientMaxWindowBits),
      };
      assert.deepEqual(agreement.parameters, expected);
    }),
  );
});

test('acceptDeflate takes what a server may add', () => {
  const accepted = acceptDeflate(
    `${PMD}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; ` +
      'client_max_window_bits=8',
    {},
  );
  assert.deepEqual(accepted, {
    valid: true,
    parameters: {
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      serverMaxWindowBits: 9,
      clientMaxWindowBits: 8,
    },
  });
  assert.deepEqual(acceptDeflate(undefined, {}), { valid: true, parameters: undefined });
  assert.deepEqual(acceptDeflate(undefined, undefined), { valid: true, parameters: undefined });
});

test('acceptDeflate keeps the smaller window of the client, whatever the server answers', () => {
  for (const [answered, offered, agreed] of [
    [12, 11, 11],
    [15, 8, 8],
    [9, 10, 9],
    [undefined, 10, 10],
  ] as const) {
    const header = answered === undefined ? PMD : `${PMD}; client_max_window_bits=${answered}`;
    const accepted = acceptDeflate(header, { clientMaxWindowBits: offered });
    assert.ok(accepted.valid, header);
    assert.equal(accepted.parameters?.clientMaxWindowBits, agreed, header);
  }
});

test('acceptDeflate refuses what was not offered, and what is not in order', () => {
  const cases: [header: string, settings: DeflateSettings | undefined][] = [
    [PMD, undefined],
    ['foo', {}],
    [`${PMD}, ${PMD}`, {}],
    [`${PMD}, foo`, {}],
    ['', {}],
    [`${PMD};`, {}],
    [`${PMD}; unknown`, {}],
    [`${PMD}; server_max_window_bits`, {}],
    [`${PMD}; server_max_window_bits=7`, {}],
    [`${PMD}; client_max_window_bits`, {}],
    [PMD, { serverNoContextTakeover: true }],
    [PMD, { serverMaxWindowBits: 12 }],
    [`${PMD}; server_max_window_bits=13`, { serverMaxWindowBits: 12 }],
    [`${PMD}; server_no_context_takeover; server_no_context_takeover`, {}],
  ];
  for (const [header, offered] of cases) {
    const accepted = acceptDeflate(header, offered);
    assert.equal(accepted.valid, false, header);
    assert.ok(!accepted.valid && accepted.reason.length > 0);
  }
});

test('deflateOffer names what is wanted', () => {
  assert.equal(deflateOffer(), `${PMD}; client_max_window_bits`);
  assert.equal(
    deflateOffer({
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      serverMaxWindowBits: 10,
      clientMaxWindowBits: 9,
    }),
    `${PMD}; server_no_context_takeover; client_no_context_takeover; ` +
      'server_max_window_bits=10; client_max_window_bits=9',
  );
});
