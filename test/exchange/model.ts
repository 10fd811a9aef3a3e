/**
 * What must have become of the orders in a journal: the file is read, and its commands are carried
 * out, by code that has nothing in common with the engine's, and is as simple as possible.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const MAGIC = 'rondo exchange 1';
const ENTRY_BYTES = 98;
const KINDS = ['limit', 'market', 'cancel'] as const;
const SIDES = ['buy', 'sell'] as const;

/** A command that was accepted. */
export interface Entry {
  readonly number: bigint;
  readonly kind: (typeof KINDS)[number];
  readonly side: (typeof SIDES)[number];
  readonly symbol: string;
  readonly account: string;
  readonly reference: string;
  readonly price: number;
  readonly quantity: number;
}

/** An order of the session. */
export interface ModelOrder extends Entry {
  /** 1, 2, 3, … in the order in which they were accepted. */
  readonly order: number;
  remaining: number;
  isOpen: boolean;
}

/** A trade of the session. */
export interface ModelTrade {
  readonly trade: number;
  readonly paid: number;
  readonly traded: number;
  readonly maker: number;
  readonly taker: number;
}

/** The entries of a journal; it must be whole. */
export function readJournal(path: string): Entry[] {
  const bytes = readFileSync(path);
  assert.equal(bytes.toString('latin1', 0, MAGIC.length), MAGIC);
  assert.equal((bytes.length - MAGIC.length) % ENTRY_BYTES, 0, 'nothing is torn');
  const entries: Entry[] = [];
  for (let at = MAGIC.length; at < bytes.length; at += ENTRY_BYTES) {
    const text = (offset: number, length: number): string =>
      bytes.toString('utf8', at + offset, at + offset + length).replace(/\0+$/, '');
    const kind = KINDS[bytes[at + 16]!];
    const side = SIDES[bytes[at + 17]!];
    assert.ok(kind !== undefined && side !== undefined);
    entries.push({
      number: bytes.readBigUInt64LE(at),
      kind,
      side,
      symbol: text(18, 8),
      account: text(26, 24),
      reference: text(50, 36),
      price: bytes.readUInt32LE(at + 86),
      quantity: bytes.readUInt32LE(at + 90),
    });
  }
  entries.forEach(({ number }, index) => assert.equal(number, BigInt(index + 1)));
  return entries;
}

/** See the head of this file. */
export class Model {
  readonly orders: ModelOrder[] = [];
  readonly trades: ModelTrade[] = [];

  constructor(entries: readonly Entry[]) {
    for (const entry of entries) {
      if (entry.kind === 'cancel') this.#cancel(entry);
      else this.#order(entry);
    }
  }

  /** The order that an account calls so. */
  find(account: string, reference: string): ModelOrder | undefined {
    return this.orders.find((order) => order.account === account && order.reference === reference);
  }

  /** What is open at each price of a side: price, quantity, number of orders; best first. */
  depth(symbol: string, side: 'buy' | 'sell'): number[][] {
    const levels = new Map<number, [price: number, quantity: number, orders: number]>();
    for (const order of this.#open(symbol, side)) {
      const level = levels.get(order.price) ?? [order.price, 0, 0];
      level[1] += order.remaining;
      level[2] += 1;
      levels.set(order.price, level);
    }
    return [...levels.values()];
  }

  /** Open orders of a side, whose turn it is first. */
  #open(symbol: string, side: 'buy' | 'sell'): ModelOrder[] {
    const better = side === 'buy' ? -1 : 1;
    return this.orders
      .filter((order) => order.isOpen && order.symbol === symbol && order.side === side)
      .sort((a, b) => better * (a.price - b.price) || a.order - b.order);
  }

  #cancel({ account, reference }: Entry): void {
    const order = this.find(account, reference);
    assert.ok(order?.isOpen, `what is canceled is open: ${reference}`);
    order.isOpen = false;
  }

  #order(entry: Entry): void {
    const { account, reference, symbol, side, kind, price } = entry;
    assert.equal(this.find(account, reference), undefined, `${reference} was accepted once`);
    const order = this.orders.length + 1;
    const taker: ModelOrder = { ...entry, order, remaining: entry.quantity, isOpen: false };
    this.orders.push(taker);
    for (const maker of this.#open(symbol, side === 'buy' ? 'sell' : 'buy')) {
      const crosses = side === 'buy' ? maker.price <= price : maker.price >= price;
      if (taker.remaining === 0 || (kind === 'limit' && !crosses)) break;
      if (maker.account === account) maker.isOpen = false;
      else this.#trade(maker, taker);
    }
    taker.isOpen = kind === 'limit' && taker.remaining > 0;
  }

  #trade(maker: ModelOrder, taker: ModelOrder): void {
    const traded = Math.min(maker.remaining, taker.remaining);
    maker.remaining -= traded;
    taker.remaining -= traded;
    if (maker.remaining === 0) maker.isOpen = false;
    const trade = this.trades.length + 1;
    const { price: paid } = maker;
    this.trades.push({ trade, paid, traded, maker: maker.order, taker: taker.order });
  }
}
