//! A side of a ring that does what it is told, line by line: for tests that kill it at each of its
//! writes. The ops are those of `test/ring/steps/actor.ts`, which says what each one does and
//! reports; `churn` makes, joins and leaves rings until it is killed.

use std::io::{self, BufRead, Write};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::Duration;

use rondo_ring::{
    Consumer, ConsumerOptions, Directory, Error, Message, Producer, ProducerOptions, RingOptions,
    RingSpec, Schema, Segment, SlabRef, Topology, Waiting,
};

type Failure = Box<dyn std::error::Error>;
type Done = Result<(), Failure>;

/// `steps.Step`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Step {
    producer: u32,
    sequence: u32,
    value: f64,
    check: u32,
    note: SlabRef,
    padding: [u8; 4],
}

// SAFETY: `repr(C)`, numbers at the offsets of the schema, padding declared.
unsafe impl Message for Step {
    const SCHEMA: Schema = Schema::new(
        "rondo-struct 1\nname steps.Step\nfield producer u32 0\nfield sequence u32 4\n\
         field value f64 8\nfield check u32 16\nfield note slab:text 20\nsize 32 align 8\n",
    );
}

fn mix(producer: u32, sequence: u32) -> u32 {
    let mut h = producer.wrapping_add(1).wrapping_mul(0x9E37_79B1)
        ^ sequence.wrapping_add(1).wrapping_mul(0x85EB_CA6B);
    h = (h ^ h >> 15).wrapping_mul(0xC2B2_AE35);
    h ^ h >> 13
}

/// Message `sequence` of a producer, and its note.
fn step_of(producer: u32, sequence: u32) -> (Step, String) {
    let check = mix(producer, sequence);
    let letter = char::from(b'a' + (check % 26) as u8);
    let head: String =
        format!("{}é", sequence % 10).chars().take(1 + (check & 1) as usize).collect();
    let tail: String = std::iter::repeat_n(letter, (check >> 8) as usize % 8).collect();
    let (value, note, padding) = (f64::from(check) / 8.0, SlabRef::default(), [0; 4]);
    (Step { producer, sequence, value, check, note, padding }, head + &tail)
}

/// Told at once, even if this process is killed right afterwards.
fn tell(what: &str) {
    let mut out = io::stdout().lock();
    // Who listened no more has ended the test.
    let _ = writeln!(out, "{what}").and_then(|()| out.flush());
}

fn saw(consumer: &Consumer<Step>, got: &Step) -> Done {
    let (wanted, note) = step_of(got.producer, got.sequence);
    let read = consumer.text(got.note)?;
    if got.check != wanted.check || got.value.to_bits() != wanted.value.to_bits() || read != note {
        let who = format!("message {} of producer {}", got.sequence, got.producer);
        return Err(format!("{who} is torn: {read} must be {note}").into());
    }
    tell(&format!("got {} {}", got.producer, got.sequence));
    Ok(())
}

/// What came of a wait.
fn tell_wait(result: Result<bool, Error>) -> Done {
    tell(match result {
        Ok(true) => "ready",
        Ok(false) => "timeout",
        Err(Error::Ended) => "ended",
        Err(Error::PeerDied) => "died",
        Err(error) => return Err(error.into()),
    });
    Ok(())
}

fn spec_of(shape: &str) -> Result<RingSpec, Failure> {
    let mut parts = shape.split(',');
    let topology = match parts.next() {
        Some("spsc") => Topology::Spsc,
        Some("mpsc") => Topology::Mpsc,
        Some("mpmc") => Topology::Mpmc,
        Some("broadcast") => Topology::Broadcast,
        _ => return Err("there is no such topology".into()),
    };
    let sizes: Vec<u32> = parts.map(str::parse).collect::<Result<_, _>>()?;
    let [lossy, lanes, consumers, slots, slab_bytes] = sizes[..] else {
        return Err("a shape has six parts".into());
    };
    let options = RingOptions { topology, lossy: lossy == 1, lanes, consumers, slots, slab_bytes };
    Ok(RingSpec::new::<Step>(options)?)
}

