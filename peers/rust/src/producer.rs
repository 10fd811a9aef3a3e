//! Producers: lanes of rings, written by this process.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::message::{Layout, Message, SlabRef, bytes_of, from_bytes};
use crate::ring::gate;
use crate::ring::writer::WriterCounters;
use crate::ring::{Raw, Stop, Writer};
use crate::segment::Segment;
use crate::segment::roles::{Role, Side, check_schema};
use crate::wait::{Waiter, Waiting, Waits};

/// How a producer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerOptions {
    /// Messages become visible when that many were pushed, or with `flush`: 1 to the slots.
    pub publish_every: u32,
    /// How `wait` and `push` wait.
    pub waiting: Waiting,
}

impl Default for ProducerOptions {
    /// Publishes every message at once.
    fn default() -> Self {
        Self { publish_every: 1, waiting: Waiting::default() }
    }
}

/// A producer without its type.
#[derive(Debug)]
pub(crate) struct Outlet {
    pub(crate) writer: Writer<Raw>,
    waiter: Waiter,
    // Last: the role is given up after everything is published.
    role: Role,
}

/// What `wait` waits for: a slot, or slab for a piece of that length.
struct Room<'a> {
    writer: &'a mut Writer<Raw>,
    piece: Option<u32>,
}

impl Waits for Room<'_> {
    fn is_ready(&mut self) -> Result<bool> {
        Ok(match self.piece {
            None => self.writer.has_room()?,
            Some(length) => self.writer.has_slab(length)?,
        })
    }

    fn count_sleep(&mut self) {
        self.writer.count_sleep();
    }
}

impl Outlet {
    pub(crate) fn open(
        segment: &Segment,
        ring: usize,
        schema: (&str, Option<u64>),
        options: ProducerOptions,
    ) -> Result<Self> {
        let shared = &segment.0;
        check_schema(shared, ring, schema.0, schema.1, Side::Producers)?;
        let role = Role::take(shared, ring, Side::Producers, false)?;
        let publish_every = options.publish_every;
        let writer = Writer::attach(shared.memory(), role.map, role.place, publish_every)?;
        let waiter = Waiter::new(Side::Producers, &role.map, options.waiting);
        Ok(Self { writer, waiter, role })
    }

    #[cfg(feature = "ffi")]
    pub(crate) fn arm(&mut self, piece: Option<u32>) -> Result<crate::wait::Armed> {
        self.writer.flush();
        let mut room = Room { writer: &mut self.writer, piece };
        self.waiter.arm(&mut room, &self.role.shared, &self.role.map)
    }

    pub(crate) fn wait(&mut self, piece: Option<u32>, timeout: Option<Duration>) -> Result<bool> {
        self.writer.flush();
        let mut room = Room { writer: &mut self.writer, piece };
        self.waiter.wait(&mut room, &self.role.shared, &self.role.map, timeout)
    }

    #[cfg(feature = "ffi")]
    pub(crate) fn set_waiting(&mut self, waiting: Waiting) {
        self.waiter.set(waiting);
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<Option<SlabRef>> {
        let length = u32::try_from(bytes.len()).map_err(|_| Error::MessageSize)?;
        let position = self.writer.put(bytes)?;
        Ok(position.map(|position| SlabRef { position, length }))
    }

    pub(crate) fn admit(&mut self) -> u32 {
        self.writer.admit();
        let map = *self.writer.map();
        gate::active(self.writer.space(), &map)
    }

    pub(crate) fn lane(&self) -> u32 {
        self.role.place
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        if self.role.is_own() {
            self.writer.flush();
        }
    }
}

/// Pushes messages of type `T` into one lane of a ring.
///
/// It may be moved to another thread, and is used by one at a time (`&mut self`). Dropping it
/// publishes what was pushed and gives the lane up without closing it: a successor may go on
/// there. [`Producer::close`] says that there will be no more.
pub struct Producer<T> {
    outlet: Outlet,
    message: PhantomData<fn(T)>,
}

impl<T> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("lane", &self.outlet.lane()).finish_non_exhaustive()
    }
}

impl<T: Message> Producer<T> {
    pub(crate) fn open(segment: &Segment, ring: usize, options: ProducerOptions) -> Result<Self> {
        let () = Layout::<T>::CHECKED;
        let schema = (T::SCHEMA.text(), Some(T::SCHEMA.fingerprint()));
        let outlet = Outlet::open(segment, ring, schema, options)?;
        Ok(Self { outlet, message: PhantomData })
    }

    /// Pushes a message; `false` when the ring is full (never on lossy rings).
    ///
    /// # Errors
    /// [`Error::Closed`] or [`Error::Poisoned`].
    #[inline]
    pub fn try_push(&mut self, message: &T) -> Result<bool> {
        match self.outlet.writer.push(bytes_of(message)) {
            Ok(pushed) => Ok(pushed),
            Err(stop) => Err(stopped(stop)),
        }
    }

