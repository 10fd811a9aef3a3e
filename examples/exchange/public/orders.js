// The account's orders, as far as the engine has said, and those that it has not answered yet.
// An order has a reference that was made here: sending it again is the same order.

export class Orders {
  /** By reference, newest last. */
  #orders = new Map();
  #storage;

  /** `storage` keeps what was not answered beyond a reload of the page. */
  constructor(storage, account) {
    this.#storage = { storage, key: `unanswered/${account}` };
    for (const command of this.#read()) this.#await(command, true);
  }

  /** All of them, newest first. */
  list() {
    return [...this.#orders.values()].toReversed();
  }

  /** An order is about to be sent. */
  sent(command) {
    this.#await(command, false);
    this.#save();
  }

  /** What was sent and not answered, as it is about to be sent again: the engine is back. */
  again() {
    const waiting = this.#waiting();
    for (const order of waiting) order.isRepeated = true;
    return waiting.map(({ command }) => command);
  }

  /**
   * It has not reached the engine; whether that is the end of it. An order that was sent before may
   * have reached it then, and waits on for the engine's word, unless it is none at all.
   */
  refused({ reference, reason, detail }) {
    const order = this.#orders.get(reference);
    if (order?.state !== 'waiting' || (order.isRepeated && reason === 'down')) return false;
    this.#set(order, { state: 'refused', detail });
    return true;
  }

  /** The engine has said something. */
  reported(report) {
    const { kind, reference, detail } = report;
    if (kind === 'listed') return;
    const known = this.#orders.get(reference);
    // A cancel that came too late changes nothing of the order.
    if (kind === 'rejected' && known?.state !== 'waiting') return;
    const { side, symbol, price, quantity, remaining } = report;
    const order = known ?? { reference };
    const left = kind === 'rejected' ? quantity : remaining;
    this.#set(order, { side, symbol, price, quantity, remaining: left, detail });
    if (kind === 'rejected' || kind === 'canceled') this.#set(order, { state: kind });
    else if (order.state !== 'canceled') this.#set(order, { state: left > 0 ? 'open' : 'filled' });
    this.#orders.set(reference, order);
  }

  #waiting() {
    return [...this.#orders.values()].filter(({ state }) => state === 'waiting');
  }

  #await(command, isRepeated) {
    const { reference, side, symbol, price, quantity } = command;
    const remaining = quantity;
    const order = { reference, side, symbol, price, quantity, remaining, command, isRepeated };
    this.#orders.set(reference, { ...order, state: 'waiting' });
  }

  #set(order, changes) {
    Object.assign(order, changes);
    if (changes.state !== undefined) this.#save();
  }

  #read() {
    const { storage, key } = this.#storage;
    return JSON.parse(storage.getItem(key) ?? '[]');
  }

  #save() {
    const { storage, key } = this.#storage;
    storage.setItem(key, JSON.stringify(this.#waiting().map(({ command }) => command)));
  }
}
