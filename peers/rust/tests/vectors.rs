//! The golden bytes of `spec/vectors`, read as its README.md says.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rondo_ring::ring::schema;
use rondo_ring::{
    Consumer, ConsumerOptions, Directory, Error, Message, Producer, ProducerOptions, RingOptions,
    RingSpec, Schema, Segment, SlabRef, Topology, Waiting,
};

/// `vectors.Item`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
struct Item {
    id: u32,
    check: u32,
    value: f64,
    note: SlabRef,
    data: SlabRef,
}

// SAFETY: the fields are where the schema says, there is no padding, every value is valid.
unsafe impl Message for Item {
    const SCHEMA: Schema = Schema::new(
        "rondo-struct 1\nname vectors.Item\nfield id u32 0\nfield check u32 4\n\
         field value f64 8\nfield note slab:text 16\nfield data slab:bytes 24\n\
         size 32 align 8\n",
    );
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors")
}

/// A section: its lines as word and rest.
type Section = Vec<(String, String)>;

fn sections(file: &str, first: &str) -> Vec<Section> {
    let text = fs::read_to_string(folder().join(file)).unwrap();
    let mut found: Vec<Section> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == first {
            found.push(Vec::new());
        }
        found.last_mut().unwrap().push((word.to_owned(), rest.to_owned()));
    }
    found
}

fn all_of<'a>(section: &'a Section, wanted: &str) -> Vec<&'a str> {
    let lines = section.iter().filter(|(word, _)| word == wanted);
    lines.map(|(_, rest)| rest.as_str()).collect()
}

fn bytes_of(section: &Section) -> Vec<u8> {
    let mut bytes = vec![0; all_of(section, "bytes")[0].parse().unwrap()];
    for line in all_of(section, "at") {
        let (offset, hex) = line.split_once(' ').unwrap();
        let offset = usize::from_str_radix(offset, 16).unwrap();
        for (index, byte) in (0..hex.len()).step_by(2).enumerate() {
            bytes[offset + index] = u8::from_str_radix(&hex[byte..byte + 2], 16).unwrap();
        }
    }
    bytes
}

/// The canonical texts of structs.txt by name.
fn texts() -> HashMap<String, String> {
    let text = |section| all_of(section, "text").join("\n") + "\n";
    let name = |text: &str| text.lines().nth(1).unwrap()["name ".len()..].to_owned();
    let found = sections("structs.txt", "struct");
    found.iter().map(text).map(|text| (name(&text), text)).collect()
}

fn spec_of(words: &str, texts: &HashMap<String, String>) -> RingSpec {
    let words: Vec<&str> = words.split(' ').collect();
    let number = |index: usize| words[index].parse().unwrap();
    let topology = match words[0] {
        "spsc" => Topology::Spsc,
        "mpsc" => Topology::Mpsc,
        "mpmc" => Topology::Mpmc,
        "broadcast" => Topology::Broadcast,
        other => panic!("no topology {other}"),
    };
    let options = RingOptions {
        topology,
        lossy: number(1) == 1,
        lanes: number(2),
        consumers: number(3),
        slots: number(4),
        slab_bytes: number(5),
    };
    RingSpec::of_text(&texts[words[6]], options).unwrap()
}

/// The memory of a segment, as anybody with its descriptor sees it.
fn memory_of(segment: &Segment) -> File {
    let path = format!("/proc/self/fd/{}", segment.descriptor().as_raw_fd());
    OpenOptions::new().read(true).write(true).open(path).unwrap()
}

#[track_caller]
fn compare(name: &str, got: &[u8], want: &[u8]) {
    assert_eq!(got.len(), want.len(), "bytes of {name}");
    if let Some(at) = (0..got.len()).find(|&at| got[at] != want[at]) {
        panic!("{name} differs at {at:#x}: {:02x}, not {:02x}", got[at], want[at]);
    }
}

#[test]
fn structs_have_their_fingerprints() {
    for section in sections("structs.txt", "struct") {
        let text = all_of(&section, "text").join("\n") + "\n";
        let found = format!("{:016x}", schema::fingerprint(text.as_bytes()));
        assert_eq!([found.as_str()], *all_of(&section, "fingerprint"), "{text}");
    }
}

#[test]
fn segments_have_these_bytes() {
    let texts = texts();
    let path = std::env::temp_dir().join(format!("rondo-vectors-{}", std::process::id()));
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    let directory = Directory::at(&path).unwrap();
    for section in sections("segments.txt", "segment") {
        let name = &section[0].1;
        let rings = all_of(&section, "ring");
        let specs: Vec<RingSpec> = rings.iter().map(|words| spec_of(words, &texts)).collect();
        let segment = Segment::create_named(&directory, name, &specs).unwrap();
        let want = bytes_of(&section);
        let memory = memory_of(&segment);
        let mut got = vec![0; memory.metadata().unwrap().len() as usize];
        memory.read_exact_at(&mut got, 0).unwrap();
        for masked in [16..32, 48..56, 4096..12_288] {
            got[masked].fill(0);
        }
        compare(name, &got, &want);
    }
    fs::remove_dir(&path).unwrap();
}

/// A message of the traces: its fields but the references, and its pieces.
fn content(words: &[&str]) -> (Item, Vec<u8>, Vec<u8>) {
    let number = |index: usize| words[index].parse::<u32>().unwrap();
    let id = number(0);
    let check = id.wrapping_mul(0x9E37_79B1);
    let item = Item { id, check, value: f64::from(id) / 4.0, ..Item::default() };
    let note = (0..number(1)).map(|i| 97 + ((id + i) % 26) as u8).collect();
    let data = (0..number(2)).map(|i| id.wrapping_add(3 * i) as u8).collect();
    (item, note, data)
}

