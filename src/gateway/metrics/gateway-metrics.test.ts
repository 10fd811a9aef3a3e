import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arena } from '../../memory/index.ts';
import { Count } from './counters.ts';
import type { GatewayGauges } from './families.ts';
import { GatewayMetrics } from './gateway-metrics.ts';
import { parseExposition, type ParsedFamily } from './parser.test.helper.ts';

const arena: Arena = Arena.create({ size: 4 << 20 });

const gauges: GatewayGauges = {
  connections: () => 7,
  webSockets: () => 5,
  paused: () => 1,
  memoryBytes: () => 65_536,
  buffersHeld: () => 2,
  subscriptions: () => 12,
  topics: () => 3,
  retainedBytes: () => 99,
};

function read(metrics: GatewayMetrics): Map<string, ParsedFamily> {
  return parseExposition(metrics.text(gauges));
}

function value(families: Map<string, ParsedFamily>, name: string, label?: string): number {
  const { samples } = families.get(`rondo_gateway_${name}`)!;
  return samples.find(({ labels }) => [...labels.values()][0] === label)!.value;
}

test('GatewayMetrics tells every counter and gauge in a text that a strict reader takes', () => {
  const metrics = new GatewayMetrics(arena, 'gateway 1');
  for (const which of Object.values(Count)) metrics.counts.add(which, which + 1);
  const families = read(metrics);
  assert.equal(value(families, 'connections_accepted_total'), 1);
  assert.equal(value(families, 'messages_received_bytes_total'), Count.bytesReceived + 1);
  assert.equal(value(families, 'messages_dropped_total'), Count.messagesDropped + 1);
  assert.equal(value(families, 'connections'), 7);
  assert.equal(value(families, 'topic_retained_bytes'), 99);
  const plain = [...families.values()].filter(({ samples }) => samples.length === 1);
  assert.equal(plain.length, Object.keys(Count).length + Object.keys(gauges).length);
  metrics.release();
});

test('GatewayMetrics counts closes by code and responses by class', () => {
  const metrics = new GatewayMetrics(arena, 'gateway 1');
  for (const code of [1000, 1001, 1001, 1015, 2999, 3000, 3999, 4000, 4999, 5000, 0]) {
    metrics.closed(code);
  }
  for (const status of [101, 200, 204, 304, 404, 426, 431, 503]) metrics.responded(status);
  const families = read(metrics);
  const closes = (label: string): number => value(families, 'websockets_closed_total', label);
  assert.deepEqual(['1000', '1001', '1002', '1015'].map(closes), [1, 2, 0, 1]);
  assert.deepEqual(['3000-3999', '4000-4999', 'other'].map(closes), [2, 2, 3]);
  const responses = ['1xx', '2xx', '3xx', '4xx', '5xx'].map((label) =>
    value(families, 'http_responses_total', label),
  );
  assert.deepEqual(responses, [1, 2, 1, 3, 1]);
  metrics.release();
});

test('GatewayMetrics has histograms of sizes, queues and times in base units', () => {
  let now = 0;
  const clock = { now: (): number => now };
  const metrics = new GatewayMetrics(arena, 'gateway 1', { timingSample: 3, clock });
  for (const size of [0, 16, 17, 1024, 1 << 26, 2 ** 27]) metrics.messageSizes!.record(size);
  metrics.queueDepths!.record(65_536);
  const timer = metrics.timer!;
  const due: boolean[] = [];
  for (let i = 0; i < 7; i++) {
    due.push(timer.due());
    if (!due.at(-1)) continue;
    const started = timer.start();
    now += 2;
    timer.stop(started);
  }
  assert.deepEqual(due, [true, false, false, true, false, false, true]);
  const families = read(metrics);
  const sizes = families.get('rondo_gateway_message_size_bytes')!.samples;
  assert.equal(sizes.length, 15);
  assert.deepEqual(
    sizes.slice(0, 3).map((sample) => [sample.labels.get('le'), sample.value]),
    [
      ['16', 2],
      ['64', 3],
      ['256', 3],
    ],
  );
  const lastValues = sizes.slice(-4).map((sample) => sample.value);
  assert.deepEqual(lastValues, [5, 6, 2 ** 26 + 2 ** 27 + 1057, 6]);
  const times = families.get('rondo_gateway_handler_duration_seconds')!.samples;
  const [sum, count] = times.slice(-2);
  assert.deepEqual([sum!.value, count!.value], [0.006, 3]);
  assert.ok(times.some(({ labels, value: held }) => labels.get('le') === '0.004096' && held === 3));
  assert.ok(times.some(({ labels, value: held }) => labels.get('le') === '0.001024' && held === 0));
  metrics.release();
});

test('GatewayMetrics without histograms has none, and after release the last values', () => {
  const before = [...arena.regions()].length;
  const metrics = new GatewayMetrics(arena, 'gateway 1', { histograms: false });
  assert.deepEqual([metrics.messageSizes, metrics.queueDepths, metrics.timer], [null, null, null]);
  metrics.closed(1000);
  metrics.counts.add(Count.messagesSent, 4);
  const text = metrics.text(gauges);
  assert.doesNotMatch(text, /histogram/);
  metrics.release();
  metrics.release();
  assert.equal(metrics.text(gauges), text);
  const full = new GatewayMetrics(arena, 'gateway 2', { timingSample: 1 });
  full.messageSizes!.record(5);
  const fullText = full.text(gauges);
  full.release();
  assert.equal(full.text(gauges), fullText);
  assert.equal([...arena.regions()].length, before, 'all memory is given back');
});
