//! The ring algorithms under every interleaving that loom explores, on its atomics.
//!
//! In `peers/rust/loom`: `cargo test --release`. Bounds: the messages and slots of
//! each model, and `LOOM_MAX_PREEMPTIONS` (2 if it is not set). Loom treats sequentially
//! consistent accesses as acquire and release and models such fences exactly, so `announce`
//! has its fence here. It remembers only the last access of each word when it looks for races,
//! so writers are attached before their threads start: a load of theirs would hide the other
//! side's loads before it.

use std::collections::HashMap;
use std::mem::MaybeUninit;

use loom::sync::atomic::{AtomicU32, Ordering, fence};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use rondo_ring::ring::layout::{GEOMETRY_WORDS, LANE_CLOSED, OWNER_ASKING, cursor, lane};
use rondo_ring::ring::{Cursor, Geometry, RingMap, Space, Topology, Writer, bell, gate};

const STRIDE: u32 = 8;

/// The words of a ring that its algorithms share. Counters are left out: only their writer reads
/// them.
#[derive(Clone)]
struct Model {
    words: Arc<HashMap<usize, AtomicU32>>,
    sleepers: Arc<(Mutex<()>, Condvar)>,
}

impl Model {
    fn new(map: &RingMap) -> Self {
        let geometry = &map.geometry;
        let mut offsets = vec![map.closed(), map.poison()];
        offsets.extend([map.consumers_bell(), map.producers_bell()]);
        offsets.extend((0..geometry.consumers).map(|place| map.place_owner(place)));
        for number in 0..geometry.lanes {
            let control = map.control(number);
            let slots = map.slots(number);
            offsets.extend([lane::TAIL, lane::INTENT, lane::STATE].map(|word| control + word));
            offsets.extend([lane::SLAB_TAIL, lane::SLAB_INTENT].map(|word| control + word));
            let heads = 0..geometry.cursors();
            offsets.extend(heads.map(|index| map.cursor(number, index) + cursor::HEAD));
            offsets.extend((0..geometry.slots * STRIDE / 4).map(|word| slots + 4 * word as usize));
        }
        let word = |at| (at, AtomicU32::new(0));
        let words = Arc::new(offsets.into_iter().map(word).collect());
        Self { words, sleepers: Arc::new((Mutex::new(()), Condvar::new())) }
    }

    /// A futex wait: whether the word has that value is seen and acted upon in one step.
    fn sleep(&self, at: usize, raised: u32) {
        let (lock, asleep) = &*self.sleepers;
        let guard = lock.lock().unwrap();
        if self.words[&at].load(Ordering::SeqCst) == raised {
            drop(asleep.wait(guard).unwrap());
        }
    }
}

impl Space for Model {
    fn load(&self, at: usize) -> u32 {
        self.words[&at].load(Ordering::Acquire)
    }
    fn peek(&self, at: usize) -> u32 {
        self.words.get(&at).map_or(0, |word| word.load(Ordering::Relaxed))
    }
    fn look(&self, at: usize) -> u32 {
        self.words[&at].load(Ordering::SeqCst)
    }
    fn store(&self, at: usize, value: u32) {
        self.words[&at].store(value, Ordering::Release);
    }
    fn set(&self, at: usize, value: u32) {
        if let Some(word) = self.words.get(&at) {
            word.store(value, Ordering::Relaxed);
        }
    }
    fn announce(&self, at: usize, value: u32) {
        self.words[&at].store(value, Ordering::Release);
        fence(Ordering::SeqCst);
    }
    fn fetch_or(&self, at: usize, bits: u32) -> u32 {
        self.words[&at].fetch_or(bits, Ordering::SeqCst)
    }
    fn compare_exchange(&self, at: usize, current: u32, new: u32) -> Result<u32, u32> {
        let Some(word) = self.words.get(&at) else { return Ok(current) };
        word.compare_exchange(current, new, Ordering::SeqCst, Ordering::SeqCst)
    }
    fn fence(&self) {
        fence(Ordering::SeqCst);
    }
    fn acquire_fence(&self) {
        fence(Ordering::Acquire);
    }
    fn read(&self, at: usize, out: &mut [MaybeUninit<u8>]) {
        for (index, chunk) in out.chunks_exact_mut(4).enumerate() {
            let value = self.words[&(at + 4 * index)].load(Ordering::Relaxed);
            for (to, byte) in chunk.iter_mut().zip(value.to_le_bytes()) {
                to.write(byte);
            }
        }
    }
    fn read_anywhere(&self, at: usize, out: &mut [MaybeUninit<u8>]) {
        self.read(at, out);
    }
    fn write(&self, at: usize, bytes: &[u8]) {
        for (index, chunk) in bytes.chunks_exact(4).enumerate() {
            let value = u32::from_le_bytes(chunk.try_into().unwrap());
            self.words[&(at + 4 * index)].store(value, Ordering::Relaxed);
        }
    }
    fn wake(&self, _at: usize) -> u32 {
        let (lock, asleep) = &*self.sleepers;
        drop(lock.lock().unwrap());
        asleep.notify_all();
        1
    }
}

