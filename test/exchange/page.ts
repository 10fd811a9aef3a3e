/** The orders of the example exchange's page, which are the same here as in a browser. */

export interface PageOrder {
  readonly reference: string;
  readonly state: string;
}

/** What the class in `public/orders.js` does; see there. */
export interface Orders {
  list(): PageOrder[];
  sent(command: object): void;
  again(): object[];
  refused(message: object): boolean;
  reported(report: object): void;
}

/** What of a browser's storage is used. */
export interface Storage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

type OrdersConstructor = new (storage: Storage, account: string) => Orders;

const url = new URL('../../../examples/exchange/public/orders.js', import.meta.url);
const page = (await import(url.href)) as { readonly Orders: OrdersConstructor };

export const Orders: OrdersConstructor = page.Orders;

/** Empty at first. */
export function storage(): Storage {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
  };
}
