//! A consumer without its type: what the typed one and the C interface share.

use std::mem::MaybeUninit;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::message::SlabRef;
use crate::references::References;
use crate::ring::layout::{LANE_CLOSED, LANE_OPEN};
use crate::ring::schema::size_and_align;
use crate::ring::{Attempt, Cursor, Raw, RingMap, Space, bell, check_poison};
use crate::segment::Segment;
use crate::segment::roles::{Role, Side, check_schema};
use crate::wait::{Waiter, Waiting, Waits};

/// Most messages taken by one attempt, and most that are released together.
const BATCH: u32 = 256;
/// How often an attempt is made anew when others are faster.
const RETRIES: u32 = 64;

/// Consumer of a ring, by bytes.
#[derive(Debug)]
pub(crate) struct Intake {
    lanes: Lanes,
    waiter: Waiter,
    // Last: the place is given up after everything is released.
    role: Role,
}

/// The cursors of a consumer, and what it has of the messages taken last.
#[derive(Debug)]
struct Lanes {
    cursors: Vec<Cursor<Raw>>,
    /// The lane that messages are taken from.
    current: usize,
    /// The lane of the messages taken last.
    last: usize,
    map: RingMap,
    /// Messages are read where they lie until they are released, and not by attempts.
    in_place: bool,
    /// In place, and no references have to be checked.
    plain: bool,
    /// Messages that may be known at a time, so that room is given back in time.
    batch: u32,
    /// Bytes of a message here: of a ring with fields appended, its beginning.
    bytes: usize,
    references: References,
    /// Copies of the pieces of the messages taken last, by attempts.
    pieces: Vec<u8>,
    /// References of the messages being taken: index of the message, reference.
    found: Vec<(u32, SlabRef)>,
    keep: Vec<bool>,
    /// The producer of a gated broadcast has not let this consumer in yet.
    asking: bool,
}

impl Intake {
    pub(crate) fn open(
        segment: &Segment,
        ring: usize,
        schema: (&str, Option<u64>),
        waiting: Waiting,
    ) -> Result<Self> {
        let shared = &segment.0;
        let (text, print) = schema;
        check_schema(shared, ring, text, print, Side::Consumers)?;
        let (size, _) = size_and_align(text.as_bytes())
            .ok_or(Error::Argument("a schema text ends with its size and alignment"))?;
        let references = References::parse(text, size as usize)?;
        let memory = shared.memory();
        let geometry = shared.ring(ring)?.geometry;
        check_poison(&memory, shared.ring(ring)?)?;
        let role = Role::take(shared, ring, Side::Consumers, geometry.gated())?;
        let map = role.map;
        let index = if geometry.cursors() > 1 { role.place } else { 0 };
        let attach = |lane| Cursor::attach(memory, map, lane, index);
        let mut cursors: Vec<_> = (0..geometry.lanes).map(attach).collect();
        if geometry.gated() {
            bell::raise(&memory, map.consumers_bell());
        } else if geometry.cursors() > 1 || geometry.topology == crate::Topology::Broadcast {
            cursors.iter_mut().for_each(Cursor::skip_to_tail);
        }
        let in_place = !geometry.lossy && !geometry.shared_head();
        let lanes = Lanes {
            cursors,
            current: 0,
            last: 0,
            map,
            in_place,
            plain: in_place && references.is_empty(),
            batch: (geometry.slots / 4).clamp(1, BATCH),
            bytes: size as usize,
            references,
            pieces: Vec::new(),
            found: Vec::new(),
            keep: Vec::new(),
            asking: geometry.gated(),
        };
        let waiter = Waiter::new(Side::Consumers, &map, waiting);
        Ok(Self { lanes, waiter, role })
    }

    /// The current cursor, if its next message is known and can be copied without more ado.
    #[inline(always)]
    pub(crate) fn plain_cursor(&mut self) -> Option<&mut Cursor<Raw>> {
        let lanes = &mut self.lanes;
        if !lanes.plain {
            return None;
        }
        let cursor = &mut lanes.cursors[lanes.current];
        if cursor.known() == 0 { None } else { Some(cursor) }
    }

