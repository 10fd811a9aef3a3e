//! The state of the exchange, and what commands do to it. The same accepted commands in the same
//! order always lead to the same state: that is what the journal is replayed with.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::book::{Book, Side};
use crate::schema::fields::{SafeU64, Text};
use crate::schema::{
    Command, CommandKind, CommandSide, MarketEvent, MarketEventKindRaw, MarketEventSideRaw, Report,
    ReportKindRaw as Kind, ReportReasonRaw as Reason, ReportSideRaw,
};

type Account = Text<24>;
type Reference = Text<36>;

/// Orders that an account may have open.
const OPEN_MAX: usize = 1000;
const QUANTITY_MAX: u32 = 1_000_000;
const PRICE_MAX: u32 = 100_000_000;
/// References that are remembered because their orders were refused.
const REFUSED_MAX: usize = 65_536;
/// Trades that the market data begins with.
const TAPE: usize = 50;

/// What a command leads to.
#[derive(Debug, Default)]
pub struct Output {
    pub reports: Vec<Report>,
    pub events: Vec<MarketEvent>,
}

#[derive(Clone, Copy, Debug)]
struct Order {
    account: Account,
    reference: Reference,
    symbol: usize,
    side: Side,
    /// `None` for market orders.
    limit: Option<u32>,
    quantity: u32,
    remaining: u32,
    is_open: bool,
    /// Why it was canceled, if it was.
    canceled: Option<Reason>,
}

#[derive(Debug)]
struct Market {
    symbol: Text<8>,
    book: Book,
    tape: VecDeque<MarketEvent>,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Exchange {
    markets: Vec<Market>,
    /// All orders of the session: number n is at n − 1.
    orders: Vec<Order>,
    by_reference: HashMap<(Account, Reference), u64>,
    /// Orders that another time might have been accepted, why they were not, and the oldest first.
    refused: HashMap<(Account, Reference), Reason>,
    refused_first: VecDeque<(Account, Reference)>,
    open: HashMap<Account, BTreeSet<u64>>,
    trades: u64,
    sequence: u64,
    /// What changed in the book during a command: told once, at its end.
    touched: BTreeSet<(Side, u32)>,
}

/// Whether a command has changed anything, so that it belongs into the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    None,
    Changed,
}

/// A command is not carried out: why, and why in words.
type Refusal = (Reason, String);

impl Exchange {
    pub fn new(symbols: &[Text<8>]) -> Self {
        let market = |symbol: &Text<8>| Market {
            symbol: *symbol,
            book: Book::default(),
            tape: VecDeque::new(),
        };
        Self {
            markets: symbols.iter().map(market).collect(),
            orders: Vec::new(),
            by_reference: HashMap::new(),
            refused: HashMap::new(),
            refused_first: VecDeque::new(),
            open: HashMap::new(),
            trades: 0,
            sequence: 0,
            touched: BTreeSet::new(),
        }
    }

    /// Carries out a command at a time, in ms since 1970. New orders that were sent before
    /// `oldest` come too late.
    pub fn handle(
        &mut self,
        command: &Command,
        time: u64,
        oldest: u64,
        out: &mut Output,
    ) -> Effect {
        let result = match command.kind.get() {
            Some(CommandKind::Limit) => self.order(command, Some(command.price), time, oldest, out),
            Some(CommandKind::Market) => self.order(command, None, time, oldest, out),
            Some(CommandKind::Cancel) => self.cancel(command, out),
            Some(CommandKind::Orders) => {
                self.list(command, out);
                Ok(Effect::None)
            }
            Some(CommandKind::Book) => {
                self.snapshot(out);
                Ok(Effect::None)
            }
            None => Err((Reason::BAD_COMMAND, "There is no such command".into())),
        };
        result.unwrap_or_else(|(reason, words)| {
            out.reports.push(Report {
                client: command.client,
                kind: Kind::REJECTED,
                reason,
                side: ReportSideRaw(command.side.0),
                symbol: command.symbol,
                account: command.account,
                reference: command.reference,
                price: command.price,
                quantity: command.quantity,
                detail: in_words(&words),
                ..Report::ZERO
            });
            Effect::None
        })
    }

