//! The table of participants: joining, leaving, and clearing up after the dead (section 5).
//!
//! Every step is one compare-and-swap on a value that names the dead one, so any number of
//! survivors may do it at once, and each may die anywhere.

use core::mem::MaybeUninit;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::ring::layout::{OWNER_ASKING, PARTICIPANT, PARTICIPANTS, PARTICIPANTS_AT};
use crate::ring::{Raw, RingMap, Space, bell};
use crate::segment::identity::{Identity, LANGUAGE_RUST, thread_lives};
use crate::sys;

const FREE: u32 = 0;
const JOINING: u32 = 1;
const LIVE: u32 = 2;
const STATE_MASK: u32 = 3;
const GENERATION_MASK: u32 = 0xff;
const LABEL_AT: usize = 64;
const LABEL_BYTES: usize = 64;

/// An entry of the table, as taken by this handle or seen in an owner word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl Entry {
    /// The owner word that names this entry.
    pub(crate) const fn owner_word(self) -> u32 {
        (self.index + 1) | self.generation << 8
    }

    /// The entry that an owner word names; `None` for words that name none.
    pub(crate) const fn of_owner_word(word: u32) -> Option<Self> {
        let place = word & 0xff;
        if place == 0 || place > PARTICIPANTS as u32 {
            return None;
        }
        Some(Self { index: place - 1, generation: word >> 8 & GENERATION_MASK })
    }
}

const fn generation(state: u32) -> u32 {
    state >> 2 & GENERATION_MASK
}

const fn freed(state: u32) -> u32 {
    FREE | (generation(state).wrapping_add(1) & GENERATION_MASK) << 2
}

/// The table, with the rings whose owner words name its entries.
#[derive(Clone, Copy)]
pub(crate) struct Participants<'a> {
    pub(crate) memory: Raw,
    pub(crate) rings: &'a [RingMap],
}

/// Language and label of this process: those of the language that uses the C interface.
static WHO: Mutex<(u32, String)> = Mutex::new((LANGUAGE_RUST, String::new()));

/// Says which language this process speaks, and what it is called, for segments that it attaches
/// to from now on.
#[cfg(feature = "ffi")]
pub(crate) fn identify(language: u32, label: &str) {
    *WHO.lock().unwrap_or_else(PoisonError::into_inner) = (language, label.to_owned());
}

