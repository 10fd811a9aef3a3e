//! The C interface of `include/rondo_ring_ffi.h`, which says what each function does.
//!
//! Every function catches panics, checks its pointers for null, and keeps the text of a failure
//! for `rondo_last_error`. What the header demands of callers (pointers that are valid for the
//! given lengths, handles that came from here, one thread at a time for each) is what every
//! `unsafe` block of these files relies on.

mod consumer;
mod producer;
mod segment;

use std::cell::RefCell;
use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::wait::{Armed, Waiting};

const VERSION: u32 = 2;
const PANIC: i32 = -17;

thread_local! {
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The number of an error in the header.
fn number(error: &Error) -> i32 {
    match error {
        Error::Ended => -1,
        Error::Closed => -2,
        Error::PeerDied => -3,
        Error::Poisoned(_) => -4,
        Error::Schema(_) => -5,
        Error::RoleTaken(_) => -6,
        Error::NotFound(_) => -7,
        Error::Exists(_) => -8,
        Error::Name(_) => -9,
        Error::Directory(_) => -10,
        Error::Segment(_) => -11,
        Error::Geometry(_) => -12,
        Error::Participants => -13,
        Error::MessageSize => -14,
        Error::Argument(_) | Error::Text => -15,
        Error::System(..) => -16,
        Error::Claim => -18,
    }
}

fn keep(text: String) {
    LAST.with(|last| last.replace(text));
}

/// Runs a function of the interface: its value, or the number of its error.
fn guarded(run: impl FnOnce() -> Result<i32>) -> i32 {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => {
            let number = number(&error);
            // Outcomes come often, and say everything by their number.
            if number < -3 {
                keep(error.to_string());
            }
            number
        }
        Err(_) => {
            keep("ERR_ASSERTION: a fault in the library, please report it".to_owned());
            PANIC
        }
    }
}

/// Runs a function that gives a handle out.
fn give<T>(out: *mut *mut T, make: impl FnOnce() -> Result<T>) -> i32 {
    guarded(|| {
        if out.is_null() {
            return Err(Error::Argument("a pointer is null"));
        }
        let handle = Box::into_raw(Box::new(make()?));
        // SAFETY: not null, and the caller promises that it may be written.
        unsafe { out.write(handle) };
        Ok(0)
    })
}

/// Frees a handle; null is allowed.
fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        let drop_it = || {
            // SAFETY: the caller promises that the handle came from `give` and is used no more.
            drop(unsafe { Box::from_raw(handle) });
        };
        // Nothing can be said of a panic here, and nothing may unwind.
        let _ = catch_unwind(AssertUnwindSafe(drop_it));
    }
}

/// A handle to look at.
fn shared<'a, T>(handle: *const T) -> Result<&'a T> {
    // SAFETY: null, or a living handle that nobody changes meanwhile, as the caller promises.
    unsafe { handle.as_ref() }.ok_or(Error::Argument("a handle is null"))
}

/// A handle to use.
fn exclusive<'a, T>(handle: *mut T) -> Result<&'a mut T> {
    // SAFETY: null, or a living handle that nobody else uses meanwhile, as the caller promises.
    unsafe { handle.as_mut() }.ok_or(Error::Argument("a handle is null"))
}

/// Bytes that come in.
fn input<'a>(first: *const u8, bytes: usize) -> Result<&'a [u8]> {
    if bytes == 0 {
        return Ok(&[]);
    }
    if first.is_null() || bytes > isize::MAX as usize {
        return Err(Error::Argument("a pointer is null"));
    }
    // SAFETY: not null; the caller promises that so many bytes are there and do not change.
    Ok(unsafe { slice::from_raw_parts(first, bytes) })
}

/// Text that comes in.
fn text<'a>(first: *const c_char, bytes: usize) -> Result<&'a str> {
    std::str::from_utf8(input(first.cast(), bytes)?).map_err(|_| Error::Text)
}

/// Copies as much as there is room for; returns the whole length.
fn output(from: &[u8], out: *mut c_char, capacity: usize) -> usize {
    let bytes = from.len().min(capacity);
    if !out.is_null() && bytes > 0 {
        // SAFETY: not null, and the caller promises room for `capacity` bytes; what comes from
        // here is nothing of the caller's.
        unsafe { out.copy_from_nonoverlapping(from.as_ptr().cast(), bytes) };
    }
    from.len()
}

/// Gives the word to sleep on and its value out; 1 when there is no need to.
fn armed(armed: Armed, bell: *mut *const u32, value: *mut u32) -> Result<i32> {
    if bell.is_null() || value.is_null() {
        return Err(Error::Argument("a pointer is null"));
    }
    let Some((word, raised)) = armed else { return Ok(1) };
    // SAFETY: not null, and the caller promises that they may be written.
    unsafe {
        bell.write(word);
        value.write(raised);
    }
    Ok(0)
}

fn timeout(milliseconds: i64) -> Option<Duration> {
    u64::try_from(milliseconds).ok().map(Duration::from_millis)
}

fn waiting(spin_microseconds: u32) -> Waiting {
    Waiting { spin: Duration::from_micros(u64::from(spin_microseconds)), sleep: true }
}

/// The version of the interface.
#[unsafe(no_mangle)]
extern "C" fn rondo_ffi_version() -> u32 {
    VERSION
}

/// Who this process is.
#[unsafe(no_mangle)]
extern "C" fn rondo_ffi_identify(language: u32, label: *const c_char, label_bytes: usize) -> i32 {
    guarded(|| {
        crate::segment::participants::identify(language, text(label, label_bytes)?);
        Ok(0)
    })
}

/// The text of this thread's last failure.
#[unsafe(no_mangle)]
extern "C" fn rondo_last_error(out: *mut c_char, capacity: usize) -> usize {
    LAST.with(|last| output(last.borrow().as_bytes(), out, capacity))
}

/// The name of a code.
#[unsafe(no_mangle)]
extern "C" fn rondo_code_name(code: i32) -> *const c_char {
    let name = match code {
        -1 => c"ERR_RING_ENDED",
        -2 => c"ERR_RING_CLOSED",
        -3 => c"ERR_RING_PEER_DIED",
        -4 => c"ERR_RING_POISONED",
        -5 => c"ERR_RING_SCHEMA",
        -6 => c"ERR_RING_ROLE_TAKEN",
        -7 => c"ERR_RING_NOT_FOUND",
        -8 => c"ERR_RING_EXISTS",
        -9 => c"ERR_RING_NAME",
        -10 => c"ERR_RING_DIRECTORY",
        -11 => c"ERR_RING_SEGMENT",
        -12 => c"ERR_OPTION_RANGE",
        -13 => c"ERR_RING_PARTICIPANTS",
        -14 => c"ERR_RING_MESSAGE_SIZE",
        -15 => c"ERR_OPTION_TYPE",
        -16 => c"ERR_SYSTEM",
        -18 => c"ERR_RING_CLAIM",
        _ => c"ERR_ASSERTION",
    };
    name.as_ptr()
}
