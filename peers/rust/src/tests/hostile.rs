//! Peers that lie: every byte of the header changed, every word at random while running. The
//! bounds checks of `Raw` turn an access outside into a panic, which would fail these tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;
use crate::Error;
use crate::ring::layout::{PAGE, SCHEMAS_AT};
use crate::ring::{POISON_HEAD, POISON_REFERENCE, POISON_TAIL, Raw};
use crate::segment::header;

fn poke(memory: &Raw, at: usize, value: u8) {
    let word = memory.peek(at & !3);
    let shift = 8 * (at & 3);
    memory.set(at & !3, word & !(0xff << shift) | u32::from(value) << shift);
}

#[test]
fn headers_with_any_byte_changed_are_refused_or_harmless() {
    let options = RingOptions::mpsc(2, 4).with_slab(64);
    let segment = segment(options);
    let memory = segment.0.memory();
    let block = memory.peek(128) as usize;
    let texts = SCHEMAS_AT..SCHEMAS_AT + Note::SCHEMA.text().len();
    let mut changed = 0;
    for at in (0..PAGE).chain(texts).chain(block..block + 128) {
        let word = memory.peek(at & !3);
        for flip in [0x01, 0x80, 0xff] {
            let shift = 8 * (at & 3);
            memory.set(at & !3, word ^ flip << shift);
            if let Ok(other) = Segment::attach(segment.descriptor()) {
                use_it(&other);
            } else {
                changed += 1;
            }
            memory.set(at & !3, word);
        }
    }
    assert!(changed > 100, "most changes are seen");
    assert!(header::read(&memory).is_ok(), "it is as it was");
}

/// Produces and consumes a little, whatever comes of it.
fn use_it(segment: &Segment) {
    let producer = segment.producer::<Note>(0, ProducerOptions::default());
    let consumer = segment.consumer::<Note>(0, ConsumerOptions::default());
    if let (Ok(mut producer), Ok(mut consumer)) = (producer, consumer) {
        let _ = try_push_text(&mut producer, 7);
        if let Ok(Some(got)) = consumer.try_pop() {
            let _ = consumer.bytes(got.text);
        }
    }
}

#[test]
fn a_tail_that_lies_poisons_the_ring_for_everyone() {
    let segment = segment(RingOptions::spsc(8));
    let (mut producer, mut consumer) = (producer(&segment, 1), consumer(&segment));
    segment.0.memory().store(map(&segment).control(0) + lane::TAIL, 9);
    assert!(matches!(consumer.try_pop(), Err(Error::Poisoned(POISON_TAIL))));
    assert!(matches!(consumer.wait(None), Err(Error::Poisoned(_))));
    for id in 0..2 {
        let _ = producer.try_push(&note(id));
    }
    assert!(matches!(producer.try_push(&note(2)), Err(Error::Poisoned(POISON_TAIL))));
    assert_eq!(segment.status(0).expect("ring 0").poison, POISON_TAIL);
}

#[test]
fn a_head_that_lies_poisons_the_ring() {
    let segment = segment(RingOptions::spsc(4));
    let mut producer = producer(&segment, 1);
    segment.0.memory().store(map(&segment).cursor(0, 0) + cursor::HEAD, 1);
    assert!(matches!(producer.try_push(&note(0)), Err(Error::Poisoned(POISON_HEAD))));
}

#[test]
fn a_head_that_lies_cannot_stop_a_broadcast() {
    let segment = segment(RingOptions::broadcast(2, 4));
    let (liar, mut honest) = (consumer(&segment), consumer(&segment));
    let mut producer = producer(&segment, 1);
    segment.0.memory().store(map(&segment).cursor(0, 0) + cursor::HEAD, 1 << 31);
    for id in 0..20 {
        assert!(producer.try_push(&note(id)).expect("open"));
        assert_eq!(honest.try_pop().expect("open"), Some(note(id)));
        honest.release();
    }
    drop(liar);
}

