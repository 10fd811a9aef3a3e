//! Throughput of queues between the threads of one process.
//!
//! ```text
//! queues array|rtrb|bus [--count N] [--producers P] [--consumers C] [--slots S]
//! ```
//!
//! `array` is crossbeam's `ArrayQueue`, `rtrb` a queue of one producer and one consumer, `bus` a
//! broadcast of one producer. Nobody sleeps: who finds nothing spins, then lets others run.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

use bus::Bus;
use crossbeam_queue::ArrayQueue;
use crossbeam_utils::Backoff;
use rondo_bench_peers::{Arguments, Tick, report};
use rtrb::RingBuffer;

/// What a thread does when it finds nothing: `attempt` is repeated until it gives something.
fn until<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    let backoff = Backoff::new();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        backoff.snooze();
    }
}

struct Plan {
    count: u64,
    producers: usize,
    consumers: usize,
    slots: usize,
}

impl Plan {
    fn share(&self) -> u64 {
        self.count / self.producers as u64
    }
}

/// What a consumer took, and from when to when.
struct Taken {
    count: u64,
    start: Instant,
    end: Instant,
}

/// Takes messages with `pop` until `over` says that there will be none.
fn take(over: impl Fn() -> bool, mut pop: impl FnMut() -> Option<Tick>) -> Taken {
    let backoff = Backoff::new();
    let start = Instant::now();
    let (mut sum, mut count) = (0.0, 0);
    loop {
        // Looked at before: what was pushed until then is found by the attempt below.
        let last = over();
        while let Some(tick) = pop() {
            backoff.reset();
            sum += tick.sum();
            count += 1;
        }
        if last {
            break;
        }
        backoff.snooze();
    }
    black_box(sum);
    Taken { count, start, end: Instant::now() }
}

type Consume = Box<dyn FnOnce() -> Taken + Send>;
type Produce = Box<dyn FnOnce() + Send>;

/// Runs consumers and producers together; returns the messages taken and the time.
fn race(consumers: Vec<Consume>, producers: Vec<Produce>) -> (u64, u128) {
    let barrier = Arc::new(Barrier::new(consumers.len() + producers.len()));
    let mut takers = Vec::new();
    for consume in consumers {
        let barrier = Arc::clone(&barrier);
        takers.push(thread::spawn(move || {
            barrier.wait();
            consume()
        }));
    }
    for produce in producers {
        let barrier = Arc::clone(&barrier);
        thread::spawn(move || {
            barrier.wait();
            produce();
        });
    }
    let taken: Vec<Taken> =
        takers.into_iter().map(|taker| taker.join().expect("a consumer")).collect();
    let start = taken.iter().map(|taken| taken.start).min().expect("a consumer");
    let end = taken.iter().map(|taken| taken.end).max().expect("a consumer");
    (taken.iter().map(|taken| taken.count).sum(), (end - start).as_nanos())
}

fn array(plan: &Plan) -> (u64, u128) {
    let queue = Arc::new(ArrayQueue::<Tick>::new(plan.slots * plan.producers));
    let left = Arc::new(AtomicUsize::new(plan.producers));
    let mut consumers: Vec<Consume> = Vec::new();
    for _ in 0..plan.consumers {
        let (queue, left) = (Arc::clone(&queue), Arc::clone(&left));
        consumers
            .push(Box::new(move || take(|| left.load(Ordering::Acquire) == 0, || queue.pop())));
    }
    let mut producers: Vec<Produce> = Vec::new();
    for _ in 0..plan.producers {
        let (queue, left, share) = (Arc::clone(&queue), Arc::clone(&left), plan.share());
        producers.push(Box::new(move || {
            for id in 0..share {
                until(|| queue.push(Tick::new(id)).ok());
            }
            left.fetch_sub(1, Ordering::Release);
        }));
    }
    race(consumers, producers)
}

fn rtrb(plan: &Plan) -> (u64, u128) {
    let (mut producer, mut consumer) = RingBuffer::<Tick>::new(plan.slots);
    let over = Arc::new(AtomicBool::new(false));
    let (ended, share) = (Arc::clone(&over), plan.share());
    let consume = move || take(|| over.load(Ordering::Acquire), || consumer.pop().ok());
    let produce = move || {
        for id in 0..share {
            until(|| producer.push(Tick::new(id)).ok());
        }
        ended.store(true, Ordering::Release);
    };
    race(vec![Box::new(consume)], vec![Box::new(produce)])
}

fn bus(plan: &Plan) -> (u64, u128) {
    let mut bus = Bus::<Tick>::new(plan.slots);
    let over = Arc::new(AtomicBool::new(false));
    let mut consumers: Vec<Consume> = Vec::new();
    for _ in 0..plan.consumers {
        let (mut reader, over) = (bus.add_rx(), Arc::clone(&over));
        consumers.push(Box::new(move || {
            take(|| over.load(Ordering::Acquire), || reader.try_recv().ok())
        }));
    }
    let share = plan.share();
    let produce = move || {
        for id in 0..share {
            until(|| bus.try_broadcast(Tick::new(id)).ok());
        }
        over.store(true, Ordering::Release);
        // Readers are told of its end by `over`; dropped first it would end them too early.
        std::mem::forget(bus);
    };
    race(consumers, vec![Box::new(produce)])
}

fn main() {
    let arguments = Arguments::read();
    let plan = Plan {
        count: arguments.number("--count", 10_000_000),
        producers: arguments.number("--producers", 1) as usize,
        consumers: arguments.number("--consumers", 1) as usize,
        slots: arguments.number("--slots", 4096) as usize,
    };
    let (taken, time) = match arguments.mode.as_str() {
        "array" => array(&plan),
        "rtrb" => rtrb(&plan),
        "bus" => bus(&plan),
        mode => panic!("there is no queue {mode}"),
    };
    report(taken, time, "");
}
