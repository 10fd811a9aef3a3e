/**
 * What both kinds of WebSocket have of the standard's EventTarget: listeners with the types of
 * their events, and the `on…` attributes, which are listeners at the place where they were first
 * set.
 */

/** Called with an event, as a function or as the method of an object. */
export type Listener<E extends Event> =
  ((event: E) => unknown) | { handleEvent(event: E): unknown };

/** How a listener listens. */
export interface ListenerOptions {
  /** Of no effect here: there is nothing to capture from. @default false */
  readonly capture?: boolean;
  /** Only the first event. @default false */
  readonly once?: boolean;
  /** Of no effect here: there is nothing to prevent. @default false */
  readonly passive?: boolean;
  /** Stops listening. @default none */
  readonly signal?: AbortSignal;
}

type Handler = (event: Event) => unknown;

interface Attribute {
  handler: Handler;
  readonly listener: Handler;
}

/** An EventTarget whose events are those of the map. */
export class TypedEventTarget<Events extends Record<string, Event>> extends EventTarget {
  readonly #attributes: Map<string, Attribute> = new Map();

  override addEventListener<Type extends keyof Events & string>(
    type: Type,
    listener: Listener<Events[Type]> | null,
    options?: ListenerOptions | boolean,
  ): void {
    super.addEventListener(type, listener as Handler, options);
  }

  override removeEventListener<Type extends keyof Events & string>(
    type: Type,
    listener: Listener<Events[Type]> | null,
    options?: ListenerOptions | boolean,
  ): void {
    super.removeEventListener(type, listener as Handler, options);
  }

  /** @internal */
  protected attribute<Type extends keyof Events & string>(
    type: Type,
  ): ((event: Events[Type]) => unknown) | null {
    return (this.#attributes.get(type)?.handler as (event: Events[Type]) => unknown) ?? null;
  }

  /** What is no function counts as null. @internal */
  protected setAttribute<Type extends keyof Events & string>(
    type: Type,
    handler: ((event: Events[Type]) => unknown) | null,
  ): void {
    const known = this.#attributes.get(type);
    if (typeof handler !== 'function') {
      if (known === undefined) return;
      super.removeEventListener(type, known.listener);
      this.#attributes.delete(type);
    } else if (known !== undefined) {
      known.handler = handler as Handler;
    } else {
      const attribute: Attribute = {
        handler: handler as Handler,
        listener: (event) => attribute.handler.call(this, event),
      };
      this.#attributes.set(type, attribute);
      super.addEventListener(type, attribute.listener);
    }
  }
}