    /// Pushes a message, waiting for room; `false` after the timeout (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Poisoned`], or [`Error::PeerDied`] once for each death of a
    /// consumer: the message is then not pushed, and may be pushed again.
    pub fn push(&mut self, message: &T, timeout: Option<Duration>) -> Result<bool> {
        while !self.try_push(message)? {
            if !self.wait(timeout)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Pushes a message, or counts it as dropped when the ring is full; says which.
    ///
    /// # Errors
    /// [`Error::Closed`] or [`Error::Poisoned`].
    pub fn push_or_drop(&mut self, message: &T) -> Result<bool> {
        let pushed = self.try_push(message)?;
        if !pushed {
            self.outlet.writer.abort();
            self.outlet.writer.count_dropped();
        }
        Ok(pushed)
    }

    /// Pushes messages until the ring is full; returns how many.
    ///
    /// # Errors
    /// [`Error::Closed`] or [`Error::Poisoned`].
    #[inline]
    pub fn push_batch(&mut self, messages: &[T]) -> Result<usize> {
        for (index, message) in messages.iter().enumerate() {
            match self.outlet.writer.push(bytes_of(message)) {
                Ok(true) => {}
                Ok(false) => return Ok(index),
                Err(_) if index > 0 => return Ok(index),
                Err(stop) => return Err(stopped(stop)),
            }
        }
        Ok(messages.len())
    }

    /// A message to fill in, all zeros at first; `None` when the ring is full. Nothing is seen
    /// of it, and dropping it gives it up, until [`Slot::commit`].
    ///
    /// # Errors
    /// [`Error::Closed`] or [`Error::Poisoned`].
    #[inline]
    pub fn claim(&mut self) -> Result<Option<Slot<'_, T>>> {
        if !self.outlet.writer.claim()? {
            return Ok(None);
        }
        let message = from_bytes(|_| {});
        Ok(Some(Slot { outlet: &mut self.outlet, message, done: false }))
    }

    /// Puts a piece into the slab for the message that is pushed next; `None` when the slab or
    /// the ring is full.
    ///
    /// # Errors
    /// [`Error::MessageSize`] when it can never fit; [`Error::Closed`]; [`Error::Poisoned`].
    pub fn put(&mut self, bytes: &[u8]) -> Result<Option<SlabRef>> {
        self.outlet.put(bytes)
    }

    /// Forgets the pieces put for a message that will not be pushed.
    pub fn abort(&mut self) {
        self.outlet.writer.abort();
    }

    /// Makes everything pushed visible.
    #[inline]
    pub fn flush(&mut self) {
        self.outlet.writer.flush();
    }

    /// Publishes, then waits for room for one message; `false` after the timeout (`None`: for
    /// ever).
    ///
    /// # Errors
    /// As [`Producer::push`].
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool> {
        self.outlet.wait(None, timeout)
    }

    /// Publishes, then waits for room for a piece of that many bytes and its message.
    ///
    /// # Errors
    /// As [`Producer::push`], and [`Error::MessageSize`] when it can never fit.
    pub fn wait_for_slab(&mut self, length: u32, timeout: Option<Duration>) -> Result<bool> {
        self.outlet.wait(Some(length), timeout)
    }

    /// Gated broadcast: lets consumers in that ask to join, from the last published message on;
    /// every publication does it, too. Returns how many have joined.
    pub fn admit(&mut self) -> u32 {
        self.outlet.admit()
    }

    /// The lane's number.
    #[must_use]
    pub fn lane(&self) -> u32 {
        self.outlet.lane()
    }

    /// The lane's counters.
    #[must_use]
    pub const fn counters(&self) -> WriterCounters {
        self.outlet.writer.counters()
    }

    /// Publishes and closes the lane: consumers see the end when all lanes are closed.
    pub fn close(mut self) {
        self.outlet.writer.close();
    }

    /// Publishes and gives the lane up, open, for a successor to go on: what dropping does.
    pub fn detach(self) {}
}

#[cold]
fn stopped(stop: Stop) -> Error {
    stop.into()
}

/// A message being made: reads and writes as a `T`, private until it is committed.
///
/// It is a copy in this process, not the slot itself: a peer that writes into slots it does not
/// own can then spoil messages, but not break Rust's rules about references.
pub struct Slot<'a, T: Message> {
    outlet: &'a mut Outlet,
    message: T,
    done: bool,
}

impl<T: Message> Slot<'_, T> {
    /// Puts a piece of this message into the slab; `None` when the slab is full now.
    ///
    /// # Errors
    /// [`Error::MessageSize`] when it can never fit; [`Error::Closed`]; [`Error::Poisoned`].
    pub fn put(&mut self, bytes: &[u8]) -> Result<Option<SlabRef>> {
        self.outlet.put(bytes)
    }

    /// Pushes the message.
    ///
    /// # Errors
    /// [`Error::Closed`] or [`Error::Poisoned`].
    #[inline]
    pub fn commit(mut self) -> Result<()> {
        self.done = true;
        // There is room: it was claimed, and nobody else can take it.
        self.outlet.writer.push(bytes_of(&self.message))?;
        Ok(())
    }
}

impl<T: Message> Deref for Slot<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.message
    }
}

impl<T: Message> DerefMut for Slot<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.message
    }
}

impl<T: Message> Drop for Slot<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if !self.done {
            self.outlet.writer.abort();
        }
    }
}

impl<T: Message> fmt::Debug for Slot<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}
