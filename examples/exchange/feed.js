// Market data on its way to everybody: from the engine's ring to topics of the gateway.
import { Market } from './market.js';

/** How often a book that changes is told, in ms: faster than anybody reads. */
const BOOK_MS = 50;
/** Events that are read before others have their turn of the event loop. */
const TURN_EVENTS = 1024;
/** How often a ring that an engine has ended is looked at: the next engine opens it again. */
const LOOK_MS = 100;

export class Feed {
  #gateway;
  #market;
  #consumer;
  #read;
  #timer;
  #lost;
  /** Runs from a loss until the books are asked for: not once for each loss. */
  #asking;
  /** Symbols whose book has changed since it was told. */
  #changed = new Set();
  #wasWarned = false;

  /** `lost`: something was missed, and the books must come again. */
  constructor(gateway, ring, symbols, lost) {
    this.#gateway = gateway;
    this.#lost = lost;
    this.#market = new Market(symbols, {
      changed: (symbol) => this.#isChanged(symbol),
      traded: (trade) => gateway.publish('trades', JSON.stringify({ type: 'trade', ...trade })),
      lost: () => this.#askSoon(),
    });
    for (const symbol of symbols) this.#tell(symbol);
    this.#consumer = ring.consumer({ awaitSuccessor: true });
    this.#read = this.#listen();
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
    clearTimeout(this.#asking);
  }

  /** Until `close`. Engines come and go, and whatever they say, the gateway stays. */
  async #listen() {
    try {
      for (;;) {
        const sight = await this.#consumer.ready();
        if (this.#consumer.detached) return;
        if (sight === 'ready') {
          this.#consumer.forEach(TURN_EVENTS, (event) => this.#hear(event));
          await new Promise((resolve) => setImmediate(resolve));
        } else {
          await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
        }
        if (this.#consumer.detached) return;
      }
    } catch (error) {
      // A lie was found in the ring: it cannot be used any more.
      console.error(
        `There is no market data until the exchange is started again: ${error.message}`,
      );
    }
  }

  /** What means nothing is left out: the gap shows, and the books come again. */
  #hear(event) {
    try {
      this.#market.hear(event);
    } catch (error) {
      if (!this.#wasWarned)
        console.error(`The engine has said what means nothing: ${error.message}`);
      this.#wasWarned = true;
    }
  }

  #askSoon() {
    this.#asking ??= setTimeout(() => {
      this.#asking = undefined;
      this.#lost();
    }, BOOK_MS);
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