fn map(topology: Topology, lossy: bool, consumers: u32, slots: u32) -> RingMap {
    let geometry =
        Geometry { topology, lossy, lanes: 1, consumers, slots, stride: STRIDE, slab: 0 };
    assert_eq!(geometry.to_words().len(), GEOMETRY_WORDS);
    RingMap::new(0, geometry.check().unwrap())
}

fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.check(model);
}

/// A message: two words that belong together.
fn message(value: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&value.to_le_bytes());
    bytes[4..].copy_from_slice(&(!value).to_le_bytes());
    bytes
}

/// Its value; fails when it is torn.
fn value(bytes: [MaybeUninit<u8>; 8]) -> u32 {
    let bytes = bytes.map(|byte| unsafe { byte.assume_init() });
    let first = u32::from_le_bytes(bytes[..4].try_into().unwrap());
    let second = u32::from_le_bytes(bytes[4..].try_into().unwrap());
    assert_eq!(first, !second, "a message is torn");
    first
}

fn take(cursor: &mut Cursor<Model>) -> Option<u32> {
    if cursor.available(u32::MAX).unwrap() == 0 {
        return None;
    }
    let mut bytes = [MaybeUninit::new(0); 8];
    cursor.copy(0, &mut bytes);
    cursor.advance(1);
    cursor.release();
    Some(value(bytes))
}

/// One attempt at one message; `Err` when another consumer was faster, or it was overwritten.
fn attempt(cursor: &mut Cursor<Model>) -> Result<Option<u32>, ()> {
    let Some(attempt) = cursor.attempt(1).unwrap() else { return Ok(None) };
    let mut bytes = [MaybeUninit::new(0); 8];
    cursor.copy_at(attempt.first, &mut bytes);
    let void = cursor.validate(&attempt).void;
    if !cursor.confirm(&attempt, 1, void) || void > 0 {
        return Err(());
    }
    Ok(Some(value(bytes)))
}

#[test]
fn spsc_messages_come_whole_and_in_order_through_few_slots() {
    for slots in [1, 2] {
        check(move || {
            let map = map(Topology::Spsc, false, 1, slots);
            let space = Model::new(&map);
            let mut cursor = Cursor::attach(space.clone(), map, 0, 0);
            let mut writer = Writer::attach(space, map, 0, 1).unwrap();
            let producer = thread::spawn(move || {
                for next in 1..=3 {
                    while !writer.push(&message(next)).unwrap() {
                        thread::yield_now();
                    }
                }
            });
            for expected in 1..=3 {
                loop {
                    match take(&mut cursor) {
                        Some(got) => break assert_eq!(got, expected),
                        None => thread::yield_now(),
                    }
                }
            }
            producer.join().unwrap();
        });
    }
}

#[test]
fn bells_wake_whoever_sleeps_on_either_side() {
    // A wake-up that is lost is a deadlock, which loom reports.
    check(|| {
        let map = map(Topology::Spsc, false, 1, 1);
        let space = Model::new(&map);
        let mut cursor = Cursor::attach(space.clone(), map, 0, 0);
        let mut writer = Writer::attach(space.clone(), map, 0, 1).unwrap();
        let sleeper = space.clone();
        let producer = thread::spawn(move || {
            for next in 1..=2 {
                while !writer.push(&message(next)).unwrap() {
                    let raised = bell::raise(&sleeper, map.producers_bell());
                    if !writer.has_room().unwrap() {
                        sleeper.sleep(map.producers_bell(), raised);
                    }
                }
            }
        });
        for expected in 1..=2 {
            let got = loop {
                if let Some(got) = take(&mut cursor) {
                    break got;
                }
                let raised = bell::raise(&space, map.consumers_bell());
                if cursor.available(1).unwrap() == 0 {
                    space.sleep(map.consumers_bell(), raised);
                }
            };
            assert_eq!(got, expected);
        }
        producer.join().unwrap();
    });
}

#[test]
fn bells_wake_both_of_two_that_sleep_for_two_messages() {
    // Also one that falls asleep while another raises the bell that was rung for it.
    check(|| {
        let map = map(Topology::Mpmc, false, 2, 2);
        let space = Model::new(&map);
        let mut writer = Writer::attach(space.clone(), map, 0, 1).unwrap();
        let consume = move |space: Model| {
            let mut cursor = Cursor::attach(space.clone(), map, 0, 0);
            loop {
                match attempt(&mut cursor) {
                    Ok(Some(value)) => return value,
                    Ok(None) => {
                        let raised = bell::raise(&space, map.consumers_bell());
                        if cursor.attempt(1).unwrap().is_none() {
                            space.sleep(map.consumers_bell(), raised);
                        }
                    }
                    Err(()) => thread::yield_now(),
                }
            }
        };
        let other = space.clone();
        let second = thread::spawn(move || consume(other));
        let third = thread::spawn(move || {
            assert!(writer.push(&message(1)).unwrap());
            assert!(writer.push(&message(2)).unwrap());
        });
        let sum = consume(space) + second.join().unwrap();
        assert_eq!(sum, 3);
        third.join().unwrap();
    });
}