    /// Copies up to `limit` messages of one lane to `out`, `stride` bytes apart; returns how
    /// many.
    ///
    /// # Errors
    /// [`Error::Ended`]; [`Error::Poisoned`].
    #[inline]
    pub(crate) fn take(
        &mut self,
        out: &mut [MaybeUninit<u8>],
        stride: usize,
        limit: u32,
    ) -> Result<u32> {
        let stride = stride.max(1);
        let room = if out.len() < self.lanes.bytes {
            0
        } else {
            (out.len() - self.lanes.bytes) / stride + 1
        };
        let limit = limit.min(u32::try_from(room).unwrap_or(u32::MAX));
        if limit == 0 || stride < self.lanes.bytes && limit > 1 {
            return Err(Error::Argument("there must be room for one message at least"));
        }
        if !self.joined()? {
            return self.lanes.check_end().map(|()| 0);
        }
        for _ in 0..self.lanes.cursors.len() {
            let taken = if self.lanes.in_place {
                self.lanes.copy_in_place(out, stride, limit)?
            } else {
                self.lanes.copy_by_attempts(out, stride, limit)?
            };
            if taken > 0 {
                self.lanes.last = self.lanes.current;
                return Ok(taken);
            }
            self.lanes.next_lane();
        }
        self.lanes.check_end().map(|()| 0)
    }

    /// The cursor and number of messages to be read where they lie.
    pub(crate) fn take_in_place(&mut self, limit: u32) -> Result<(&mut Cursor<Raw>, u32)> {
        if !self.lanes.in_place {
            return Err(Error::Argument("only lossless rings with an own head are read in place"));
        }
        let ready = self.joined()? && self.lanes.find()?;
        if !ready {
            self.lanes.check_end()?;
        }
        self.lanes.last = self.lanes.current;
        let cursor = &mut self.lanes.cursors[self.lanes.current];
        let count = cursor.known().min(limit);
        Ok((cursor, if ready { count } else { 0 }))
    }

    /// Largest batch that can come at once.
    pub(crate) const fn largest_batch(&self) -> u32 {
        self.lanes.map.geometry.slots
    }

    /// Bytes of a message.
    #[cfg(feature = "ffi")]
    pub(crate) const fn message_bytes(&self) -> usize {
        self.lanes.bytes
    }

    /// Copies a piece of the messages taken last.
    pub(crate) fn piece(&self, reference: SlabRef) -> Result<Vec<u8>> {
        let mut copy = vec![MaybeUninit::new(0); self.piece_length(reference)?];
        self.copy_piece(reference, &mut copy)?;
        // SAFETY: initialised above, whatever was copied.
        Ok(copy.into_iter().map(|byte| unsafe { byte.assume_init() }).collect())
    }

    /// The length of a piece, which no reference can make larger than the slab.
    fn piece_length(&self, reference: SlabRef) -> Result<usize> {
        let slab = self.lanes.map.geometry.slab;
        if reference.length > slab { Err(Error::Claim) } else { Ok(reference.length as usize) }
    }

    /// Copies a piece of the messages taken last to `out`, of its length.
    pub(crate) fn copy_piece(&self, reference: SlabRef, out: &mut [MaybeUninit<u8>]) -> Result<()> {
        let lanes = &self.lanes;
        let SlabRef { position, length } = reference;
        if lanes.in_place {
            let cursor = &lanes.cursors[lanes.last];
            if !cursor.reaches_inside(position, length) {
                return Err(Error::Claim);
            }
            cursor.copy_piece(position, out);
            return Ok(());
        }
        let from = position as usize;
        let piece = from.checked_add(length as usize).and_then(|end| lanes.pieces.get(from..end));
        for (to, byte) in out.iter_mut().zip(piece.ok_or(Error::Claim)?) {
            to.write(*byte);
        }
        Ok(())
    }

    pub(crate) const fn lane(&self) -> u32 {
        self.lanes.last as u32
    }

    pub(crate) fn lost(&self) -> u32 {
        let lost = self.lanes.cursors.iter().map(Cursor::lost);
        lost.fold(0, u32::wrapping_add)
    }

    pub(crate) fn release(&mut self) {
        self.lanes.release();
    }

    #[cfg(feature = "ffi")]
    pub(crate) fn set_waiting(&mut self, waiting: Waiting) {
        self.waiter.set(waiting);
    }

    #[cfg(feature = "ffi")]
    pub(crate) fn arm(&mut self) -> Result<crate::wait::Armed> {
        self.release();
        let (lanes, role) = (&mut self.lanes, &self.role);
        let mut arrivals = Arrivals { lanes, role };
        self.waiter.arm(&mut arrivals, &role.shared, &role.map)
    }

    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> Result<bool> {
        self.release();
        let (lanes, role) = (&mut self.lanes, &self.role);
        let mut arrivals = Arrivals { lanes, role };
        self.waiter.wait(&mut arrivals, &role.shared, &role.map, timeout)
    }

