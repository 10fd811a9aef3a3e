/**
 * A bridge between a gateway and an engine behind a channel: what clients send becomes requests,
 * what the engine says becomes messages.
 *
 *  1. One thread, the gateway's. It is the producer of the requests and the consumer of the
 *     responses from the beginning to `close`, and leaves both to a successor.
 *  2. Nothing is queued for an engine that is not there: requests are refused while the state is
 *     `down`, and those that waited for room are answered `down` when it becomes so. What was
 *     submitted before stays in the ring, for the successor.
 *  3. All responses of an engine are handed on before `down` is called, and `up` is called before
 *     the first response of its successor.
 *  4. At most `responsesPerTurn` responses are handed on between two turns of the event loop.
 */
import { isThenable, RondoError } from '../../base/index.ts';
import { processArena, type Arena, type Cursor } from '../../memory/index.ts';
import type { Channel, Consumer, Producer } from '../../ring/index.ts';
import { Opcode } from '../../websocket/index.ts';
import { warnOfEngine } from '../handler-results.ts';
import type { Connection } from '../sockets/connection.ts';
import { Message } from '../sockets/message.ts';
import { Backlog, type FillRequest, type SubmitResult } from './backlog.ts';
import { Clients } from './clients.ts';
import { BridgeCount, BridgeCounts, type BridgeCounters } from './counts.ts';
import type { BridgeHandlers, EngineEnd, ResolvedBridgeOptions } from './options.ts';

/** How often a successor is looked for while no engine is there, in ms. */
const LOOK_MS = 20;
/**
 * How often an engine that is there is asked whether it still takes requests, in ms: that a process
 * ends is told, that only its consumer goes is not. It costs some 0.1 ms.
 */
const DOUBT_MS = 100;

/** What a wait is ended with to begin anew. */
const ANEW = new Error('The wait begins anew');

/** Of messages that lie in a ring nothing is kept: who retains one gets a copy. */
const KEEPER = { keep: () => -1, keepAlso: () => undefined, letGo: () => undefined };

