//! The matching engine of the example exchange, behind a channel of Rondo's rings.
//!
//! ```text
//! exchange-engine --name NAME --journal FILE --symbols A,B,… [--directory DIR] [--max-age-ms MS]
//! ```
//!
//! One thread: it takes the commands that are there, carries them out, writes what was accepted to
//! the journal, and only then answers and gives the commands' slots back. So what was acknowledged
//! is on the disk, and what was not is given to the successor again, who knows by the reference
//! what was carried out before. It may be killed at any time, and needs no other way to end.

mod book;
mod exchange;
mod journal;
#[rustfmt::skip]
mod schema;

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, error, io};

use rondo_ring::{
    Consumer, ConsumerOptions, Directory, Error, Message, Producer, ProducerOptions, Segment,
};

use exchange::{Effect, Exchange, Output};
use journal::{Entry, Journal};
use schema::fields::Text;
use schema::{Command, MarketEvent, Report};

type Failure = Box<dyn error::Error>;

/// Commands that are carried out and synced together.
const BATCH: usize = 512;
/// How long a predecessor may take to be gone, or the gateway to make the rings.
const PATIENCE: Duration = Duration::from_secs(5);
const REQUESTS: usize = 0;
const RESPONSES: usize = 1;

struct Settings {
    name: String,
    journal: PathBuf,
    directory: Option<PathBuf>,
    symbols: Vec<Text<8>>,
    /// How old a new order may be when it is taken, in ms.
    max_age: u64,
}

struct Rings {
    commands: Consumer<Command>,
    reports: Producer<Report>,
    market: Producer<MarketEvent>,
}

fn main() -> ExitCode {
    match settings(env::args().skip(1)).and_then(|settings| run(&settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("exchange-engine: {error}");
            ExitCode::FAILURE
        }
    }
}

fn settings(mut words: impl Iterator<Item = String>) -> Result<Settings, Failure> {
    let mut settings = Settings {
        name: String::new(),
        journal: PathBuf::new(),
        directory: None,
        symbols: Vec::new(),
        max_age: 5000,
    };
    while let Some(flag) = words.next() {
        let value = words.next().ok_or_else(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--name" => settings.name = value,
            "--journal" => settings.journal = value.into(),
            "--directory" => settings.directory = Some(value.into()),
            "--max-age-ms" => settings.max_age = value.parse()?,
            "--symbols" => {
                let symbols = value.split(',').map(Text::new).collect::<Result<_, _>>();
                settings.symbols = symbols.map_err(|error| format!("{value}: {error}"))?;
            }
            _ => return Err(format!("there is no flag {flag}").into()),
        }
    }
    if settings.name.is_empty() || settings.journal.as_os_str().is_empty() {
        return Err("it needs --name, --journal and --symbols".into());
    }
    Ok(settings)
}

fn run(settings: &Settings) -> Result<(), Failure> {
    // The roles first: they are the lock on the journal.
    let mut rings = join(settings)?;
    let mut exchange = Exchange::new(&settings.symbols);
    let mut output = Output::default();
    let mut journal = Journal::open(&settings.journal, |Entry { time, command }| {
        let effect = exchange.handle(command, *time, 0, &mut output);
        // What was said then was said then, or is asked for again.
        output.reports.clear();
        output.events.clear();
        match effect {
            Effect::Changed => Ok(()),
            Effect::None => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "Cannot use the journal: it has a command that cannot be carried out",
            )),
        }
    })?;
    exchange.begin(&mut output);
    rings.answer(&mut output)?;
    println!("ready: {} commands replayed", journal.len());

    let mut batch = Vec::with_capacity(BATCH);
    loop {
        match rings.commands.pop_batch(&mut batch, BATCH) {
            Ok(0) => match rings.commands.wait(None) {
                // The gateway's successor will come.
                Ok(_) | Err(Error::PeerDied) => continue,
                Err(Error::Ended) => return Ok(()),
                Err(error) => return Err(error.into()),
            },
            Ok(_) => {}
            Err(Error::Ended) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let time = now();
        let oldest = time.saturating_sub(settings.max_age);
        for command in batch.drain(..) {
            if exchange.handle(&command, time, oldest, &mut output) == Effect::Changed {
                journal.append(&Entry { time, command });
            }
        }
        journal.sync()?;
        rings.answer(&mut output)?;
        rings.commands.release();
    }
}

impl Rings {
    /// Says what there is to say. Market data is never waited for; reports are.
    fn answer(&mut self, output: &mut Output) -> Result<(), Failure> {
        for event in output.events.drain(..) {
            self.market.try_push(&event)?;
        }
        self.market.flush();
        for report in output.reports.drain(..) {
            push(&mut self.reports, &report)?;
        }
        self.reports.flush();
        Ok(())
    }
}

/// Waits for room, also for that which the gateway's successor makes.
fn push<T: Message>(producer: &mut Producer<T>, message: &T) -> Result<(), Failure> {
    loop {
        match producer.push(message, None) {
            Ok(_) => return Ok(()),
            Err(Error::PeerDied) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn join(settings: &Settings) -> Result<Rings, Failure> {
    let directory = match &settings.directory {
        Some(path) => Directory::at(path)?,
        None => Directory::of_user()?,
    };
    let end = Instant::now() + PATIENCE;
    loop {
        match try_join(settings, &directory) {
            Err(Error::NotFound(_) | Error::RoleTaken(_)) if Instant::now() < end => {
                thread::sleep(Duration::from_millis(10));
            }
            joined => return Ok(joined?),
        }
    }
}

fn try_join(settings: &Settings, directory: &Directory) -> rondo_ring::Result<Rings> {
    let channel = Segment::open(directory, &settings.name)?;
    let market = Segment::open(directory, &format!("{}.market", settings.name))?;
    let options = |publish_every| ProducerOptions { publish_every, ..Default::default() };
    Ok(Rings {
        commands: channel.consumer(REQUESTS, ConsumerOptions::default())?,
        reports: channel.producer(RESPONSES, options(64))?,
        market: market.producer(0, options(64))?,
    })
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(0)
}
