/**
 * Handing messages over in one of the ways that a user would pick without rings.
 *
 *     ways NAME [--milliseconds N] [--warmup N] [--batch N] [--cores A,B]
 */
import { parseArgs } from 'node:util';
import { coresOf, report } from './program.ts';
import { callWays } from './ways/calls.ts';
import type { Way } from './ways/plan.ts';
import { ringbuf } from './ways/ringbuf.ts';
import { streamWays } from './ways/streams.ts';

const WAYS: Readonly<Record<string, Way>> = { ...callWays, ...streamWays, ringbuf };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    milliseconds: { type: 'string', default: '1000' },
    warmup: { type: 'string', default: '300' },
    batch: { type: 'string', default: '1' },
    cores: { type: 'string' },
  },
});
const way = WAYS[positionals[0] ?? ''];
if (!way) throw new RangeError(`Cannot use ${positionals[0]}: it is none of the ways`);
report(
  await way({
    milliseconds: Number(values.milliseconds),
    warmup: Number(values.warmup),
    batch: Number(values.batch),
    cores: coresOf(values.cores),
  }),
);
