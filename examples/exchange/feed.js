// Market data on its way to everybody: from the engine's ring to topics of the gateway.
import { Market } from './market.js';

/** How often a book that changes is told, in ms: faster than anybody reads. */
const BOOK_MS = 50;

export class Feed {
  #gateway;
  #market;
  #consumer;
  #read;
  #timer;
  /** Symbols whose book has changed since it was told. */
  #changed = new Set();

  /** `lost`: something was missed, and the books must come again. */
  constructor(gateway, ring, symbols, lost) {
    this.#gateway = gateway;
    this.#market = new Market(symbols, {
      changed: (symbol) => this.#isChanged(symbol),
      traded: (trade) => gateway.publish('trades', JSON.stringify({ type: 'trade', ...trade })),
      lost,
    });
    for (const symbol of symbols) this.#tell(symbol);
    this.#consumer = ring.consumer({ awaitSuccessor: true });
    this.#read = this.#consumer.run((event) => this.#market.hear(event));
  }

  /** Tells a newcomer what was traded, and from now on what is. */
  welcome(connection) {
    connection.send(JSON.stringify({ type: 'tape', trades: this.#market.tape() }));
    connection.subscribe('trades');
    connection.subscribe('books/*', { pattern: true });
  }

  async close() {
    this.#consumer.close();
    await this.#read;
    clearTimeout(this.#timer);
  }

  #isChanged(symbol) {
    this.#changed.add(symbol);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const each of this.#changed) this.#tell(each);
      this.#changed.clear();
    }, BOOK_MS);
  }

  #tell(symbol) {
    const text = JSON.stringify({ type: 'book', symbol, ...this.#market.book(symbol) });
    this.#gateway.publish(`books/${symbol}`, text, { retain: true });
  }
}
