//! Producers, in C.

use std::ffi::c_char;

use super::{armed, exclusive, free, give, guarded, input, shared, text, timeout, waiting};
use crate::error::{Error, Result};
use crate::message::SlabRef;
use crate::producer::{Outlet, ProducerOptions};
use crate::ring::schema::size_and_align;
use crate::segment::Segment;
use crate::wait::Waiting;

/// `rondo_producer`.
struct CProducer {
    outlet: Outlet,
    message_bytes: usize,
    closed: bool,
}

impl CProducer {
    fn open_outlet(&mut self) -> Result<&mut Outlet> {
        if self.closed { Err(Error::Closed) } else { Ok(&mut self.outlet) }
    }

    fn push(&mut self, messages: *const u8, stride: usize, count: u32) -> Result<i32> {
        let bytes = self.message_bytes;
        let outlet = self.open_outlet()?;
        if count == 0 {
            return Ok(0);
        }
        let count = count.min(i32::MAX as u32) as usize;
        let whole = (count - 1).checked_mul(stride).and_then(|last| last.checked_add(bytes));
        if stride < bytes && count > 1 {
            return Err(Error::Argument("the stride must be a message's size at least"));
        }
        let all = input(messages, whole.ok_or(Error::Argument("too many bytes"))?)?;
        for index in 0..count {
            let first = index * stride;
            match outlet.writer.push(&all[first..first + bytes]) {
                Ok(true) => {}
                Ok(false) => return Ok(index as i32),
                Err(_) if index > 0 => return Ok(index as i32),
                Err(stop) => return Err(stop.into()),
            }
        }
        Ok(count as i32)
    }

    fn wait(&mut self, piece: Option<u32>, milliseconds: i64, spin: u32) -> Result<i32> {
        let outlet = self.open_outlet()?;
        outlet.set_waiting(waiting(spin));
        Ok(i32::from(outlet.wait(piece, timeout(milliseconds))?))
    }
}

/// Takes a lane.
#[unsafe(no_mangle)]
extern "C" fn rondo_producer_open(
    segment: *const Segment,
    ring: u32,
    schema: *const c_char,
    schema_bytes: usize,
    publish_every: u32,
    out: *mut *mut CProducer,
) -> i32 {
    give(out, || {
        let schema = text(schema, schema_bytes)?;
        let (size, _) = size_and_align(schema.as_bytes())
            .ok_or(Error::Argument("a schema text ends with its size and alignment"))?;
        let options = ProducerOptions { publish_every, waiting: Waiting::default() };
        let outlet = Outlet::open(shared(segment)?, ring as usize, (schema, None), options)?;
        Ok(CProducer { outlet, message_bytes: size as usize, closed: false })
    })
}

/// Bytes of a message.
#[unsafe(no_mangle)]
extern "C" fn rondo_producer_message_bytes(producer: *const CProducer) -> u32 {
    shared(producer).map_or(0, |producer| producer.message_bytes as u32)
}

/// Pushes messages.
#[unsafe(no_mangle)]
extern "C" fn rondo_producer_push(
    producer: *mut CProducer,
    messages: *const u8,
    stride: usize,
    count: u32,
) -> i32 {
    guarded(|| exclusive(producer)?.push(messages, stride, count))
}

/// Puts a piece into the slab.
#[unsafe(no_mangle)]
extern "C" fn rondo_producer_put(
    producer: *mut CProducer,
    bytes: *const u8,
    length: u32,
    reference: *mut u32,
) -> i32 {
    guarded(|| {
        let outlet = exclusive(producer)?.open_outlet()?;
        let bytes = input(bytes, length as usize)?;
        if reference.is_null() {
            return Err(Error::Argument("a pointer is null"));
        }
        let Some(SlabRef { position, length }) = outlet.put(bytes)? else { return Ok(0) };
        // SAFETY: not null, and the caller promises that two words may be written.
        unsafe { reference.cast::<[u32; 2]>().write([position, length]) };
        Ok(1)
    })
}

/// Forgets pieces.
#[unsafe(no_mangle)]
extern "C" fn rondo_producer_abort(producer: *mut CProducer) -> i32 {
    guarded(|| {
        exclusive(producer)?.open_outlet()?.writer.abort();
        Ok(0)
    })
}

/// Publishes.
#[unsafe(no_mangle)]
extern "C" fn rondo_producer_flush(producer: *mut CProducer) -> i32 {
    guarded(|| {
        exclusive(producer)?.open_outlet()?.writer.flush();
        Ok(0)
    })
}

/// Waits for a slot.
#[unsafe(no_mangle)]
extern "C" fn rondo_producer_wait(
    producer: *mut CProducer,
    timeout_ms: i64,
    spin_microseconds: u32,
) -> i32 {
    guarded(|| exclusive(producer)?.wait(None, timeout_ms, spin_microseconds))
}

/// Waits for slab.
#[unsafe(no_mangle)]
extern "C" fn rondo_producer_wait_piece(
    producer: *mut CProducer,
    length: u32,
    timeout_ms: i64,
    spin_microseconds: u32,
) -> i32 {
    guarded(|| exclusive(producer)?.wait(Some(length), timeout_ms, spin_microseconds))
}

/// The first half of a sleep.
#[unsafe(no_mangle)]
extern "C" fn rondo_producer_arm(
    producer: *mut CProducer,
    piece_bytes: u32,
    bell: *mut *const u32,
    value: *mut u32,
) -> i32 {
    let piece = (piece_bytes > 0).then_some(piece_bytes);
    guarded(|| armed(exclusive(producer)?.open_outlet()?.arm(piece)?, bell, value))
}

/// Lets consumers join.
#[unsafe(no_mangle)]
extern "C" fn rondo_producer_admit(producer: *mut CProducer) -> i32 {
    guarded(|| Ok(exclusive(producer)?.open_outlet()?.admit() as i32))
}

/// Closes the lane.
#[unsafe(no_mangle)]
extern "C" fn rondo_producer_close(producer: *mut CProducer) -> i32 {
    guarded(|| {
        let producer = exclusive(producer)?;
        if !producer.closed {
            producer.outlet.writer.close();
            producer.closed = true;
        }
        Ok(0)
    })
}

/// Gives the lane up.
#[unsafe(no_mangle)]
extern "C" fn rondo_producer_detach(producer: *mut CProducer) {
    free(producer);
}
