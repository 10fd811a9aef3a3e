/** What a driver supplies to `BaseDriver`, which does the rest. Operations and slots are indices. */
import type { CloseMode, OpenFlags, SocketAddress, Waker } from '../driver.ts';
import type { ResolvedSocketOptions } from './socket-options.ts';

export abstract class DriverHooks {
  /** Makes sure that a turn comes soon. Called outside turns only. */
  protected abstract requestTurn(): void;
  /** Submits what is queued and delivers what has completed. */
  protected abstract runTurn(): void;
  protected abstract startAccept(slot: number, op: number): void;
  protected abstract startConnect(
    op: number,
    address: SocketAddress,
    options: ResolvedSocketOptions,
  ): void;
  protected abstract startReceive(slot: number, op: number): void;
  /** Ends an accept, connect, receive, timeout or file operation. */
  protected abstract startCancel(op: number): void;
  protected abstract startTimeout(op: number, milliseconds: number): void;
  protected abstract startOpen(op: number, path: string, flags: OpenFlags): void;
  protected abstract startFile(op: number, slot: number, kind: number, position: number): void;
  protected abstract startWakes(): void;
  /**
   * Submits, and sleeps until the next turn has something to deliver, the event loop has something
   * to do, or the time is over (ms or Infinity). Returns at once when a turn is wanted already.
   */
  protected abstract sleep(milliseconds: number): void;
  /** A receive buffer came back: feed those who wait for one. */
  protected abstract bufferReturned(buffer: number): void;
  /** Asks for the end of all that is in flight on the slot, the queue of sends included. */
  protected abstract beginClose(slot: number, mode: CloseMode): void;
  /** Nothing is in flight: closes the descriptor and calls `slotClosed`, now or later. */
  protected abstract endClose(slot: number, op: number): void;
  /** All operations are over: gives up what the driver itself holds. */
  protected abstract shutDown(): Promise<void>;
  abstract waker(): Waker;
  abstract now(): number;
  abstract ref(): void;
  abstract unref(): void;
}
