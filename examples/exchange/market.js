// What is told of the market: the book of each symbol, put together from the engine's events, and
// the last trades. The ring overwrites what is not read in time; a gap in the numbers shows it, and
// then nothing is believed until the whole book has come again.
const TAPE = 50;
const DEPTH = 12;

export class Market {
  #symbols = new Map();
  #sequence = 0;
  /** The symbols of which the whole book is still to come. */
  #awaited = new Set();
  #on;

  /**
   * @param {readonly string[]} symbols
   * @param {{ changed(symbol: string): void, traded(trade: object): void, lost(): void }} on
   */
  constructor(symbols, on) {
    for (const symbol of symbols) this.#symbols.set(symbol, new SymbolMarket());
    this.#on = on;
    this.#awaited = new Set(symbols);
  }

  /** An event of the engine; it is read here, and not kept. */
  hear(event) {
    const { sequence, kind, symbol } = event;
    const expected = this.#sequence + 1;
    this.#sequence = sequence;
    // A new engine begins to count anew, with a book.
    if (sequence !== expected && !(sequence === 1 && kind === 'reset')) this.#lose();
    const market = this.#symbols.get(symbol);
    if (market === undefined) return;
    if (kind === 'reset') {
      market.reset();
      this.#awaited.delete(symbol);
    } else if (this.#awaited.has(symbol)) {
      return;
    } else if (kind === 'level') {
      market.level(event.side, event.price, event.quantity, event.orders);
    } else if (kind === 'trade') {
      const { side, price, quantity, trade, time } = event;
      const one = { symbol, side, price, quantity, trade, time };
      if (market.traded(one)) this.#on.traded(one);
    }
    this.#on.changed(symbol);
  }

  /** The best prices of a symbol, best first: price, quantity, orders. */
  book(symbol) {
    return this.#symbols.get(symbol).depth();
  }

  /** The last trades of all symbols, oldest first. */
  tape() {
    const all = [...this.#symbols.values()].flatMap(({ tape }) => tape);
    return all.sort((a, b) => a.trade - b.trade).slice(-TAPE);
  }

  #lose() {
    this.#awaited = new Set(this.#symbols.keys());
    this.#on.lost();
  }
}

class SymbolMarket {
  tape = [];
  #levels = { buy: new Map(), sell: new Map() };

  reset() {
    this.#levels = { buy: new Map(), sell: new Map() };
  }

  level(side, price, quantity, orders) {
    if (orders === 0) this.#levels[side].delete(price);
    else this.#levels[side].set(price, [price, quantity, orders]);
  }

  /** False when it is known already: books come with the last trades. */
  traded(trade) {
    if (trade.trade <= (this.tape.at(-1)?.trade ?? 0)) return false;
    this.tape.push(trade);
    if (this.tape.length > TAPE) this.tape.shift();
    return true;
  }

  depth() {
    const { buy, sell } = this.#levels;
    return {
      bids: [...buy.values()].sort((a, b) => b[0] - a[0]).slice(0, DEPTH),
      asks: [...sell.values()].sort((a, b) => a[0] - b[0]).slice(0, DEPTH),
    };
  }
}
