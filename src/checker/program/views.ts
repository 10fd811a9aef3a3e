/**
 * Views of a test's memory: proxies of real typed arrays, so that `instanceof`, `length` and
 * `byteOffset` are what they are elsewhere, and every element that is read or written is an event.
 */
import type { Element } from './elements.ts';
import type { Memory } from './memory.ts';
import { beyond, readElement, registerView, type ViewInfo, writeElement } from './view-info.ts';
import { methodOf, type Receiver } from './view-methods.ts';

/** The index that a property name is, or -1. */
function indexOf(key: string | symbol): number {
  if (typeof key !== 'string') return -1;
  const code = key.charCodeAt(0);
  if (code < 48 || code > 57) return -1;
  const index = Number(key);
  return Number.isInteger(index) && String(index) === key ? index : -1;
}

/** Whether a property name is a number that is no index, as `view[-1]` and `view[NaN]` have. */
function isNumber(key: string | symbol): boolean {
  return typeof key === 'string' && /^-?[\dIN]/.test(key) && String(Number(key)) === key;
}

/** The constructor that a test would name, which knows the test's memory. */
function constructorOf({ name }: Element): unknown {
  return (globalThis as unknown as Record<string, unknown>)[name];
}

/** Whether a member is that of all objects. */
function isOfObjects(key: string | symbol, member: unknown): boolean {
  return (Object.prototype as unknown as Record<string | symbol, unknown>)[key] === member;
}

/** How a view answers. */
function handlerOf(info: ViewInfo, receiver: () => Receiver): ProxyHandler<ArrayBufferView> {
  const { length } = info;
  return {
    get(target, key): unknown {
      const index = indexOf(key);
      if (index >= 0) return index < length ? readElement(info, index) : beyond(info, key);
      if (isNumber(key)) return beyond(info, key);
      if (key === 'constructor') return constructorOf(info.element);
      if (key === 'buffer') return info.memory.buffer;
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== 'function' || isOfObjects(key, member)) return member;
      return methodOf(receiver(), key);
    },
    set(_target, key, value: unknown): boolean {
      const index = indexOf(key);
      if (index < 0 && !isNumber(key)) return false;
      if (index >= 0 && index < length) writeElement(info, index, value);
      else beyond(info, key);
      return true;
    },
    getOwnPropertyDescriptor(target, key): PropertyDescriptor | undefined {
      const index = indexOf(key);
      const found = Reflect.getOwnPropertyDescriptor(target, key);
      return found && index >= 0 ? { ...found, value: readElement(info, index) } : found;
    },
    defineProperty(_target, key, descriptor): boolean {
      const index = indexOf(key);
      if (index < 0 || index >= length || !('value' in descriptor)) return false;
      writeElement(info, index, descriptor.value);
      return true;
    },
  };
}

/** Makes a view of a memory. */
export function makeView(
  memory: Memory,
  element: Element,
  offset: number,
  length: number,
): ArrayBufferView {
  const key = `${element.name} ${offset} ${length}`;
  const known = memory.views.get(key);
  if (known !== undefined) return known as ArrayBufferView;
  const info: ViewInfo = { memory, element, offset, length };
  const part = (first: number, count: number): object =>
    makeView(memory, element, offset + first * element.size, count);
  const receiver = (): Receiver => ({ ...info, view, part });
  const real = new element.View(memory.real, offset, length);
  const view: ArrayBufferView = new Proxy<ArrayBufferView>(real, handlerOf(info, receiver));
  registerView(view, info);
  memory.views.set(key, view);
  return view;
}
