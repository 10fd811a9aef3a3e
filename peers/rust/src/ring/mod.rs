//! The ring algorithms: what `spec/ring.md` says in sections 3, 4 and 7 to 11.
//!
//! Everything here needs only `core` and works on any memory that implements [`Space`]: the
//! mapped segment of the `std` feature, memory of one's own, or the model checker's words in
//! `tests/`. It is safe code but for [`space::Raw`], which checks every access against the size
//! of its memory; a hostile peer can therefore make messages wrong, but not accesses.

pub mod bell;
pub mod cursor;
pub mod gate;
pub mod layout;
pub mod schema;
pub mod sha256;
pub mod space;
pub mod writer;

pub use cursor::{Attempt, Cursor};
pub use layout::{Geometry, RingMap, Topology};
pub use schema::Schema;
pub use space::{Raw, Space};
pub use writer::Writer;

/// Why a side cannot go on with a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The consumer wants no more (producers only).
    Closed,
    /// A lie was found in the ring; the number is its code (section 11).
    Poisoned(u32),
    /// A piece can never fit in the slab, or the pieces of one message cannot.
    TooLong,
}

/// A tail is not within the slots of the head.
pub const POISON_TAIL: u32 = 1;
/// A head is not within the slots behind the tail.
pub const POISON_HEAD: u32 = 2;
/// A reference reaches outside the slab.
pub const POISON_REFERENCE: u32 = 3;

/// Poisons a ring with `code` (the first finder's code stays) and rings both bells.
#[cold]
pub fn poison<S: Space>(space: &S, map: &RingMap, code: u32) -> Stop {
    let found = match space.compare_exchange(map.poison(), 0, code) {
        Ok(_) => code,
        Err(earlier) => earlier,
    };
    bell::ring(space, map.consumers_bell());
    bell::ring(space, map.producers_bell());
    Stop::Poisoned(found)
}

/// Whether the ring was poisoned by anyone.
///
/// # Errors
/// [`Stop::Poisoned`] with the code that was found.
#[inline]
pub fn check_poison<S: Space>(space: &S, map: &RingMap) -> Result<(), Stop> {
    match space.load(map.poison()) {
        0 => Ok(()),
        code => Err(Stop::Poisoned(code)),
    }
}
