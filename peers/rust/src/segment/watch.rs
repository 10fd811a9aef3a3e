//! Learning of the deaths of those on the other side of a ring, while waiting for them.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use crate::ring::layout::{LANE_OPEN, lane};
use crate::ring::{RingMap, Space};
use crate::segment::Shared;
use crate::segment::identity::Identity;
use crate::segment::participants::Entry;
use crate::segment::roles::Side;
use crate::sys;

/// Somebody who has, or had, a role on the other side.
#[derive(Debug)]
struct Seen {
    entry: Entry,
    /// The lane or consumer place that it had.
    place: u32,
    state: u32,
    identity: Identity,
    pidfd: Option<OwnedFd>,
}

impl Seen {
    fn is_dead(&self) -> bool {
        match &self.pidfd {
            Some(pidfd) => sys::has_died(pidfd.as_fd()),
            None => self.identity.is_dead(),
        }
    }
}

fn is_owner(side: Side, shared: &Shared, map: &RingMap, seen: &Seen) -> bool {
    let owner = shared.memory().load(side.owner(map, seen.place));
    Entry::of_owner_word(owner) == Some(seen.entry)
}

/// Whether somebody has cleared up after the owner of a place: a lane is open without an owner,
/// or there is no consumer at all.
fn is_orphaned(side: Side, shared: &Shared, map: &RingMap, place: u32) -> bool {
    let memory = shared.memory();
    let free = |place| memory.load(side.owner(map, place)) == 0;
    match side {
        Side::Producers => {
            free(place) && memory.load(map.control(place) + lane::STATE) == LANE_OPEN
        }
        Side::Consumers => (0..side.places(map)).all(free),
    }
}

/// Watches one side of a ring.
#[derive(Debug)]
pub(crate) struct Watch {
    side: Side,
    seen: Vec<Seen>,
}

impl Watch {
    pub(crate) const fn new(side: Side) -> Self {
        Self { side, seen: Vec::new() }
    }

    /// Looks who is there and who has died since; clears up after them. Returns whether anybody
    /// died in a role, whoever cleared up.
    pub(crate) fn check(&mut self, shared: &Arc<Shared>, map: &RingMap) -> bool {
        self.meet(shared, map);
        let participants = shared.participants();
        let side = self.side;
        let mut died = false;
        self.seen.retain(|seen| {
            let there = participants.identity(seen.entry).is_some();
            if !seen.is_dead() {
                // Who has left is forgotten.
                return there;
            }
            // Who gave its role up before, and then ended, did not die in it.
            died |= is_owner(side, shared, map, seen) || is_orphaned(side, shared, map, seen.place);
            if there {
                participants.clear(seen.entry, seen.state);
            }
            false
        });
        died
    }

    fn meet(&mut self, shared: &Arc<Shared>, map: &RingMap) {
        let memory = shared.memory();
        for place in 0..self.side.places(map) {
            let at = self.side.owner(map, place);
            let owner = memory.load(at);
            let entry = Entry::of_owner_word(owner);
            let known = |seen: &Seen| Some(seen.entry) == entry && seen.place == place;
            if owner == 0 || self.seen.iter().any(known) {
                continue;
            }
            match entry.and_then(|entry| Some((entry, shared.participants().identity(entry)?))) {
                Some((entry, (state, identity))) => {
                    let pidfd = identity.pidfd();
                    self.seen.push(Seen { entry, place, state, identity, pidfd });
                }
                // Nobody clears up after a word that names no live entry but who finds it.
                None => {
                    let _ = memory.compare_exchange(at, owner, 0);
                }
            }
        }
    }
}
