/** Options of sockets reach the system, for connected and for accepted connections. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, listen } from '../../src/net/index.ts';
import { attempt, type Coroutine } from '../../src/task/index.ts';
import { closePair, LOOPBACK, onAll, onReal, pair, portOf } from './harness.ts';

/**
 * Which ends of a port's connections have a keep-alive timer: see proc_net_tcp(5). A table that
 * changes while it is read may show an end twice.
 */
function keptAlive(port: number): boolean[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const timers = new Map<string, boolean>();
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const [, local, remote, state, , timer] = line.trim().split(/\s+/);
    if (state !== '01' || !(local!.endsWith(`:${hex}`) || remote!.endsWith(`:${hex}`))) continue;
    timers.set(`${local} ${remote}`, timer!.startsWith('02'));
  }
  return [...timers.values()];
}

onReal('keepAlive holds for both ends', function* () {
  const plain = yield* pair();
  assert.deepEqual(keptAlive(portOf(plain.listener)), [false, false]);
  const kept = yield* pair({ keepAlive: 30_000 });
  assert.deepEqual(keptAlive(portOf(kept.listener)), [true, true]);
  yield* closePair(plain);
  yield* closePair(kept);
});

onAll('all of them are taken, together and on Unix sockets too', function* () {
  const options = {
    noDelay: false,
    keepAlive: 1000,
    sendBuffer: 65536,
    receiveBuffer: 65536,
  };
  yield* closePair(yield* pair(options));
});

onAll('wrong ones are refused', function* (): Coroutine<void> {
  for (const wrong of [{ keepAlive: 999 }, { sendBuffer: 1 }, { receiveBuffer: 2 ** 31 }]) {
    assert.throws(() => listen(LOOPBACK, wrong), { code: 'ERR_OPTION_RANGE' });
    const connected = yield* attempt(connect({ port: 1 }, wrong));
    assert.equal(!connected.ok && connected.error.code, 'ERR_OPTION_RANGE');
  }
  assert.throws(() => listen(LOOPBACK, { nodelay: true } as never), { code: 'ERR_OPTION_UNKNOWN' });
});
