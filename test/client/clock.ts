import type { Timers } from '../../src/websocket/index.ts';

/** Timers in virtual time. */
export class Clock implements Timers {
  now = 0;
  readonly timers: { at: number; callback: () => void; holds: boolean }[] = [];

  start(callback: () => void, milliseconds: number, holds: boolean): unknown {
    const timer = { at: this.now + milliseconds, callback, holds };
    this.timers.push(timer);
    return timer;
  }

  stop(timer: unknown): void {
    const index = this.timers.indexOf(timer as (typeof this.timers)[0]);
    if (index >= 0) this.timers.splice(index, 1);
  }

  /** Lets so many milliseconds pass. */
  pass(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (;;) {
      const next = this.timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.now = next.at;
      this.stop(next);
      next.callback();
    }
    this.now = end;
  }
}
