/**
 * An executor inside Node's event loop, fair to what else runs there.
 *
 * A turn that is wanted soon is a microtask: it comes as promptly as a promise. Microtasks that
 * beget microtasks would keep the event loop from its timers and sockets for ever, so after
 * `SOON_TURNS` of them in a row one goes by `setImmediate`, as all turns do that follow a used-up
 * one.
 */
import { systemClock } from '../../base/index.ts';
import type { Executor } from './executor.ts';
import type { Host, TurnTime } from './host.ts';

/** Turns as microtasks between two turns as immediates. */
const SOON_TURNS = 64;

/** The longest delay of `setTimeout`. A later deadline is armed again when it has passed. */
const MAX_DELAY = 0x7fffffff;

const resolved = Promise.resolve();

/** See the head of this file. Make the executor with it, then `attach` the executor. */
export class NodeHost implements Host {
  #executor: Executor | undefined;
  #timer: NodeJS.Timeout | undefined;
  #held = false;
  #soonLeft = SOON_TURNS;
  readonly #turnSoon = (): void => {
    this.#executor?.turn();
  };
  readonly #turnLater = (): void => {
    this.#soonLeft = SOON_TURNS;
    this.#executor?.turn();
  };
  readonly #fired = (): void => {
    this.#timer = undefined;
    this.#executor?.timerFired();
  };

  /** Says whose turns are to be called; once. */
  attach(executor: Executor): void {
    this.#executor = executor;
  }

  now(): number {
    return systemClock.now();
  }

  requestTurn(when: TurnTime): void {
    if (when === 'later' || this.#soonLeft === 0) {
      setImmediate(this.#turnLater);
      return;
    }
    this.#soonLeft -= 1;
    void resolved.then(this.#turnSoon);
  }

  setTimer(deadline: number): void {
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    if (deadline === Number.POSITIVE_INFINITY) return;
    // Rounded up: Node's timers count whole milliseconds, and none may fire before its time.
    const delay = Math.min(MAX_DELAY, Math.max(1, Math.ceil(deadline - this.now())));
    this.#timer = setTimeout(this.#fired, delay);
    if (!this.#held) this.#timer.unref();
  }

  holdTimer(hold: boolean): void {
    this.#held = hold;
    if (hold) this.#timer?.ref();
    else this.#timer?.unref();
  }

  report(error: unknown): void {
    // As for a promise that nobody handles: Node's own rules say what happens.
    // oxlint-disable-next-line no-promise-in-callback -- It is the promise that is wanted.
    void Promise.reject(error);
  }

  warn(message: string): void {
    process.emitWarning(message, 'RondoWarning');
  }
}
