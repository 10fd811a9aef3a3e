//! The gate of a broadcast that waits for its consumers (section 9), from the producer's side.

use super::layout::{OWNER_ASKING, RingMap, cursor};
use super::space::Space;

/// Lets every consumer that asks join at `published`. Returns how many were let in.
///
/// Only the producer of the ring calls it. The head is stored before the owner word changes, so
/// a consumer that sees its place without *asking* finds its head.
pub fn admit<S: Space>(space: &S, map: &RingMap, published: u32) -> u32 {
    let mut admitted = 0;
    for place in 0..map.geometry.consumers {
        let owner = space.load(map.place_owner(place));
        if owner & OWNER_ASKING == 0 {
            continue;
        }
        space.store(map.cursor(0, place) + cursor::HEAD, published);
        let joined = owner & !OWNER_ASKING;
        if space.compare_exchange(map.place_owner(place), owner, joined).is_ok() {
            admitted += 1;
        }
    }
    admitted
}

/// How many consumers have joined.
pub fn active<S: Space>(space: &S, map: &RingMap) -> u32 {
    (0..map.geometry.consumers)
        .map(|place| space.load(map.place_owner(place)))
        .filter(|owner| *owner != 0 && owner & OWNER_ASKING == 0)
        .count() as u32
}

/// The head furthest behind among the active consumers; `published` without any.
///
/// A head that is not within the slots behind both `published` and `tail` belongs to a liar and
/// is ignored: it can neither stop the producer nor let it overwrite what others still read.
pub fn slowest<S: Space>(space: &S, map: &RingMap, published: u32, tail: u32) -> u32 {
    let slots = map.geometry.slots;
    let mut lag = 0;
    for place in 0..map.geometry.consumers {
        let owner = space.load(map.place_owner(place));
        if owner == 0 || owner & OWNER_ASKING != 0 {
            continue;
        }
        let head = space.load(map.cursor(0, place) + cursor::HEAD);
        let behind = published.wrapping_sub(head);
        if behind <= slots && tail.wrapping_sub(head) <= slots {
            lag = lag.max(behind);
        }
    }
    published.wrapping_sub(lag)
}
