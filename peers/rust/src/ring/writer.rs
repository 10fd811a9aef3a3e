//! The producer's side of a lane (sections 7, 9 and 10).
//!
//! One writer per lane: whoever constructs it owns the lane (section 6). All positions are kept
//! privately; the lane's words are only written, so nobody else can make it write elsewhere.

use super::layout::{LANE_CLOSED, LANE_OPEN, RingMap, cursor, lane};
use super::space::Space;
use super::{POISON_HEAD, Stop, bell, check_poison, gate, poison};

/// Counters of a producer, in the order of their words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriterCounters {
    /// Times the ring was found full.
    pub full: u32,
    /// Messages given up because it was full.
    pub dropped: u32,
    /// Messages begun and given up.
    pub aborted: u32,
    /// Times somebody asleep was woken.
    pub wakes: u32,
    /// Times asleep, waiting for room.
    pub sleeps: u32,
    /// Publications that did not wait for their number.
    pub flushes: u32,
}

/// A piece in the slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its position, for the reference.
    pub position: u32,
    /// Its offset in the memory.
    pub at: usize,
}

/// The producer's side of one lane.
#[derive(Debug)]
pub struct Writer<S> {
    space: S,
    map: RingMap,
    control: usize,
    slots_at: usize,
    starts_at: usize,
    slab_at: usize,
    mask: u32,
    stride: usize,
    slab: u32,
    /// Behind the last committed message.
    tail: u32,
    /// Where writing must look again: head + S, or `intent` on lossy rings.
    limit: u32,
    /// `tail` as last stored.
    published: u32,
    publish_every: u32,
    /// Slab position behind the last committed message.
    slab_tail: u32,
    /// Slab position behind the last piece of the message being made.
    slab_now: u32,
    /// All of the slab before it is free.
    slab_free: u32,
    /// `slabIntent` as last stored (lossy rings).
    slab_intent: u32,
    /// `starts` was written for the message being made.
    started: bool,
    counters: WriterCounters,
}

impl<S: Space> Writer<S> {
    /// Continues a lane that the caller owns: opens it, and lets in who asks to join.
    ///
    /// # Errors
    /// [`Stop::Poisoned`] or [`Stop::Closed`] when the ring is.
    pub fn attach(space: S, map: RingMap, lane: u32, publish_every: u32) -> Result<Self, Stop> {
        let control = map.control(lane);
        let tail = space.load(control + lane::TAIL);
        let slab_tail = space.load(control + lane::SLAB_TAIL);
        let counter = |index: usize| space.peek(control + lane::COUNTERS + 4 * index);
        let counters = WriterCounters {
            full: counter(0),
            dropped: counter(1),
            aborted: counter(2),
            wakes: counter(3),
            sleeps: counter(4),
            flushes: counter(5),
        };
        let geometry = map.geometry;
        let mut writer = Self {
            control,
            slots_at: map.slots(lane),
            starts_at: map.starts(lane),
            slab_at: map.slab(lane),
            mask: geometry.slots - 1,
            stride: geometry.stride as usize,
            slab: geometry.slab,
            tail,
            limit: tail,
            published: tail,
            publish_every: publish_every.clamp(1, geometry.slots),
            slab_tail,
            slab_now: slab_tail,
            slab_free: slab_tail.wrapping_sub(geometry.slab),
            slab_intent: space.load(control + lane::SLAB_INTENT),
            started: false,
            counters,
            space,
            map,
        };
        // Before the lane is opened: an open lane keeps the ring from ending.
        writer.check_ends()?;
        writer.continue_intents();
        writer.space.store(control + lane::STATE, LANE_OPEN);
        writer.admit();
        Ok(writer)
    }

    /// What a dead predecessor was overwriting stays marked; a lie is made harmless: all that is
    /// in the ring counts as overwritten.
    fn continue_intents(&mut self) {
        if !self.map.geometry.lossy {
            return;
        }
        let slots = self.map.geometry.slots;
        let intent = self.space.load(self.control + lane::INTENT);
        self.limit = intent;
        if intent.wrapping_sub(self.tail) > slots {
            self.limit = self.tail.wrapping_add(slots);
            self.space.set(self.control + lane::INTENT, self.limit);
        }
        if self.slab_intent.wrapping_sub(self.slab_tail) > self.slab.saturating_mul(2) {
            self.slab_intent = self.slab_tail.wrapping_add(self.slab);
            self.space.set(self.control + lane::SLAB_INTENT, self.slab_intent);
        }
        self.space.fence();
    }

    /// Pushes a message, whose pieces were reserved before; `false` when the ring is full.
    ///
    /// `bytes` is the struct, at most a stride long.
    ///
    /// # Errors
    /// [`Stop`] when the ring is closed or poisoned.
    #[inline(always)]
    pub fn push(&mut self, bytes: &[u8]) -> Result<bool, Stop> {
        debug_assert!(bytes.len() <= self.stride);
        if self.tail == self.limit && !self.claim()? {
            return Ok(false);
        }
        let slot = self.slots_at + (self.tail & self.mask) as usize * self.stride;
        self.space.write(slot, bytes);
        self.commit();
        Ok(true)
    }

