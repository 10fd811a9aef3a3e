import assert from 'node:assert/strict';
import { it } from 'node:test';
import { resolveLimits, type LimitOptions } from './options.ts';

it('resolveLimits has no limits by default', () => {
  assert.deepEqual(resolveLimits(), {
    connection: { messagesPerSecond: 0, bytesPerSecond: 0 },
    address: { connections: 0, messagesPerSecond: 0, bytesPerSecond: 0, handshakesPerSecond: 0 },
    total: { messagesPerSecond: 0, bytesPerSecond: 0, handshakesPerSecond: 0 },
  });
  const { address } = resolveLimits({ address: { connections: 5 } });
  assert.deepEqual([address.connections, address.messagesPerSecond], [5, 0]);
});

it('resolveLimits refuses what is not valid', () => {
  const wrong: readonly (readonly [LimitOptions, code: string, message: RegExp])[] = [
    [{ adress: {} } as never, 'ERR_OPTION_UNKNOWN', /"adress" of limits.*"address"/],
    [
      { address: { conections: 1 } } as never,
      'ERR_OPTION_UNKNOWN',
      /"conections" of limits.address.*"connections"/,
    ],
    [{ connection: { connections: 1 } } as never, 'ERR_OPTION_UNKNOWN', /limits.connection/],
    [{ address: { connections: 0 } }, 'ERR_OPTION_RANGE', /limits.address.connections/],
    [{ total: { bytesPerSecond: 1.5 } }, 'ERR_OPTION_TYPE', /limits.total.bytesPerSecond/],
    [{ total: { bytesPerSecond: 1e13 } }, 'ERR_OPTION_RANGE', /1 to 1000000000000/],
    [{ connection: 5 as never }, 'ERR_OPTION_TYPE', /limits.connection: it must be an object/],
    [[] as never, 'ERR_OPTION_TYPE', /limits: it must be an object/],
    [null as never, 'ERR_OPTION_TYPE', /limits: it must be an object/],
  ];
  for (const [options, code, message] of wrong) {
    assert.throws(() => resolveLimits(options), { code, message });
  }
});