#[derive(Default)]
struct Actor {
    // The roles go before the segment, as a program would let them go.
    producer: Option<Producer<Step>>,
    consumer: Option<Consumer<Step>>,
    segment: Option<Segment>,
    id: u32,
    next: u32,
    /// The note of a message that is half made.
    half: SlabRef,
}

impl Actor {
    fn run(&mut self, line: &str) -> Done {
        for op in line.split(' ') {
            let mut parts = op.split(':');
            let name = parts.next().unwrap_or_default();
            let values: Vec<&str> = parts.collect();
            let count = values.first().and_then(|value| value.parse().ok()).unwrap_or(1);
            if !self.join(name, &values, count)? && !self.produce(name, count)? {
                self.consume(name, count)?;
            }
        }
        // A line is a turn: what was pushed is published at its end.
        self.producer.iter_mut().for_each(Producer::flush);
        Ok(())
    }

    fn segment(&self) -> Result<&Segment, Failure> {
        Ok(self.segment.as_ref().ok_or("nothing was joined")?)
    }

    fn lane(&mut self) -> Result<&mut Producer<Step>, Failure> {
        Ok(self.producer.as_mut().ok_or("there is no producer")?)
    }

    fn take_lane(&mut self, ring: usize, publish_every: u32) -> Done {
        let options = ProducerOptions { publish_every, waiting: Waiting::sleeping() };
        self.producer = Some(self.segment()?.producer(ring, options)?);
        Ok(())
    }

    fn take_place(&mut self, ring: usize) -> Done {
        let options = ConsumerOptions { waiting: Waiting::sleeping() };
        self.consumer = Some(self.segment()?.consumer(ring, options)?);
        Ok(())
    }

