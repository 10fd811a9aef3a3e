/**
 * What `AsyncLocalStorage` holds follows tasks: it is captured where a task is spawned and put back
 * around each of its polls. Nearly no program pays for it that does not use it:
 *
 *  1. Until a storage was seen in use (`used`), capturing gives nothing and a poll costs nothing.
 *  2. From then on every task gets its own context, an empty one too, so that `enterWith` inside
 *     of a task lasts for that task and is seen by no other. (Of a task that was spawned before, it
 *     lasts to the end of the turn.)
 *  3. Turns run in an empty context (`runWithoutContext`), so that tasks without one of their own
 *     do not see that of whoever happened to ask for the turn.
 *
 * Node has no public way to ask whether any storage holds anything, and `snapshot` costs 1 to 25
 * microseconds, so it is learned once, from what an `AsyncResource` is given by its constructor:
 *
 *  - frames (Node 24 and later): one symbol with the whole context, undefined where there is none.
 *    A resource made to look at it costs 5 ns.
 *  - stores (before): one symbol for each storage, set on the resource that runs. Listing symbols
 *    costs 30 to 180 ns, which is too much for spawning inside of a turn. There the resource is
 *    ours, and a proxy in its prototype chain is told of a symbol that appears.
 *  - unknown: a Node that does neither. Every task gets a context.
 */
import { AsyncLocalStorage, AsyncResource, executionAsyncResource } from 'node:async_hooks';
import { types } from 'node:util';

const TYPE = 'RondoTask';
const STORE_SYMBOL = 'kResourceStore';

/** A context as `captureContext` gives it. */
export type CapturedContext = AsyncResource;

/** What can be polled in a context. */
export interface Steppable {
  step(): unknown;
}

type Marked = AsyncResource & Record<symbol, unknown>;

/** The symbol of the frame, 'stores', or 'unknown': see the head of this file. */
function learn(): symbol | 'stores' | 'unknown' {
  const storage = new AsyncLocalStorage<object>();
  const store = {};
  const outside = new AsyncResource(TYPE) as Marked;
  // In a scope of its own: `run` leaves a trace in the caller's context, an entry without a value.
  const [inside, beside] = new AsyncResource(TYPE).runInAsyncScope(() => {
    const made = storage.run(store, () => [new AsyncResource(TYPE), new AsyncResource(TYPE)]);
    storage.disable(); // Where storages are hooks, the hook goes with its last storage.
    return made as [Marked, Marked];
  });
  for (const symbol of Object.getOwnPropertySymbols(inside)) {
    const value = inside[symbol];
    // Ids, and objects that resources of one context do not share, are for async hooks.
    if (typeof value !== 'object' || value !== beside[symbol]) continue;
    if (value === store) return symbol.description === STORE_SYMBOL ? 'stores' : 'unknown';
    if (value !== outside[symbol]) return symbol;
  }
  return 'unknown';
}

const learned: symbol | 'stores' | 'unknown' = learn();
const FRAME: symbol | undefined = typeof learned === 'symbol' ? learned : undefined;

/** Whether contexts must be captured: see 1 and 2. Never goes back. */
let used = learned === 'unknown';

/** The symbols of storages that were set on `root`. */
const rootStores: symbol[] = [];

/** What turns run in: see 3. */
const root: Marked = makeRoot();

function makeRoot(): Marked {
  const resource = new AsyncResource(TYPE) as Marked;
  // Made wherever this module happened to be loaded; there may be a context there.
  if (FRAME !== undefined) resource[FRAME] = undefined;
  for (const symbol of Object.getOwnPropertySymbols(resource)) {
    const isContext = learned === 'unknown' && typeof resource[symbol] === 'object';
    if (isContext || symbol.description === STORE_SYMBOL) delete resource[symbol];
  }
  if (learned !== 'stores') return resource;
  const watched = new Proxy(AsyncResource.prototype, {
    set(_target, key, value, receiver): boolean {
      used = true;
      if (typeof key === 'symbol') rootStores.push(key);
      const own = { value: value as unknown, writable: true, enumerable: true, configurable: true };
      return Reflect.defineProperty(receiver as object, key, own);
    },
  });
  return Object.setPrototypeOf(resource, watched) as Marked;
}

/** Whether a resource has stores. */
function carries(resource: object): boolean {
  for (const symbol of Object.getOwnPropertySymbols(resource)) {
    const isStore = symbol.description === STORE_SYMBOL;
    if (isStore && (resource as Marked)[symbol] !== undefined) return true;
  }
  return false;
}

/** Where `run` has been and gone, a map from storages to undefined remains. */
function isEmptyFrame(frame: unknown): boolean {
  if (!types.isMap(frame)) return false; // Not by instanceof: Node's maps here have no prototype.
  for (const store of Map.prototype.values.call(frame)) if (store !== undefined) return false;
  return true;
}

/**
 * The context of the caller, or undefined when there is nothing to follow: the task may then be
 * polled directly, inside of `runWithoutContext`. `inTurn`: that is what the caller is inside of.
 */
export function captureContext(inTurn: boolean): CapturedContext | undefined {
  if (!used) {
    if (FRAME !== undefined) {
      // An id as its second argument spares it a look at the current one.
      const resource = new AsyncResource(TYPE, 1) as Marked;
      const frame = resource[FRAME];
      if (frame === undefined || isEmptyFrame(frame)) return undefined;
    } else if (inTurn || !carries(executionAsyncResource())) {
      // In a turn the proxy tells. What it does not see is a resource with stores that a poll
      // enters by itself (`AsyncResource.bind`), in a program whose tasks never saw one before.
      return undefined;
    }
    used = true;
  }
  return new AsyncResource(TYPE);
}

/** Polls a task in its context, and keeps what the poll made of the context for the next one. */
export function runInContext(context: CapturedContext, task: Steppable): unknown {
  return context.runInAsyncScope(stepInside, context as Marked, task);
}

const stepInside: (this: Marked, task: Steppable) => unknown =
  FRAME === undefined ? step : stepAndKeep;

function step(this: Marked, task: Steppable): unknown {
  return task.step(); // `enterWith` has written to the context itself.
}

function stepAndKeep(this: Marked, task: Steppable): unknown {
  try {
    return task.step();
  } finally {
    this[FRAME!] = (new AsyncResource(TYPE, 1) as Marked)[FRAME!];
  }
}

/** Calls `run` in an empty context: a turn. */
export function runWithoutContext<R>(run: () => R): R {
  try {
    // Not looked up on `root`, where it would go through the proxy.
    return AsyncResource.prototype.runInAsyncScope.call(root, run) as R;
  } finally {
    // Frames are put back by Node; what `enterWith` wrote to the resource stays there.
    for (const symbol of rootStores) root[symbol] = undefined;
  }
}
