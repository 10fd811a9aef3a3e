/** What happens in a step, and how it is written. */
import type { State, Transaction } from './protocol.ts';

/** Types of messages of the directory protocol. */
export type MessageType =
  | 'GetS'
  | 'GetM'
  | 'PutM'
  | 'PutO'
  | 'PutE'
  | 'PutF'
  | 'PutS'
  | 'FwdGetS'
  | 'FwdGetM'
  | 'Inv'
  | 'Ack'
  | 'Data';

/** One end of a message: a core, or the home of the line on a node. */
export interface Place {
  readonly kind: 'core' | 'home';
  readonly number: number;
}

/** A message of the directory protocol. */
export interface Message {
  readonly type: MessageType;
  readonly from: Place;
  readonly to: Place;
  /** How far it goes, of the table of distances. */
  readonly distance: number;
  /** Whether it leaves its node. */
  readonly crosses: boolean;
}

/** Something that happened to a line. */
export type CacheEvent =
  /** The core had what it needs; `from` is another state when a write was silent. */
  | { readonly kind: 'hit'; readonly from: State; readonly to: State }
  | { readonly kind: 'request'; readonly transaction: Transaction }
  /** Memory sent the line. */
  | { readonly kind: 'memory' }
  /** Another cache sent the line. */
  | {
      readonly kind: 'supply';
      readonly core: number;
      readonly from: State;
      readonly to: State;
      readonly dirty: boolean;
      readonly writesBack: boolean;
    }
  | { readonly kind: 'invalidate'; readonly core: number; readonly from: State }
  /** A copy was given up; `from` is I when there was none. */
  | {
      readonly kind: 'evict';
      readonly line: number;
      readonly from: State;
      readonly writesBack: boolean;
    };

/** An event as reports show it. */
export function eventText(event: CacheEvent): string {
  switch (event.kind) {
    case 'hit':
      return event.from === event.to ? 'hit' : `hit(silent ${event.from}>${event.to})`;
    case 'request':
      return event.transaction;
    case 'memory':
      return 'mem:data';
    case 'supply':
      return `c${event.core}:${supplyText(event)}`;
    case 'invalidate':
      return `c${event.core}:inv`;
    case 'evict':
      return event.from === 'I' ? 'nothing to drop' : evictText(event);
    default:
      return event satisfies never;
  }
}

function evictText({ writesBack }: { readonly writesBack: boolean }): string {
  return writesBack ? 'writeback' : 'silent drop';
}

function supplyText({
  from,
  to,
  dirty,
  writesBack,
}: Extract<CacheEvent, { kind: 'supply' }>): string {
  const change = from === to ? from : `${from}>${to}`;
  // What goes with the copy itself is a flush, whoever gets it.
  if (dirty && to === 'I') return writesBack ? 'flush+writeback' : 'flush';
  if (writesBack) return `flush+writeback(${change})`;
  return dirty && from !== to ? `fwd(dirty,${change})` : `fwd(${change})`;
}

/** A message as reports show it: `GetS P0→H1`. */
export function messageText({ type, from, to }: Message): string {
  return `${type} ${placeText(from)}→${placeText(to)}`;
}

function placeText({ kind, number }: Place): string {
  return `${kind === 'core' ? 'P' : 'H'}${number}`;
}
