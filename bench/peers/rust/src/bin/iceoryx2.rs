//! Round trips over iceoryx2: two threads of one process with ports of the service for processes,
//! each looking for the other's sample without sleeping. As its own benchmark measures.
//!
//! ```text
//! iceoryx2 latency [--count N] [--first CPU] [--second CPU]
//! ```

use std::error::Error;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::*;
use rondo_bench_peers::{Arguments, Tick, pin, report};

/// The message with what iceoryx2 wants to know of it.
#[derive(Clone, Copy, Debug, Default, ZeroCopySend)]
#[repr(C)]
#[type_name("bench.Tick")]
struct Sample {
    id: u64,
    price: f64,
    quantity: u32,
    flags: u32,
    time: f64,
}

impl From<Tick> for Sample {
    fn from(Tick { id, price, quantity, flags, time }: Tick) -> Self {
        Self { id, price, quantity, flags, time }
    }
}

type Ends = (Publisher<ipc::Service, Sample, ()>, Subscriber<ipc::Service, Sample, ()>);
type Failure = Box<dyn Error + Send + Sync>;

/// Sends on one service and receives from another.
fn ends(node: &Node<ipc::Service>, to: &str, from: &str) -> Result<Ends, Failure> {
    let open = |name: &str| -> Result<_, Failure> {
        Ok(node
            .service_builder(&name.try_into()?)
            .publish_subscribe::<Sample>()
            .max_publishers(1)
            .max_subscribers(1)
            .history_size(0)
            .subscriber_max_buffer_size(1)
            .enable_safe_overflow(true)
            .open_or_create()?)
    };
    let publisher = open(to)?.publisher_builder().create()?;
    let subscriber = open(from)?.subscriber_builder().create()?;
    Ok((publisher, subscriber))
}

fn send(publisher: &Publisher<ipc::Service, Sample, ()>, tick: Sample) -> Result<(), Failure> {
    publisher.loan_uninit()?.write_payload(tick).send()?;
    Ok(())
}

fn receive(subscriber: &Subscriber<ipc::Service, Sample, ()>) -> Result<Sample, Failure> {
    loop {
        if let Some(sample) = subscriber.receive()? {
            return Ok(*sample);
        }
    }
}

fn main() -> Result<(), Failure> {
    let arguments = Arguments::read();
    let count = arguments.number("--count", 200_000);
    let (first, second) = (arguments.number("--first", 0), arguments.number("--second", 1));
    set_log_level(LogLevel::Error);
    let process = std::process::id();
    let (there, back) = (format!("rondo-bench-{process}-a"), format!("rondo-bench-{process}-b"));
    let barrier = Arc::new(Barrier::new(2));
    let (names, ready) = ((there.clone(), back.clone()), Arc::clone(&barrier));
    let answering = thread::spawn(move || -> Result<(), Failure> {
        pin(second as usize);
        let node = NodeBuilder::new().create::<ipc::Service>()?;
        let (publisher, subscriber) = ends(&node, &names.1, &names.0)?;
        ready.wait();
        for _ in 0..count {
            let tick = receive(&subscriber)?;
            send(&publisher, tick)?;
        }
        Ok(())
    });
    pin(first as usize);
    let node = NodeBuilder::new().create::<ipc::Service>()?;
    let (publisher, subscriber) = ends(&node, &there, &back)?;
    barrier.wait();
    let mut times = Vec::with_capacity(count as usize);
    for id in 0..count {
        let start = Instant::now();
        send(&publisher, Tick::new(id).into())?;
        let answer = receive(&subscriber)?;
        times.push(start.elapsed().as_nanos());
        assert_eq!(answer.id, id, "answers come in the order of requests");
    }
    answering.join().map_err(|_| "the other side panicked")??;
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    let more = format!(",\"p50\":{},\"p90\":{},\"p99\":{}", at(0.5), at(0.9), at(0.99));
    report(count, times.iter().sum(), &more);
    Ok(())
}
