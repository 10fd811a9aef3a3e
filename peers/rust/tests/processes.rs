//! Two processes: names, descriptors, deaths and successors. The other process is this test
//! program again, told by its environment what to do.

use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, fs, process};

use rondo_ring::{
    ConsumerOptions, Directory, Error, Message, ProducerOptions, Record, RingOptions, RingSpec,
    Segment, SlabRef,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A directory for one test, removed at its end.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        use std::os::unix::fs::DirBuilderExt;
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("rondo-ring-{}-{number}", process::id()));
        fs::DirBuilder::new().mode(0o700).create(&path).expect("a new directory");
        Self(path)
    }

    fn directory(&self) -> Directory {
        Directory::at(&self.0).expect("mode 0700")
    }

    fn child(&self, role: &str) -> Kid {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.args(["--exact", "other_process", "--nocapture"]);
        command.env("RONDO_RING_ROLE", role).env("RONDO_RING_PLACE", &self.0);
        Kid(command.stdout(Stdio::null()).spawn().expect("a child"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A child that does not outlive its test.
struct Kid(Child);

impl Kid {
    fn kill(mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it ends");
    }

    fn finish(mut self) {
        assert!(self.0.wait().expect("it ends").success());
    }
}

impl Drop for Kid {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn record(kind: u32) -> Record {
    Record { kind, payload: SlabRef::default() }
}

fn specs(options: RingOptions) -> Vec<RingSpec> {
    vec![RingSpec::new::<Record>(options).expect("sizes within their limits")]
}

/// Waits for what another process does.
fn until(mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < PATIENCE, "it did not happen");
        sleep(Duration::from_millis(1));
    }
}

/// What the other process does.
#[test]
fn other_process() {
    let Ok(role) = env::var("RONDO_RING_ROLE") else { return };
    let place = env::var("RONDO_RING_PLACE").expect("the parent sets it");
    let directory = Directory::at(Path::new(&place)).expect("the parent's");
    let open = || Segment::open(&directory, "ring").expect("the parent holds it");
    match role.as_str() {
        "count to 5 and hang" => {
            let segment = open();
            let options = ProducerOptions { publish_every: 5, ..Default::default() };
            let mut producer = segment.producer::<Record>(0, options).expect("a lane");
            for kind in 0..8 {
                assert!(producer.try_push(&record(kind)).expect("room"));
            }
            sleep(PATIENCE);
        }
        "consume 2 and hang" => {
            let segment = open();
            let mut consumer =
                segment.consumer::<Record>(0, ConsumerOptions::default()).expect("a place");
            let first = consumer.pop(None).expect("open").map(|got| got.kind);
            assert_eq!(first, Some(0));
            consumer.release();
            consumer.pop(None).expect("open");
            fs::write(Path::new(&place).join(".taken"), "").expect("a mark");
            sleep(PATIENCE);
        }
        "hold and hang" => {
            let name = Segment::create_named(&directory, "ring", &specs(RingOptions::spsc(8)));
            let _name = name.expect("a free name");
            sleep(PATIENCE);
        }
        descriptor => {
            let path = format!("/proc/{}/fd/{descriptor}", env::var("RONDO_RING_PARENT").unwrap());
            let file = fs::File::options().read(true).write(true).open(path).expect("the parent");
            let segment = Segment::attach(std::os::fd::AsFd::as_fd(&file)).expect("a segment");
            let mut producer =
                segment.producer::<Record>(0, ProducerOptions::default()).expect("a lane");
            assert!(producer.try_push(&record(42)).expect("room"));
            producer.close();
        }
    }
}

#[test]
fn a_dead_producer_is_told_of_and_its_successor_goes_on() {
    let place = Place::new();
    let directory = place.directory();
    let segment = Segment::create_named(&directory, "ring", &specs(RingOptions::spsc(64)));
    let segment = segment.expect("a free name");
    let mut consumer = segment.consumer::<Record>(0, ConsumerOptions::default()).expect("a place");
    let child = place.child("count to 5 and hang");
    for kind in 0..5 {
        assert_eq!(consumer.pop(None).expect("open"), Some(record(kind)));
    }
    let late = segment.producer::<Record>(0, ProducerOptions::default());
    assert!(matches!(late, Err(Error::RoleTaken(_))), "the lane is the child's");
    child.kill();
    assert!(matches!(consumer.pop(None), Err(Error::PeerDied)));
    let mut successor =
        segment.producer::<Record>(0, ProducerOptions::default()).expect("the lane is free");
    assert!(successor.try_push(&record(5)).expect("room"));
    assert_eq!(consumer.pop(None).expect("open"), Some(record(5)));
    successor.close();
    assert!(matches!(consumer.pop(None), Err(Error::Ended)));
}

#[test]
fn what_a_dead_consumer_had_not_released_comes_again() {
    let place = Place::new();
    let directory = place.directory();
    let segment = Segment::create_named(&directory, "ring", &specs(RingOptions::spsc(4)));
    let segment = segment.expect("a free name");
    let mut producer = segment.producer::<Record>(0, ProducerOptions::default()).expect("the lane");
    for kind in 0..4 {
        assert!(producer.try_push(&record(kind)).expect("room"));
    }
    let child = place.child("consume 2 and hang");
    until(|| place.0.join(".taken").exists());
    assert!(producer.try_push(&record(4)).expect("room"));
    assert!(!producer.try_push(&record(5)).expect("open"));
    child.kill();
    assert!(matches!(producer.wait(None), Err(Error::PeerDied)));
    let mut successor =
        segment.consumer::<Record>(0, ConsumerOptions::default()).expect("the place is free");
    for kind in 1..5 {
        assert_eq!(successor.pop(None).expect("open"), Some(record(kind)));
    }
}

#[test]
fn a_name_is_free_again_when_its_holder_was_killed() {
    let place = Place::new();
    let directory = place.directory();
    assert!(matches!(Segment::open(&directory, "ring"), Err(Error::NotFound(_))));
    let child = place.child("hold and hang");
    until(|| Segment::open(&directory, "ring").is_ok());
    let second = Segment::create_named(&directory, "ring", &specs(RingOptions::spsc(8)));
    assert!(matches!(second, Err(Error::Exists(_))));
    child.kill();
    assert!(matches!(Segment::open(&directory, "ring"), Err(Error::NotFound(_))));
    let again = Segment::create_named(&directory, "ring", &specs(RingOptions::spsc(8)));
    let again = again.expect("the name is free");
    assert_eq!(Segment::open(&directory, "ring").expect("it is held").id(), again.id());
    drop(again);
    assert!(directory.names().is_empty(), "nothing is left");
}

#[test]
fn many_that_were_killed_leave_nothing() {
    let place = Place::new();
    let directory = place.directory();
    for _ in 0..20 {
        let child = place.child("hold and hang");
        until(|| Segment::open(&directory, "ring").is_ok());
        child.kill();
    }
    directory.clear();
    assert_eq!(fs::read_dir(&place.0).expect("the directory").count(), 0);
}

#[test]
fn segments_go_by_descriptor() {
    let place = Place::new();
    let segment = Segment::create(&specs(RingOptions::spsc(8))).expect("memory");
    let mut consumer = segment.consumer::<Record>(0, ConsumerOptions::default()).expect("a place");
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(["--exact", "other_process"]).env("RONDO_RING_PLACE", &place.0);
    command.env("RONDO_RING_ROLE", segment.descriptor().as_raw_fd().to_string());
    command.env("RONDO_RING_PARENT", process::id().to_string()).stdout(Stdio::null());
    let child = Kid(command.spawn().expect("a child"));
    assert_eq!(consumer.pop(None).expect("open"), Some(record(42)));
    assert!(matches!(consumer.pop(None), Err(Error::Ended)));
    child.finish();
}

#[test]
fn what_is_no_sealed_segment_is_refused() {
    use std::os::fd::AsFd;
    let file = fs::File::open("/proc/self/exe").expect("this program");
    assert!(matches!(Segment::attach(file.as_fd()), Err(Error::Segment(_))));
    let place = Place::new();
    let link = place.0.join("link");
    std::os::unix::fs::symlink(&place.0, &link).expect("a link");
    assert!(matches!(Directory::at(&link), Err(Error::Directory(_))));
    assert_eq!(Record::SCHEMA.name(), "rondo.Record");
}