    #[inline]
    pub(crate) fn joined(&mut self) -> Result<bool> {
        if self.lanes.asking { self.lanes.ask(&self.role) } else { Ok(true) }
    }

    pub(crate) fn close(&mut self) {
        self.release();
        let map = &self.role.map;
        if map.geometry.consumers > 1 || map.geometry.shared_head() {
            return;
        }
        if map.geometry.topology == crate::Topology::Broadcast {
            return;
        }
        let memory = self.role.shared.memory();
        let _ = memory.compare_exchange(map.closed(), 0, 1);
        bell::ring(&memory, map.consumers_bell());
        bell::ring(&memory, map.producers_bell());
        // Whoever publishes next looks, as for a sleeper, and learns that it is closed.
        bell::raise(&memory, map.consumers_bell());
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        if self.role.is_own() {
            self.release();
        }
    }
}

/// What a consumer waits for.
struct Arrivals<'a> {
    lanes: &'a mut Lanes,
    role: &'a Role,
}

impl Waits for Arrivals<'_> {
    fn is_ready(&mut self) -> Result<bool> {
        if self.lanes.asking && !self.lanes.ask(self.role)? {
            return self.lanes.check_end().map(|()| false);
        }
        if self.lanes.find()? {
            return Ok(true);
        }
        self.lanes.check_end().map(|()| false)
    }

    fn count_sleep(&mut self) {
        if let Some(cursor) = self.lanes.cursors.first_mut() {
            cursor.count_sleep();
        }
    }
}

/// At most `most` messages that are there. Releases what was taken when there are none, or when
/// it is a batch: not for each message, as the head's line then goes to and fro.
#[inline]
fn look(cursor: &mut Cursor<Raw>, batch: u32, most: u32) -> Result<u32> {
    if cursor.known() > 0 {
        return Ok(cursor.known());
    }
    if cursor.unreleased() >= batch {
        cursor.release();
    }
    let ready = cursor.available(most)?;
    if ready == 0 {
        cursor.release();
    }
    Ok(ready)
}

impl Lanes {
    fn release(&mut self) {
        if self.in_place {
            self.cursors.iter_mut().for_each(Cursor::release);
        }
    }

    const fn next_lane(&mut self) {
        self.current = (self.current + 1) % self.cursors.len();
    }

    /// Whether the producer has let this consumer in; asks for its attention again if not.
    #[cold]
    fn ask(&mut self, role: &Role) -> Result<bool> {
        let memory = role.shared.memory();
        if role.is_admitted() {
            self.asking = false;
            self.cursors.iter_mut().for_each(Cursor::skip_to_head);
            return Ok(true);
        }
        if role.owner() == 0 {
            return Err(Error::Closed);
        }
        if !bell::is_raised(&memory, self.map.consumers_bell()) {
            bell::raise(&memory, self.map.consumers_bell());
        }
        Ok(role.is_admitted())
    }

    /// Goes to a lane that has messages.
    fn find(&mut self) -> Result<bool> {
        for _ in 0..self.cursors.len() {
            let cursor = &mut self.cursors[self.current];
            let ready = if self.in_place {
                look(cursor, self.batch, self.batch)? > 0
            } else {
                cursor.attempt(1)?.is_some()
            };
            if ready {
                return Ok(true);
            }
            self.next_lane();
        }
        Ok(false)
    }

    /// Fails when nothing will come any more.
    ///
    /// The states are loaded before the tails: whoever closes a lane has published before.
    fn check_end(&mut self) -> Result<()> {
        let mut closed = false;
        for cursor in &self.cursors {
            match cursor.lane_state() {
                LANE_OPEN => return Ok(()),
                LANE_CLOSED => closed = true,
                _ => {}
            }
        }
        if closed && (self.asking || !self.find()?) { Err(Error::Ended) } else { Ok(()) }
    }

