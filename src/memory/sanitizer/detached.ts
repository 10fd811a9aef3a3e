/**
 * Buffers that lose their memory: `structuredClone` and `postMessage` with a list of what is
 * transferred, and `ArrayBuffer.prototype.transfer`. The engine tells nobody, so these are replaced
 * by functions that note where it was done.
 */
import { MessagePort, Worker } from 'node:worker_threads';
import { replace, type Method } from './builtins.ts';
import { Site } from './sites.ts';

const sites = new WeakMap<object, Site>();

/** Where a buffer was detached; undefined when it was not, or nobody saw it. */
export function detachedAt(buffer: object): Site | undefined {
  return sites.get(buffer);
}

/** Whether a view's memory has gone: it had some. */
export function isDetached(buffer: ArrayBufferLike, sizeBefore: number): boolean {
  return sizeBefore > 0 && buffer.byteLength === 0;
}

/** Both forms: the list itself, or an options object that has it. */
function transferred(argument: unknown): readonly unknown[] {
  if (Array.isArray(argument)) return argument;
  const { transfer } = (argument ?? {}) as { transfer?: unknown };
  return Array.isArray(transfer) ? transfer : [];
}

/** Notes the site after it has worked: what throws detaches nothing. */
const noting = (method: Method): Method =>
  function (this: unknown, ...args: unknown[]) {
    const result = method.apply(this, args);
    for (const item of transferred(args[1])) {
      if (item instanceof ArrayBuffer) sites.set(item, new Site());
    }
    return result;
  };

const notingThis = (method: Method): Method =>
  function (this: unknown, ...args: unknown[]) {
    const result = method.apply(this, args);
    sites.set(this as object, new Site());
    return result;
  };

/** Begins to note, for this thread. */
export function watchDetaching(): void {
  replace(globalThis, 'structuredClone', noting);
  replace(MessagePort.prototype, 'postMessage', noting);
  replace(Worker.prototype, 'postMessage', noting);
  replace(ArrayBuffer.prototype, 'transfer', notingThis);
  replace(ArrayBuffer.prototype, 'transferToFixedLength', notingThis);
}
