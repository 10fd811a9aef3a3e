//! The conformance program of `spec/conformance.md`, for the Rust peer.

use std::collections::HashMap;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rondo_ring::{
    Consumer, ConsumerOptions, Directory, Error, Message, Producer, ProducerOptions, RingOptions,
    RingSpec, Schema, Segment, SlabRef, Topology, Waiting,
};

/// How long attaching is tried.
const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(1);

type Failure = Box<dyn std::error::Error>;

/// `conformance.Message`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Sample {
    producer: u32,
    sequence: u32,
    value: f64,
    big: u64,
    side: u8,
    tags: u8,
    symbol: [u8; 8],
    small: i16,
    pair: [f32; 2],
    note: SlabRef,
    data: SlabRef,
    padding: [u8; 4],
}

// SAFETY: `repr(C)`, numbers and arrays of them at the offsets of the schema, padding declared.
unsafe impl Message for Sample {
    const SCHEMA: Schema = Schema::new(
        "rondo-struct 1\nname conformance.Message\nfield producer u32 0\nfield sequence u32 4\n\
         field value f64 8\nfield big u64 16\nfield side enum:u8(buy,sell) 24\n\
         field tags flags:u8(a,b,c) 25\nfield symbol text[8] 26\nfield small i16 34\n\
         field pair array[2](f32) 36\nfield note slab:text 44\nfield data slab:bytes 52\n\
         size 64 align 8\n",
    );
}

fn mix(mut h: u32) -> u32 {
    h ^= h >> 16;
    h = h.wrapping_mul(0x85EB_CA6B);
    h ^= h >> 13;
    h = h.wrapping_mul(0xC2B2_AE35);
    h ^ (h >> 16)
}

/// A message with its pieces as they must be.
struct Content {
    message: Sample,
    note: String,
    data: Vec<u8>,
}

impl Content {
    fn new(producer: u32, sequence: u32) -> Self {
        let x = mix(producer.wrapping_mul(0x9E37_79B1).wrapping_add(sequence));
        let mut symbol = [0; 8];
        let digits = (x % 10_000_000).to_string();
        symbol[..digits.len()].copy_from_slice(digits.as_bytes());
        let big = u64::from(x).wrapping_mul(4_294_967_291).wrapping_add(u64::from(sequence));
        let message = Sample {
            producer,
            sequence,
            value: f64::from(x >> 8) / 256.0,
            big,
            side: (x & 1) as u8,
            tags: (x >> 1 & 7) as u8,
            symbol,
            small: x as u16 as i16,
            // Subtracted from 0, so that 0 stays without a sign.
            pair: [(x & 255) as f32, 0.0 - (x >> 8 & 255) as f32 / 2.0],
            note: SlabRef::default(),
            data: SlabRef::default(),
            padding: [0; 4],
        };
        let note = format!("{}{sequence}", "é".repeat((x % 5) as usize));
        let data = (0..x % 97).map(|i| x.wrapping_add(i) as u8).collect();
        Self { message, note, data }
    }

    /// What of a message and its pieces is not as it must be.
    fn difference(&self, got: &Sample, note: &str, data: &[u8]) -> Option<&'static str> {
        let must = &self.message;
        let fields = [
            ("value", must.value == got.value),
            ("big", must.big == got.big),
            ("side", must.side == got.side),
            ("tags", must.tags == got.tags),
            ("symbol", must.symbol == got.symbol),
            ("small", must.small == got.small),
            ("pair", must.pair == got.pair),
            ("note", self.note == note),
            ("data", self.data == data),
        ];
        fields.iter().find(|(_, same)| !same).map(|(name, _)| *name)
    }
}

/// Whether a wait may go on: a peer's death ends nothing, a successor may come.
fn waited(result: Result<bool, Error>) -> Result<(), Error> {
    match result {
        Ok(_) | Err(Error::PeerDied) => Ok(()),
        Err(error) => Err(error),
    }
}

fn put(producer: &mut Producer<Sample>, bytes: &[u8]) -> Result<SlabRef, Error> {
    loop {
        if let Some(reference) = producer.put(bytes)? {
            return Ok(reference);
        }
        waited(producer.wait_for_slab(bytes.len() as u32, None))?;
    }
}

