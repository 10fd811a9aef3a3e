/** Timers as the client needs them; a test hands in others and moves the time itself. */

/** Starts and stops timers. */
export interface Timers {
  /**
   * Calls back once after `milliseconds`. `holds`: the process stays alive until then.
   * Returns what `stop` takes.
   */
  start(callback: () => void, milliseconds: number, holds: boolean): unknown;
  /** Nothing happens when it has run. */
  stop(timer: unknown): void;
}

/** Node's timers. */
export const nodeTimers: Timers = {
  start(callback, milliseconds, holds) {
    const timer = setTimeout(callback, milliseconds);
    return holds ? timer : timer.unref();
  },
  stop: (timer) => clearTimeout(timer as NodeJS.Timeout),
};