    fn order(
        &mut self,
        command: &Command,
        limit: Option<u32>,
        time: u64,
        oldest: u64,
        out: &mut Output,
    ) -> Result<Effect, Refusal> {
        let order = self.checked(command, limit)?;
        let name = (order.account, order.reference);
        if let Some(number) = self.by_reference.get(&name) {
            return self.repeat(*number, &order, command.client, out);
        }
        if let Some(reason) = self.refused.get(&name) {
            return Err((*reason, "The reference is that of an order that was refused".into()));
        }
        if command.sent.0 < oldest {
            self.refuse(name, Reason::TOO_LATE);
            return Err((Reason::TOO_LATE, "The order has waited for too long to be taken".into()));
        }
        if self.open.get(&order.account).is_some_and(|open| open.len() >= OPEN_MAX) {
            self.refuse(name, Reason::TOO_MANY_ORDERS);
            let words = format!("An account has at most {OPEN_MAX} open orders");
            return Err((Reason::TOO_MANY_ORDERS, words));
        }
        self.orders.push(order);
        let number = self.orders.len() as u64;
        self.by_reference.insert(name, number);
        out.reports.push(Report { kind: Kind::ACCEPTED, ..self.report(number, command.client) });
        self.execute(number, command.client, time, out);
        self.settle(number, command.client, out);
        self.tell_levels(order.symbol, out);
        Ok(Effect::Changed)
    }

    /// A refusal is the last word: the same order may come again, as it was sent again before the
    /// refusal was heard, and must not be carried out then.
    fn refuse(&mut self, name: (Account, Reference), reason: Reason) {
        self.refused.insert(name, reason);
        self.refused_first.push_back(name);
        if self.refused_first.len() > REFUSED_MAX
            && let Some(oldest) = self.refused_first.pop_front()
        {
            self.refused.remove(&oldest);
        }
    }

    /// The order that a command wants.
    fn checked(&self, command: &Command, limit: Option<u32>) -> Result<Order, Refusal> {
        check_names(command)?;
        let symbol = self.markets.iter().position(|market| market.symbol == command.symbol);
        let Some(symbol) = symbol else {
            let name = command.symbol.as_str().unwrap_or("?");
            return Err((Reason::UNKNOWN_SYMBOL, format!("Nothing called {name:?} is traded")));
        };
        let side = match command.side.get() {
            Some(CommandSide::Buy) => Side::Buy,
            Some(CommandSide::Sell) => Side::Sell,
            None => return Err((Reason::BAD_COMMAND, "An order buys or sells".into())),
        };
        if !(1..=QUANTITY_MAX).contains(&command.quantity) {
            let words =
                format!("Quantities are from 1 to {QUANTITY_MAX}, not {}", command.quantity);
            return Err((Reason::BAD_QUANTITY, words));
        }
        if limit.is_some_and(|price| !(1..=PRICE_MAX).contains(&price)) {
            let words = format!("Prices are from 1 to {PRICE_MAX} cents, not {}", command.price);
            return Err((Reason::BAD_PRICE, words));
        }
        Ok(Order {
            account: command.account,
            reference: command.reference,
            symbol,
            side,
            limit,
            quantity: command.quantity,
            remaining: command.quantity,
            is_open: true,
            canceled: None,
        })
    }

    /// The order was there before: says what became of it, and does nothing.
    fn repeat(
        &self,
        number: u64,
        wanted: &Order,
        client: SafeU64,
        out: &mut Output,
    ) -> Result<Effect, Refusal> {
        let order = self.at(number);
        let same = (order.symbol, order.side, order.limit, order.quantity)
            == (wanted.symbol, wanted.side, wanted.limit, wanted.quantity);
        if !same {
            let words = "The reference is that of another order".into();
            return Err((Reason::BAD_REFERENCE, words));
        }
        let report = Report { repeated: true.into(), ..self.report(number, client) };
        out.reports.push(Report { kind: Kind::ACCEPTED, ..report });
        if let Some(reason) = order.canceled {
            out.reports.push(Report { kind: Kind::CANCELED, reason, ..report });
        }
        Ok(Effect::None)
    }