    /// Ops of joining and leaving; whether it was one.
    fn join(&mut self, name: &str, values: &[&str], number: u32) -> Result<bool, Failure> {
        match (name, values) {
            ("create", &[name, directory, shape]) => {
                let directory = Directory::at(Path::new(directory))?;
                self.segment = Some(Segment::create_named(&directory, name, &[spec_of(shape)?])?);
            }
            ("open", &[name, directory]) => {
                let directory = Directory::at(Path::new(directory))?;
                self.segment = Some(Segment::open(&directory, name)?);
            }
            ("fd" | "channel", &[descriptor]) => {
                // SAFETY: the caller has made this process inherit it, and nothing closes it.
                let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor.parse()?) };
                self.segment = Some(Segment::attach(descriptor)?);
            }
            // Here all writes count.
            ("arm", _) => {}
            ("as", _) => self.id = number,
            ("from", _) => self.next = number,
            ("producer", _) => self.take_lane(0, number)?,
            ("consumer", _) => self.take_place(0)?,
            ("client", _) => self.take_place(1).and_then(|()| self.take_lane(0, 1))?,
            ("server", _) => self.take_place(0).and_then(|()| self.take_lane(1, 1))?,
            ("close", _) => {
                if let Some(producer) = self.producer.take() {
                    producer.close();
                }
                if let Some(consumer) = self.consumer.take() {
                    consumer.close();
                }
            }
            ("detach", _) => {
                if let Some(producer) = self.producer.take() {
                    producer.detach();
                }
                if let Some(consumer) = self.consumer.take() {
                    consumer.detach();
                }
            }
            ("leave", _) => *self = Self::default(),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Ops of a producer; whether it was one.
    fn produce(&mut self, name: &str, count: u32) -> Result<bool, Failure> {
        match name {
            "push" | "many" => (0..count).try_for_each(|_| self.push())?,
            "write" | "full" => self.push()?,
            "claim" => self.claim(true)?,
            "abort" => self.claim(false)?,
            "half" => {
                let (_, note) = step_of(self.id, self.next);
                let piece = self.lane()?.put(note.as_bytes())?;
                self.half = piece.ok_or("there is no room for a note")?;
            }
            "whole" => {
                let (message, _) = step_of(self.id, self.next);
                let note = self.half;
                let pushed = self.lane()?.try_push(&Step { note, ..message })?;
                self.pushed(pushed);
            }
            "flush" => self.lane()?.flush(),
            "room" => tell_wait(self.lane()?.wait(None))?,
            "lack" => tell_wait(self.lane()?.wait(Some(Duration::ZERO)))?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn pushed(&mut self, pushed: bool) {
        self.next += u32::from(pushed);
        tell(if pushed { "pushed" } else { "full" });
    }

    fn push(&mut self) -> Done {
        let (mut message, note) = step_of(self.id, self.next);
        let producer = self.lane()?;
        let reference = producer.put(note.as_bytes());
        let pushed = match reference {
            Ok(Some(reference)) => {
                message.note = reference;
                producer.try_push(&message)
            }
            Ok(None) => Ok(false),
            Err(error) => Err(error),
        };
        match pushed {
            Ok(pushed) => {
                if !pushed {
                    producer.abort();
                }
                self.pushed(pushed);
            }
            Err(Error::Closed) => tell("closed"),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn claim(&mut self, commits: bool) -> Done {
        let (message, note) = step_of(self.id, self.next + u32::from(!commits));
        let mut slot = self.lane()?.claim()?.ok_or("there is no room")?;
        let reference = slot.put(note.as_bytes())?.ok_or("there is no room for a note")?;
        *slot = Step { note: reference, ..message };
        if commits {
            slot.commit()?;
            self.pushed(true);
        }
        Ok(())
    }

    /// Ops of a consumer.
    fn consume(&mut self, name: &str, count: u32) -> Done {
        let consumer = self.consumer.as_mut().ok_or_else(|| format!("there is no op {name}"))?;
        match name {
            "pop" | "each" | "peek" => {
                for _ in 0..count {
                    match consumer.try_pop() {
                        Ok(Some(message)) => saw(consumer, &message)?,
                        Ok(None) | Err(Error::Ended) => break,
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            "drain" => {
                let mut messages = Vec::new();
                match consumer.pop_batch(&mut messages, count as usize) {
                    Ok(_) | Err(Error::Ended) => {}
                    Err(error) => return Err(error.into()),
                }
                messages.iter().try_for_each(|message| saw(consumer, message))?;
            }
            "release" => consumer.release(),
            "ready" => tell_wait(consumer.wait(None))?,
            "look" => tell_wait(consumer.wait(Some(Duration::ZERO)))?,
            "over" => {
                let ended = matches!(consumer.wait(Some(Duration::ZERO)), Err(Error::Ended));
                tell(if ended { "ended" } else { "open" });
            }
            "answer" => {
                if let Some(message) = consumer.try_pop()? {
                    saw(consumer, &message)?;
                    (self.id, self.next) = (message.producer, message.sequence);
                    self.push()?;
                    self.lane()?.flush();
                    self.consumer.iter_mut().for_each(Consumer::release);
                }
            }
            _ => return Err(format!("there is no op {name}").into()),
        }
        Ok(())
    }
}

/// Makes a ring or opens it, joins it on both sides, leaves it; for ever.
fn churn(directory: &str) -> Done {
    let directory = Directory::at(Path::new(directory))?;
    tell(".");
    for round in 0_u32.. {
        let name = format!("churn-{}", round % 3);
        let segment = match Segment::create_named(&directory, &name, &[spec_of("mpsc,0,4,1,4,64")?])
        {
            Ok(segment) => segment,
            Err(Error::Exists(_)) => match Segment::open(&directory, &name) {
                Ok(segment) => segment,
                // Its creator was killed, or left.
                Err(Error::NotFound(_)) => continue,
                Err(error) => return Err(error.into()),
            },
            Err(error) => return Err(error.into()),
        };
        match segment.producer::<Step>(0, ProducerOptions::default()) {
            Ok(mut producer) => {
                if let Some(slot) = producer.claim()? {
                    slot.commit()?;
                }
            }
            Err(Error::RoleTaken(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, directory] = &arguments[..]
        && command == "churn"
        && let Err(error) = churn(directory)
    {
        eprintln!("{error}");
        std::process::exit(1);
    }
    let mut actor = Actor::default();
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        match actor.run(&line) {
            Ok(()) => tell("."),
            Err(error) => {
                let code = error.downcast_ref().map_or("", Error::code);
                tell(&format!("! {code} {error}"));
            }
        }
    }
}
