//! Owner words of lanes and consumer places (section 6).

use std::process;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::evolution;
use crate::ring::layout::{LANE_OPEN, LANE_UNUSED, OWNER_ASKING, lane};
use crate::ring::schema::fingerprint;
use crate::ring::{RingMap, Space};
use crate::segment::Shared;

/// A side of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Producers,
    Consumers,
}

impl Side {
    pub(crate) const fn places(self, map: &RingMap) -> u32 {
        match self {
            Self::Producers => map.geometry.lanes,
            Self::Consumers => map.geometry.consumers,
        }
    }

    pub(crate) const fn owner(self, map: &RingMap, place: u32) -> usize {
        match self {
            Self::Producers => map.lane_owner(place),
            Self::Consumers => map.place_owner(place),
        }
    }

    /// The bell that this side sleeps on.
    pub(crate) const fn bell(self, map: &RingMap) -> usize {
        match self {
            Self::Producers => map.producers_bell(),
            Self::Consumers => map.consumers_bell(),
        }
    }

    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Producers => Self::Consumers,
            Self::Consumers => Self::Producers,
        }
    }
}

/// A role that this process has; given up when dropped.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) shared: Arc<Shared>,
    pub(crate) map: RingMap,
    pub(crate) place: u32,
    side: Side,
    word: u32,
    process: u32,
}

/// Checks that a side with that schema text may use a ring.
pub(crate) fn check_schema(
    shared: &Shared,
    ring: usize,
    text: &str,
    print: Option<u64>,
    side: Side,
) -> Result<()> {
    shared.ring(ring)?;
    let found = &shared.header.rings[ring];
    if print.unwrap_or_else(|| fingerprint(text.as_bytes())) == found.fingerprint {
        // A text that does not match its fingerprint harms nobody but its creator, as long as
        // the stride holds what is copied.
        let size = crate::ring::schema::size_and_align(text.as_bytes()).map(|(size, _)| size);
        let fits = |size: u32| size.next_multiple_of(8) == shared.header.maps[ring].geometry.stride;
        return if size.is_some_and(fits) {
            Ok(())
        } else {
            Err(Error::Segment("a ring's stride is not that of its fingerprint".to_owned()))
        };
    }
    evolution::compare(text, &found.schema, side == Side::Consumers)
}

impl Role {
    /// Takes a free place of that side; `asking` sets that bit (gated broadcast). Clears up
    /// after the dead when none is free.
    ///
    /// # Errors
    /// [`Error::RoleTaken`] when all places have living owners.
    pub(crate) fn take(
        shared: &Arc<Shared>,
        ring: usize,
        side: Side,
        asking: bool,
    ) -> Result<Self> {
        let map = *shared.ring(ring)?;
        let entry = shared.entry()?;
        let word = entry.owner_word() | if asking { OWNER_ASKING } else { 0 };
        let process = process::id();
        for attempt in 0..2 {
            for place in preferred(shared, &map, side) {
                let at = side.owner(&map, place);
                if shared.memory().compare_exchange(at, 0, word).is_ok() {
                    // Who sleeps on the other side has somebody new to watch.
                    crate::ring::bell::ring(&shared.memory(), side.other().bell(&map));
                    let shared = Arc::clone(shared);
                    return Ok(Self { shared, map, place, side, word, process });
                }
            }
            if attempt == 0 {
                clear_dead_owners(shared, &map, side);
            }
        }
        let who = match side {
            Side::Producers => "lanes",
            Side::Consumers => "consumer places",
        };
        let places = side.places(&map);
        Err(Error::RoleTaken(format!("all {places} {who} of the ring have living owners")))
    }

    /// The owner word as it is now: that of another, or 0, when this process was taken for dead.
    pub(crate) fn owner(&self) -> u32 {
        self.shared.memory().load(self.side.owner(&self.map, self.place))
    }

    /// Whether it is this process's: in a forked child it is the parent's.
    pub(crate) fn is_own(&self) -> bool {
        self.process == process::id()
    }

    /// Whether the producer has let this consumer in.
    pub(crate) fn is_admitted(&self) -> bool {
        self.owner() == self.word & !OWNER_ASKING
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        if !self.is_own() {
            return;
        }
        let at = self.side.owner(&self.map, self.place);
        let memory = self.shared.memory();
        for word in [self.word & !OWNER_ASKING, self.word] {
            let _ = memory.compare_exchange(at, word, 0);
        }
        // Who waits for this side looks again: on a gated ring there may be room now.
        crate::ring::bell::ring(&memory, self.map.producers_bell());
        crate::ring::bell::ring(&memory, self.map.consumers_bell());
    }
}

/// The free places in the order in which to try them. Producers first take a lane that a
/// predecessor left open, or it would keep the ring from ending; then unused ones.
fn preferred(shared: &Shared, map: &RingMap, side: Side) -> Vec<u32> {
    let memory = shared.memory();
    let mut free: Vec<u32> =
        (0..side.places(map)).filter(|place| memory.load(side.owner(map, *place)) == 0).collect();
    if side == Side::Producers {
        free.sort_by_key(|place| match memory.load(map.control(*place) + lane::STATE) {
            LANE_OPEN => 0,
            LANE_UNUSED => 1,
            _ => 2,
        });
    }
    free
}

/// Clears up after owners of that side who are dead, and after owner words left over.
fn clear_dead_owners(shared: &Shared, map: &RingMap, side: Side) {
    let participants = shared.participants();
    participants.reap();
    let memory = shared.memory();
    for place in 0..side.places(map) {
        let at = side.owner(map, place);
        let owner = memory.load(at);
        if owner != 0 && participants.is_owner_dead(owner) {
            let _ = memory.compare_exchange(at, owner, 0);
        }
    }
}
