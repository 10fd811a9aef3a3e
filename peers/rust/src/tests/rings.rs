//! Every topology, through the wrap of positions and of the slab.

use std::thread;
use std::time::Duration;

use super::*;
use crate::Error;

/// Positions from which few messages lead through the wrap.
const STARTS: [u32; 3] = [0, u32::MAX - 20, u32::MAX];

#[test]
fn spsc_goes_through_the_wrap_with_texts_and_any_number_of_slots() {
    for start in STARTS {
        for slots in [1, 2, 8] {
            let segment = segment_at(RingOptions::spsc(slots).with_slab(128), start);
            let (mut producer, mut consumer) = (producer(&segment, 1), consumer(&segment));
            let (mut next, mut expected) = (0, 0);
            while expected < 200 {
                while try_push_text(&mut producer, next).expect("an open ring") {
                    next += 1;
                }
                while let Some(got) = consumer.try_pop().expect("an open ring") {
                    assert_eq!(got.id, expected);
                    check_text(&consumer, &got);
                    expected += 1;
                }
            }
        }
    }
}

#[test]
fn batches_keep_their_texts_until_the_next_one() {
    let segment = segment_at(RingOptions::spsc(16).with_slab(1024), u32::MAX - 30);
    let (mut producer, mut consumer) = (producer(&segment, 4), consumer(&segment));
    let (mut next, mut expected) = (0, 0);
    let mut batch = Vec::new();
    while expected < 300 {
        while try_push_text(&mut producer, next).expect("an open ring") {
            next += 1;
        }
        producer.flush();
        batch.clear();
        consumer.pop_batch(&mut batch, 7).expect("an open ring");
        for got in &batch {
            assert_eq!(got.id, expected);
            check_text(&consumer, got);
            expected += 1;
        }
    }
}

#[test]
fn messages_are_seen_when_published_and_no_sooner() {
    let segment = segment(RingOptions::spsc(8));
    let (mut producer, mut consumer) = (producer(&segment, 4), consumer(&segment));
    for id in 0..3 {
        assert!(producer.try_push(&note(id)).expect("room"));
    }
    assert_eq!(consumer.try_pop().expect("open"), None);
    producer.flush();
    assert_eq!(consumer.try_pop().expect("open"), Some(note(0)));
    assert_eq!(producer.push_batch(&[note(3), note(4), note(5)]).expect("open"), 3);
    let mut ids = Vec::new();
    assert_eq!(consumer.drain(100, |got| ids.push(got.id)).expect("open"), 2);
    drop(producer);
    consumer.drain(100, |got| ids.push(got.id)).expect("open");
    assert_eq!(ids, [1, 2, 3, 4, 5]);
}

#[test]
fn slots_given_up_leave_nothing_behind() {
    let segment = segment(RingOptions::spsc(2).with_slab(64));
    let (mut producer, mut consumer) = (producer(&segment, 1), consumer(&segment));
    for id in 0..50 {
        let mut given_up = producer.claim().expect("open").expect("room");
        assert!(given_up.put(&[7; 40]).expect("open").is_some());
        given_up.id = 99;
        drop(given_up);
        let mut slot = producer.claim().expect("open").expect("room");
        (slot.id, slot.check) = (id, !id);
        slot.text = slot.put(text_of(id).as_bytes()).expect("open").expect("room");
        slot.commit().expect("open");
        let got = consumer.try_pop().expect("open").expect("a message");
        assert_eq!(got.id, id);
        check_text(&consumer, &got);
        consumer.release();
    }
    assert_eq!(producer.counters().aborted, 50);
}

#[test]
fn pieces_as_long_as_the_slab_fit_at_any_position_and_longer_ones_never() {
    let segment = segment(RingOptions::spsc(4).with_slab(64));
    let (mut producer, mut consumer) = (producer(&segment, 1), consumer(&segment));
    for (id, length) in [8u32, 64, 5, 64, 60, 64, 33].into_iter().enumerate() {
        let bytes = vec![id as u8; length as usize];
        let text = producer.put(&bytes).expect("open").expect("room");
        assert!(producer.try_push(&Note { text, ..note(0) }).expect("open"));
        assert_eq!(producer.put(&[1; 64]).expect("open"), None, "the slab is in use");
        let got = consumer.try_pop().expect("open").expect("a message");
        assert_eq!(consumer.bytes(got.text).expect("its piece"), bytes);
        consumer.release();
    }
    assert!(matches!(producer.put(&[0; 65]), Err(Error::MessageSize)));
    let reference = SlabRef { position: 0, length: 65 };
    assert!(matches!(consumer.bytes(reference), Err(Error::Claim)));
}

