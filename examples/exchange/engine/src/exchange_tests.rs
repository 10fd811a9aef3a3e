use super::*;
use crate::schema::{CommandKindRaw, CommandSideRaw, ReportKind};

const A: &str = "RNDO";
const B: &str = "WAVE";

struct Desk {
    exchange: Exchange,
    accepted: Vec<Command>,
}

impl Desk {
    fn new() -> Self {
        let symbols = [Text::new(A).unwrap(), Text::new(B).unwrap()];
        Self { exchange: Exchange::new(&symbols), accepted: Vec::new() }
    }

    fn say(&mut self, command: Command) -> Output {
        let mut out = Output::default();
        if self.exchange.handle(&command, 1000, 500, &mut out) == Effect::Changed {
            self.accepted.push(command);
        }
        out
    }

    /// What is told of levels, trades and reports, in short.
    fn tell(&mut self, command: Command) -> Vec<String> {
        self.say(command).reports.iter().map(short).collect()
    }
}

fn short(report: &Report) -> String {
    let reference = report.reference.as_str().unwrap();
    match report.kind.get().unwrap() {
        ReportKind::Accepted => format!("{reference} accepted"),
        ReportKind::Rejected => format!("{reference} rejected {}", report.reason.0),
        ReportKind::Filled => format!("{reference} {}@{}", report.traded, report.paid),
        ReportKind::Canceled => format!("{reference} canceled {}", report.remaining),
        ReportKind::Open => format!("{reference} open {}", report.remaining),
        ReportKind::Listed => "listed".into(),
    }
}

pub fn command(kind: CommandKindRaw, account: &str, reference: &str) -> Command {
    Command {
        client: SafeU64(9),
        sent: SafeU64(1000),
        kind,
        account: Text::new(account).unwrap(),
        reference: Text::new(reference).unwrap(),
        symbol: Text::new(A).unwrap(),
        ..Command::ZERO
    }
}

pub fn buy(account: &str, reference: &str, quantity: u32, price: u32) -> Command {
    Command { quantity, price, ..command(CommandKindRaw::LIMIT, account, reference) }
}

pub fn sell(account: &str, reference: &str, quantity: u32, price: u32) -> Command {
    Command { side: CommandSideRaw::SELL, ..buy(account, reference, quantity, price) }
}

#[test]
fn best_price_first_then_who_came_first() {
    let mut desk = Desk::new();
    desk.say(sell("x", "s1", 5, 102));
    desk.say(sell("x", "s2", 5, 101));
    desk.say(sell("y", "s3", 5, 101));
    assert_eq!(
        desk.tell(buy("z", "b", 12, 102)),
        ["b accepted", "s2 5@101", "b 5@101", "s3 5@101", "b 5@101", "s1 2@102", "b 2@102"]
    );
    // A partial fill keeps its place.
    desk.say(sell("y", "s4", 3, 102));
    assert_eq!(
        desk.tell(buy("z", "b2", 4, 200)),
        ["b2 accepted", "s1 3@102", "b2 3@102", "s4 1@102", "b2 1@102"]
    );
}

#[test]
fn market_orders_take_what_is_there() {
    let mut desk = Desk::new();
    desk.say(buy("x", "b1", 5, 99));
    let market = Command { kind: CommandKindRaw::MARKET, ..sell("y", "m", 8, 0) };
    assert_eq!(desk.tell(market), ["m accepted", "b1 5@99", "m 5@99", "m canceled 3"]);
    assert_eq!(desk.tell(command(CommandKindRaw::ORDERS, "y", "-")), ["listed"]);
}

#[test]
fn cancels_take_orders_out() {
    let mut desk = Desk::new();
    desk.say(buy("x", "b1", 5, 99));
    let cancel = command(CommandKindRaw::CANCEL, "x", "b1");
    let out = desk.say(cancel);
    assert_eq!(out.reports.iter().map(short).collect::<Vec<_>>(), ["b1 canceled 5"]);
    assert_eq!((out.events[0].price, out.events[0].quantity.0, out.events[0].orders), (99, 0, 0));
    let again = desk.say(cancel);
    assert!(again.reports[0].repeated.get() && again.events.is_empty());
    assert_eq!(
        desk.tell(command(CommandKindRaw::CANCEL, "y", "b1")),
        [format!("b1 rejected {}", Reason::UNKNOWN_ORDER.0)]
    );
    assert_eq!(desk.tell(sell("y", "s1", 5, 1)), ["s1 accepted"]);
}