#[test]
fn a_close_wakes_a_sleeper_and_comes_after_the_last_message() {
    check(|| {
        let map = map(Topology::Spsc, false, 1, 2);
        let space = Model::new(&map);
        let mut cursor = Cursor::attach(space.clone(), map, 0, 0);
        let mut writer = Writer::attach(space.clone(), map, 0, 2).unwrap();
        let producer = thread::spawn(move || {
            assert!(writer.push(&message(7)).unwrap());
            writer.close();
        });
        let mut got = Vec::new();
        loop {
            let closed = cursor.lane_state() == LANE_CLOSED;
            match take(&mut cursor) {
                Some(value) => got.push(value),
                None if closed => break,
                None => {
                    let raised = bell::raise(&space, map.consumers_bell());
                    let empty = cursor.available(1).unwrap() == 0;
                    if empty && cursor.lane_state() != LANE_CLOSED {
                        space.sleep(map.consumers_bell(), raised);
                    }
                }
            }
        }
        assert_eq!(got, [7]);
        producer.join().unwrap();
    });
}

#[test]
fn mpmc_consumers_take_each_message_once_while_slots_are_reused() {
    check(|| {
        let map = map(Topology::Mpmc, false, 2, 1);
        let space = Model::new(&map);
        let mut writer = Writer::attach(space.clone(), map, 0, 1).unwrap();
        assert!(writer.push(&message(1)).unwrap());
        let consume = move |space: Model| {
            let mut cursor = Cursor::attach(space, map, 0, 0);
            let mut got = Vec::new();
            for _ in 0..2 {
                if let Ok(Some(value)) = attempt(&mut cursor) {
                    got.push(value);
                }
            }
            got
        };
        let other = space.clone();
        let second = thread::spawn(move || consume(other));
        let last = space.clone();
        let third = thread::spawn(move || {
            let pushed = writer.push(&message(2)).unwrap();
            (pushed, writer)
        });
        let mut got = consume(space);
        got.extend(second.join().unwrap());
        let (pushed, _writer) = third.join().unwrap();
        let mut cursor = Cursor::attach(last, map, 0, 0);
        while let Some(value) = attempt(&mut cursor).unwrap() {
            got.push(value);
        }
        got.sort_unstable();
        let expected: &[u32] = if pushed { &[1, 2] } else { &[1] };
        assert_eq!(got, expected);
    });
}

#[test]
fn a_consumer_that_joins_a_gated_broadcast_gets_all_from_then_on() {
    check(|| {
        let map = map(Topology::Broadcast, false, 1, 1);
        let space = Model::new(&map);
        let mut writer = Writer::attach(space.clone(), map, 0, 1).unwrap();
        let producer = thread::spawn(move || {
            let mut next = 1;
            while next <= 3 {
                if writer.push(&message(next)).unwrap() {
                    next += 1;
                } else {
                    thread::yield_now();
                }
            }
            writer.close();
        });
        space.compare_exchange(map.place_owner(0), 0, 1 | OWNER_ASKING).unwrap();
        bell::raise(&space, map.consumers_bell());
        let mut cursor = Cursor::attach(space.clone(), map, 0, 0);
        let mut joined = false;
        let mut got = Vec::new();
        loop {
            let closed = cursor.lane_state() == LANE_CLOSED;
            if !joined && space.load(map.place_owner(0)) == 1 {
                joined = true;
                cursor.skip_to_head();
            }
            let taken = if joined { take(&mut cursor) } else { None };
            match taken {
                Some(value) => got.push(value),
                None if closed => break,
                None => thread::yield_now(),
            }
        }
        let expected: Vec<u32> = (1..=3).collect();
        assert!(expected.ends_with(&got), "{got:?} is not the end of {expected:?}");
        producer.join().unwrap();
        assert!(gate::active(&space, &map) <= 1);
    });
}

#[test]
fn lossy_consumers_never_take_what_is_being_overwritten() {
    for slots in [1, 2] {
        check(move || {
            let map = map(Topology::Spsc, true, 1, slots);
            let space = Model::new(&map);
            let mut cursor = Cursor::attach(space.clone(), map, 0, 0);
            let mut writer = Writer::attach(space, map, 0, 1).unwrap();
            let producer = thread::spawn(move || {
                for next in 1..=3 {
                    assert!(writer.push(&message(next)).unwrap());
                }
            });
            let mut got = 0;
            let mut last = 0;
            for _ in 0..3 {
                if let Ok(Some(value)) = attempt(&mut cursor) {
                    assert!(value > last);
                    last = value;
                    got += 1;
                }
            }
            producer.join().unwrap();
            loop {
                match attempt(&mut cursor) {
                    Ok(Some(value)) => {
                        assert!(value > last);
                        last = value;
                        got += 1;
                    }
                    Ok(None) => break,
                    Err(()) => {}
                }
            }
            assert_eq!(last, 3);
            assert_eq!(got + cursor.lost(), 3);
        });
    }
}
