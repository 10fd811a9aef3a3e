/** Functions of the engine and of Node that are replaced while the sanitizer runs. */

/** A method, whatever it takes. */
export type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Puts `around(method)` in the place of a method; nothing happens where there is none. */
export function replace(owner: object, name: string, around: (method: Method) => Method): void {
  const method = (owner as Record<string, Method | undefined>)[name];
  if (method === undefined) return;
  const value = around(method);
  Object.defineProperty(owner, name, { configurable: true, writable: true, value });
}