#[test]
fn the_end_comes_after_everything_and_closing_stops_producers() {
    let segment = segment(RingOptions::mpsc(2, 4));
    let (mut first, mut second) = (producer(&segment, 1), producer(&segment, 1));
    let mut consumer = consumer(&segment);
    assert!(first.try_push(&note(1)).expect("open"));
    first.close();
    assert_eq!(consumer.try_pop().expect("open"), Some(note(1)));
    assert_eq!(consumer.try_pop().expect("the second may still push"), None);
    assert!(second.try_push(&note(2)).expect("open"));
    drop(second);
    assert_eq!(consumer.try_pop().expect("open"), Some(note(2)));
    assert_eq!(consumer.try_pop().expect("a successor may come"), None);
    let mut successor = producer(&segment, 1);
    assert_eq!(successor.lane(), 1, "the lane left open comes first");
    assert!(successor.try_push(&note(3)).expect("open"));
    successor.close();
    assert_eq!(consumer.try_pop().expect("open"), Some(note(3)));
    assert!(matches!(consumer.try_pop(), Err(Error::Ended)));
    assert!(matches!(consumer.wait(None), Err(Error::Ended)));
    consumer.close();
    let refused = segment.producer::<Note>(0, ProducerOptions::default());
    assert!(matches!(refused, Err(Error::Closed)));
}

#[test]
fn mpmc_consumers_share_the_messages_of_all_lanes() {
    for lossy in [false, true] {
        let options = RingOptions::mpmc(2, 2, 8).with_slab(512);
        let options = if lossy { options.lossy() } else { options };
        let segment = segment_at(options, u32::MAX - 40);
        let consumers: Vec<_> = (0..2).map(|_| consumer(&segment)).collect();
        let producers: Vec<_> = (0..2).map(|_| producer(&segment, 2)).collect();
        let consumers: Vec<_> =
            consumers.into_iter().map(|one| thread::spawn(|| take(one))).collect();
        let producers: Vec<_> =
            producers.into_iter().map(|one| thread::spawn(|| give(one))).collect();
        for producer in producers {
            producer.join().expect("no panic");
        }
        let taken = consumers.into_iter().map(|one| one.join().expect("no panic"));
        let (got, lost) = taken.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        assert_eq!(got + lost, 4000);
        assert!(lossy || lost == 0);
    }
}

fn give(mut producer: Producer<Note>) {
    let mut id = 0;
    while id < 2000 {
        if try_push_text(&mut producer, id).expect("open") {
            id += 1;
        } else {
            producer.wait_for_slab(text_of(id).len() as u32, None).expect("open");
        }
    }
    producer.close();
}

fn take(mut consumer: Consumer<Note>) -> (u32, u32) {
    let (mut batch, mut count) = (Vec::new(), 0);
    loop {
        batch.clear();
        match consumer.pop_batch(&mut batch, 3) {
            Ok(0) => match consumer.wait(None) {
                Ok(_) => continue,
                Err(Error::Ended) => return (count, consumer.lost()),
                Err(error) => panic!("{error}"),
            },
            Ok(taken) => count += taken as u32,
            Err(Error::Ended) => return (count, consumer.lost()),
            Err(error) => panic!("{error}"),
        }
        batch.iter().for_each(|got| check_text(&consumer, got));
    }
}

#[test]
fn gated_broadcast_gives_everything_to_those_who_joined() {
    let segment = segment_at(RingOptions::broadcast(3, 4).with_slab(256), u32::MAX - 5);
    let mut early = consumer(&segment);
    let mut producer = producer(&segment, 1);
    assert!(early.joined().expect("open"), "a producer that attaches lets in who asks");
    assert!(try_push_text(&mut producer, 0).expect("open"));
    let mut late = consumer(&segment);
    assert!(!late.joined().expect("open"));
    assert_eq!(producer.admit(), 2);
    assert!(late.joined().expect("open"));
    let mut next = 1;
    while try_push_text(&mut producer, next).expect("open") {
        next += 1;
    }
    assert!(next >= 3, "it stops for the slowest, when slots or slab are full");
    for id in 0..next {
        let got = early.try_pop().expect("open").expect("a message");
        assert_eq!(got.id, id);
        check_text(&early, &got);
    }
    assert_eq!(late.try_pop().expect("open").expect("a message").id, 1);
    drop(late);
    early.release();
    assert!(try_push_text(&mut producer, next).expect("open"), "who goes holds nobody up");
    assert_eq!(early.try_pop().expect("open").expect("a message").id, next);
}