fn push(producer: &mut Producer<Sample>, content: &Content) -> Result<(), Error> {
    let mut message = content.message;
    message.note = put(producer, content.note.as_bytes())?;
    message.data = put(producer, &content.data)?;
    while !producer.try_push(&message)? {
        waited(producer.wait(None))?;
    }
    Ok(())
}

/// Checks messages as they come.
struct Checker {
    /// Sequences grow by 1.
    strict: bool,
    next: HashMap<u32, u32>,
}

impl Checker {
    fn check(&mut self, consumer: &Consumer<Sample>, got: &Sample) -> Result<Content, Failure> {
        let content = Content::new(got.producer, got.sequence);
        let (note, data) = (consumer.text(got.note)?, consumer.bytes(got.data)?);
        let who = format!("message {} of producer {}", got.sequence, got.producer);
        if let Some(field) = content.difference(got, &note, &data) {
            return Err(format!("{who}: {field} is not as it must be").into());
        }
        if let Some(next) = self.next.get(&got.producer).copied() {
            let follows = if self.strict { got.sequence == next } else { got.sequence >= next };
            if !follows {
                return Err(format!("{who}: {next} was to follow").into());
            }
        }
        self.next.insert(got.producer, got.sequence.wrapping_add(1));
        Ok(content)
    }
}

struct Arguments(Vec<(String, String)>);

impl Arguments {
    fn parse() -> Result<Self, Failure> {
        let mut rest = std::env::args().skip(1);
        let mut options = Vec::new();
        while let Some(name) = rest.next() {
            let value = rest.next().ok_or_else(|| format!("{name} needs a value"))?;
            options.push((name, value));
        }
        Ok(Self(options))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(option, _)| option == name).map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str, or: u32) -> Result<u32, Failure> {
        Ok(self.get(name).map_or(Ok(or), str::parse)?)
    }

    fn waiting(&self) -> Waiting {
        match self.get("--wait") {
            Some("spin") => Waiting::spinning(),
            Some("sleep") => Waiting::sleeping(),
            _ => Waiting::default(),
        }
    }

    fn rings(&self) -> Result<Vec<RingSpec>, Failure> {
        let creates = self.0.iter().filter(|(option, _)| option == "--create");
        creates.map(|(_, shape)| ring_spec(shape)).collect()
    }

    fn segment(&self) -> Result<Segment, Failure> {
        if let Some(descriptor) = self.get("--descriptor") {
            // SAFETY: the caller has made the child inherit it, and nothing here closes it.
            let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor.parse()?) };
            return Ok(Segment::attach(descriptor)?);
        }
        let directory = match self.get("--directory") {
            Some(path) => Directory::at(Path::new(path))?,
            None => Directory::of_user()?,
        };
        let name = self.get("--name").ok_or("--name or --descriptor is needed")?;
        let rings = self.rings()?;
        if !rings.is_empty() {
            return Ok(Segment::create_named(&directory, name, &rings)?);
        }
        let start = Instant::now();
        loop {
            match Segment::open(&directory, name) {
                Err(Error::NotFound(_)) if start.elapsed() < PATIENCE => sleep(POLL),
                result => return Ok(result?),
            }
        }
    }

    fn producer(&self, segment: &Segment, ring: usize) -> Result<Producer<Sample>, Failure> {
        let publish_every = self.number("--batch", 1)?;
        let options = ProducerOptions { publish_every, waiting: self.waiting() };
        Ok(segment.producer(ring, options)?)
    }

    fn consumer(&self, segment: &Segment, ring: usize) -> Result<Consumer<Sample>, Failure> {
        Ok(segment.consumer(ring, ConsumerOptions { waiting: self.waiting() })?)
    }
}

fn ring_spec(shape: &str) -> Result<RingSpec, Failure> {
    let (topology, sizes) = shape.split_once(',').ok_or("--create needs six values")?;
    let sizes: Vec<u32> = sizes.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let [lossy, lanes, consumers, slots, slab_bytes] = sizes[..] else {
        return Err("--create needs six values".into());
    };
    let topology = match topology {
        "spsc" => Topology::Spsc,
        "mpsc" => Topology::Mpsc,
        "mpmc" => Topology::Mpmc,
        "broadcast" => Topology::Broadcast,
        _ => return Err("the topology is spsc, mpsc, mpmc or broadcast".into()),
    };
    let options = RingOptions { topology, lossy: lossy == 1, lanes, consumers, slots, slab_bytes };
    Ok(RingSpec::new::<Sample>(options)?)
}

