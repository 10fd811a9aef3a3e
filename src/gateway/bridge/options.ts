/** What a program gives a bridge. */
import {
  choiceOption,
  integerOption,
  misuse,
  rejectUnknown,
  stringOption,
} from '../../base/index.ts';
import type { Cursor } from '../../memory/index.ts';
import { Channel } from '../../ring/index.ts';

/**
 * Why an engine is not there: it is `gone` (it died, or left the channel), it has `ended` the ring
 * of responses, or the channel is `broken`: a lie was found in it, or it cannot be waited on.
 * Successors are waited for but after `broken`.
 */
export type EngineEnd = 'gone' | 'ended' | 'broken';

/**
 * What becomes of what an engine says. What a handler throws, or a promise that it returns rejects
 * with, is given to `error`, and the next response is taken.
 */
export interface BridgeHandlers<P, PS extends string> {
  /**
   * The engine has said something. It is read in place and valid until this returns; what is needed
   * for longer is copied, with `$get()` or field by field.
   */
  response(response: Cursor<P, PS>): unknown;
  /** An engine has come: the first one, or a successor. From here on requests are taken. */
  up?(): unknown;
  /** The engine is not there any more, and all that it had said was handed on before. */
  down?(reason: EngineEnd): unknown;
  /** A handler failed, or the channel broke. Without this, a warning of the process tells. */
  error?(error: unknown): unknown;
}

/** How a bridge behaves. */
export interface BridgeOptions {
  /**
   * What the metrics call the engine; no other of the gateway may be called so.
   * @default the channel's name, else 'engine' and a number
   */
  readonly name?: string;
  /**
   * What becomes of a request that finds no room: it waits, and with the promise that `submit` gives
   * the connection is not read meanwhile; or it is refused. @default 'wait'
   */
  readonly whenFull?: 'wait' | 'refuse';
  /**
   * Responses that are handed on before others have their turn of the event loop, 1 to 65,536.
   * @default 256
   */
  readonly responsesPerTurn?: number;
  /**
   * Requests that are shown to the engine together, 1 to the slots of the ring; what is there at
   * the end of the turn is shown in any case. @default 16
   */
  readonly publishEvery?: number;
}

/** Options with every default filled in. */
export type ResolvedBridgeOptions = Required<BridgeOptions>;

const RESPONSES_MAX = 65_536;
const PUBLISH_EVERY = 16;
const HANDLER_NAMES = ['response', 'up', 'down', 'error'] as const;

/** @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE */
export function resolveBridgeOptions(
  options: BridgeOptions,
  slots: number,
  name: string,
): ResolvedBridgeOptions {
  rejectUnknown('bridge', options, ['name', 'whenFull', 'responsesPerTurn', 'publishEvery']);
  const integer = (key: 'responsesPerTurn' | 'publishEvery', fallback: number, most: number) =>
    integerOption(key, options[key], fallback, 1, most);
  return Object.freeze({
    name: stringOption('name', options.name, name),
    whenFull: choiceOption('whenFull', options.whenFull, 'wait', ['wait', 'refuse']),
    responsesPerTurn: integer('responsesPerTurn', 256, RESPONSES_MAX),
    publishEvery: integer('publishEvery', Math.min(PUBLISH_EVERY, slots), slots),
  });
}

/** @throws {TypeError} ERR_OPTION_TYPE, ERR_OPTION_UNKNOWN */
export function checkBridge(channel: object, handlers: object): void {
  if (!(channel instanceof Channel)) {
    throw misuse('ERR_OPTION_TYPE', 'Cannot bridge: it must be a Channel of rondo/ring');
  }
  if (typeof handlers !== 'object' || handlers === null) {
    throw misuse('ERR_OPTION_TYPE', 'Cannot bridge: it needs an object of handlers');
  }
  rejectUnknown('bridge', handlers, HANDLER_NAMES);
  const given = handlers as Readonly<Record<string, unknown>>;
  for (const name of HANDLER_NAMES) {
    if (name !== 'response' && given[name] === undefined) continue;
    if (typeof given[name] === 'function') continue;
    const what = `${name} must be a function, got ${typeof given[name]}`;
    throw misuse('ERR_OPTION_TYPE', `Cannot bridge: ${what}`);
  }
}
