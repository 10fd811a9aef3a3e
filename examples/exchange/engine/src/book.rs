//! The book of one symbol: what is open at each price, first come first.

use std::collections::{BTreeMap, VecDeque};

/// Which side an order is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    Buy,
    Sell,
}

impl Side {
    pub const fn other(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

/// Orders of one price. Numbers of orders that are over stay until they come to the front, or
/// are too many.
#[derive(Debug, Default)]
struct Level {
    queue: VecDeque<u64>,
    open: u64,
    orders: u32,
}

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Book {
    bids: BTreeMap<u32, Level>,
    asks: BTreeMap<u32, Level>,
}

impl Book {
    fn levels(&mut self, side: Side) -> &mut BTreeMap<u32, Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// The best price of a side: the highest bid, the lowest ask.
    pub fn best(&self, side: Side) -> Option<u32> {
        match side {
            Side::Buy => self.bids.last_key_value().map(|(price, _)| *price),
            Side::Sell => self.asks.first_key_value().map(|(price, _)| *price),
        }
    }

    /// What is open at a price, and how many orders.
    pub fn at(&self, side: Side, price: u32) -> (u64, u32) {
        let levels = match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        };
        levels.get(&price).map_or((0, 0), |level| (level.open, level.orders))
    }

    /// All prices of a side.
    pub fn prices(&self, side: Side) -> Vec<u32> {
        match side {
            Side::Buy => self.bids.keys().copied().collect(),
            Side::Sell => self.asks.keys().copied().collect(),
        }
    }

    /// Puts an order behind all others of its price.
    pub fn add(&mut self, side: Side, price: u32, number: u64, quantity: u32) {
        let level = self.levels(side).entry(price).or_default();
        level.queue.push_back(number);
        level.open += u64::from(quantity);
        level.orders += 1;
    }

    /// The order whose turn it is at a price; `is_open` tells those that are over.
    pub fn front(&mut self, side: Side, price: u32, is_open: impl Fn(u64) -> bool) -> Option<u64> {
        let level = self.levels(side).get_mut(&price)?;
        while let Some(number) = level.queue.front() {
            if is_open(*number) {
                return Some(*number);
            }
            level.queue.pop_front();
        }
        None
    }

    /// Some of an order is open no more: it was traded, or canceled. `over`: nothing is left.
    pub fn take(
        &mut self,
        side: Side,
        price: u32,
        quantity: u32,
        over: bool,
        is_open: impl Fn(u64) -> bool,
    ) {
        let Some(level) = self.levels(side).get_mut(&price) else { return };
        level.open -= u64::from(quantity);
        level.orders -= u32::from(over);
        if level.orders == 0 {
            self.levels(side).remove(&price);
        } else if level.queue.len() > 2 * level.orders as usize + 64 {
            level.queue.retain(|number| is_open(*number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn best_prices_and_turns() {
        let mut book = Book::default();
        book.add(Side::Buy, 100, 1, 5);
        book.add(Side::Buy, 101, 2, 5);
        book.add(Side::Buy, 101, 3, 7);
        book.add(Side::Sell, 105, 4, 1);
        assert_eq!(book.best(Side::Buy), Some(101));
        assert_eq!(book.best(Side::Sell), Some(105));
        assert_eq!(book.at(Side::Buy, 101), (12, 2));
        assert_eq!(book.front(Side::Buy, 101, |_| true), Some(2));
        book.take(Side::Buy, 101, 5, true, |number| number != 2);
        assert_eq!(book.front(Side::Buy, 101, |number| number != 2), Some(3));
        book.take(Side::Buy, 101, 7, true, |_| false);
        assert_eq!(book.best(Side::Buy), Some(100));
    }

    #[test]
    fn canceled_orders_do_not_pile_up() {
        let mut book = Book::default();
        book.add(Side::Sell, 100, 1, 1);
        for number in 2..10_000 {
            book.add(Side::Sell, 100, number, 1);
            book.take(Side::Sell, 100, 1, true, |number| number == 1);
        }
        assert_eq!(book.at(Side::Sell, 100), (1, 1));
        assert!(book.asks[&100].queue.len() < 100);
    }
}
