/** What the checker knows of views of a test's memory, and how their elements are accessed. */
import { Order } from '../explore/graph.ts';
import type { Element } from './elements.ts';
import { Fault } from './faults.ts';
import type { Memory } from './memory.ts';

/** What the checker knows of a view. */
export interface ViewInfo {
  readonly memory: Memory;
  readonly element: Element;
  /** First byte in the memory. */
  readonly offset: number;
  readonly length: number;
}

const views = new WeakMap<object, ViewInfo>();

/** Makes a view known. */
export function registerView(view: object, info: ViewInfo): void {
  views.set(view, info);
}

/** What is known of a view of a test's memory; undefined for any other object. */
export function viewInfo(view: unknown): ViewInfo | undefined {
  return typeof view === 'object' && view !== null ? views.get(view) : undefined;
}

/** An element beyond the view: nothing elsewhere, and a mistake in a thread. */
export function beyond({ memory, element, length }: ViewInfo, key: string | symbol): void {
  if (memory.session.isDirect) return;
  const view = `${element.name} of length ${length} on ${memory.name}`;
  memory.session.fault(new Fault('range', `element ${String(key)} is used of the ${view}`));
}

/** Reads an element of a view, as a plain access. */
export function readElement({ memory, element, offset }: ViewInfo, index: number): number | bigint {
  const at = offset + index * element.size;
  return element.decode(memory.read(at, element.size, Order.PLAIN, element.mayTear));
}

/** Writes an element of a view, as a plain access. */
export function writeElement(info: ViewInfo, index: number, value: unknown): void {
  const { memory, element, offset } = info;
  const at = offset + index * element.size;
  memory.write(at, element.size, Order.PLAIN, element.encode(value), element.mayTear);
}
