/**
 * What an executor runs in: Node's event loop, a loop of its own that blocks in the kernel, or a
 * test that moves a virtual clock. The executor asks for turns and for one timer; the host calls
 * `Executor.turn` back. Everything that touches the outside is behind this contract.
 */

/** When a turn is wanted. */
export type TurnTime =
  /** Before the event loop goes on: something outside of the executor woke a task. */
  | 'soon'
  /** After the rest of the event loop had its turn: the executor has used up its share. */
  | 'later';

/** See the head of this file. The executor calls; every method is called on its thread. */
export interface Host {
  /** Milliseconds of a monotonic clock, with fractions. */
  now(): number;
  /** Asks for one call of `turn`. The executor asks once until that call has come. */
  requestTurn(when: TurnTime): void;
  /**
   * Sets the one timer: `turn` is called at `deadline` (milliseconds of `now`) or soon after; an
   * earlier setting is forgotten. Infinity stops it.
   */
  setTimer(deadline: number): void;
  /** Whether the one timer keeps the process alive. Asked when it changes. */
  holdTimer(hold: boolean): void;
  /** Takes an error that nobody was there to receive. Must not throw. */
  report(error: unknown): void;
  /** Says something that the people who run the program should know. Must not throw. */
  warn?(message: string): void;
}
