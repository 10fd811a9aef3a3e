//! Ends of the rings for measurements, and measurements of Rust against Rust.
//!
//! ```text
//! bench produce|consume|ping|pong --directory D --name N [--create] [--count N]
//!       [--publish-every B] [--cpu C] [--slots S] [--wait spin|sleep|both]
//! bench native    [--count N] [--publish-every B] [--slots S]     two threads, SPSC
//! bench single    [--count N] [--publish-every B] [--slots S]     one thread, in turns
//! bench latency   [--count N] [--wait …]                          two threads, round trips
//! bench mpsc|mpmc|broadcast [--count N] [--threads T] [--publish-every B]
//! ```
//!
//! `produce` and `consume` are the ends of an SPSC ring of `bench.Tick`; `ping` sends on ring 0
//! of a channel and awaits the answer on ring 1, `pong` answers. Each prints one line of JSON.
//! The message, which others declare by the same text:
//!
//! ```text
//! rondo-struct 1
//! name bench.Tick
//! field id safe:u64 0
//! field price f64 8
//! field quantity u32 16
//! field flags u32 20
//! field time f64 24
//! size 32 align 8
//! ```

use std::collections::HashMap;
use std::ffi::c_int;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use rondo_ring::{
    Consumer, ConsumerOptions, Directory, Error, Message, Producer, ProducerOptions, RingOptions,
    RingSpec, Schema, Segment, Waiting,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// `bench.Tick`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
struct Tick {
    id: u64,
    price: f64,
    quantity: u32,
    flags: u32,
    time: f64,
}

// SAFETY: `repr(C)`, numbers where the schema says, no padding.
unsafe impl Message for Tick {
    const SCHEMA: Schema = Schema::new(
        "rondo-struct 1\nname bench.Tick\nfield id safe:u64 0\nfield price f64 8\n\
         field quantity u32 16\nfield flags u32 20\nfield time f64 24\nsize 32 align 8\n",
    );
}

impl Tick {
    fn new(id: u64) -> Self {
        let low = id as u32;
        Self { id, price: id as f64, quantity: low, flags: low & 7, time: 0.5 }
    }

    /// Reads every field.
    fn sum(&self) -> f64 {
        self.id as f64 + self.price + f64::from(self.quantity) + f64::from(self.flags) + self.time
    }
}

unsafe extern "C" {
    fn sched_setaffinity(process: c_int, bytes: usize, mask: *const u64) -> c_int;
}

/// Keeps the calling thread on one processor.
fn pin(cpu: usize) {
    let mut mask = [0u64; 16];
    mask[cpu / 64 % 16] = 1 << (cpu % 64);
    // SAFETY: the mask has the size that is given; 0 is the calling thread. Failing is harmless.
    unsafe { sched_setaffinity(0, size_of_val(&mask), mask.as_ptr()) };
}

#[derive(Clone)]
struct Arguments {
    mode: String,
    options: HashMap<String, String>,
}

impl Arguments {
    fn parse() -> Result<Self, Failure> {
        let mut rest = std::env::args().skip(1).peekable();
        let mode = rest.next().ok_or("a mode is needed: produce, consume, ping, pong, …")?;
        let mut options = HashMap::new();
        while let Some(name) = rest.next() {
            let value = rest.next_if(|value| !value.starts_with("--")).unwrap_or_default();
            options.insert(name, value);
        }
        Ok(Self { mode, options })
    }

    fn number(&self, name: &str, or: u64) -> Result<u64, Failure> {
        Ok(self.options.get(name).map_or(Ok(or), |value| value.parse())?)
    }

    fn small(&self, name: &str, or: u32) -> Result<u32, Failure> {
        Ok(u32::try_from(self.number(name, u64::from(or))?)?)
    }

    fn waiting(&self) -> Waiting {
        match self.options.get("--wait").map(String::as_str) {
            Some("spin") => Waiting::spinning(),
            Some("sleep") => Waiting::sleeping(),
            _ => Waiting::default(),
        }
    }

    fn producing(&self) -> Result<ProducerOptions, Failure> {
        let publish_every = self.small("--publish-every", 1)?;
        Ok(ProducerOptions { publish_every, waiting: self.waiting() })
    }

    fn consuming(&self) -> ConsumerOptions {
        ConsumerOptions { waiting: self.waiting() }
    }

    fn spec(&self) -> Result<RingSpec, Failure> {
        Ok(RingSpec::new::<Tick>(RingOptions::spsc(self.small("--slots", 4096)?))?)
    }

    /// The named segment, made here or by the other side within 10 s.
    fn segment(&self, rings: usize) -> Result<Segment, Failure> {
        let directory = match self.options.get("--directory") {
            Some(path) => Directory::at(Path::new(path))?,
            None => Directory::of_user()?,
        };
        let name = self.options.get("--name").ok_or("--name is needed")?;
        if self.options.contains_key("--create") {
            return Ok(Segment::create_named(&directory, name, &vec![self.spec()?; rings])?);
        }
        let start = Instant::now();
        loop {
            match Segment::open(&directory, name) {
                Err(Error::NotFound(_)) if start.elapsed().as_secs() < 10 => {
                    thread::sleep(Duration::from_millis(1));
                }
                result => return Ok(result?),
            }
        }
    }
}

fn report(mode: &str, count: u64, nanoseconds: u128, more: &str) {
    let rate = count as f64 * 1e3 / nanoseconds.max(1) as f64;
    println!(
        "{{\"mode\":\"{mode}\",\"count\":{count},\"nanoseconds\":{nanoseconds},\
         \"millionsPerSecond\":{rate:.2}{more}}}"
    );
}

/// Pushes `count` messages; returns the time from the first to the last.
fn produce(producer: &mut Producer<Tick>, count: u64) -> Result<u128, Error> {
    let start = Instant::now();
    for id in 0..count {
        let tick = Tick::new(id);
        while !producer.try_push(&tick)? {
            producer.wait(None)?;
        }
    }
    producer.flush();
    Ok(start.elapsed().as_nanos())
}

/// Takes messages until the end, reading all fields; returns how many, and the time from the
/// first to the last.
fn consume(consumer: &mut Consumer<Tick>) -> Result<(u64, u128), Error> {
    let mut sum = 0.0;
    let mut count = 0;
    let mut start = None;
    let mut last = Instant::now();
    loop {
        match consumer.drain(256, |tick| sum += tick.sum()) {
            Ok(0) => {
                last = Instant::now();
                match consumer.wait(None) {
                    Err(Error::Ended) => break,
                    result => result?,
                };
            }
            Ok(taken) => {
                start.get_or_insert_with(Instant::now);
                count += taken as u64;
            }
            Err(Error::Ended) => break,
            Err(error) => return Err(error),
        }
    }
    std::hint::black_box(sum);
    Ok((count, start.map_or(0, |start| (last - start).as_nanos())))
}

/// Both ends on one thread, in turns: what the code costs without caches in between.
fn single(arguments: &Arguments) -> Result<(), Failure> {
    let rounds = arguments.number("--count", 50_000_000)? / 256;
    let segment = Segment::create(&[arguments.spec()?])?;
    let mut producer = segment.producer(0, arguments.producing()?)?;
    let mut consumer = segment.consumer(0, arguments.consuming())?;
    let (mut sum, mut taken) = (0.0, 0);
    let start = Instant::now();
    for round in 0..rounds {
        for id in 0..256 {
            producer.try_push(&Tick::new(round * 256 + id))?;
        }
        producer.flush();
        taken += consumer.drain(256, |tick: &Tick| sum += tick.sum())? as u64;
    }
    std::hint::black_box(sum);
    report("single", taken, start.elapsed().as_nanos(), "");
    Ok(())
}

/// Round trips in nanoseconds, sorted.
fn ping(
    requests: &mut Producer<Tick>,
    answers: &mut Consumer<Tick>,
    count: u64,
) -> Result<Vec<u128>, Error> {
    let mut times = Vec::with_capacity(count as usize);
    for id in 0..count {
        let start = Instant::now();
        requests.push(&Tick::new(id), None)?;
        let answer = answers.pop(None)?.unwrap_or_default();
        times.push(start.elapsed().as_nanos());
        assert_eq!(answer.id, id, "answers come in the order of requests");
    }
    times.sort_unstable();
    Ok(times)
}

fn pong(requests: &mut Consumer<Tick>, answers: &mut Producer<Tick>) -> Result<u64, Error> {
    let mut count = 0;
    loop {
        match requests.pop(None) {
            Ok(Some(tick)) => answers.push(&tick, None)?,
            Ok(None) => true,
            Err(Error::Ended) => return Ok(count),
            Err(error) => return Err(error),
        };
        count += 1;
    }
}

fn report_trips(mode: &str, times: &[u128]) {
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    let (p50, p90, p99) = (at(0.5), at(0.9), at(0.99));
    let more = format!(",\"p50\":{p50},\"p90\":{p90},\"p99\":{p99}");
    report(mode, times.len() as u64, times.iter().sum(), &more);
}

fn native(arguments: &Arguments) -> Result<(), Failure> {
    let count = arguments.number("--count", 50_000_000)?;
    let segment = Segment::create(&[arguments.spec()?])?;
    let mut producer = segment.producer(0, arguments.producing()?)?;
    let mut consumer = segment.consumer(0, arguments.consuming())?;
    let thread = thread::spawn(move || {
        pin(1);
        consume(&mut consumer)
    });
    pin(0);
    produce(&mut producer, count)?;
    producer.close();
    let (taken, time) = thread.join().map_err(|_| "the consumer panicked")??;
    report("native", taken, time, "");
    Ok(())
}

fn latency(arguments: &Arguments) -> Result<(), Failure> {
    let count = arguments.number("--count", 200_000)?;
    let segment = Segment::create(&[arguments.spec()?, arguments.spec()?])?;
    let (producing, consuming) = (arguments.producing()?, arguments.consuming());
    let mut requests = segment.producer(0, producing)?;
    let mut answers = segment.consumer(1, consuming)?;
    let mut served = segment.consumer(0, consuming)?;
    let mut serving = segment.producer(1, producing)?;
    let thread = thread::spawn(move || {
        pin(1);
        pong(&mut served, &mut serving)
    });
    pin(0);
    let times = ping(&mut requests, &mut answers, count)?;
    requests.close();
    thread.join().map_err(|_| "the other side panicked")??;
    report_trips("latency", &times);
    Ok(())
}

fn many(arguments: &Arguments) -> Result<(), Failure> {
    let count = arguments.number("--count", 10_000_000)?;
    let threads = arguments.small("--threads", 4)?;
    let slots = arguments.small("--slots", 4096)?;
    let (producers, consumers, options) = match arguments.mode.as_str() {
        "mpsc" => (threads, 1, RingOptions::mpsc(threads, slots)),
        "mpmc" => (threads, threads, RingOptions::mpmc(threads, threads, slots)),
        _ => (1, threads, RingOptions::broadcast(threads, slots)),
    };
    let segment = Segment::create(&[RingSpec::new::<Tick>(options)?])?;
    let mut writers = Vec::new();
    for _ in 0..producers {
        writers.push(segment.producer::<Tick>(0, arguments.producing()?)?);
    }
    let mut readers = Vec::new();
    for _ in 0..consumers {
        let mut consumer = segment.consumer::<Tick>(0, arguments.consuming())?;
        readers.push(thread::spawn(move || batches(&mut consumer)));
    }
    while segment.status(0)?.consumers < consumers {
        writers[0].admit();
        thread::yield_now();
    }
    let start = Instant::now();
    let share = count / u64::from(producers);
    let writers: Vec<_> = writers
        .into_iter()
        .map(|mut writer| {
            thread::spawn(move || {
                let time = produce(&mut writer, share);
                writer.close();
                time
            })
        })
        .collect();
    for writer in writers {
        writer.join().map_err(|_| "a producer panicked")??;
    }
    let mut taken = 0;
    for reader in readers {
        taken += reader.join().map_err(|_| "a consumer panicked")??;
    }
    let more = format!(",\"producers\":{producers},\"consumers\":{consumers}");
    report(&arguments.mode, taken, start.elapsed().as_nanos(), &more);
    Ok(())
}

/// Takes messages in batches until the end.
fn batches(consumer: &mut Consumer<Tick>) -> Result<u64, Error> {
    let mut ticks = Vec::with_capacity(256);
    let (mut sum, mut count) = (0.0, 0);
    loop {
        ticks.clear();
        match consumer.pop_batch(&mut ticks, 256) {
            Ok(0) => match consumer.wait(None) {
                Err(Error::Ended) => break,
                result => drop(result?),
            },
            Ok(taken) => {
                count += taken as u64;
                sum += ticks.iter().map(Tick::sum).sum::<f64>();
            }
            Err(Error::Ended) => break,
            Err(error) => return Err(error),
        }
    }
    std::hint::black_box(sum);
    Ok(count)
}

fn run() -> Result<(), Failure> {
    let arguments = Arguments::parse()?;
    if let Some(cpu) = arguments.options.get("--cpu") {
        pin(cpu.parse()?);
    }
    let (producing, consuming) = (arguments.producing()?, arguments.consuming());
    match arguments.mode.as_str() {
        "produce" => {
            let count = arguments.number("--count", 10_000_000)?;
            let mut producer = arguments.segment(1)?.producer(0, producing)?;
            while !producer.wait(None)? {}
            let time = produce(&mut producer, count)?;
            producer.close();
            report("produce", count, time, "");
        }
        "consume" => {
            let (count, time) = consume(&mut arguments.segment(1)?.consumer(0, consuming)?)?;
            report("consume", count, time, "");
        }
        "ping" => {
            let segment = arguments.segment(2)?;
            let mut requests = segment.producer(0, producing)?;
            let mut answers = segment.consumer(1, consuming)?;
            let count = arguments.number("--count", 200_000)?;
            let times = ping(&mut requests, &mut answers, count)?;
            requests.close();
            report_trips("ping", &times);
        }
        "pong" => {
            let segment = arguments.segment(2)?;
            let mut requests = segment.consumer(0, consuming)?;
            let start = Instant::now();
            let count = pong(&mut requests, &mut segment.producer(1, producing)?)?;
            report("pong", count, start.elapsed().as_nanos(), "");
        }
        "native" => native(&arguments)?,
        "single" => single(&arguments)?,
        "latency" => latency(&arguments)?,
        "mpsc" | "mpmc" | "broadcast" => many(&arguments)?,
        mode => return Err(format!("there is no mode {mode}").into()),
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
