//! The consumer's side of a lane (sections 7 and 10).
//!
//! Two ways of taking messages. *In place*, when the head is one's own and nobody overwrites:
//! [`Cursor::available`], [`Cursor::copy`], [`Cursor::advance`], and [`Cursor::release`] when
//! done with them. By *attempt*, when the head is shared (MPMC) or the producer overwrites
//! (lossy): [`Cursor::attempt`] says what to copy, and only what [`Cursor::confirm`] confirms
//! was a message.

use core::mem::MaybeUninit;

use super::layout::{RingMap, cursor, lane};
use super::space::Space;
use super::{POISON_REFERENCE, POISON_TAIL, Stop, bell, check_poison, poison};

/// How often an attempt is begun anew when others are faster, before it counts as empty.
const RETRIES: u32 = 64;

/// Messages that may be copied, and become one's own when confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The head when the attempt began.
    head: u32,
    /// Position of the first message to copy.
    pub first: u32,
    /// How many there are.
    pub count: u32,
}

/// What an attempt has given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// How many of the first copies are void: overwritten while they were copied.
    pub void: u32,
    slab_intent: Option<u32>,
    slab: u32,
}

impl Validity {
    /// Whether the copy of a piece is what the producer wrote. Pieces without bytes always are.
    #[must_use]
    pub const fn piece(&self, position: u32, length: u32) -> bool {
        match self.slab_intent {
            Some(intent) if length > 0 => intent.wrapping_sub(position) <= self.slab,
            _ => true,
        }
    }
}

/// The consumer's side of one lane.
#[derive(Debug)]
pub struct Cursor<S> {
    space: S,
    map: RingMap,
    control: usize,
    line: usize,
    slots_at: usize,
    slab_at: usize,
    mask: u32,
    stride: usize,
    slab: u32,
    /// Next message to take.
    head: u32,
    /// `head` as last stored.
    released: u32,
    /// `tail` as last loaded.
    tail: u32,
    lost: u32,
}

impl<S: Space> Cursor<S> {
    /// The cursor `index` of `lane`, which the caller owns (or shares, MPMC), from its `head` on.
    pub fn attach(space: S, map: RingMap, lane: u32, index: u32) -> Self {
        let line = map.cursor(lane, index);
        let head = space.load(line + cursor::HEAD);
        Self {
            control: map.control(lane),
            line,
            slots_at: map.slots(lane),
            slab_at: map.slab(lane),
            mask: map.geometry.slots - 1,
            stride: map.geometry.stride as usize,
            slab: map.geometry.slab,
            head,
            released: head,
            tail: head,
            lost: 0,
            space,
            map,
        }
    }

    /// Goes on at the producer's tail: where consumers of lossy broadcast rings begin.
    pub fn skip_to_tail(&mut self) {
        self.jump(self.space.load(self.control + lane::TAIL));
        self.space.store(self.line + cursor::HEAD, self.head);
    }

    /// Goes on at the head that the producer has stored (gated broadcast).
    pub fn skip_to_head(&mut self) {
        self.jump(self.space.load(self.line + cursor::HEAD));
    }

    fn jump(&mut self, position: u32) {
        self.head = position;
        self.released = position;
        self.tail = position;
    }

    // ---- in place ----

    /// Messages known to be there, without looking.
    #[inline(always)]
    pub const fn known(&self) -> u32 {
        self.tail.wrapping_sub(self.head)
    }

    /// How many messages are known to be there, at most `most`; looks when none is.
    ///
    /// # Errors
    /// [`Stop::Poisoned`], also when the tail is a lie.
    #[inline]
    pub fn available(&mut self, most: u32) -> Result<u32, Stop> {
        if self.head == self.tail {
            let tail = self.space.load(self.control + lane::TAIL);
            let ready = tail.wrapping_sub(self.head);
            if ready > self.map.geometry.slots {
                return Err(poison(&self.space, &self.map, POISON_TAIL));
            }
            if ready == 0 {
                check_poison(&self.space, &self.map)?;
            }
            self.tail = self.head.wrapping_add(ready.min(most));
        }
        Ok(self.known())
    }

