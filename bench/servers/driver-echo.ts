/**
 * TCP echo on Rondo's driver contract: what was received is sent back from the same buffer, and the
 * buffer is released when the send completes. Nothing is copied and nothing allocated per message.
 *
 *   driver-echo [--driver uring|epoll|portable] [--rings 1] [--connections 16384]
 *
 * With more than one ring, each has a listener on the same port and the kernel spreads the
 * connections; a table of direct descriptors is limited per ring, not per process.
 */
import { parseArgs } from 'node:util';
import {
  CompletionFlag,
  createDriver,
  type Driver,
  type RealDriverKind,
  type Handle,
} from '../../src/driver/index.ts';
import { announce } from './announce.ts';

/** The two low bits of a token say what completed; the others are the number of its slot. */
const Kind = { ACCEPT: 0, RECEIVE: 1, SEND: 2, CLOSE: 3 } as const;

const { values } = parseArgs({
  options: {
    driver: { type: 'string' },
    rings: { type: 'string', default: '1' },
    connections: { type: 'string', default: '16384' },
  },
});

/** Numbers in use and free; what a number stands for is in `values`. */
class Slots {
  readonly values: number[] = [];
  readonly #free: number[] = [];

  take(value: number): number {
    const slot = this.#free.pop() ?? this.values.length;
    this.values[slot] = value;
    return slot;
  }

  give(slot: number): void {
    this.#free.push(slot);
  }
}

/** One driver, its connections, and the buffers it is sending. */
class Echo {
  readonly driver: Driver;
  readonly listener: Handle;
  readonly #connections = new Slots();
  readonly #sends = new Slots();

  constructor(port: number, reusePort: boolean) {
    this.driver = createDriver({
      ...(values.driver === undefined ? {} : { kind: values.driver as RealDriverKind }),
      connections: Number(values.connections),
      handler: (token, result, flags, buffer) => this.#completed(token, result, flags, buffer),
    });
    this.listener = this.driver.listen({ host: '127.0.0.1', port }, { backlog: 4096, reusePort });
    this.driver.accept(this.listener, Kind.ACCEPT);
  }

  #completed(token: number, result: number, flags: number, buffer: number): void {
    const slot = token >>> 2;
    switch (token & 3) {
      case Kind.ACCEPT:
        if (result > 0) this.#accepted(result);
        break;
      case Kind.RECEIVE:
        if ((flags & CompletionFlag.BUFFER) !== 0) this.#received(slot, result, buffer);
        if ((flags & CompletionFlag.MORE) === 0) this.#ended(slot);
        break;
      case Kind.SEND:
        this.driver.release(this.#sends.values[slot] as number);
        this.#sends.give(slot);
        break;
      default:
        this.#connections.give(slot);
    }
  }

  #accepted(connection: Handle): void {
    const slot = this.#connections.take(connection);
    this.driver.receive(connection, (slot << 2) | Kind.RECEIVE);
  }

  #received(slot: number, length: number, buffer: number): void {
    const connection = this.#connections.values[slot] as number;
    const send = this.#sends.take(buffer);
    if (this.driver.send(connection, (send << 2) | Kind.SEND, buffer, length) > 0) return;
    this.#sends.give(send);
    this.driver.release(buffer);
  }

  #ended(slot: number): void {
    this.driver.close(this.#connections.values[slot] as number, (slot << 2) | Kind.CLOSE);
  }
}

const rings = Number(values.rings);
const first = new Echo(0, rings > 1);
const address = first.driver.address(first.listener);
if (!('port' in address)) throw new TypeError('The listener must have a port');
const echoes = [first];
while (echoes.length < rings) echoes.push(new Echo(address.port, true));
announce(address.port);