#[test]
fn an_account_does_not_trade_with_itself() {
    let mut desk = Desk::new();
    desk.say(sell("x", "s1", 5, 100));
    desk.say(sell("y", "s2", 5, 100));
    assert_eq!(
        desk.tell(buy("x", "b", 5, 100)),
        ["b accepted", "s1 canceled 5", "s2 5@100", "b 5@100"]
    );
}

#[test]
fn the_same_order_again_is_the_same_order() {
    let mut desk = Desk::new();
    desk.say(sell("x", "s1", 5, 100));
    let order = buy("y", "b", 7, 100);
    desk.say(order);
    let again = desk.say(Command { client: SafeU64(77), sent: SafeU64(0), ..order });
    assert_eq!(again.reports.len(), 1);
    let report = again.reports[0];
    assert!(report.repeated.get());
    assert_eq!((report.client.0, report.order.0, report.remaining), (77, 2, 2));
    assert_eq!(desk.accepted.len(), 2);
    let other = desk.tell(buy("y", "b", 8, 100));
    assert_eq!(other, [format!("b rejected {}", Reason::BAD_REFERENCE.0)]);
    // References are an account's own.
    assert_eq!(desk.tell(buy("z", "b", 8, 90)), ["b accepted"]);
}

#[test]
fn rejects_say_why() {
    let mut desk = Desk::new();
    let order = buy("x", "b", 5, 100);
    let rejects = [
        (Command { quantity: 0, ..order }, Reason::BAD_QUANTITY),
        (Command { quantity: QUANTITY_MAX + 1, ..order }, Reason::BAD_QUANTITY),
        (Command { price: 0, ..order }, Reason::BAD_PRICE),
        (Command { symbol: Text::new("NONE").unwrap(), ..order }, Reason::UNKNOWN_SYMBOL),
        (Command { symbol: Text([0xff; 8]), ..order }, Reason::UNKNOWN_SYMBOL),
        (Command { side: CommandSideRaw(7), ..order }, Reason::BAD_COMMAND),
        (Command { kind: CommandKindRaw(99), ..order }, Reason::BAD_COMMAND),
        (Command { account: Text([0xff; 24]), ..order }, Reason::BAD_COMMAND),
        (Command { reference: Text::EMPTY, ..order }, Reason::BAD_REFERENCE),
        (Command { sent: SafeU64(499), ..order }, Reason::TOO_LATE),
    ];
    for (command, reason) in rejects {
        let out = desk.say(command);
        assert_eq!(out.reports.len(), 1);
        assert_eq!(out.reports[0].reason, reason);
        assert!(!out.reports[0].detail.as_str().unwrap().is_empty());
        assert!(out.events.is_empty());
    }
    assert!(desk.accepted.is_empty());
    for number in 0..OPEN_MAX {
        desk.say(buy("x", &format!("{number}"), 1, 1));
    }
    assert_eq!(desk.say(buy("x", "c", 1, 1)).reports[0].reason, Reason::TOO_MANY_ORDERS);
    assert_eq!(desk.tell(buy("y", "b", 1, 1)), ["b accepted"]);
}

/// A generator of numbers that are always the same.
pub fn next(state: &mut u64) -> u32 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as u32
}

/// The book as a client sees it that hears all events.
#[derive(Default, Debug, PartialEq)]
struct Seen(std::collections::BTreeMap<(Text8, u8, u32), (u64, u32)>);
type Text8 = [u8; 8];

impl Seen {
    fn hear(&mut self, events: &[MarketEvent]) {
        for event in events {
            let key = (event.symbol.0, event.side.0, event.price);
            if event.kind == MarketEventKindRaw::RESET {
                self.0.retain(|(symbol, ..), _| *symbol != event.symbol.0);
            } else if event.kind == MarketEventKindRaw::LEVEL {
                if event.orders == 0 {
                    self.0.remove(&key);
                } else {
                    self.0.insert(key, (event.quantity.0, event.orders));
                }
            }
        }
    }
}