    /// Whether a message can be pushed now; for waits, which look often.
    ///
    /// # Errors
    /// [`Stop`] when the ring is closed or poisoned.
    #[inline]
    pub fn has_room(&mut self) -> Result<bool, Stop> {
        if self.tail == self.limit { self.make_room() } else { Ok(true) }
    }

    /// Whether a message can be pushed now; counts it if the ring is full.
    ///
    /// # Errors
    /// [`Stop`] when the ring is closed or poisoned.
    #[inline]
    pub fn claim(&mut self) -> Result<bool, Stop> {
        let room = self.has_room()?;
        if !room {
            self.count(0, |counters| &mut counters.full);
        }
        Ok(room)
    }

    #[inline(always)]
    fn commit(&mut self) {
        if self.slab != 0 {
            self.start_message();
            self.slab_tail = self.slab_now;
            self.started = false;
        }
        self.tail = self.tail.wrapping_add(1);
        if self.tail.wrapping_sub(self.published) >= self.publish_every {
            self.publish();
        }
    }

    /// Writes where the message begins in the slab, once per message.
    #[inline]
    fn start_message(&mut self) {
        if !self.started {
            let start = self.starts_at + 4 * (self.tail & self.mask) as usize;
            self.space.set(start, self.slab_tail);
            self.started = true;
        }
    }

    /// Forgets the pieces reserved for a message that will not be pushed.
    pub fn abort(&mut self) {
        self.slab_now = self.slab_tail;
        self.started = false;
        self.count(2, |counters| &mut counters.aborted);
    }

    /// Reserves room in the slab for a piece of the next message; `None` when it is full.
    ///
    /// # Errors
    /// [`Stop::TooLong`] when it can never fit; [`Stop`] when the ring is closed or poisoned.
    pub fn reserve(&mut self, length: u32) -> Result<Option<Piece>, Stop> {
        let piece = self.try_reserve(length)?;
        if piece.is_none() {
            self.count(0, |counters| &mut counters.full);
        }
        Ok(piece)
    }

    fn try_reserve(&mut self, length: u32) -> Result<Option<Piece>, Stop> {
        if self.slab == 0 || length > self.slab {
            return Err(Stop::TooLong);
        }
        if !self.has_room()? {
            return Ok(None);
        }
        let first = self.slab_now == self.slab_tail;
        let mut position = self.slab_now.wrapping_add(7) & !7;
        let offset = position & (self.slab - 1);
        if offset + length > self.slab {
            position = position.wrapping_add(self.slab - offset);
        }
        let end = position.wrapping_add(length);
        if self.map.geometry.lossy {
            self.intend_slab(end);
        } else if end.wrapping_sub(self.slab_free) > self.slab {
            let empty = self.free_slab()?;
            if end.wrapping_sub(self.slab_free) > self.slab {
                match (empty, first) {
                    (false, _) => return self.show_all().map(|()| None),
                    (true, false) => return Err(Stop::TooLong),
                    // Nothing is in flight, only the skip at the wrap is in the way: the message
                    // begins behind it.
                    (true, true) => {
                        self.slab_tail = position;
                        self.slab_free = position;
                        self.started = false;
                    }
                }
            }
        }
        self.start_message();
        self.slab_now = end;
        let at = self.slab_at + (position & (self.slab - 1)) as usize;
        Ok(Some(Piece { position, at }))
    }

    /// Puts a piece of the next message into the slab and returns its position.
    ///
    /// # Errors
    /// As [`Writer::reserve`].
    pub fn put(&mut self, bytes: &[u8]) -> Result<Option<u32>, Stop> {
        let Ok(length) = u32::try_from(bytes.len()) else { return Err(Stop::TooLong) };
        let Some(piece) = self.reserve(length)? else { return Ok(None) };
        self.space.write(piece.at, bytes);
        Ok(Some(piece.position))
    }

    /// Before slab bytes of a lossy ring are overwritten, consumers are told (section 10).
    fn intend_slab(&mut self, end: u32) {
        if end.wrapping_sub(self.slab_intent).cast_signed() > 0 {
            self.slab_intent = end;
            self.space.set(self.control + lane::SLAB_INTENT, end);
            self.space.fence();
        }
    }

    /// Learns how much of the slab is free. Returns whether nothing is in flight.
    #[cold]
    fn free_slab(&mut self) -> Result<bool, Stop> {
        let head = self.load_head()?;
        if head == self.tail {
            self.slab_free = self.slab_tail;
            return Ok(true);
        }
        let start = self.starts_at + 4 * (head & self.mask) as usize;
        let free = self.space.load(start);
        if self.slab_tail.wrapping_sub(free) > self.slab.saturating_mul(2) {
            return Err(poison(&self.space, &self.map, POISON_HEAD));
        }
        self.slab_free = free;
        Ok(false)
    }

