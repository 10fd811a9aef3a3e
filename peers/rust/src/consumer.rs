//! Consumers: messages of rings, taken by this process.

use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::intake::Intake;
use crate::message::{Layout, Message, SlabRef, bytes_of_slice, bytes_of_uninit, from_bytes};
use crate::segment::Segment;
use crate::wait::Waiting;

/// How a consumer behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsumerOptions {
    /// How `wait` and `pop` wait.
    pub waiting: Waiting,
}

/// Takes messages of type `T` from a ring.
///
/// It may be moved to another thread, and is used by one at a time (`&mut self`). Messages are
/// copied out of shared memory, so nothing that a peer writes later changes them. What was taken
/// is released (its slot and pieces may be overwritten) when more is asked for: at once if
/// nothing more is there, otherwise a number of messages at a time; and by a wait, or by
/// [`Consumer::release`]. Dropping it releases, and gives the place up.
pub struct Consumer<T> {
    intake: Intake,
    message: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("lost", &self.intake.lost()).finish_non_exhaustive()
    }
}

impl<T: Message> Consumer<T> {
    pub(crate) fn open(segment: &Segment, ring: usize, options: ConsumerOptions) -> Result<Self> {
        let () = Layout::<T>::CHECKED;
        let schema = (T::SCHEMA.text(), Some(T::SCHEMA.fingerprint()));
        let intake = Intake::open(segment, ring, schema, options.waiting)?;
        Ok(Self { intake, message: PhantomData })
    }

    /// The next message; `None` when there is none now.
    ///
    /// # Errors
    /// [`Error::Ended`] when there will be none; [`Error::Poisoned`].
    #[inline]
    pub fn try_pop(&mut self) -> Result<Option<T>> {
        if let Some(cursor) = self.intake.plain_cursor() {
            let message = from_bytes(|out| cursor.copy(0, out));
            cursor.advance(1);
            return Ok(Some(message));
        }
        self.pop_slowly()
    }

    #[inline(never)]
    fn pop_slowly(&mut self) -> Result<Option<T>> {
        let mut message = MaybeUninit::<T>::zeroed();
        let taken = self.intake.take(bytes_of_uninit(&mut message), size_of::<T>(), 1)?;
        // SAFETY: zeroed, then written whole if anything was taken; every value of the bytes is
        // valid, as `Message` promises.
        Ok((taken == 1).then(|| unsafe { message.assume_init() }))
    }

    /// The next message, waiting for it; `None` after the timeout (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::Ended`], [`Error::Poisoned`], or [`Error::PeerDied`] once for each death of a
    /// producer with nothing left to take.
    pub fn pop(&mut self, timeout: Option<Duration>) -> Result<Option<T>> {
        loop {
            if let Some(message) = self.try_pop()? {
                return Ok(Some(message));
            }
            if !self.wait(timeout)? {
                return Ok(None);
            }
        }
    }

    /// Appends up to `limit` messages of one lane to `out`; returns how many.
    ///
    /// # Errors
    /// [`Error::Ended`]; [`Error::Poisoned`].
    #[inline]
    pub fn pop_batch(&mut self, out: &mut Vec<T>, limit: usize) -> Result<usize> {
        let limit = limit.min(self.intake.largest_batch() as usize);
        out.reserve(limit);
        let spare = &mut out.spare_capacity_mut()[..limit];
        let taken = self.intake.take(bytes_of_slice(spare), size_of::<T>(), limit as u32)? as usize;
        // SAFETY: `take` has written that many messages whole, one after the other; every value
        // of their bytes is valid.
        unsafe { out.set_len(out.len() + taken) };
        Ok(taken)
    }

    /// Calls `each` with a copy of up to `limit` messages; returns how many. The last ones are
    /// released when more is asked for.
    ///
    /// # Errors
    /// [`Error::Ended`] or [`Error::Poisoned`], if nothing was taken before.
    #[inline]
    pub fn drain(&mut self, limit: usize, mut each: impl FnMut(&T)) -> Result<usize> {
        let mut taken = 0;
        while taken < limit {
            match self.try_pop() {
                Ok(Some(message)) => each(&message),
                Ok(None) => break,
                Err(_) if taken > 0 => break,
                Err(error) => return Err(error),
            }
            taken += 1;
        }
        Ok(taken)
    }

    /// Calls `each` with up to `limit` messages where they lie, without copying them; returns
    /// how many. Only for lossless SPSC, MPSC and broadcast rings whose messages are `T`
    /// exactly or with fields appended.
    ///
    /// # Errors
    /// [`Error::Argument`] on other rings; [`Error::Ended`]; [`Error::Poisoned`].
    ///
    /// # Safety
    /// No process may write into the slots that this consumer has not released: every peer,
    /// also in other processes, must keep to the protocol. Otherwise the reference is to memory
    /// that changes, which is undefined behaviour. [`Consumer::drain`] has no such condition.
    pub unsafe fn drain_in_place(
        &mut self,
        limit: usize,
        mut each: impl FnMut(&T),
    ) -> Result<usize> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let (cursor, count) = self.intake.take_in_place(limit)?;
        for _ in 0..count {
            let slot = cursor.slot(cursor.head());
            let message = cursor.space().address(slot, size_of::<T>()).cast::<T>();
            // SAFETY: inside the memory (checked by `address`); slots are aligned to 8, which no
            // message exceeds; every value of the bytes is valid; the caller promises that
            // nobody writes there until the slot is released, which is after this borrow.
            each(unsafe { &*message });
            cursor.advance(1);
        }
        Ok(count as usize)
    }

    /// Copies the bytes of a piece of the messages taken last (by one call).
    ///
    /// # Errors
    /// [`Error::Claim`] when the reference reaches outside: it is not of those messages.
    pub fn bytes(&self, reference: SlabRef) -> Result<Vec<u8>> {
        self.intake.piece(reference)
    }

    /// Copies a piece that is text.
    ///
    /// # Errors
    /// [`Error::Text`] when it is no UTF-8; [`Error::Claim`] as [`Consumer::bytes`].
    pub fn text(&self, reference: SlabRef) -> Result<String> {
        String::from_utf8(self.bytes(reference)?).map_err(|_| Error::Text)
    }

    /// Lane of the messages taken last: tells producers apart.
    #[must_use]
    pub const fn lane(&self) -> u32 {
        self.intake.lane()
    }

    /// Waits until there is something to take; `false` after the timeout (`None`: for ever).
    /// Releases first.
    ///
    /// # Errors
    /// As [`Consumer::pop`].
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool> {
        self.intake.wait(timeout)
    }

    /// Lets producers overwrite what was taken.
    pub fn release(&mut self) {
        self.intake.release();
    }

    /// Whether the producer of a gated broadcast has let this consumer in. On other rings always.
    ///
    /// # Errors
    /// [`Error::Closed`] when this process was taken for dead.
    pub fn joined(&mut self) -> Result<bool> {
        self.intake.joined()
    }

    /// Messages that this consumer lost on lossy rings, modulo 2³².
    #[must_use]
    pub fn lost(&self) -> u32 {
        self.intake.lost()
    }

    /// Tells producers that no more is wanted. On MPMC and broadcast rings, which have other
    /// consumers, it only gives the place up.
    pub fn close(mut self) {
        self.intake.close();
    }

    /// Releases and gives the place up, for a successor to go on: what dropping does.
    pub fn detach(self) {}
}
