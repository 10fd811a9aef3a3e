/**
 * Node's event loop as the host, except while somebody blocks: then the one who blocks turns the
 * executor, and waits in the driver instead of the event loop.
 */
import { NodeHost, type Executor, type Host, type TurnTime } from '../task/index.ts';

export class BlockingHost implements Host {
  readonly #node = new NodeHost();
  #blocking = false;
  /** While blocking: the executor wants a turn. */
  wanted = false;
  /** The one timer, milliseconds of `now`. */
  deadline: number = Number.POSITIVE_INFINITY;

  attach(executor: Executor): void {
    this.#node.attach(executor);
  }

  /** From now on turns are noted, and nothing is asked of the event loop. */
  begin(): void {
    this.#blocking = true;
    this.#node.setTimer(Number.POSITIVE_INFINITY);
  }

  /** The event loop has its part back. */
  end(): void {
    this.#blocking = false;
    this.#node.setTimer(this.deadline);
    if (this.wanted) this.#node.requestTurn('soon');
    this.wanted = false;
  }

  get isBlocking(): boolean {
    return this.#blocking;
  }

  now(): number {
    return this.#node.now();
  }

  requestTurn(when: TurnTime): void {
    if (this.#blocking) this.wanted = true;
    else this.#node.requestTurn(when);
  }

  setTimer(deadline: number): void {
    this.deadline = deadline;
    if (!this.#blocking) this.#node.setTimer(deadline);
  }

  holdTimer(hold: boolean): void {
    this.#node.holdTimer(hold);
  }

  report(error: unknown): void {
    this.#node.report(error);
  }

  warn(message: string): void {
    this.#node.warn(message);
  }
}