struct Replay {
    segment: Segment,
    producers: HashMap<String, Producer<Item>>,
    consumers: HashMap<String, Consumer<Item>>,
}

impl Replay {
    fn operate(&mut self, word: &str, name: &str, words: &[&str]) {
        match word {
            "producer" => {
                let publish_every = words[0].parse().unwrap();
                let options = ProducerOptions { publish_every, waiting: Waiting::default() };
                let producer = self.segment.producer(0, options).unwrap();
                self.producers.insert(name.to_owned(), producer);
            }
            "consumer" => {
                let consumer = self.segment.consumer(0, ConsumerOptions::default()).unwrap();
                self.consumers.insert(name.to_owned(), consumer);
            }
            "push" => assert_eq!(self.push(name, words), words[3] == "pushed"),
            "abort" => {
                let (_, note, data) = content(words);
                let producer = self.producers.get_mut(name).unwrap();
                producer.put(&note).unwrap().unwrap();
                producer.put(&data).unwrap().unwrap();
                producer.abort();
            }
            "flush" => self.producers.get_mut(name).unwrap().flush(),
            "close" => self.producers.remove(name).unwrap().close(),
            "detach" => self.producers.remove(name).unwrap().detach(),
            "pop" => self.pop(name, words),
            "lost" => {
                let lost: u32 = words[0].parse().unwrap();
                assert_eq!(self.consumers[name].lost(), lost);
            }
            "leave" => self.consumers.remove(name).unwrap().detach(),
            other => panic!("no operation {other}"),
        }
    }

    fn push(&mut self, name: &str, words: &[&str]) -> bool {
        let (mut item, note, data) = content(words);
        let producer = self.producers.get_mut(name).unwrap();
        for (field, bytes) in [(&mut item.note, &note), (&mut item.data, &data)] {
            let Some(reference) = producer.put(bytes).unwrap() else {
                producer.abort();
                return false;
            };
            *field = reference;
        }
        producer.try_push(&item).unwrap()
    }

    fn pop(&mut self, name: &str, words: &[&str]) {
        let consumer = self.consumers.get_mut(name).unwrap();
        let popped = consumer.try_pop();
        match words {
            ["empty"] => assert!(matches!(popped, Ok(None)), "{popped:?}"),
            ["ended"] => assert!(matches!(popped, Err(Error::Ended)), "{popped:?}"),
            _ => {
                let got = popped.unwrap().expect("there is a message");
                let (want, note, data) = content(words);
                assert_eq!(consumer.bytes(got.note).unwrap(), note);
                assert_eq!(consumer.bytes(got.data).unwrap(), data);
                assert_eq!(Item { note: want.note, data: want.data, ..got }, want);
                consumer.release();
            }
        }
    }
}

/// Leaves out what README.md says is left out.
fn mask(block: &mut [u8], want: &[u8]) {
    let word = |at: usize| u32::from_le_bytes(want[at..at + 4].try_into().unwrap()) as usize;
    let (lossy, lanes, cursors, slots) = (word(8) & 1 == 1, word(12), word(16), word(24));
    let control_bytes = 128 * (2 + cursors);
    let slot_bytes = (slots * word(28)).next_multiple_of(128);
    let lane_bytes =
        slot_bytes + (4 * slots).next_multiple_of(128) + word(32).next_multiple_of(128);
    block[256..1024].fill(0);
    for lane in 0..lanes {
        let control = 1024 + lane * control_bytes;
        if lossy {
            block[control + 4..control + 8].fill(0);
            block[control + 12..control + 16].fill(0);
        }
        block[control + 128..control + 256].fill(0);
        for cursor in 0..cursors {
            let at = control + 256 + 128 * cursor;
            block[at + 8..at + 128].fill(0);
        }
        let starts = 1024 + lanes * control_bytes + lane * lane_bytes + slot_bytes;
        for start in block[starts..starts + 4 * slots].chunks_exact_mut(4) {
            let position = u32::from_le_bytes(start.try_into().unwrap());
            start.copy_from_slice(&(position.wrapping_add(7) & !7).to_le_bytes());
        }
    }
}

#[test]
fn traces_leave_these_bytes() {
    let texts = texts();
    for section in sections("traces.txt", "trace") {
        let name = &section[0].1;
        let segment = Segment::create(&[spec_of(all_of(&section, "ring")[0], &texts)]).unwrap();
        let memory = memory_of(&segment);
        let mut offset = [0; 4];
        memory.read_exact_at(&mut offset, 128).unwrap();
        let block = u64::from(u32::from_le_bytes(offset));
        let mut replay = Replay { segment, producers: HashMap::new(), consumers: HashMap::new() };
        for (word, rest) in &section {
            match word.as_str() {
                "trace" | "ring" | "bytes" | "at" => {}
                "word" => {
                    let (at, value) = rest.split_once(' ').unwrap();
                    let value: u32 = value.parse().unwrap();
                    let at: u64 = at.parse().unwrap();
                    memory.write_all_at(&value.to_le_bytes(), block + at).unwrap();
                }
                _ => {
                    println!("{name}: {word} {rest}");
                    let words: Vec<&str> = rest.split(' ').collect();
                    replay.operate(word, words[0], &words[1..]);
                }
            }
        }
        let want = bytes_of(&section);
        let mut got = vec![0; want.len()];
        memory.read_exact_at(&mut got, block).unwrap();
        mask(&mut got, &want);
        compare(name, &got, &want);
    }
}
