import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Arena } from '../../memory/index.ts';
import { Exposition } from './exposition.ts';
import { Histogram } from './histogram.ts';
import { parseExposition } from './parser.test.helper.ts';

const arena: Arena = Arena.create({ size: 1 << 20 });

test('Exposition writes the format to the letter', () => {
  const out = new Exposition();
  out.counter('a_total', 'How many a.', 3);
  out.counters('b_total', 'By code.', 'code', [
    ['1000', 1],
    ['x"y\\z\n', 2 ** 53],
  ]);
  out.gauge('c', 'A back\\slash\nand a line.', -1.5);
  const histogram = Histogram.create(arena, 'h', '', { lowest: 0, highest: 2, partBits: 1 });
  for (const value of [1, 1.5, 2, 5]) histogram.record(value);
  out.histogram('d_seconds', 'Times.', histogram.snapshot(), { divisor: 1000 });
  histogram.release();
  const expected = `# HELP a_total How many a.
# TYPE a_total counter
a_total 3
# HELP b_total By code.
# TYPE b_total counter
b_total{code="1000"} 1
b_total{code="x\\"y\\\\z\\n"} 9007199254740992
# HELP c A back\\\\slash\\nand a line.
# TYPE c gauge
c -1.5
# HELP d_seconds Times.
# TYPE d_seconds histogram
d_seconds_bucket{le="0.001"} 1
d_seconds_bucket{le="0.002"} 3
d_seconds_bucket{le="0.004"} 3
d_seconds_bucket{le="+Inf"} 4
d_seconds_sum 0.0095
d_seconds_count 4
`;
  assert.equal(out.toString(), expected);
});

test('Exposition escapes any label and help so that a strict reader gives them back', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ unit: 'binary' }), { minLength: 1 }),
      fc.string({ minLength: 1 }),
      fc.double({ noNaN: true }),
      (labels, help, value) => {
        const out = new Exposition();
        const values = labels.map((label, i): [string, number] => [label, i]);
        out.counters('a_total', help, 'x', values);
        out.gauge('b', `${help}\n\\`, value);
        const families = parseExposition(out.toString());
        const { samples } = families.get('a_total')!;
        const back = samples.map((sample) => sample.labels.get('x'));
        assert.deepEqual(back, labels);
        assert.equal(families.get('a_total')!.help, help);
        assert.ok(families.get('b')!.samples[0]!.value === value, 'also when one is -0');
      },
    ),
  );
});

test('Exposition takes no name that the format or its conventions forbid', () => {
  const out = new Exposition();
  const code = 'ERR_ASSERTION';
  assert.throws(() => out.counter('a', 'No total.', 1), { code });
  assert.throws(() => out.gauge('9a', 'A digit first.', 1), { code });
  assert.throws(() => out.counters('a_total', 'Reserved.', '__a', []), { code });
  out.gauge('b', 'Once.', 1);
  assert.throws(() => out.gauge('b', 'Twice.', 1), { code });
});