    /// Copies the message at `ahead` behind the head; at most a stride long.
    #[inline(always)]
    pub fn copy(&self, ahead: u32, out: &mut [MaybeUninit<u8>]) {
        self.copy_at(self.head.wrapping_add(ahead), out);
    }

    /// Copies the message at a position; at most a stride long.
    #[inline(always)]
    pub fn copy_at(&self, position: u32, out: &mut [MaybeUninit<u8>]) {
        debug_assert!(out.len() <= self.stride);
        self.space.read(self.slot(position), out);
    }

    /// Offset of the slot of a position.
    #[inline(always)]
    pub fn slot(&self, position: u32) -> usize {
        self.slots_at + (position & self.mask) as usize * self.stride
    }

    /// Position of the next message.
    pub const fn head(&self) -> u32 {
        self.head
    }

    /// Goes on behind `count` messages; they are released later.
    #[inline(always)]
    pub const fn advance(&mut self, count: u32) {
        self.head = self.head.wrapping_add(count);
    }

    /// Messages taken and not released.
    #[inline(always)]
    pub const fn unreleased(&self) -> u32 {
        self.head.wrapping_sub(self.released)
    }

    /// Lets the producer have the slots and pieces of all messages taken.
    #[inline]
    pub fn release(&mut self) {
        if self.released != self.head {
            self.space.announce(self.line + cursor::HEAD, self.head);
            self.released = self.head;
            self.ring_producers();
        }
    }

    #[inline(always)]
    fn ring_producers(&mut self) {
        if bell::ring_if_raised(&self.space, self.map.producers_bell()) > 0 {
            self.count(cursor::WAKES, 1);
        }
    }

    // ---- by attempt ----

    /// At most `limit` messages to copy; `None` when there are none now.
    ///
    /// # Errors
    /// [`Stop::Poisoned`], also when the tail is a lie.
    pub fn attempt(&self, limit: u32) -> Result<Option<Attempt>, Stop> {
        let attempt = if self.map.geometry.lossy {
            self.attempt_lossy(limit)?
        } else {
            self.attempt_shared(limit)?
        };
        if attempt.is_none() {
            check_poison(&self.space, &self.map)?;
        }
        Ok(attempt)
    }

    fn attempt_shared(&self, limit: u32) -> Result<Option<Attempt>, Stop> {
        // The tail first: the head may then be ahead of it, but never too far behind.
        let tail = self.space.load(self.control + lane::TAIL);
        let head = self.space.load(self.line + cursor::HEAD);
        let ready = tail.wrapping_sub(head);
        if ready.cast_signed() <= 0 {
            return Ok(None);
        }
        if ready > self.map.geometry.slots {
            return Err(poison(&self.space, &self.map, POISON_TAIL));
        }
        Ok(Some(Attempt { head, first: head, count: ready.min(limit) }))
    }

    fn attempt_lossy(&self, limit: u32) -> Result<Option<Attempt>, Stop> {
        let slots = self.map.geometry.slots;
        for _ in 0..RETRIES {
            let shared = self.map.geometry.shared_head();
            let head = if shared { self.space.load(self.line + cursor::HEAD) } else { self.head };
            // In this order intent is never behind tail, nor tail behind head, unless they lie.
            let tail = self.space.load(self.control + lane::TAIL);
            let intent = self.space.load(self.control + lane::INTENT);
            let oldest = intent.wrapping_sub(slots);
            let first = if intent.wrapping_sub(head) > slots { oldest } else { head };
            let ready = tail.wrapping_sub(first);
            if ready == 0 {
                return Ok(None);
            }
            if ready.cast_signed() < 0 {
                // The tail is older than the intent: others have written a whole ring since.
                continue;
            }
            if ready > slots {
                return Err(poison(&self.space, &self.map, POISON_TAIL));
            }
            return Ok(Some(Attempt { head, first, count: ready.min(limit) }));
        }
        Ok(None)
    }

