// What gateway and engine say to each other: the one source of both sides. After a change:
//   npx rondo gen examples/exchange/schema.js --rust examples/exchange/engine/src/schema.rs
import { bool, oneOf, safe, struct, text, u32, u64 } from 'rondo/memory';

/** What is traded. Prices are in cents, quantities in whole pieces. */
export const SYMBOLS = ['RNDO', 'WAVE', 'IRON'];

const side = oneOf('u8', ['buy', 'sell']);
const symbol = text(8);
/** Who trades, and what a client calls its order: unique within the account. */
const account = text(24);
const reference = text(36);

/** From the gateway to the engine. */
export const Command = struct('exchange.Command', {
  /** Whom to answer, by the gateway's number. */
  client: safe(u64),
  /** When the gateway took it, in ms since 1970: what is too old is refused. */
  sent: safe(u64),
  /** `orders` asks for the account's open orders, `book` for the market data of all symbols. */
  kind: oneOf('u8', ['limit', 'market', 'cancel', 'orders', 'book']),
  side,
  symbol,
  account,
  /** Of the order: of the new one, or of the one to cancel. */
  reference,
  /** 0 for market orders. */
  price: u32,
  quantity: u32,
});

/** From the engine to an account, or to one client of it. */
export const Report = struct('exchange.Report', {
  /** Whose command it answers; 0 for what others' commands did to the account's orders. */
  client: safe(u64),
  /** The engine's number of the order, 1, 2, 3, …; 0 when there is none. */
  order: safe(u64),
  /** The number of the trade; 0 unless filled. */
  trade: safe(u64),
  /** `open` and `listed` answer `orders`: each open order, then the end of the list. */
  kind: oneOf('u8', ['accepted', 'rejected', 'filled', 'canceled', 'open', 'listed']),
  reason: oneOf('u8', [
    'none',
    'by_client',
    'no_counterparty',
    'self_trade',
    'unknown_symbol',
    'unknown_order',
    'bad_price',
    'bad_quantity',
    'bad_reference',
    'bad_command',
    'too_many_orders',
    'too_late',
  ]),
  /** It repeats what was said before: the command had been carried out already. */
  repeated: bool,
  side,
  symbol,
  account,
  reference,
  /** Of the order: its limit, 0 for market orders; what was ordered, and what of it is open. */
  price: u32,
  quantity: u32,
  remaining: u32,
  /** Of the trade: price and quantity. */
  paid: u32,
  traded: u32,
  /** The reason in words, for people. */
  detail: text(96),
});

/** From the engine to everybody: market data. Who loses some asks for the `book`. */
export const MarketEvent = struct('exchange.MarketEvent', {
  /** One more than that of the event before, whatever the symbol. */
  sequence: safe(u64),
  /** `reset`: forget the symbol's book; what it is follows, up to `complete`. */
  kind: oneOf('u8', ['reset', 'level', 'trade', 'complete']),
  /** Of the level; of a trade, that of the order that came last. */
  side,
  symbol,
  price: u32,
  /** Orders at the price. */
  orders: u32,
  /** What is open at the price, 0 when nothing is any more; of a trade, what was traded. */
  quantity: safe(u64),
  /** The number of the trade, 1, 2, 3, … */
  trade: safe(u64),
  /** When it was traded, in ms since 1970. */
  time: safe(u64),
});

/** The rings: what both sides must know of them beside the schema. */
export const RINGS = {
  channel: { requests: { slots: 4096 }, responses: { slots: 16_384 } },
  // The engine never waits for who watches the market.
  market: { topology: 'broadcast', lossy: true, consumers: 8, slots: 16_384 },
};