#[test]
fn market_data_is_what_orders_are_and_a_replay_leads_to_the_same() {
    let mut state = 5;
    for round in 0..20 {
        let mut desk = Desk::new();
        let mut seen = Seen::default();
        for number in 0..500 {
            let account = ["x", "y", "z"][next(&mut state) as usize % 3];
            let symbol = Text::new([A, B][next(&mut state) as usize % 2]).unwrap();
            let price = 90 + next(&mut state) % 20;
            let quantity = 1 + next(&mut state) % 9;
            let order = match next(&mut state) % 5 {
                0 => command(CommandKindRaw::CANCEL, account, &format!("{}", number / 2)),
                1 | 2 => buy(account, &format!("{number}"), quantity, price),
                3 => sell(account, &format!("{number}"), quantity, price),
                _ => Command {
                    kind: CommandKindRaw::MARKET,
                    ..sell(account, &format!("{number}"), quantity, 0)
                },
            };
            seen.hear(&desk.say(Command { symbol, ..order }).events);
            for market in &desk.exchange.markets {
                let (bid, ask) = (market.book.best(Side::Buy), market.book.best(Side::Sell));
                assert!(bid.is_none() || ask.is_none() || bid < ask, "round {round}");
            }
        }
        let mut open = Seen::default();
        for order in desk.exchange.orders.iter().filter(|order| order.is_open) {
            let symbol = desk.exchange.markets[order.symbol].symbol.0;
            let side = side_of(order.side).0;
            let level = open.0.entry((symbol, side, order.limit.unwrap())).or_default();
            level.0 += u64::from(order.remaining);
            level.1 += 1;
        }
        assert_eq!(seen, open);
        let mut again = Desk::new();
        for command in &desk.accepted {
            again.say(*command);
        }
        assert_eq!(again.accepted.len(), desk.accepted.len());
        let snapshot = |desk: &mut Desk| {
            let mut out = Output::default();
            desk.exchange.begin(&mut out);
            // Gateways know by it that a new engine speaks.
            assert_eq!(out.events[0].sequence, SafeU64(1));
            assert_eq!(out.events[0].kind, MarketEventKindRaw::RESET);
            out.events.iter().map(|event| format!("{event:?}")).collect::<Vec<_>>()
        };
        assert_eq!(snapshot(&mut again), snapshot(&mut desk));
        let mut out = Output::default();
        desk.exchange.snapshot(&mut out);
        let mut fresh = Seen::default();
        fresh.hear(&out.events);
        assert_eq!(fresh, open);
    }
}

#[test]
fn a_refusal_is_the_last_word() {
    let mut desk = Desk::new();
    let late = Command { sent: SafeU64(499), ..buy("x", "b", 5, 100) };
    assert_eq!(desk.say(late).reports[0].reason, Reason::TOO_LATE);
    // It was sent again before the refusal was heard.
    let again = Command { sent: SafeU64(1000), ..late };
    assert_eq!(desk.say(again).reports[0].reason, Reason::TOO_LATE);
    assert_eq!(desk.tell(buy("y", "b", 5, 100)), ["b accepted"]);

    for number in 0..OPEN_MAX {
        desk.say(buy("x", &format!("{number}"), 1, 1));
    }
    let order = buy("x", "many", 1, 1);
    assert_eq!(desk.say(order).reports[0].reason, Reason::TOO_MANY_ORDERS);
    desk.say(command(CommandKindRaw::CANCEL, "x", "0"));
    assert_eq!(desk.say(order).reports[0].reason, Reason::TOO_MANY_ORDERS);
    assert_eq!(desk.tell(buy("x", "other", 1, 1)), ["other accepted"]);
}

#[test]
fn refusals_are_not_remembered_without_end() {
    let mut desk = Desk::new();
    for number in 0..REFUSED_MAX + 10 {
        desk.say(Command { sent: SafeU64(0), ..buy("x", &format!("{number}"), 1, 1) });
    }
    assert_eq!(desk.exchange.refused.len(), REFUSED_MAX);
    assert_eq!(desk.exchange.refused_first.len(), REFUSED_MAX);
    assert_eq!(desk.tell(buy("x", "0", 1, 1)), ["0 accepted"]);
}

#[test]
fn the_largest_numbers_add_up() {
    let mut desk = Desk::new();
    for number in 0..OPEN_MAX {
        desk.say(sell("x", &format!("{number}"), QUANTITY_MAX, PRICE_MAX));
    }
    let total = OPEN_MAX as u64 * u64::from(QUANTITY_MAX);
    assert_eq!(desk.exchange.markets[0].book.at(Side::Sell, PRICE_MAX), (total, OPEN_MAX as u32));
    for number in 0..OPEN_MAX {
        let order = buy("y", &format!("{number}"), QUANTITY_MAX, PRICE_MAX);
        assert_eq!(desk.say(order).reports.len(), 3);
    }
    assert_eq!(desk.exchange.markets[0].book.best(Side::Sell), None);
    for price in [PRICE_MAX + 1, u32::MAX] {
        let order = Command { price, ..sell("x", "b", 1, 1) };
        assert_eq!(desk.say(order).reports[0].reason, Reason::BAD_PRICE);
        let order = Command { quantity: price, ..order };
        assert_eq!(desk.say(order).reports[0].reason, Reason::BAD_QUANTITY);
    }
}