#[test]
fn references_that_reach_outside_poison_the_ring() {
    let outside = SlabRef { position: 60, length: 8 };
    for (options, slab) in [
        (RingOptions::spsc(4), 64),
        (RingOptions::mpmc(1, 1, 4), 64),
        (RingOptions::spsc(4).lossy(), 64),
        (RingOptions::spsc(4), 0),
    ] {
        let segment = segment(options.with_slab(slab));
        let (mut producer, mut consumer) = (producer(&segment, 1), consumer(&segment));
        assert!(producer.try_push(&note(1)).expect("room"));
        assert!(producer.try_push(&Note { text: outside, ..note(2) }).expect("room"));
        // A lossy ring takes a piece whose bytes count as overwritten for lost, not for a lie.
        let memory = segment.0.memory();
        memory.set(map(&segment).control(0) + lane::SLAB_INTENT, 60);
        let mut batch = Vec::new();
        assert_eq!(consumer.pop_batch(&mut batch, 4).expect("the first is good"), 1);
        let got = consumer.pop_batch(&mut batch, 4);
        assert!(matches!(got, Err(Error::Poisoned(POISON_REFERENCE))), "{got:?}");
    }
}

/// A generator for the changes below.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as u32
    }
}

/// Changes words of a ring at random until told to stop.
fn vandalize(segment: &Segment, seed: u64, stop: &AtomicBool) {
    let mut random = Random(seed);
    let (memory, map) = (segment.0.memory(), map(segment));
    let (first, last) = (map.closed(), memory.bytes());
    while !stop.load(Ordering::Relaxed) {
        let span = if random.next().is_multiple_of(2) { 1024 } else { last - first };
        let at = (first + random.next() as usize % span) & !3;
        let small = random.next() % 64;
        let near = memory.peek(at).wrapping_add(random.next() % 5).wrapping_sub(2);
        let any = random.next();
        if at + 4 <= last {
            memory.set(at, [small, near, any][random.next() as usize % 3]);
        }
        for _ in 0..random.next() % 256 {
            std::hint::spin_loop();
        }
    }
}

#[test]
fn words_changed_at_random_while_running_do_no_harm() {
    let shapes = [
        RingOptions::spsc(4),
        RingOptions::mpsc(3, 8),
        RingOptions::mpmc(2, 2, 4),
        RingOptions::broadcast(2, 8),
        RingOptions::spsc(8).lossy(),
        RingOptions::mpmc(2, 2, 4).lossy(),
        RingOptions::broadcast(2, 4).lossy(),
    ];
    for (shape, options) in shapes.into_iter().enumerate() {
        for round in 0..6 {
            let segment = segment(options.with_slab(256));
            let stop = Arc::new(AtomicBool::new(false));
            let vandal = {
                let (segment, stop) = (segment.clone(), Arc::clone(&stop));
                let seed = 0x9e37_79b9 + 1000 * shape as u64 + round;
                thread::spawn(move || vandalize(&segment, seed, &stop))
            };
            for _ in 0..40 {
                suffer(&segment);
            }
            stop.store(true, Ordering::Relaxed);
            vandal.join().expect("no panic");
        }
    }
}

/// Uses a ring that is being vandalized; everything but a crash is fine.
fn suffer(segment: &Segment) {
    let producer = segment.producer::<Note>(0, ProducerOptions::default());
    let consumer = segment.consumer::<Note>(0, ConsumerOptions::default());
    let mut batch = Vec::new();
    if let (Ok(mut producer), Ok(mut consumer)) = (producer, consumer) {
        for id in 0..60 {
            let pushed = try_push_text(&mut producer, id);
            batch.clear();
            let taken = consumer.pop_batch(&mut batch, 5);
            for got in &batch {
                let _ = consumer.bytes(got.text);
            }
            if pushed.is_err() || taken.is_err() {
                break;
            }
        }
    }
    // The next round goes on, whatever the ring was poisoned with.
    let (memory, map) = (segment.0.memory(), map(segment));
    poke(&memory, map.poison(), 0);
    for at in [map.poison(), map.closed()] {
        memory.set(at, 0);
    }
}