    /// Trades an order with those on the other side, best price first, then who came first.
    fn execute(&mut self, number: u64, client: SafeU64, time: u64, out: &mut Output) {
        let Order { account, symbol, side, limit, .. } = *self.at(number);
        let other = side.other();
        while self.at(number).remaining > 0 {
            let Some(price) = self.markets[symbol].book.best(other) else { break };
            let crosses = match (limit, side) {
                (None, _) => true,
                (Some(limit), Side::Buy) => price <= limit,
                (Some(limit), Side::Sell) => price >= limit,
            };
            if !crosses {
                break;
            }
            let orders = &self.orders;
            let is_open = |number: u64| orders[number as usize - 1].is_open;
            let maker = self.markets[symbol].book.front(other, price, is_open);
            let maker = maker.expect("a level has an open order");
            if self.at(maker).account == account {
                self.end(maker, Reason::SELF_TRADE, SafeU64(0), out);
            } else {
                self.trade(number, maker, price, (client, time), out);
            }
        }
    }

    fn trade(
        &mut self,
        taker: u64,
        maker: u64,
        price: u32,
        (client, time): (SafeU64, u64),
        out: &mut Output,
    ) {
        let quantity = self.at(taker).remaining.min(self.at(maker).remaining);
        self.trades += 1;
        for (number, client) in [(maker, SafeU64(0)), (taker, client)] {
            let order = &mut self.orders[number as usize - 1];
            order.remaining -= quantity;
            order.is_open = order.remaining > 0;
            out.reports.push(Report {
                kind: Kind::FILLED,
                trade: SafeU64(self.trades),
                paid: price,
                traded: quantity,
                ..self.report(number, client)
            });
        }
        let Order { account, symbol, side, .. } = *self.at(maker);
        if !self.at(maker).is_open {
            self.close(account, maker);
        }
        self.took(maker, price, quantity);
        let event = MarketEvent {
            kind: MarketEventKindRaw::TRADE,
            side: side_of(side.other()),
            price,
            quantity: SafeU64(u64::from(quantity)),
            trade: SafeU64(self.trades),
            time: SafeU64(time),
            ..self.event(symbol)
        };
        let tape = &mut self.markets[symbol].tape;
        tape.push_back(event);
        if tape.len() > TAPE {
            tape.pop_front();
        }
        self.tell(event, out);
    }

    /// What becomes of an order when it was executed: it stays open, or is over.
    fn settle(&mut self, number: u64, client: SafeU64, out: &mut Output) {
        let Order { account, symbol, side, limit, remaining, .. } = *self.at(number);
        match limit {
            _ if remaining == 0 => {}
            Some(price) => {
                self.markets[symbol].book.add(side, price, number, remaining);
                self.touched.insert((side, price));
                self.open.entry(account).or_default().insert(number);
            }
            None => {
                let order = &mut self.orders[number as usize - 1];
                order.is_open = false;
                order.canceled = Some(Reason::NO_COUNTERPARTY);
                out.reports.push(self.canceled(number, client));
            }
        }
    }

    fn cancel(&mut self, command: &Command, out: &mut Output) -> Result<Effect, Refusal> {
        check_names(command)?;
        let Some(number) = self.by_reference.get(&(command.account, command.reference)) else {
            return Err((Reason::UNKNOWN_ORDER, "There is no such order".into()));
        };
        let number = *number;
        let order = self.at(number);
        let symbol = order.symbol;
        if order.canceled.is_some() {
            let report = self.canceled(number, command.client);
            out.reports.push(Report { repeated: true.into(), ..report });
            return Ok(Effect::None);
        }
        if !order.is_open {
            return Err((Reason::UNKNOWN_ORDER, "The order was filled before".into()));
        }
        self.end(number, Reason::BY_CLIENT, command.client, out);
        self.tell_levels(symbol, out);
        Ok(Effect::Changed)
    }

    /// Takes an order out of the book.
    fn end(&mut self, number: u64, reason: Reason, client: SafeU64, out: &mut Output) {
        let order = &mut self.orders[number as usize - 1];
        order.is_open = false;
        order.canceled = Some(reason);
        let Order { account, limit, remaining, .. } = *order;
        self.close(account, number);
        self.took(number, limit.expect("orders in the book have a limit"), remaining);
        out.reports.push(self.canceled(number, client));
    }

    fn close(&mut self, account: Account, number: u64) {
        if let Some(open) = self.open.get_mut(&account) {
            open.remove(&number);
        }
    }

    /// Some of an order in the book is open no more.
    fn took(&mut self, number: u64, price: u32, quantity: u32) {
        let Order { symbol, side, is_open, .. } = *self.at(number);
        let orders = &self.orders;
        let others = |number: u64| orders[number as usize - 1].is_open;
        self.markets[symbol].book.take(side, price, quantity, !is_open, others);
        self.touched.insert((side, price));
    }

