/**
 * The engine of the example exchange is killed at random points while people trade. Whatever was
 * acknowledged is there afterwards, exactly once; what was traded was traded by the rules.
 */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { SeededRandom, systemRandom } from '../../src/base/index.ts';
import { until } from '../gateway/fixture.ts';
import { Model, readJournal, type ModelOrder } from './model.ts';
import { loadExchange, PATIENT_MS, Place, skip, type Exchange } from './program.ts';
import { Trader } from './trader.ts';

const SYMBOLS = ['RNDO', 'WAVE', 'IRON'];
const TRADERS = 4;
const KILLS = 12;
/** Orders of a trader that may be unanswered. */
const AHEAD = 16;

const seed = Number(process.env['RONDO_SEED'] ?? systemRandom.below(2 ** 32));
let place: Place | undefined;
let exchange: Exchange | undefined;

before(async () => {
  if (skip !== false) return;
  const { createExchange } = await loadExchange();
  place = new Place();
  exchange = createExchange({
    ...place,
    maxAgeMs: PATIENT_MS,
    restartMaxMs: 100,
    gateway: { host: '127.0.0.1', port: 0, limits: {}, drainDeadlineMs: 0 },
  });
});

after(async () => {
  await exchange?.close();
  place?.remove();
});

/** Somebody who keeps sending orders, and cancels some. */
class Hand {
  readonly trader: Trader;
  readonly #random: SeededRandom;
  #sent = 0;
  stopped = false;

  constructor(trader: Trader, random: SeededRandom) {
    this.trader = trader;
    this.#random = random;
  }

  /** As many as may be unanswered. */
  go(): void {
    while (!this.stopped && this.trader.pending.size < AHEAD) this.#next();
  }

  #next(): void {
    const random = this.#random;
    const { trader } = this;
    const number = this.#sent++;
    if (number > 0 && random.chance(1, 6)) {
      trader.say({ kind: 'cancel', reference: `${random.below(number)}` });
    }
    const isMarket = random.chance(1, 8);
    trader.say({
      kind: isMarket ? 'market' : 'limit',
      side: random.chance(1, 2) ? 'buy' : 'sell',
      symbol: SYMBOLS[random.below(SYMBOLS.length)]!,
      reference: `${number}`,
      price: isMarket ? 0 : 9950 + random.below(100),
      quantity: 1 + random.below(20),
    });
  }
}

async function killAtRandom(hands: readonly Hand[], random: SeededRandom): Promise<void> {
  const { bridge, supervisor } = exchange!;
  for (let round = 0; round < KILLS; round++) {
    await until(() => bridge.state === 'up', 'the engine is there');
    let left = 1 + random.below(600);
    const pid = supervisor.pid!;
    const { downs } = bridge.counters();
    await new Promise<void>((resolve) => {
      for (const hand of hands) {
        hand.trader.onReport = () => {
          left -= 1;
          if (left === 0) resolve();
          else hand.go();
        };
        hand.go();
      }
    });
    process.kill(pid, 'SIGKILL');
    await until(() => bridge.counters().downs > downs, 'its death is noticed');
  }
  for (const hand of hands) hand.trader.onReport = () => undefined;
}

it(
  'the exchange: what was acknowledged survives every death, exactly once',
  { skip },
  async (t) => {
    t.diagnostic(`RONDO_SEED=${seed}`);
    const random = new SeededRandom(seed);
    const { bridge, supervisor } = exchange!;
    const address = await exchange!.listen();
    const hands: Hand[] = [];
    for (let index = 0; index < TRADERS; index++) {
      const trader = await Trader.open(address, `account-${index}`);
      hands.push(new Hand(trader, new SeededRandom(random.below(2 ** 32))));
    }
    await killAtRandom(hands, random);
    for (const hand of hands) hand.stopped = true;
    const traders = hands.map(({ trader }) => trader);
    await until(() => bridge.state === 'up', 'the engine is there');
    await until(
      () => traders.every(({ pending }) => pending.size === 0),
      'every order is answered in the end',
    );
    for (const trader of traders) {
      assert.deepEqual(
        trader.rejected.filter(({ reason }) => reason !== 'unknown_order'),
        [],
      );
      assert.ok(trader.states.filter((state) => state === 'down').length >= KILLS);
    }

    // Once more, with nothing under way: all that the last engine knows is in the journal.
    await supervisor.stop('SIGKILL');
    await until(() => bridge.state === 'down', 'its death is noticed');
    const model = new Model(readJournal(place!.journal));
    supervisor.start();
    await until(() => bridge.state === 'up', 'the engine is there');
    for (const trader of traders) trader.ask();
    await until(() => traders.every(({ list }) => list !== undefined), 'all orders are listed');

    let acknowledged = 0;
    for (const trader of traders) {
      acknowledged += trader.accepted.size;
      compareOrders(trader, model);
      compareFills(trader, model);
    }
    assert.equal(model.orders.length, acknowledged);
    await compareBooks(traders[0]!, model);
    t.diagnostic(`${acknowledged} orders, ${model.trades.length} trades, ${KILLS + 1} deaths`);
    for (const trader of traders) await trader.leave();
  },
);

function compareOrders({ account, accepted, list }: Trader, model: Model): void {
  for (const [reference, report] of accepted) {
    const order = model.find(account, reference);
    assert.ok(order !== undefined, `${account}: ${reference} was acknowledged`);
    assert.equal(order.order, report.order);
    const { side, symbol, quantity, price } = order;
    const { side: s, symbol: y, quantity: q, price: p } = report;
    assert.deepEqual([side, symbol, quantity, price], [s, y, q, p]);
  }
  const open = model.orders.filter((order) => order.account === account && order.isOpen);
  const short = ({
    order,
    reference,
    remaining,
  }: Pick<ModelOrder, 'order' | 'reference' | 'remaining'>) =>
    [order, reference, remaining] as const;
  assert.deepEqual(list!.map(short), open.map(short));
}

/** What was told of trades was true; who was not told, when the engine died, lists its orders. */
function compareFills({ fills, account }: Trader, model: Model): void {
  const seen = new Set<string>();
  for (const { trade, order, paid, traded } of fills) {
    const known = model.trades[trade - 1]!;
    assert.deepEqual([known.paid, known.traded], [paid, traded]);
    assert.ok(known.maker === order || known.taker === order);
    assert.equal(model.orders[order - 1]!.account, account);
    assert.ok(!seen.has(`${trade}/${order}`), `trade ${trade} was told once`);
    seen.add(`${trade}/${order}`);
  }
}

async function compareBooks(trader: Trader, model: Model): Promise<void> {
  for (const symbol of SYMBOLS) {
    const bids = model.depth(symbol, 'buy').slice(0, 12);
    const asks = model.depth(symbol, 'sell').slice(0, 12);
    const isSame = (): boolean => {
      const book = trader.books.get(symbol);
      return JSON.stringify([book?.bids, book?.asks]) === JSON.stringify([bids, asks]);
    };
    await until(isSame, `the book of ${symbol} is ${JSON.stringify({ bids, asks })}`);
  }
}