    #[inline]
    fn copy_in_place(
        &mut self,
        out: &mut [MaybeUninit<u8>],
        stride: usize,
        limit: u32,
    ) -> Result<u32> {
        let (bytes, most) = (self.bytes, self.batch.max(limit));
        let cursor = &mut self.cursors[self.current];
        let count = look(cursor, self.batch, most)?.min(limit);
        for index in 0..count {
            let first = index as usize * stride;
            let message = &mut out[first..first + bytes];
            cursor.copy(index, message);
            let inside =
                |_, reference: SlabRef| cursor.reaches_inside(reference.position, reference.length);
            if !self.references.is_empty() && !self.references.all(message, inside) {
                if index == 0 {
                    return Err(cursor.poison_reference().into());
                }
                // Those before it are good; the lie is found again by the next call.
                cursor.advance(index);
                return Ok(index);
            }
        }
        cursor.advance(count);
        Ok(count)
    }

    fn copy_by_attempts(
        &mut self,
        out: &mut [MaybeUninit<u8>],
        stride: usize,
        limit: u32,
    ) -> Result<u32> {
        for _ in 0..RETRIES {
            let Some(mut attempt) = self.cursors[self.current].attempt(limit.min(BATCH))? else {
                return Ok(0);
            };
            let lie = self.copy_attempt(&mut attempt, out, stride);
            let validity = self.cursors[self.current].validate(&attempt);
            self.keep.clear();
            self.keep.extend((0..attempt.count).map(|index| index >= validity.void));
            for (message, reference) in &self.found {
                if !validity.piece(reference.position, reference.length) {
                    self.keep[*message as usize] = false;
                }
            }
            let kept = self.keep.iter().filter(|keep| **keep).count() as u32;
            let cursor = &mut self.cursors[self.current];
            if !cursor.confirm(&attempt, attempt.count, attempt.count - kept) {
                continue;
            }
            if lie && self.keep[0] {
                return Err(cursor.poison_reference().into());
            }
            if kept > 0 {
                self.close_gaps(out, stride, kept);
                return Ok(kept);
            }
        }
        Ok(0)
    }

    /// Copies the messages and pieces of an attempt, or fewer if their pieces are too many.
    /// Returns whether the first one's references are a lie, if it is a message at all.
    fn copy_attempt(
        &mut self,
        attempt: &mut Attempt,
        out: &mut [MaybeUninit<u8>],
        stride: usize,
    ) -> bool {
        self.pieces.clear();
        self.found.clear();
        for index in 0..attempt.count {
            let first = index as usize * stride;
            let message = &mut out[first..first + self.bytes];
            let cursor = &self.cursors[self.current];
            cursor.copy_at(attempt.first.wrapping_add(index), message);
            if self.references.is_empty() {
                continue;
            }
            let before = (self.pieces.len(), self.found.len());
            if !self.copy_pieces(index, message) {
                self.pieces.truncate(before.0);
                self.found.truncate(before.1);
                attempt.count = index.max(1);
                return index == 0;
            }
        }
        false
    }

    /// Copies the pieces of a message that was copied, and makes its references point at the
    /// copies. Fails when they reach outside or are more than the slab holds.
    fn copy_pieces(&mut self, index: u32, message: &mut [MaybeUninit<u8>]) -> bool {
        let cursor = &self.cursors[self.current];
        let (pieces, found) = (&mut self.pieces, &mut self.found);
        let mut moved = Vec::new();
        let all = self.references.all(message, |at, reference| {
            let SlabRef { position, length } = reference;
            let end = pieces.len() as u64 + u64::from(length);
            if !cursor.reaches_inside(position, length) || end > u64::from(cursor.slab()) {
                return false;
            }
            moved.push((at, pieces.len() as u32));
            found.push((index, reference));
            let begin = pieces.len();
            pieces.resize(end as usize, 0);
            // SAFETY: `MaybeUninit<u8>` has the layout of `u8`, and `copy_piece` only writes
            // initialised bytes.
            let copy = unsafe { &mut *(&raw mut pieces[begin..] as *mut [MaybeUninit<u8>]) };
            cursor.copy_piece(position, copy);
            true
        });
        for (at, position) in moved {
            for (to, byte) in message[at..at + 4].iter_mut().zip(position.to_le_bytes()) {
                to.write(byte);
            }
        }
        all
    }

    /// Moves the messages that are kept together.
    fn close_gaps(&self, out: &mut [MaybeUninit<u8>], stride: usize, kept: u32) {
        if kept as usize == self.keep.len() {
            return;
        }
        let good = self.keep.iter().enumerate().filter(|(_, keep)| **keep);
        for (to, (from, _)) in good.enumerate() {
            out.copy_within(from * stride..from * stride + self.bytes, to * stride);
        }
    }
}
