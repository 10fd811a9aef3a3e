//! The exchange against one that is as simple as can be: a list of orders, gone through from the
//! beginning. After every command both have told the same, and have the same orders open.

use super::tests::{buy, command, next, sell};
use super::*;
use crate::schema::{CommandKindRaw, CommandSideRaw, ReportKind};

/// What is told: the kind, of which order, and how much is left or was traded, at what price.
type Told = (ReportKind, String, u32, u32);

struct Plain {
    account: &'static str,
    reference: String,
    symbol: &'static str,
    buys: bool,
    limit: Option<u32>,
    remaining: u32,
    is_open: bool,
    was_canceled: bool,
}

#[derive(Default)]
struct Model(Vec<Plain>);

impl Model {
    fn order(&mut self, mut taker: Plain) -> Vec<Told> {
        let own = taker.reference.clone();
        let mut told = vec![(ReportKind::Accepted, own.clone(), taker.remaining, 0)];
        while taker.remaining > 0 {
            let Some(maker) = self.maker(&taker) else { break };
            let name = maker.reference.clone();
            let price = maker.limit.unwrap();
            if maker.account == taker.account {
                maker.is_open = false;
                maker.was_canceled = true;
                told.push((ReportKind::Canceled, name, maker.remaining, 0));
                continue;
            }
            let traded = maker.remaining.min(taker.remaining);
            maker.remaining -= traded;
            maker.is_open = maker.remaining > 0;
            taker.remaining -= traded;
            told.push((ReportKind::Filled, name, traded, price));
            told.push((ReportKind::Filled, own.clone(), traded, price));
        }
        taker.is_open = taker.remaining > 0 && taker.limit.is_some();
        taker.was_canceled = taker.remaining > 0 && taker.limit.is_none();
        if taker.was_canceled {
            told.push((ReportKind::Canceled, own, taker.remaining, 0));
        }
        self.0.push(taker);
        told
    }

    /// The open order of the best price on the other side that was there first, if it crosses.
    fn maker(&mut self, taker: &Plain) -> Option<&mut Plain> {
        let mut best: Option<usize> = None;
        for (index, order) in self.0.iter().enumerate() {
            if !order.is_open || order.symbol != taker.symbol || order.buys == taker.buys {
                continue;
            }
            let price = order.limit.unwrap();
            let crosses = taker
                .limit
                .is_none_or(|limit| if taker.buys { price <= limit } else { price >= limit });
            let beats = |other: usize| {
                let other = self.0[other].limit.unwrap();
                if taker.buys { price < other } else { price > other }
            };
            if crosses && best.is_none_or(beats) {
                best = Some(index);
            }
        }
        best.map(|index| &mut self.0[index])
    }

    fn cancel(&mut self, account: &str, reference: &str) -> Vec<Told> {
        let known = |order: &&mut Plain| order.account == account && order.reference == reference;
        match self.0.iter_mut().find(known) {
            Some(order) if order.is_open || order.was_canceled => {
                order.is_open = false;
                order.was_canceled = true;
                vec![(ReportKind::Canceled, order.reference.clone(), order.remaining, 0)]
            }
            _ => vec![(ReportKind::Rejected, reference.into(), 0, 0)],
        }
    }

    fn open(&self, account: &str) -> Vec<Told> {
        let own = self.0.iter().filter(|order| order.is_open && order.account == account);
        let told = |order: &Plain| (ReportKind::Open, order.reference.clone(), order.remaining, 0);
        own.map(told).chain([(ReportKind::Listed, String::new(), 0, 0)]).collect()
    }
}

fn say(exchange: &mut Exchange, command: &Command) -> Vec<Told> {
    let mut out = Output::default();
    exchange.handle(command, 1000, 500, &mut out);
    let told = |report: &Report| {
        let kind = report.kind.get().unwrap();
        let (amount, price) = match kind {
            ReportKind::Filled => (report.traded, report.paid),
            ReportKind::Rejected => (0, 0),
            _ => (report.remaining, 0),
        };
        (kind, report.reference.as_str().unwrap().to_owned(), amount, price)
    };
    out.reports.iter().map(told).collect()
}

#[test]
fn the_exchange_is_what_a_simple_one_is() {
    let mut state = 11;
    let mut below = |most: u32| next(&mut state) % most;
    for round in 0..60 {
        let mut exchange = Exchange::new(&["RNDO", "WAVE"].map(|name| Text::new(name).unwrap()));
        let mut model = Model::default();
        // From one price at which all meet to books with many.
        let prices = 1 + round % 12;
        for number in 0..300 {
            let account = ["x", "y", "z"][below(3) as usize];
            let reference = format!("{number}");
            let (wanted, told) = if below(4) == 0 {
                let of = format!("{}", below(number + 1));
                let cancel = command(CommandKindRaw::CANCEL, account, &of);
                (model.cancel(account, &of), say(&mut exchange, &cancel))
            } else {
                let symbol = ["RNDO", "WAVE"][below(2) as usize];
                let (price, quantity) = (100 + below(prices), 1 + below(12));
                let (buys, is_market) = (below(2) == 0, below(6) == 0);
                let order = if buys { buy } else { sell };
                let order = order(account, &reference, quantity, price);
                let order = Command {
                    symbol: Text::new(symbol).unwrap(),
                    kind: if is_market { CommandKindRaw::MARKET } else { CommandKindRaw::LIMIT },
                    ..order
                };
                assert_eq!(order.side == CommandSideRaw::BUY, buys);
                let limit = (!is_market).then_some(price);
                let plain = Plain {
                    account,
                    reference,
                    symbol,
                    buys,
                    limit,
                    remaining: quantity,
                    is_open: false,
                    was_canceled: false,
                };
                (model.order(plain), say(&mut exchange, &order))
            };
            assert_eq!(told, wanted, "round {round}, command {number}");
        }
        for account in ["x", "y", "z"] {
            let told = say(&mut exchange, &command(CommandKindRaw::ORDERS, account, "-"));
            assert_eq!(told, model.open(account), "round {round}");
        }
    }
}
