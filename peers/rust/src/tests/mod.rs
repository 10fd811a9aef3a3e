//! Tests that reach inside: positions near the wrap, and peers that lie.

mod hostile;
mod rings;

use crate::ring::layout::{cursor, lane};
use crate::ring::{RingMap, Space};
use crate::{
    Consumer, ConsumerOptions, Message, Producer, ProducerOptions, RingOptions, RingSpec, Schema,
    Segment, SlabRef, Waiting,
};

/// A message with a piece.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub(crate) struct Note {
    pub(crate) id: u64,
    pub(crate) text: SlabRef,
    pub(crate) check: u64,
}

// SAFETY: `repr(C)`, numbers at the offsets of the schema, no padding.
unsafe impl Message for Note {
    const SCHEMA: Schema = Schema::new(
        "rondo-struct 1\nname test.Note\nfield id u64 0\nfield text slab:text 8\n\
         field check u64 16\nsize 24 align 8\n",
    );
}

/// The beginning of it, as an older consumer knows it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub(crate) struct OldNote {
    pub(crate) id: u64,
}

// SAFETY: one number, at its offset.
unsafe impl Message for OldNote {
    const SCHEMA: Schema =
        Schema::new("rondo-struct 1\nname test.Note\nfield id u64 0\nsize 8 align 8\n");
}

pub(crate) fn segment(options: RingOptions) -> Segment {
    let spec = RingSpec::new::<Note>(options).expect("sizes within their limits");
    Segment::create(&[spec]).expect("memory")
}

/// A segment whose positions all begin at `position`, as after that many messages.
pub(crate) fn segment_at(options: RingOptions, position: u32) -> Segment {
    let segment = segment(options);
    let (memory, map) = (segment.0.memory(), segment.0.header.maps[0]);
    for number in 0..map.geometry.lanes {
        let control = map.control(number);
        for word in [lane::TAIL, lane::INTENT] {
            memory.set(control + word, position);
        }
        for word in [lane::SLAB_TAIL, lane::SLAB_INTENT] {
            memory.set(control + word, position & !7);
        }
        for index in 0..map.geometry.cursors() {
            memory.set(map.cursor(number, index) + cursor::HEAD, position);
        }
    }
    segment
}

pub(crate) fn map(segment: &Segment) -> RingMap {
    segment.0.header.maps[0]
}

pub(crate) fn producer(segment: &Segment, publish_every: u32) -> Producer<Note> {
    let options = ProducerOptions { publish_every, waiting: Waiting::sleeping() };
    segment.producer(0, options).expect("a free lane")
}

pub(crate) fn consumer(segment: &Segment) -> Consumer<Note> {
    let options = ConsumerOptions { waiting: Waiting::sleeping() };
    segment.consumer(0, options).expect("a free place")
}

pub(crate) fn note(id: u64) -> Note {
    Note { id, text: SlabRef::default(), check: !id }
}

/// Text of varying length for a message.
pub(crate) fn text_of(id: u64) -> String {
    "é".repeat((id % 13) as usize) + &id.to_string()
}

/// Pushes a message with its text, if there is room for both.
pub(crate) fn try_push_text(producer: &mut Producer<Note>, id: u64) -> crate::Result<bool> {
    let Some(text) = producer.put(text_of(id).as_bytes())? else { return Ok(false) };
    if producer.try_push(&Note { text, ..note(id) })? {
        return Ok(true);
    }
    producer.abort();
    Ok(false)
}

pub(crate) fn check_text(consumer: &Consumer<Note>, note: &Note) {
    assert_eq!(note.check, !note.id, "a message is torn");
    assert_eq!(consumer.text(note.text).expect("its text"), text_of(note.id));
}