/** See the head of this file. Made by `Gateway.bridge`. */
export class Bridge<Q, P, QS extends string = string, PS extends string = string> {
  /** What the metrics call the engine. */
  readonly name: string;
  readonly #channel: Channel<Q, P, QS, PS>;
  readonly #handlers: BridgeHandlers<P, PS>;
  readonly #options: ResolvedBridgeOptions;
  readonly #requests: Producer<Q, QS>;
  readonly #responses: Consumer<P, PS>;
  readonly #clients = new Clients();
  readonly #counts: BridgeCounts;
  readonly #backlog = new Backlog<Q, QS>();
  readonly #message = new Message(processArena(), KEEPER);
  readonly #onClosed: () => void;
  /** What `#fill` writes with, kept in fields so that a request costs no closure. */
  #filling: FillRequest<Q, QS> | undefined;
  #client = 0;
  #state: 'up' | 'down' = 'down';
  #isOver = false;
  #isBroken = false;
  /** Whether it may be gone: that is seen when all that it said was handed on. */
  #isDoubted = false;
  /** Whether room is waited for. */
  #isWaiting = false;
  #anew = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  /** @internal */
  constructor(
    channel: Channel<Q, P, QS, PS>,
    handlers: BridgeHandlers<P, PS>,
    options: ResolvedBridgeOptions,
    owner: { readonly arena: Arena; readonly name: string; readonly onClosed: () => void },
  ) {
    this.name = options.name;
    this.#channel = channel;
    this.#handlers = handlers;
    this.#options = options;
    this.#onClosed = owner.onClosed;
    this.#counts = new BridgeCounts(owner.arena, owner.name);
    try {
      const { publishEvery } = options;
      const { requests, responses } = channel.client({ producer: { publishEvery } });
      this.#requests = requests;
      this.#responses = responses;
    } catch (error) {
      this.#counts.release();
      throw error;
    }
    // Not from here: handlers mostly use what this returns.
    queueMicrotask(() => this.#look());
    void this.#listen();
  }

  /** Whether an engine is there, as far as is known: a death is noticed within 100 ms. */
  get state(): 'up' | 'down' {
    return this.#state;
  }

  /** Requests that wait for room. */
  get waiting(): number {
    return this.#backlog.size;
  }

  /**
   * Hands a request to the engine: `fill` writes it in place, all of its fields, with the number by
   * which `connection` finds the client when it is answered. Without a connection (null) the number
   * is 0.
   *
   * A promise means that there is no room: return it from the handler, and the connection is not
   * read until the request is in the ring; `fill` is called then, while the message is still valid.
   * Requests are written in the order in which they were submitted. A `fill` that throws writes
   * nothing, and its error is thrown here, or rejects the promise.
   *
   * What was submitted reaches the engine or its successor as long as the channel lives, at least
   * once: again, when the engine died before it gave the slot back. Only the engine can say that a
   * request was carried out.
   * @throws {RondoError | RangeError} ERR_RING_MESSAGE_SIZE, ERR_STRUCT_RANGE when it does not even
   * fit into an empty ring
   */
  submit(
    connection: Connection<unknown> | null,
    fill: FillRequest<Q, QS>,
  ): SubmitResult | Promise<SubmitResult> {
    if (this.#state !== 'up') return this.#refuse();
    const client = connection as Connection | null;
    if (client !== null && !client.isOpen) return 'closed';
    const id = client === null ? 0 : this.#clients.idOf(client);
    if (this.#backlog.size === 0) {
      const result = this.#push(fill, id);
      if (result !== 'full') return result;
    }
    this.#counts.add(BridgeCount.full);
    if (this.#options.whenFull === 'refuse') return 'full';
    const promise = this.#backlog.wait(client, id, fill);
    void this.#awaitRoom();
    return promise;
  }

  /**
   * The connection that a response is for, by the number that `submit` gave with its request;
   * undefined for 0, when it is closed, and when it was another process's.
   */
  connection<Params = unknown, Data = unknown>(
    client: number,
  ): Connection<Params, Data> | undefined {
    const connection = this.#clients.find(client);
    if (connection?.isOpen === true) return connection as Connection<Params, Data>;
    if (client !== 0) this.#counts.add(BridgeCount.strays);
    return undefined;
  }

  /**
   * A slab field of a response as a message, where it lies: for `connection.send` and `publish`,
   * which copy it straight into the frame. Valid until the handler returns, or this is called
   * again; the same object each time. Empty when the field is absent. That text is UTF-8 is the
   * engine's to see to. @default as text
   * @throws {RondoError} ERR_STRUCT_SLAB
   */
  message(response: Cursor<P, PS>, field: PS, kind: 'text' | 'binary' = 'text'): Message {
    const offset = response.$locate(field);
    const opcode = kind === 'text' ? Opcode.TEXT : Opcode.BINARY;
    if (offset < 0) this.#message.begin(opcode, 0, 0);
    else this.#message.begin(opcode, offset, response.$located);
    return this.#message;
  }

  /** What was counted since it was made. */
  counters(): BridgeCounters {
    return this.#counts.snapshot();
  }

  /**
   * Ends it: requests that wait are answered `down`, those in the ring stay for the engine. It leaves
   * its side of the channel to a successor, and does not close the channel. Idempotent; closing the
   * gateway does it.
   */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#state = 'down';
    clearTimeout(this.#timer);
    this.#backlog.settle('down');
    leave(this.#requests);
    leave(this.#responses);
    this.#counts.release();
    this.#onClosed();
  }

  /** A connection is over. @internal */
  left(connection: Connection): void {
    this.#clients.forget(connection);
    this.#backlog.left(connection);
  }

  // ---- requests

  #refuse(): 'down' {
    this.#counts.add(BridgeCount.refused);
    return 'down';
  }

  #push(fill: FillRequest<Q, QS>, client: number): SubmitResult {
    // A fill may submit as well: that is an error of its own, and the first one goes on.
    const outerFill = this.#filling;
    const outerClient = this.#client;
    this.#filling = fill;
    this.#client = client;
    try {
      const result = this.#requests.tryWrite(this.#fill);
      if (result === 'full') return 'full';
      if (result === 'closed') {
        this.#doubt();
        return this.#refuse();
      }
      this.#counts.add(BridgeCount.requests);
      return 'submitted';
    } catch (error) {
      if (!isPoisoned(error)) throw error;
      this.#broke(error);
      return this.#refuse();
    } finally {
      this.#filling = outerFill;
      this.#client = outerClient;
    }
  }

  /** Called twice when slab fields fit only from the beginning of the slab on. */
  readonly #fill = (request: Cursor<Q, QS>): void => this.#filling!(request, this.#client);

  /** One wait at a time; ends when nobody waits any more. */
  async #awaitRoom(): Promise<void> {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    const push = this.#push.bind(this);
    while (this.#backlog.size > 0) {
      try {
        await this.#requests.ready();
        if (this.#state === 'up') this.#backlog.retry(push);
      } catch (error) {
        if (this.#requests.detached) break;
        // It may be another engine by now that does not take requests yet.
        if (!isPeerDied(error)) this.#broke(error);
        else this.#doubt();
      }
    }
    this.#isWaiting = false;
  }

  // ---- responses

  async #listen(): Promise<void> {
    let handled = 0;
    while (!this.#isOver && !this.#isBroken) {
      try {
        // Who is doubted is not waited for: what there is is handed on, and then it is seen.
        const sight = this.#isDoubted
          ? 'ready'
          : await this.#responses.ready({ signal: this.#anew.signal });
        if (this.#responses.detached) break;
        if (sight === 'ended') {
          this.#wentDown('ended');
          await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
          continue;
        }
        this.#look();
        const { responsesPerTurn } = this.#options;
        handled += this.#responses.forEach(responsesPerTurn - handled, this.#handle);
        if (handled < responsesPerTurn) {
          if (this.#isDoubted) this.#settleDoubt();
          continue;
        }
        // Also when they come in dribs and drabs: each of those is handed on in a microtask.
        handled = 0;
        await new Promise((resolve) => setImmediate(resolve));
      } catch (error) {
        if (error === ANEW) continue;
        if (isPeerDied(error)) this.#wentDown('gone');
        else this.#broke(error);
      }
    }
    // Somebody closed the channel.
    if (!this.#isBroken) this.close();
  }

  readonly #handle = (response: Cursor<P, PS>): void => {
    this.#counts.add(BridgeCount.responses);
    try {
      const result = this.#handlers.response(response);
      if (typeof result === 'object' && isThenable(result)) this.#watch(result);
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#message.end();
    }
  };

  // ---- coming and going

  /** Whether an engine takes requests and answers them. */
  #isThere(): boolean {
    const { responses } = this.#channel;
    if (responses.state !== 'open' || !this.#takesRequests()) return false;
    return responses.peers.producers.length > 0;
  }

  #takesRequests(): boolean {
    const { requests } = this.#channel;
    return requests.state === 'open' && requests.peers.consumers.length > 0;
  }

  /** Sees whether an engine has come, if there was none. */
  #look(): void {
    if (this.#isOver || this.#isBroken || this.#state === 'up') return;
    if (this.#responses.detached || !this.#isThere()) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#look(), LOOK_MS).unref();
      return;
    }
    this.#state = 'up';
    this.#keepDoubting();
    // Waits notice that those die whom they saw. It may have said so much that none saw it.
    this.#doubt();
    this.#call(() => this.#handlers.up?.());
  }

  #keepDoubting(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#state !== 'up' || this.#requests.detached) return;
      if (!this.#takesRequests()) this.#doubt();
      this.#keepDoubting();
    }, DOUBT_MS).unref();
  }

  /** The engine may be gone; `#listen` finds out. */
  #doubt(): void {
    if (this.#isDoubted || this.#state !== 'up') return;
    this.#isDoubted = true;
    const before = this.#anew;
    this.#anew = new AbortController();
    before.abort(ANEW);
  }

  /** All that was said was handed on. */
  #settleDoubt(): void {
    this.#isDoubted = false;
    if (!this.#responses.detached && !this.#isThere()) {
      this.#wentDown(this.#responses.ended ? 'ended' : 'gone');
    }
  }

  #wentDown(reason: EngineEnd): void {
    if (this.#state === 'down') return;
    this.#state = 'down';
    this.#counts.add(BridgeCount.downs);
    this.#backlog.settle('down');
    this.#call(() => this.#handlers.down?.(reason));
    this.#look();
  }

  #broke(error: unknown): void {
    if (this.#isOver || this.#isBroken) return;
    this.#isBroken = true;
    this.#failed(error);
    this.#wentDown('broken');
  }

  /** Calls a handler. Nothing that it throws leaves this. */
  #call(handler: () => unknown): void {
    try {
      const result = handler();
      if (isThenable(result)) this.#watch(result);
    } catch (error) {
      this.#failed(error);
    }
  }

  #watch(result: PromiseLike<unknown>): void {
    Promise.resolve(result).catch((error: unknown) => this.#failed(error));
  }

  #failed(error: unknown): void {
    this.#counts.add(BridgeCount.failures);
    try {
      if (this.#handlers.error === undefined) warnOfEngine(this.name, error);
      else this.#handlers.error(error);
    } catch (again) {
      warnOfEngine(this.name, again);
    }
  }
}

/**
 * Leaves a side to a successor. What could not be shown, as somebody found a lie in the channel, is
 * nobody's any more: the second time there is nothing to show.
 */
function leave(side: { detach(): void }): void {
  try {
    side.detach();
  } catch {
    side.detach();
  }
}

function isPeerDied(error: unknown): boolean {
  return error instanceof RondoError && error.code === 'ERR_RING_PEER_DIED';
}

function isPoisoned(error: unknown): boolean {
  return error instanceof RondoError && error.code === 'ERR_RING_POISONED';
}