fn produce(arguments: &Arguments, segment: &Segment, ring: usize) -> Result<String, Failure> {
    let count = arguments.number("--count", 1000)?;
    let id = arguments.number("--id", 0)?;
    let peers = arguments.number("--peers", 0)?;
    let mut producer = arguments.producer(segment, ring)?;
    while segment.status(ring)?.consumers < peers {
        producer.admit();
        sleep(POLL);
    }
    for sequence in 0..count {
        push(&mut producer, &Content::new(id, sequence))?;
    }
    producer.flush();
    let full = producer.counters().full;
    producer.close();
    Ok(format!("sent {count} full {full}"))
}

fn consume(arguments: &Arguments, segment: &Segment, ring: usize) -> Result<String, Failure> {
    let batch = arguments.number("--batch", 64)? as usize;
    let mut consumer = arguments.consumer(segment, ring)?;
    let geometry = segment.status(ring)?.geometry;
    let strict = !geometry.lossy && geometry.topology != Topology::Mpmc;
    let mut checker = Checker { strict, next: HashMap::new() };
    let mut received = 0;
    let mut messages = Vec::new();
    loop {
        messages.clear();
        match consumer.pop_batch(&mut messages, batch) {
            Ok(0) => match waited(consumer.wait(None)) {
                Err(Error::Ended) => break,
                result => result?,
            },
            Ok(_) => {}
            Err(Error::Ended) => break,
            Err(error) => return Err(error.into()),
        }
        for message in &messages {
            checker.check(&consumer, message)?;
            received += 1;
        }
    }
    Ok(format!("received {received} lost {}", consumer.lost()))
}

/// The next message; `None` at the end.
fn next(consumer: &mut Consumer<Sample>) -> Result<Option<Sample>, Error> {
    loop {
        match consumer.pop(None) {
            Ok(Some(message)) => return Ok(Some(message)),
            Ok(None) | Err(Error::PeerDied) => {}
            Err(Error::Ended) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

fn ask(arguments: &Arguments, segment: &Segment) -> Result<String, Failure> {
    let count = arguments.number("--count", 1000)?;
    let id = arguments.number("--id", 0)?;
    let mut requests = arguments.producer(segment, 0)?;
    let mut answers = arguments.consumer(segment, 1)?;
    let mut checker = Checker { strict: true, next: HashMap::new() };
    for sequence in 0..count {
        push(&mut requests, &Content::new(id, sequence))?;
        requests.flush();
        let answer = next(&mut answers)?.ok_or("the server ended before its last answer")?;
        checker.check(&answers, &answer)?;
        if answer.sequence != sequence || answer.producer != id {
            return Err(format!("request {sequence} got the answer {}", answer.sequence).into());
        }
    }
    requests.close();
    Ok(format!("answered {count}"))
}

fn serve(arguments: &Arguments, segment: &Segment) -> Result<String, Failure> {
    let mut requests = arguments.consumer(segment, 0)?;
    let mut answers = arguments.producer(segment, 1)?;
    let mut checker = Checker { strict: true, next: HashMap::new() };
    let mut served = 0;
    while let Some(request) = next(&mut requests)? {
        let content = checker.check(&requests, &request)?;
        push(&mut answers, &content)?;
        answers.flush();
        served += 1;
    }
    answers.close();
    Ok(format!("served {served}"))
}

fn run() -> Result<String, Failure> {
    let arguments = Arguments::parse()?;
    let segment = arguments.segment()?;
    let ring = arguments.number("--ring", 0)? as usize;
    match arguments.get("--role") {
        Some("producer") => produce(&arguments, &segment, ring),
        Some("consumer") => consume(&arguments, &segment, ring),
        Some("client") => ask(&arguments, &segment),
        Some("server") => serve(&arguments, &segment),
        _ => Err("--role is producer, consumer, client or server".into()),
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