    /// After the copying: which of the copies are good (the rest was overwritten meanwhile).
    #[inline]
    pub fn validate(&self, attempt: &Attempt) -> Validity {
        if !self.map.geometry.lossy {
            return Validity { void: 0, slab_intent: None, slab: self.slab };
        }
        // Pairs with the fence behind the producer's store of the intents: if a copy has any
        // byte of a later message, these loads see at least the intents stored before it.
        self.space.acquire_fence();
        let intent = self.space.peek(self.control + lane::INTENT);
        let slab_intent = self.space.peek(self.control + lane::SLAB_INTENT);
        let behind = intent.wrapping_sub(attempt.first);
        let void = behind.saturating_sub(self.map.geometry.slots).min(attempt.count);
        Validity { void, slab_intent: Some(slab_intent), slab: self.slab }
    }

    /// Takes `count` messages of the attempt; `false` when another consumer was faster, and the
    /// copies are nobody's. `void` of them were lost, in addition to those skipped before.
    #[inline]
    pub fn confirm(&mut self, attempt: &Attempt, count: u32, void: u32) -> bool {
        let next = attempt.first.wrapping_add(count);
        if self.map.geometry.shared_head() {
            let at = self.line + cursor::HEAD;
            if self.space.compare_exchange(at, attempt.head, next).is_err() {
                return false;
            }
            if !self.map.geometry.lossy {
                self.ring_producers();
            }
        } else {
            self.space.store(self.line + cursor::HEAD, next);
        }
        self.jump(next);
        let lost = attempt.first.wrapping_sub(attempt.head).wrapping_add(void);
        if lost > 0 {
            self.lost = self.lost.wrapping_add(lost);
            self.count(cursor::LOST, lost);
        }
        true
    }

    // ---- pieces and ends ----

    /// Whether a reference stays inside of the slab.
    #[inline]
    pub const fn reaches_inside(&self, position: u32, length: u32) -> bool {
        if self.slab == 0 {
            return length == 0;
        }
        (position & (self.slab - 1)) as u64 + length as u64 <= self.slab as u64
    }

    /// Copies a piece that [`Cursor::reaches_inside`].
    #[inline]
    pub fn copy_piece(&self, position: u32, out: &mut [MaybeUninit<u8>]) {
        if !out.is_empty() {
            let offset = position & self.slab.wrapping_sub(1);
            self.space.read_anywhere(self.slab_at + offset as usize, out);
        }
    }

    /// A reference of a message that was taken reaches outside the slab.
    pub fn poison_reference(&self) -> Stop {
        poison(&self.space, &self.map, POISON_REFERENCE)
    }

    /// State of the lane: unused, open or closed.
    #[inline]
    pub fn lane_state(&self) -> u32 {
        self.space.load(self.control + lane::STATE)
    }

    /// Adds to a counter of the cursor's line, which MPMC consumers share.
    #[cold]
    fn count(&self, word: usize, amount: u32) {
        let at = self.line + word;
        let mut value = self.space.peek(at);
        for _ in 0..RETRIES {
            match self.space.compare_exchange(at, value, value.wrapping_add(amount)) {
                Ok(_) => return,
                Err(other) => value = other,
            }
        }
    }

    /// Counts a sleep.
    pub fn count_sleep(&mut self) {
        self.count(cursor::SLEEPS, 1);
    }

    /// Messages that this consumer lost because they were overwritten, modulo 2³².
    pub const fn lost(&self) -> u32 {
        self.lost
    }

    /// Bytes of the slab.
    pub const fn slab(&self) -> u32 {
        self.slab
    }

    /// The memory.
    pub const fn space(&self) -> &S {
        &self.space
    }
}