    /// The open orders of an account, for the client that asks.
    fn list(&self, command: &Command, out: &mut Output) {
        for number in self.open.get(&command.account).into_iter().flatten() {
            out.reports.push(Report { kind: Kind::OPEN, ..self.report(*number, command.client) });
        }
        out.reports.push(Report {
            client: command.client,
            kind: Kind::LISTED,
            account: command.account,
            ..Report::ZERO
        });
    }

    /// What an engine says first: the market data, numbered from 1 on. What came of the commands
    /// of the journal was told by those before it.
    pub fn begin(&mut self, out: &mut Output) {
        self.sequence = 0;
        self.snapshot(out);
    }

    /// The market data of all symbols, from the beginning.
    fn snapshot(&mut self, out: &mut Output) {
        for symbol in 0..self.markets.len() {
            let event = self.event(symbol);
            self.tell(MarketEvent { kind: MarketEventKindRaw::RESET, ..event }, out);
            for side in [Side::Buy, Side::Sell] {
                for price in self.markets[symbol].book.prices(side) {
                    self.touched.insert((side, price));
                }
            }
            self.tell_levels(symbol, out);
            for trade in self.markets[symbol].tape.clone() {
                self.tell(trade, out);
            }
            self.tell(MarketEvent { kind: MarketEventKindRaw::COMPLETE, ..event }, out);
        }
    }

    fn tell_levels(&mut self, symbol: usize, out: &mut Output) {
        for (side, price) in std::mem::take(&mut self.touched) {
            let (open, orders) = self.markets[symbol].book.at(side, price);
            let event = MarketEvent {
                kind: MarketEventKindRaw::LEVEL,
                side: side_of(side),
                price,
                orders,
                quantity: SafeU64(open),
                ..self.event(symbol)
            };
            self.tell(event, out);
        }
    }

    fn tell(&mut self, event: MarketEvent, out: &mut Output) {
        self.sequence += 1;
        out.events.push(MarketEvent { sequence: SafeU64(self.sequence), ..event });
    }

    fn event(&self, symbol: usize) -> MarketEvent {
        MarketEvent { symbol: self.markets[symbol].symbol, ..MarketEvent::ZERO }
    }

    fn canceled(&self, number: u64, client: SafeU64) -> Report {
        let reason = self.at(number).canceled.unwrap_or(Reason::NONE);
        let words = match reason {
            Reason::SELF_TRADE => "It would have traded with another order of the same account",
            Reason::NO_COUNTERPARTY => "Nobody is there to trade the rest with",
            _ => "",
        };
        let detail = in_words(words);
        Report { kind: Kind::CANCELED, reason, detail, ..self.report(number, client) }
    }

    /// What there is to say of an order.
    fn report(&self, number: u64, client: SafeU64) -> Report {
        let order = self.at(number);
        Report {
            client,
            order: SafeU64(number),
            side: ReportSideRaw(side_of(order.side).0),
            symbol: self.markets[order.symbol].symbol,
            account: order.account,
            reference: order.reference,
            price: order.limit.unwrap_or(0),
            quantity: order.quantity,
            remaining: order.remaining,
            ..Report::ZERO
        }
    }

    fn at(&self, number: u64) -> &Order {
        &self.orders[number as usize - 1]
    }
}

/// Names must be there, and be text: others read them.
fn check_names(command: &Command) -> Result<(), Refusal> {
    if !matches!(command.account.as_str(), Ok(name) if !name.is_empty()) {
        return Err((Reason::BAD_COMMAND, "A command needs an account".into()));
    }
    if !matches!(command.reference.as_str(), Ok(name) if !name.is_empty()) {
        return Err((Reason::BAD_REFERENCE, "An order needs a reference".into()));
    }
    Ok(())
}

fn side_of(side: Side) -> MarketEventSideRaw {
    match side {
        Side::Buy => MarketEventSideRaw::BUY,
        Side::Sell => MarketEventSideRaw::SELL,
    }
}

/// Words for a report, cut where they do not fit.
fn in_words(words: &str) -> Text<96> {
    let mut end = words.len().min(96);
    while !words.is_char_boundary(end) {
        end -= 1;
    }
    Text::new(&words[..end]).unwrap_or_default()
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "model_tests.rs"]
mod model_tests;