#[test]
fn gated_broadcast_without_consumers_never_fills() {
    let segment = segment(RingOptions::broadcast(1, 2));
    let mut producer = producer(&segment, 2);
    for id in 0..100 {
        assert!(producer.try_push(&note(id)).expect("open"));
    }
}

#[test]
fn lossy_rings_keep_the_newest_and_count_the_rest() {
    for start in STARTS {
        let segment = segment_at(RingOptions::spsc(8).with_slab(256).lossy(), start);
        let (mut producer, mut consumer) = (producer(&segment, 1), consumer(&segment));
        for id in 0..20 {
            assert!(try_push_text(&mut producer, id).expect("never full"));
        }
        let mut ids = Vec::new();
        while let Some(got) = consumer.try_pop().expect("open") {
            check_text(&consumer, &got);
            ids.push(got.id);
        }
        assert_eq!(ids.last(), Some(&19));
        assert!(ids.windows(2).all(|pair| pair[0] + 1 == pair[1]));
        assert_eq!(ids.len() as u32 + consumer.lost(), 20);
    }
}

#[test]
fn older_consumers_read_rings_with_fields_appended() {
    let segment = segment(RingOptions::spsc(4));
    let mut producer = producer(&segment, 1);
    let mut old = segment.consumer::<OldNote>(0, ConsumerOptions::default()).expect("a place");
    assert!(producer.try_push(&note(5)).expect("room"));
    assert_eq!(old.try_pop().expect("open"), Some(OldNote { id: 5 }));
    drop(producer);
    let refused = segment.producer::<OldNote>(0, ProducerOptions::default());
    let error = refused.expect_err("producers must know all fields").to_string();
    assert!(error.contains("field 1: here nothing, there `text slab:text 8`"), "{error}");
}

#[test]
fn places_are_taken_once_and_given_back() {
    let segment = segment(RingOptions::spsc(4));
    let first = producer(&segment, 1);
    let second = segment.producer::<Note>(0, ProducerOptions::default());
    assert!(matches!(second, Err(Error::RoleTaken(_))));
    drop(first);
    drop(producer(&segment, 1));
    assert!(segment.producer::<Note>(1, ProducerOptions::default()).is_err());
}

#[test]
fn messages_are_read_where_they_lie_on_request() {
    let segment = segment(RingOptions::spsc(8));
    let (mut producer, mut consumer) = (producer(&segment, 1), consumer(&segment));
    for id in 0..3 {
        assert!(producer.try_push(&note(id)).expect("room"));
    }
    let mut ids = Vec::new();
    // SAFETY: the only producer is this test's, and does nothing meanwhile.
    let taken = unsafe { consumer.drain_in_place(2, |got| ids.push(got.id)) };
    assert_eq!((taken.expect("open"), ids), (2, vec![0, 1]));
    assert_eq!(consumer.try_pop().expect("open"), Some(note(2)));
}

#[test]
fn waits_end_by_timeout_and_by_messages() {
    let segment = segment(RingOptions::spsc(1));
    let (mut producer, mut consumer) = (producer(&segment, 1), consumer(&segment));
    assert!(!consumer.wait(Some(Duration::from_millis(1))).expect("open"));
    assert!(producer.try_push(&note(0)).expect("room"));
    assert!(!producer.push(&note(1), Some(Duration::from_millis(1))).expect("open"));
    assert!(!producer.push_or_drop(&note(1)).expect("open"));
    assert_eq!(producer.counters().dropped, 1);
    let thread = thread::spawn(move || {
        for id in 1..500 {
            assert!(producer.push(&note(id), None).expect("open"));
        }
        producer.close();
    });
    for id in 0..500 {
        assert_eq!(consumer.pop(None).expect("open"), Some(note(id)));
    }
    assert!(matches!(consumer.pop(None), Err(Error::Ended)));
    thread.join().expect("no panic");
}
