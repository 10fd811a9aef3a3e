/**
 * From a request that asks for a WebSocket to one that is open: who may come in, what the route's
 * `upgrade` handler says, which subprotocol and which compression are spoken.
 *
 * While a handler decides, the connection is not read, and the time for the handshake goes on. A
 * decision that comes too late, or for a client that is gone, is forgotten.
 */
import { isThenable, misuse, rejectUnknown } from '../../base/index.ts';
import type { RequestHead } from '../../http/index.ts';
import { upgradeResponse, type AcceptedUpgrade } from '../../websocket/index.ts';
import type { Engine } from '../engine/engine.ts';
import { Pause } from '../engine/pause.ts';
import { Count } from '../metrics/counters.ts';
import type { PathMatch } from '../routing/paths.ts';
import { State, type Connection } from './connection.ts';
import { Refusal, type Acceptance, type Route, type UpgradeDecision } from './handlers.ts';
import { HandshakeRequest } from './handshake-request.ts';

/** A handshake that is right, on its way in. */
interface Candidate {
  readonly connection: Connection;
  readonly request: RequestHead;
  readonly upgrade: AcceptedUpgrade;
  readonly match: PathMatch<Route>;
}

/** See the head of this file. */
export class Handshakes {
  readonly #engine: Engine;
  /** Requests that a handler decides about. */
  readonly #undecided: Map<Connection, HandshakeRequest> = new Map();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Answers a handshake, now or when the route's handler has decided. */
  begin(
    connection: Connection,
    request: RequestHead,
    upgrade: AcceptedUpgrade,
    match: PathMatch<Route>,
  ): void {
    const candidate = { connection, request, upgrade, match };
    const refusal = this.#check(connection, request);
    const { handlers } = match.route;
    if (refusal !== undefined || handlers.upgrade === undefined) {
      this.#decided(candidate, refusal);
      return;
    }
    const { protocols } = upgrade;
    const address = connection.remoteAddress;
    const handshake = new HandshakeRequest(request, match.params, protocols, address);
    try {
      const decision = handlers.upgrade(handshake);
      if (isThenable(decision)) this.#await(candidate, handshake, decision);
      else this.#decided(candidate, decision);
    } catch (error) {
      this.#thrown(candidate, error);
    }
  }

  #check(connection: Connection, request: RequestHead): Refusal | undefined {
    const { admission, compression } = this.#engine.sockets;
    if (compression.isValid(request)) return admission.handshake(connection, request);
    return new Refusal(400, 'The Sec-WebSocket-Extensions header is malformed', {});
  }

  /** Whether a handler has not decided yet. */
  isUndecided(connection: Connection): boolean {
    return this.#undecided.has(connection);
  }

  /** The client is gone, or its time is over. */
  abort(connection: Connection): void {
    const handshake = this.#undecided.get(connection);
    if (handshake === undefined) return;
    this.#undecided.delete(connection);
    handshake.abort();
  }

  /** The time for the handshake is over: false when no handler has it. */
  expire(connection: Connection, reason = 'The handshake took too long'): boolean {
    if (!this.#undecided.has(connection)) return false;
    this.abort(connection);
    this.#refuse(connection, new Refusal(503, reason, {}));
    this.#engine.resume(connection, Pause.UPGRADE);
    return true;
  }

  #await(
    candidate: Candidate,
    handshake: HandshakeRequest,
    decision: PromiseLike<UpgradeDecision>,
  ): void {
    const { connection } = candidate;
    this.#engine.pause(connection, Pause.UPGRADE);
    this.#undecided.set(connection, handshake);
    Promise.resolve(decision).then(
      (value) => {
        if (!this.#undecided.delete(connection)) return;
        this.#decided(candidate, value);
        this.#engine.resume(connection, Pause.UPGRADE);
        this.#engine.written();
      },
      (error: unknown) => {
        if (!this.#undecided.delete(connection)) return;
        this.#thrown(candidate, error);
        this.#engine.resume(connection, Pause.UPGRADE);
        this.#engine.written();
      },
    );
  }

  /** A refusal may be thrown too. */
  #thrown(candidate: Candidate, error: unknown): void {
    if (error instanceof Refusal) this.#decided(candidate, error);
    else this.#failed(candidate, error);
  }

  #decided(candidate: Candidate, decision: UpgradeDecision): void {
    const { connection } = candidate;
    if (connection.state !== State.HTTP) return;
    if (decision instanceof Refusal) {
      this.#refuse(connection, decision);
      return;
    }
    try {
      this.#accept(candidate, decision ?? {});
    } catch (error) {
      this.#failed(candidate, error);
    }
  }

  #refuse(connection: Connection, { status, reason, headers }: Refusal): void {
    this.#engine.counts.add(Count.upgradesRefused, 1);
    this.#engine.requests.refuse(connection, status, reason, headers);
  }

  /** @throws {TypeError} ERR_OPTION_TYPE, ERR_SUBPROTOCOL, ERR_HTTP_HEADER for a wrong decision */
  #accept(candidate: Candidate, acceptance: Acceptance): void {
    if (typeof acceptance !== 'object') {
      throw misuse(
        'ERR_OPTION_TYPE',
        `Cannot use what upgrade returned, ${typeof acceptance}: it must be { data, protocol, ` +
          'headers }, refuse(…) or nothing',
      );
    }
    rejectUnknown('what upgrade returned', acceptance, ['data', 'protocol', 'headers']);
    const { connection, upgrade, match } = candidate;
    const { data } = acceptance;
    const { sockets } = this.#engine;
    const protocol = acceptance.protocol ?? chooseProtocol(match.route, upgrade);
    const agreed = sockets.compression.negotiate(candidate.request);
    const response = upgradeResponse(upgrade, {
      protocol,
      extensions: agreed?.header,
      headers: acceptance.headers,
    });
    if (!this.#engine.output.raw(connection, Buffer.from(response, 'latin1'))) {
      this.#engine.release(connection, 'reset');
      return;
    }
    if (protocol !== undefined) connection.rarely.protocol = protocol;
    connection.data = data;
    connection.parameters = match.params;
    connection.deflate = agreed ?? null;
    sockets.opened(connection, match.route, candidate.request);
  }

  #failed({ connection, match }: Candidate, error: unknown): void {
    if (connection.state === State.HTTP) {
      this.#refuse(connection, new Refusal(500, 'The handshake failed', {}));
    }
    this.#engine.sockets.handlers.upgradeFailed(match.route, error);
  }
}

function chooseProtocol({ handlers }: Route, { protocols }: AcceptedUpgrade): string | undefined {
  return handlers.protocols?.find((protocol) => protocols.includes(protocol));
}
