/** HTTP on a connection: heads are read, answered in their order, and one may open a WebSocket. */
import { formatResponse, RequestReader } from '../../http/index.ts';
import { answerProblem, answerRequest, type PlainAnswer } from './answer.ts';
import { State, type Connection } from '../sockets/connection.ts';
import { Count } from '../metrics/counters.ts';
import type { Engine } from '../engine/engine.ts';
import type { Route } from '../sockets/handlers.ts';
import type { PathTable } from '../routing/paths.ts';

/** Readers kept for reuse. */
const READERS_MAX = 64;

export class Requests {
  readonly #engine: Engine;
  readonly #routes: PathTable<Route>;
  readonly #maxHeadBytes: number;
  readonly #page: boolean;
  readonly #readers: RequestReader[] = [];

  constructor(
    engine: Engine,
    routes: PathTable<Route>,
    options: { maxHeaderBytes: number; page: boolean },
  ) {
    this.#engine = engine;
    this.#routes = routes;
    this.#maxHeadBytes = options.maxHeaderBytes;
    this.#page = options.page;
  }

  /** Takes bytes that arrived; returns how many: fewer when they are no requests any more. */
  take(connection: Connection, offset: number, length: number): number {
    const { bytes } = this.#engine.driver.arena;
    let taken = 0;
    while (taken < length && connection.state === State.HTTP) {
      const reader = connection.reader ?? this.#borrowReader();
      const request = reader.read(bytes, offset + taken, length - taken);
      taken += reader.consumed;
      connection.reader = reader;
      if (request === undefined) break;
      connection.reader = null;
      if (request.kind === 'problem') {
        this.#respond(connection, answerProblem(request));
        break;
      }
      if (this.#readers.length < READERS_MAX) this.#readers.push(reader);
      const answer = answerRequest(request, this.#routes, this.#page);
      if (answer.kind === 'response') this.#respond(connection, answer);
      else this.#engine.sockets.start(connection, answer);
    }
    return taken;
  }

  /** The time for a request has passed. */
  expire(connection: Connection): void {
    if (connection.reader === null) {
      // It has said nothing since its last request, if there was one: nothing is to be answered.
      this.#engine.finish(connection);
    } else {
      connection.reader = null;
      this.#respond(
        connection,
        answerProblem({ status: 408, reason: 'The request took too long' }),
      );
    }
  }

  #borrowReader(): RequestReader {
    return this.#readers.pop() ?? new RequestReader({ maxHeadBytes: this.#maxHeadBytes });
  }

  #respond(connection: Connection, { response, keepAlive }: PlainAnswer): void {
    const { counts, output } = this.#engine;
    counts.add(Count.requests, 1);
    if (response.status >= 400) counts.add(Count.requestsRefused, 1);
    const bytes = formatResponse(response);
    if (!output.hasRoom(connection, bytes.length) || !output.raw(connection, bytes)) {
      // It asks for more than it reads.
      counts.add(Count.sendQueueOverflows, 1);
      this.#engine.release(connection, 'reset');
    } else if (keepAlive) {
      this.#engine.awaitRequest(connection);
    } else {
      this.#engine.finish(connection);
    }
  }
}
