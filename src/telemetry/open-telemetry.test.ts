/** With the real SDK: its propagator, its context manager and its spans. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { inspect } from 'node:util';
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-node';
import type { Instrumentation, Message, MessageInfo } from '../gateway/index.ts';
import { loadApi } from './api.ts';
import { openTelemetry } from './open-telemetry.ts';

const exporter = new InMemorySpanExporter();
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT_ID = 'b7ad6b7169203331';

beforeEach(() => exporter.reset());

/** What a gateway keeps of an upgrade request with these headers. */
function upgrade(instrumentation: Instrumentation, headers: Record<string, string>): unknown {
  return instrumentation.upgraded!({
    connectionId: 7,
    route: '/chat/:room',
    path: '/chat/lobby',
    headers: new Map(Object.entries(headers)),
  });
}

function info(kept: unknown, text = '{"type":"join"}'): MessageInfo {
  const message = { isText: true, length: text.length, json: (): unknown => JSON.parse(text) };
  return {
    connectionId: 7,
    route: '/chat/:room',
    context: kept,
    message: message as unknown as Message,
  };
}

function onlySpan(): ReadableSpan {
  const spans = exporter.getFinishedSpans();
  assert.equal(spans.length, 1);
  return spans[0]!;
}

test('openTelemetry makes a span that is a child of the upgrade request', async () => {
  const instrumentation = await openTelemetry({
    sample: 1,
    messageType: (message) => (message.json() as { type: string }).type,
  });
  const kept = upgrade(instrumentation, { traceparent: `00-${TRACE_ID}-${PARENT_ID}-01` });
  assert.equal(instrumentation.sampled(), true);
  const result = instrumentation.message(info(kept), () => {
    assert.equal(trace.getActiveSpan()?.spanContext().traceId, TRACE_ID);
    assert.equal(exporter.getFinishedSpans().length, 0);
    return 'what the handler returned';
  });
  assert.equal(result, 'what the handler returned');
  assert.equal(trace.getActiveSpan(), undefined);
  const span = onlySpan();
  assert.equal(span.name, 'websocket.message');
  assert.equal(span.kind, SpanKind.CONSUMER);
  assert.equal(span.spanContext().traceId, TRACE_ID);
  assert.equal(span.parentSpanContext?.spanId, PARENT_ID);
  assert.equal(span.status.code, SpanStatusCode.UNSET);
  assert.equal(span.instrumentationScope.name, 'rondo');
  assert.deepEqual(span.attributes, {
    connection_id: 7,
    msg_type: 'join',
    'http.route': '/chat/:room',
    'messaging.message.body.size': 15,
  });
});

test('openTelemetry begins a trace where the request brought none, and keeps nothing', async () => {
  const instrumentation = await openTelemetry({ sample: 1, tracerName: 'chat' });
  assert.equal(upgrade(instrumentation, { host: 'localhost', traceparent: 'nonsense' }), undefined);
  instrumentation.message(info(undefined), () => {});
  const span = onlySpan();
  assert.equal(span.parentSpanContext, undefined);
  assert.equal(span.attributes['msg_type'], 'text');
  assert.equal(span.instrumentationScope.name, 'chat');
});

test('openTelemetry keeps baggage, and follows a request that is not sampled', async () => {
  const instrumentation = await openTelemetry({ sample: 1 });
  const headers = { traceparent: `00-${TRACE_ID}-${PARENT_ID}-00`, baggage: 'tenant=blue' };
  const kept = upgrade(instrumentation, headers);
  instrumentation.message(info(kept), () => {
    assert.equal(propagation.getActiveBaggage()?.getEntry('tenant')?.value, 'blue');
  });
  assert.equal(exporter.getFinishedSpans().length, 0, 'the SDK follows the parent by default');
});