    /// The head that counts for room, checked.
    fn load_head(&self) -> Result<u32, Stop> {
        let slots = self.map.geometry.slots;
        if self.map.geometry.gated() {
            return Ok(gate::slowest(&self.space, &self.map, self.published, self.tail));
        }
        let head = self.space.load(self.control + lane::CURSORS + cursor::HEAD);
        let honest =
            self.published.wrapping_sub(head) <= slots && self.tail.wrapping_sub(head) <= slots;
        if honest { Ok(head) } else { Err(poison(&self.space, &self.map, POISON_HEAD)) }
    }

    /// Called when the writer knows of no free slot.
    #[cold]
    fn make_room(&mut self) -> Result<bool, Stop> {
        self.check_ends()?;
        let slots = self.map.geometry.slots;
        if self.map.geometry.lossy {
            // Far enough for what will be published at once, but not so far that consumers lose
            // more than a quarter of the ring to it.
            let ahead = self.publish_every.min(slots / 4).max(1);
            self.limit = self.tail.wrapping_add(ahead);
            self.space.set(self.control + lane::INTENT, self.limit);
            self.space.fence();
            return Ok(true);
        }
        self.limit = self.load_head()?.wrapping_add(slots);
        if self.tail != self.limit {
            return Ok(true);
        }
        self.show_all()?;
        // On a gated ring without consumers, publishing made the room.
        self.limit = self.load_head()?.wrapping_add(slots);
        Ok(self.tail != self.limit)
    }

    /// What is pushed must be seen before the ring can get emptier.
    fn show_all(&mut self) -> Result<(), Stop> {
        self.publish();
        self.check_ends()
    }

    /// Whether the consumer has closed the ring, or anybody has poisoned it.
    fn check_ends(&self) -> Result<(), Stop> {
        check_poison(&self.space, &self.map)?;
        if self.space.load(self.map.closed()) == 0 { Ok(()) } else { Err(Stop::Closed) }
    }

    /// Makes all pushed messages visible.
    pub fn flush(&mut self) {
        if self.tail != self.published {
            self.count(5, |counters| &mut counters.flushes);
            self.publish();
        }
    }

    #[inline(always)]
    fn publish(&mut self) {
        if self.tail == self.published {
            return;
        }
        let gated = self.map.geometry.gated();
        if gated && bell::is_raised(&self.space, self.map.consumers_bell()) {
            self.admit();
        }
        if self.slab != 0 {
            self.space.set(self.control + lane::SLAB_TAIL, self.slab_tail);
        }
        self.space.announce(self.control + lane::TAIL, self.tail);
        self.published = self.tail;
        if bell::is_raised(&self.space, self.map.consumers_bell()) {
            self.ring_consumers();
        }
        if self.space.peek(self.map.closed()) | self.space.peek(self.map.poison()) != 0 {
            // The next push finds no room, looks, and learns why.
            self.limit = self.tail;
        }
    }

    #[cold]
    fn ring_consumers(&mut self) {
        if bell::ring(&self.space, self.map.consumers_bell()) > 0 {
            self.count(3, |counters| &mut counters.wakes);
        }
    }

    /// Lets consumers that ask join a gated broadcast, from the last published message on.
    #[cold]
    pub fn admit(&mut self) {
        if self.map.geometry.gated() && gate::admit(&self.space, &self.map, self.published) > 0 {
            bell::ring(&self.space, self.map.consumers_bell());
        }
    }

    /// Closes the lane: there will be no more messages.
    pub fn close(&mut self) {
        self.flush();
        self.admit();
        self.space.announce(self.control + lane::STATE, LANE_CLOSED);
        self.ring_consumers();
    }

    /// Counts a message that was given up because the ring was full.
    pub fn count_dropped(&mut self) {
        self.count(1, |counters| &mut counters.dropped);
    }

    /// Counts a sleep for want of room.
    pub fn count_sleep(&mut self) {
        self.count(4, |counters| &mut counters.sleeps);
    }

    fn count(&mut self, word: usize, counter: fn(&mut WriterCounters) -> &mut u32) {
        let value = counter(&mut self.counters);
        *value = value.wrapping_add(1);
        self.space.set(self.control + lane::COUNTERS + 4 * word, *value);
    }

    /// Whether `length` bytes of slab could be reserved now.
    ///
    /// # Errors
    /// As [`Writer::reserve`].
    pub fn has_slab(&mut self, length: u32) -> Result<bool, Stop> {
        let (tail, now, started) = (self.slab_tail, self.slab_now, self.started);
        let room = self.try_reserve(length)?.is_some();
        if self.slab_tail != tail {
            self.slab_free = tail;
        }
        (self.slab_tail, self.slab_now, self.started) = (tail, now, started);
        Ok(room)
    }

    /// The memory.
    pub const fn space(&self) -> &S {
        &self.space
    }

    /// Where everything lies.
    pub const fn map(&self) -> &RingMap {
        &self.map
    }

    /// The counters.
    pub const fn counters(&self) -> WriterCounters {
        self.counters
    }

    /// Messages pushed and not yet visible.
    pub const fn unpublished(&self) -> u32 {
        self.tail.wrapping_sub(self.published)
    }
}
