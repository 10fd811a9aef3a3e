/**
 * Between `rondo serve --watch`, which looks at files, and the process that it starts to serve.
 * The two say this to each other:
 *
 *   parent → child   listen     nobody else has the port, or will not have it soon
 *                    stop       drain and end
 *   child → parent   files      what it is made of, so that changes can be seen
 *                    loaded     everything is there but the port
 *                    listening  it serves
 */
import type { SocketAddress } from '../driver/index.ts';

/** What a parent says. */
export type FromParent =
  { readonly kind: 'listen' } | { readonly kind: 'stop'; readonly signal: string };

/** What a child says. */
export type FromChild =
  | { readonly kind: 'files'; readonly files: readonly string[] }
  | { readonly kind: 'loaded'; readonly address: SocketAddress }
  | { readonly kind: 'listening'; readonly address: SocketAddress };

/** Set for a child: FIRST, or the port that the one before it listens on, 0 for none. */
export const WATCHED_VARIABLE = 'RONDO_WATCHED';
/** Of a child that comes after no other. */
export const FIRST = 'first';

/** The child's end. */
export class Link {
  /** Whether another one may still hold what this one wants to listen on. */
  readonly isSuccessor: boolean;
  /** The port of the one before it, or 0. */
  readonly formerPort: number;
  readonly #mayListen: Promise<void>;
  #onStop: (signal: string) => void = () => process.exit();

  private constructor(former: string) {
    this.isSuccessor = former !== FIRST;
    this.formerPort = this.isSuccessor ? Number(former) : 0;
    let listen: () => void = () => undefined;
    this.#mayListen = new Promise((resolve) => (listen = resolve));
    process.on('message', (message: FromParent) => {
      if (message.kind === 'listen') listen();
      else this.#onStop(message.signal);
    });
    // Without its parent nobody would end it.
    process.on('disconnect', () => this.#onStop('SIGTERM'));
    // A Ctrl-C reaches the parent too, which says what is to be done.
    process.on('SIGINT', () => undefined);
  }

  /** The link of this process, or undefined when nobody watches over it. */
  static open(): Link | undefined {
    const variable = process.env[WATCHED_VARIABLE];
    // What the program itself starts is not watched.
    delete process.env[WATCHED_VARIABLE];
    if (variable === undefined || process.send === undefined) return undefined;
    return new Link(variable);
  }

  /** Tells the parent. */
  say(message: FromChild): void {
    if (process.connected) process.send?.(message);
  }

  /** Says that all is there; returns when it may listen. */
  async loaded(address: SocketAddress): Promise<void> {
    this.say({ kind: 'loaded', address });
    await this.#mayListen;
  }

  /** Calls `stop` when the parent says so, or is gone. */
  onStop(stop: (signal: string) => void): void {
    this.#onStop = stop;
  }
}
