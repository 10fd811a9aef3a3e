//! Consumers, in C.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::slice;

use super::{armed, exclusive, free, give, guarded, shared, text, timeout, waiting};
use crate::error::{Error, Result};
use crate::intake::Intake;
use crate::message::SlabRef;
use crate::segment::Segment;
use crate::wait::Waiting;

/// `rondo_consumer`.
struct CConsumer {
    intake: Intake,
    closed: bool,
}

impl CConsumer {
    fn open_intake(&mut self) -> Result<&mut Intake> {
        if self.closed { Err(Error::Closed) } else { Ok(&mut self.intake) }
    }
}

/// Room for bytes that go out.
fn room<'a>(first: *mut MaybeUninit<u8>, bytes: usize) -> Result<&'a mut [MaybeUninit<u8>]> {
    if bytes == 0 {
        return Ok(&mut []);
    }
    if first.is_null() || bytes > isize::MAX as usize {
        return Err(Error::Argument("a pointer is null"));
    }
    // SAFETY: not null; the caller promises that so many bytes are its own and may be written.
    Ok(unsafe { slice::from_raw_parts_mut(first, bytes) })
}

/// Takes a place.
#[unsafe(no_mangle)]
extern "C" fn rondo_consumer_open(
    segment: *const Segment,
    ring: u32,
    schema: *const c_char,
    schema_bytes: usize,
    out: *mut *mut CConsumer,
) -> i32 {
    give(out, || {
        let schema = (text(schema, schema_bytes)?, None);
        let intake = Intake::open(shared(segment)?, ring as usize, schema, Waiting::default())?;
        Ok(CConsumer { intake, closed: false })
    })
}

/// Bytes of a message.
#[unsafe(no_mangle)]
extern "C" fn rondo_consumer_message_bytes(consumer: *const CConsumer) -> u32 {
    shared(consumer).map_or(0, |consumer| consumer.intake.message_bytes() as u32)
}

/// Takes messages.
#[unsafe(no_mangle)]
extern "C" fn rondo_consumer_pop(
    consumer: *mut CConsumer,
    out: *mut MaybeUninit<u8>,
    stride: usize,
    limit: u32,
) -> i32 {
    guarded(|| {
        let intake = exclusive(consumer)?.open_intake()?;
        let limit = limit.min(intake.largest_batch());
        if limit == 0 {
            return Ok(0);
        }
        let before = (limit as usize - 1).checked_mul(stride);
        let whole = before.and_then(|before| before.checked_add(intake.message_bytes()));
        let out = room(out, whole.ok_or(Error::Argument("too many bytes"))?)?;
        Ok(intake.take(out, stride, limit)? as i32)
    })
}

/// Copies a piece.
#[unsafe(no_mangle)]
extern "C" fn rondo_consumer_piece(
    consumer: *mut CConsumer,
    position: u32,
    length: u32,
    out: *mut MaybeUninit<u8>,
) -> i32 {
    guarded(|| {
        let intake = exclusive(consumer)?.open_intake()?;
        let out = room(out, length as usize)?;
        intake.copy_piece(SlabRef { position, length }, out)?;
        Ok(length as i32)
    })
}

/// The lane of what was taken last.
#[unsafe(no_mangle)]
extern "C" fn rondo_consumer_lane(consumer: *const CConsumer) -> i32 {
    guarded(|| Ok(shared(consumer)?.intake.lane() as i32))
}

/// Releases.
#[unsafe(no_mangle)]
extern "C" fn rondo_consumer_release(consumer: *mut CConsumer) -> i32 {
    guarded(|| {
        exclusive(consumer)?.open_intake()?.release();
        Ok(0)
    })
}

/// Waits for messages.
#[unsafe(no_mangle)]
extern "C" fn rondo_consumer_wait(
    consumer: *mut CConsumer,
    timeout_ms: i64,
    spin_microseconds: u32,
) -> i32 {
    guarded(|| {
        let intake = exclusive(consumer)?.open_intake()?;
        intake.set_waiting(waiting(spin_microseconds));
        Ok(i32::from(intake.wait(timeout(timeout_ms))?))
    })
}

/// The first half of a sleep.
#[unsafe(no_mangle)]
extern "C" fn rondo_consumer_arm(
    consumer: *mut CConsumer,
    bell: *mut *const u32,
    value: *mut u32,
) -> i32 {
    guarded(|| armed(exclusive(consumer)?.open_intake()?.arm()?, bell, value))
}

/// Whether it has joined.
#[unsafe(no_mangle)]
extern "C" fn rondo_consumer_joined(consumer: *mut CConsumer) -> i32 {
    guarded(|| Ok(i32::from(exclusive(consumer)?.open_intake()?.joined()?)))
}

/// Messages lost.
#[unsafe(no_mangle)]
extern "C" fn rondo_consumer_lost(consumer: *const CConsumer) -> u32 {
    shared(consumer).map_or(0, |consumer| consumer.intake.lost())
}

/// Tells producers that no more is wanted.
#[unsafe(no_mangle)]
extern "C" fn rondo_consumer_close(consumer: *mut CConsumer) -> i32 {
    guarded(|| {
        let consumer = exclusive(consumer)?;
        if !consumer.closed {
            consumer.intake.close();
            consumer.closed = true;
        }
        Ok(0)
    })
}

/// Gives the place up.
#[unsafe(no_mangle)]
extern "C" fn rondo_consumer_detach(consumer: *mut CConsumer) {
    free(consumer);
}