impl Participants<'_> {
    const fn at(index: u32) -> usize {
        PARTICIPANTS_AT + index as usize * PARTICIPANT
    }

    /// Takes an entry for this process.
    ///
    /// # Errors
    /// [`Error::Participants`] when all are taken by the living.
    pub(crate) fn join(&self) -> Result<Entry> {
        let identity = Identity::own()?;
        let (language, label) = WHO.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let who = (language, label.as_str());
        if let Some(entry) = self.try_join(&identity, who) {
            return Ok(entry);
        }
        self.reap();
        self.try_join(&identity, who).ok_or(Error::Participants)
    }

    fn try_join(&self, identity: &Identity, who: (u32, &str)) -> Option<Entry> {
        let taken = JOINING | sys::thread_id() << 10;
        for index in 0..PARTICIPANTS as u32 {
            let at = Self::at(index);
            let seen = self.memory.load(at);
            let joining = taken | generation(seen) << 2;
            if seen & STATE_MASK != FREE || self.memory.compare_exchange(at, seen, joining).is_err()
            {
                continue;
            }
            self.write_identity(at, identity, who);
            // A survivor in another pid namespace cannot see this thread and may have taken it
            // for dead: then the entry is another's, and the next one is tried.
            let live = joining & !STATE_MASK | LIVE;
            if self.memory.compare_exchange(at, joining, live).is_ok() {
                return Some(Entry { index, generation: generation(seen) });
            }
        }
        None
    }

    fn write_identity(&self, at: usize, identity: &Identity, (language, label): (u32, &str)) {
        self.memory.set(at + 4, identity.process);
        self.memory.set(at + 8, identity.thread);
        self.memory.set(at + 12, language);
        self.memory.write(at + 16, &identity.started.to_le_bytes());
        self.memory.write(at + 24, &identity.namespace.to_le_bytes());
        self.memory.write(at + 32, &identity.boot);
        let mut padded = [0; LABEL_BYTES];
        let mut end = label.len().min(LABEL_BYTES - 1);
        while !label.is_char_boundary(end) {
            end -= 1;
        }
        padded[..end].copy_from_slice(&label.as_bytes()[..end]);
        self.memory.write(at + LABEL_AT, &padded);
    }

    /// Gives an entry up whose roles were given up before.
    pub(crate) fn leave(&self, entry: Entry) {
        let at = Self::at(entry.index);
        let state = self.memory.load(at);
        if state & STATE_MASK == LIVE && generation(state) == entry.generation {
            // Fails only when a survivor took this process for dead: then it is done already.
            let _ = self.memory.compare_exchange(at, state, freed(state));
        }
    }

    /// The identity in a live entry of that generation, and the state that was seen with it.
    pub(crate) fn identity(&self, entry: Entry) -> Option<(u32, Identity)> {
        let at = Self::at(entry.index);
        let state = self.memory.load(at);
        if state & STATE_MASK != LIVE || generation(state) != entry.generation {
            return None;
        }
        Some((state, self.read_identity(at)))
    }

    fn read_identity(&self, at: usize) -> Identity {
        let mut boot = [MaybeUninit::new(0); 16];
        self.memory.read(at + 32, &mut boot);
        // SAFETY: initialised above, whatever `read` wrote.
        let boot = boot.map(|byte| unsafe { byte.assume_init() });
        Identity {
            process: self.memory.peek(at + 4),
            thread: self.memory.peek(at + 8),
            started: self.read_u64(at + 16),
            namespace: self.read_u64(at + 24),
            boot,
        }
    }

    fn read_u64(&self, at: usize) -> u64 {
        u64::from(self.memory.peek(at)) | u64::from(self.memory.peek(at + 4)) << 32
    }

    /// Whether the owner of a role is dead, or gone without giving it up.
    pub(crate) fn is_owner_dead(&self, owner: u32) -> bool {
        let Some(entry) = Entry::of_owner_word(owner) else { return owner != 0 };
        // Who leaves gives up roles first, and who clears up frees the entry last: an owner word
        // that names no live entry is left over.
        match self.identity(entry) {
            None => true,
            Some((state, identity)) => {
                let at = Self::at(entry.index);
                identity.is_dead() && self.memory.load(at) == state
            }
        }
    }

    /// Clears up after everyone who is dead. Returns how many entries that were.
    pub(crate) fn reap(&self) -> u32 {
        let mut dead = 0;
        for index in 0..PARTICIPANTS as u32 {
            let at = Self::at(index);
            let state = self.memory.load(at);
            let gone = match state & STATE_MASK {
                FREE => false,
                JOINING => !thread_lives(state >> 10),
                _ => self.read_identity(at).is_dead(),
            };
            if gone {
                let entry = Entry { index, generation: generation(state) };
                dead += u32::from(self.clear(entry, state));
            }
        }
        dead
    }

    /// Clears up after one who is dead and whose entry was in `state`. Returns whether this call
    /// freed the entry.
    pub(crate) fn clear(&self, entry: Entry, state: u32) -> bool {
        let at = Self::at(entry.index);
        if self.memory.load(at) != state {
            return false;
        }
        for ring in self.rings {
            self.clear_roles(ring, entry);
        }
        let cleared = self.memory.compare_exchange(at, state, freed(state)).is_ok();
        for ring in self.rings {
            bell::ring(&self.memory, ring.consumers_bell());
            bell::ring(&self.memory, ring.producers_bell());
        }
        cleared
    }

    fn clear_roles(&self, ring: &RingMap, entry: Entry) {
        let lanes = (0..ring.geometry.lanes).map(|lane| ring.lane_owner(lane));
        let places = (0..ring.geometry.consumers).map(|place| ring.place_owner(place));
        for at in lanes.chain(places) {
            let mut owner = self.memory.load(at);
            // It changes meanwhile at most once for the same entry: when it is let in.
            for _ in 0..2 {
                if owner & !OWNER_ASKING != entry.owner_word() {
                    break;
                }
                match self.memory.compare_exchange(at, owner, 0) {
                    Ok(_) => break,
                    Err(other) => owner = other,
                }
            }
        }
    }
}
