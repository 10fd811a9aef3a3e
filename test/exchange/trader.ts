/** A client of the exchange that notes what it was told, and repeats what was not answered. */
import assert from 'node:assert/strict';
import type { SocketAddress } from '../../src/driver/index.ts';
import { Client, Opcode } from '../gateway/client.ts';

/** What the gateway tells of an order. */
export interface Report {
  readonly type: string;
  readonly kind: 'accepted' | 'rejected' | 'filled' | 'canceled' | 'open' | 'listed';
  readonly reason: string;
  readonly repeated: boolean;
  readonly order: number;
  readonly trade: number;
  readonly side: 'buy' | 'sell';
  readonly symbol: string;
  readonly reference: string;
  readonly price: number;
  readonly quantity: number;
  readonly remaining: number;
  readonly paid: number;
  readonly traded: number;
  readonly detail: string;
}

/** An order to be sent. */
export interface Command {
  readonly kind: 'limit' | 'market' | 'cancel' | 'orders';
  readonly side?: 'buy' | 'sell';
  readonly symbol?: string;
  readonly reference?: string;
  readonly price?: number;
  readonly quantity?: number;
}

/** What else it is told. */
export interface Told {
  readonly type: string;
  readonly state?: string;
  readonly detail?: string;
  readonly reference?: string;
  readonly symbol?: string;
  readonly bids?: number[][];
  readonly asks?: number[][];
}

/** See the head of this file. */
export class Trader {
  readonly account: string;
  readonly #client: Client;
  #reading: Promise<void> | undefined;
  #isLeaving = false;
  /** Sent, and not answered. */
  readonly pending: Map<string, Command> = new Map();
  /** By reference: all that was said to have been accepted. */
  readonly accepted: Map<string, Report> = new Map();
  readonly fills: Report[] = [];
  readonly rejected: Report[] = [];
  readonly refused: Told[] = [];
  readonly states: string[] = [];
  readonly books: Map<string, Told> = new Map();
  /** Open orders, while a list is being told; then the list. */
  #listing: Report[] = [];
  list: Report[] | undefined;
  onReport: (report: Report) => void = () => undefined;

  private constructor(account: string, client: Client) {
    this.account = account;
    this.#client = client;
  }

  static async open(address: SocketAddress, account: string): Promise<Trader> {
    const client = await Client.open(address, `/trade/${account}`);
    const trader = new Trader(account, client);
    trader.#reading = trader.#read();
    return trader;
  }

  /** Sends; orders are remembered until they are answered. */
  say(command: Command): void {
    const { kind, reference } = command;
    if (reference !== undefined && kind !== 'cancel') this.pending.set(reference, command);
    this.#client.send(Opcode.TEXT, JSON.stringify(command));
  }

  ask(): void {
    this.list = undefined;
    this.#listing = [];
    this.say({ kind: 'orders' });
  }

  /** Goes; throws what went wrong with what it was told. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    this.#client.socket.destroy();
    await this.#reading;
  }

  async #read(): Promise<void> {
    for (;;) {
      const text = await this.#client.text().catch((error: unknown) => {
        if (this.#isLeaving || String(error).includes('the connection is over')) return undefined;
        throw error;
      });
      if (text === undefined) return;
      this.#hear(JSON.parse(text) as Told);
    }
  }

  #hear(message: Told): void {
    if (message.type === 'report') this.#report(message as unknown as Report);
    else if (message.type === 'book') this.books.set(message.symbol!, message);
    else if (message.type === 'refused') this.refused.push(message);
    else if (message.type === 'engine') {
      this.states.push(message.state!);
      if (message.state !== 'up') return;
      for (const command of this.pending.values()) this.say(command);
    }
  }

  #report(report: Report): void {
    const { kind, reference } = report;
    if (kind === 'open') this.#listing.push(report);
    else if (kind === 'listed') this.list = this.#listing;
    else if (kind === 'filled') this.fills.push(report);
    else if (kind === 'rejected') this.#reject(report);
    else if (kind === 'accepted') {
      const before = this.accepted.get(reference);
      assert.ok(before === undefined || before.order === report.order, `${reference} is one order`);
      assert.ok(before === undefined || report.repeated, `${reference} is accepted once`);
      this.accepted.set(reference, before ?? report);
      this.pending.delete(reference);
    }
    this.onReport(report);
  }

  #reject(report: Report): void {
    this.rejected.push(report);
    // A cancel says what became of an order that is known.
    if (report.reason !== 'unknown_order') this.pending.delete(report.reference);
  }
}