test('openTelemetry ends the span of an async handler when its promise is settled', async () => {
  const instrumentation = await openTelemetry({ sample: 1 });
  let finish: (value: string) => void = () => {};
  const waited = new Promise<string>((resolve) => (finish = resolve));
  const result = instrumentation.message(info(undefined), async () => {
    const before = trace.getActiveSpan();
    const value = await waited;
    assert.equal(trace.getActiveSpan(), before, 'active after an await too');
    trace.getTracer('app').startSpan('query').end();
    return value;
  });
  assert.equal(exporter.getFinishedSpans().length, 0);
  finish('done');
  assert.equal(await result, 'done');
  const [query, message] = exporter.getFinishedSpans();
  assert.deepEqual([query!.name, message!.name], ['query', 'websocket.message']);
  assert.equal(query!.parentSpanContext?.spanId, message!.spanContext().spanId);
});

test('openTelemetry records what a handler throws or rejects with, and passes it on', async () => {
  const instrumentation = await openTelemetry({ sample: 1 });
  const unshowable = { [inspect.custom]: (): string => assert.fail('not to be shown') };
  for (const [thrown, message] of [
    [new RangeError('too far'), 'too far'],
    ['a string', "'a string'"],
    [undefined, 'undefined'],
    [unshowable, 'an error that cannot be shown'],
  ] as const) {
    const same = (error: unknown): boolean => error === thrown;
    const handlers = [
      (): never => {
        // oxlint-disable-next-line typescript/only-throw-error -- What handlers may do.
        throw thrown;
      },
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- What handlers may do.
      (): Promise<never> => Promise.reject(thrown),
    ];
    for (const handler of handlers) {
      await assert.rejects(async () => instrumentation.message(info(undefined), handler), same);
      const { status, events } = onlySpan();
      assert.equal(status.code, SpanStatusCode.ERROR);
      assert.equal(status.message, message);
      assert.deepEqual(
        events.map(({ name }) => name),
        ['exception'],
      );
      exporter.reset();
    }
  }
});

test('openTelemetry bounds the type of a message, and survives one that cannot be told', async () => {
  const types = ['x'.repeat(100), new Error('no')];
  const instrumentation = await openTelemetry({
    sample: 1,
    messageType: () => {
      const type = types.shift()!;
      if (typeof type === 'string') return type;
      throw type;
    },
  });
  instrumentation.message(info(undefined), () => {});
  instrumentation.message(info(undefined), () => {});
  const given = exporter.getFinishedSpans().map(({ attributes }) => attributes['msg_type']);
  assert.deepEqual(given, ['x'.repeat(64), 'unknown']);
});

test('openTelemetry samples a part, and takes the API that it is given', async () => {
  const api = { ...(await import('@opentelemetry/api')), context, trace };
  const instrumentation = await openTelemetry({ api, seed: 3 });
  const count = Array.from({ length: 10_000 }).filter(() => instrumentation.sampled()).length;
  assert.ok(count > 50 && count < 200, `${count} of 10,000`);
});

test('openTelemetry checks its options', async () => {
  const refused = (options: object, code: string): Promise<void> =>
    assert.rejects(openTelemetry(options), { code });
  await refused({ sampel: 1 }, 'ERR_OPTION_UNKNOWN');
  await refused({ sample: '1' }, 'ERR_OPTION_TYPE');
  await refused({ sample: 1.5 }, 'ERR_OPTION_RANGE');
  await refused({ sample: NaN }, 'ERR_OPTION_RANGE');
  await refused({ messageType: 'type' }, 'ERR_OPTION_TYPE');
  await refused({ tracerName: 1 }, 'ERR_OPTION_TYPE');
  await refused({ seed: -1 }, 'ERR_OPTION_RANGE');
});

test('loadApi says what to install', async () => {
  const cause = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
  await assert.rejects(
    loadApi(() => Promise.reject(cause)),
    { code: 'ERR_TELEMETRY_UNAVAILABLE', message: /npm install @opentelemetry\/api/, cause },
  );
});
