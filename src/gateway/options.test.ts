import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Arena } from '../memory/index.ts';
import { resolveLimits } from './limits/options.ts';
import { resolveTopicLimits } from './topics/limits.ts';
import { resolveGatewayOptions, type GatewayOptions } from './options.ts';

const arena = Arena.create({ size: 16 << 20 });

it('resolveGatewayOptions fills in what is documented', () => {
  const { arena: _, ...defaults } = resolveGatewayOptions();
  assert.deepEqual(defaults, {
    port: 9001,
    host: '0.0.0.0',
    path: undefined,
    driver: undefined,
    maxConnections: 16_384,
    maxMessageSize: 1 << 20,
    maxFrameSize: 1 << 20,
    maxSendQueueBytes: 1 << 20,
    maxHeaderBytes: 8192,
    handshakeTimeoutMs: 10_000,
    messageTimeoutMs: 60_000,
    closeTimeoutMs: 10_000,
    drainDeadlineMs: 10_000,
    receiveBuffers: 1024,
    receiveBufferSize: 16_448,
    memoryBytes: 64 << 20,
    debug: false,
    page: false,
    tls: undefined,
    reusePort: false,
    sendQueuePolicy: 'close',
    deflate: undefined,
    concurrency: 1,
    maxPendingHandlers: 16_384,
    idleTimeoutMs: 120_000,
    maxLifetimeMs: 0,
    limits: resolveLimits(undefined),
    overRate: 'delay',
    origins: undefined,
    trustProxy: false,
    topics: resolveTopicLimits(undefined),
    drainSpreadMs: 0,
    metrics: false,
    timingSample: 0,
    instrumentation: undefined,
  });
  const large = resolveGatewayOptions({ maxMessageSize: 40 << 20 });
  assert.equal(large.memoryBytes, 128 << 20);
  assert.equal(large.maxFrameSize, 40 << 20);
});

it('resolveGatewayOptions refuses what is not valid', () => {
  const wrong: readonly (readonly [GatewayOptions, string])[] = [
    [{ prot: 1 } as never, 'ERR_OPTION_UNKNOWN'],
    [{ port: 65_536 }, 'ERR_OPTION_RANGE'],
    [{ port: '80' as never }, 'ERR_OPTION_TYPE'],
    [{ host: 1 as never }, 'ERR_OPTION_TYPE'],
    [{ path: '' }, 'ERR_OPTION_TYPE'],
    [{ driver: 'simulated' as never }, 'ERR_OPTION_TYPE'],
    [{ arena: {} as never }, 'ERR_OPTION_TYPE'],
    [{ maxMessageSize: (64 << 20) + 1 }, 'ERR_OPTION_RANGE'],
    [{ memoryBytes: 100_000_000 }, 'ERR_OPTION_TYPE'],
    [{ memoryBytes: 32 << 20, arena }, 'ERR_OPTION_RANGE'],
    [{ page: 'yes' as never }, 'ERR_OPTION_TYPE'],
    [9001 as never, 'ERR_OPTION_TYPE'],
    [null as never, 'ERR_OPTION_TYPE'],
  ];
  for (const [options, code] of wrong) {
    assert.throws(() => resolveGatewayOptions(options), { code }, JSON.stringify(options));
  }
});
