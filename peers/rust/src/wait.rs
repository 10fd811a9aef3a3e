//! Waiting (section 8): spinning for a while, then sleeping on a bell in slices of 50 ms, with a
//! look after each whether somebody on the other side has died.

use std::hint;
use std::mem::take;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::ring::{RingMap, bell};
use crate::segment::Shared;
use crate::segment::roles::Side;
use crate::segment::watch::Watch;
use crate::sys;

/// Longest sleep without a look at who is alive.
const SLICE: Duration = Duration::from_millis(50);
/// Looks between two readings of the clock while spinning.
const LOOKS: u32 = 16;
/// Time between two readings of the clock after which another thread must have run here.
const PREEMPTED: Duration = Duration::from_micros(100);
/// Shortest spinning that adapting goes down to.
const SHORTEST: Duration = Duration::from_micros(1);

/// How to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Longest spinning before sleeping; with one processor, or when spinning was found to take
    /// time from others (the thread was preempted), it is shorter.
    pub spin: Duration,
    /// Whether to sleep at all. Without, waits spin, and let others run after each `spin`.
    pub sleep: bool,
}

impl Default for Waiting {
    /// Spins for at most 50 µs, then sleeps.
    fn default() -> Self {
        Self { spin: Duration::from_micros(50), sleep: true }
    }
}

impl Waiting {
    /// Sleeps at once.
    #[must_use]
    pub const fn sleeping() -> Self {
        Self { spin: Duration::ZERO, sleep: true }
    }

    /// Never sleeps.
    #[must_use]
    pub const fn spinning() -> Self {
        Self { spin: Duration::from_micros(50), sleep: false }
    }
}

/// Longest useful spinning: none when the one waited for needs this very processor. Processors of
/// the machine count, not those of this thread: who is pinned to one has a peer on another.
fn longest(waiting: Waiting) -> Duration {
    if sys::processors() == 1 { Duration::ZERO } else { waiting.spin }
}

/// What one side waits with.
#[derive(Debug)]
pub(crate) struct Waiter {
    waiting: Waiting,
    /// Spinning time that has proved itself: at most `waiting.spin`.
    budget: Duration,
    watch: Watch,
    /// When the watch last looked, also across waits: short ones learn of deaths, too.
    looked: Instant,
    bell: usize,
    /// Somebody died, which was not told yet: there were still messages, or room.
    died: bool,
}

/// A word to sleep on while it has that value.
#[cfg(feature = "ffi")]
pub(crate) type Armed = Option<(*const u32, u32)>;

/// What a wait asks of its side.
pub(crate) trait Waits {
    /// Whether there is nothing more to wait for. Looks at shared memory.
    fn is_ready(&mut self) -> Result<bool>;
    /// Counts a sleep.
    fn count_sleep(&mut self);
}

impl Waiter {
    /// For the side `own` of a ring.
    pub(crate) fn new(own: Side, map: &RingMap, waiting: Waiting) -> Self {
        let bell = own.bell(map);
        let watch = Watch::new(own.other());
        let looked = Instant::now();
        Self { waiting, budget: longest(waiting), watch, looked, bell, died: false }
    }

    /// Waits that way from now on. What adapting has learnt is kept if the way is the same.
    #[cfg(feature = "ffi")]
    pub(crate) fn set(&mut self, waiting: Waiting) {
        if self.waiting != waiting {
            self.budget = longest(waiting);
            self.waiting = waiting;
        }
    }

    /// Waits until the side is ready (`true`) or the time is over (`false`).
    ///
    /// # Errors
    /// [`Error::PeerDied`] once for each death; those of `is_ready`.
    pub(crate) fn wait(
        &mut self,
        side: &mut impl Waits,
        shared: &Arc<Shared>,
        map: &RingMap,
        timeout: Option<Duration>,
    ) -> Result<bool> {
        if side.is_ready()? {
            return Ok(true);
        }
        if timeout.is_some_and(|timeout| timeout.is_zero()) {
            self.look_for_deaths(shared, map);
            return if take(&mut self.died) { Err(Error::PeerDied) } else { Ok(false) };
        }
        let start = Instant::now();
        let mut spin = self.budget;
        loop {
            if self.spin(side, spin)? {
                return Ok(true);
            }
            let left = timeout.map(|timeout| timeout.saturating_sub(start.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                return side.is_ready();
            }
            if self.waiting.sleep {
                spin = Duration::ZERO;
                if self.sleep(side, shared, left)? {
                    return Ok(true);
                }
            } else {
                thread::yield_now();
            }
            self.look_for_deaths(shared, map);
            if self.died && !side.is_ready()? {
                self.died = false;
                return Err(Error::PeerDied);
            }
        }
    }

    /// The first half of a sleep, for who sleeps elsewhere: raises the bell and looks again. Gives
    /// nothing when the side is ready, and otherwise the word to sleep on and its value, for
    /// 50 ms at most before the next call, which looks for deaths.
    ///
    /// # Errors
    /// As [`Waiter::wait`].
    #[cfg(feature = "ffi")]
    pub(crate) fn arm(
        &mut self,
        side: &mut impl Waits,
        shared: &Arc<Shared>,
        map: &RingMap,
    ) -> Result<Armed> {
        if side.is_ready()? {
            return Ok(None);
        }
        self.look_for_deaths(shared, map);
        let memory = shared.memory();
        let raised = bell::raise(&memory, self.bell);
        if side.is_ready()? {
            return Ok(None);
        }
        if take(&mut self.died) {
            return Err(Error::PeerDied);
        }
        side.count_sleep();
        Ok(Some((memory.word(self.bell).as_ptr(), raised)))
    }

    /// Looks who has died, when that is due.
    fn look_for_deaths(&mut self, shared: &Arc<Shared>, map: &RingMap) {
        // Who sleeps for whole slices looks after each, although they may end a little early.
        if self.looked.elapsed() >= SLICE - SLICE / 8 {
            self.looked = Instant::now();
            self.died |= self.watch.check(shared, map);
        }
    }

    /// Looks again and again for at most `limit`.
    fn spin(&mut self, side: &mut impl Waits, limit: Duration) -> Result<bool> {
        if limit.is_zero() {
            return side.is_ready();
        }
        let start = Instant::now();
        let mut before = start;
        loop {
            for _ in 0..LOOKS {
                if side.is_ready()? {
                    // Spinning has paid: it may take longer again.
                    self.budget = (self.budget * 2).max(SHORTEST).min(self.waiting.spin);
                    return Ok(true);
                }
                hint::spin_loop();
            }
            let now = Instant::now();
            if now - before > PREEMPTED {
                // More threads want to run than there are processors: spinning only keeps the
                // one away that is waited for.
                self.budget = (self.budget / 4).max(SHORTEST);
                return Ok(false);
            }
            if now - start >= limit {
                return Ok(false);
            }
            before = now;
        }
    }

    /// Sleeps for one slice at most. Returns whether the side is ready.
    fn sleep(
        &self,
        side: &mut impl Waits,
        shared: &Arc<Shared>,
        left: Option<Duration>,
    ) -> Result<bool> {
        let memory = shared.memory();
        let raised = bell::raise(&memory, self.bell);
        if side.is_ready()? {
            return Ok(true);
        }
        side.count_sleep();
        let slice = left.map_or(SLICE, |left| left.min(SLICE));
        sys::futex_wait(memory.word(self.bell), raised, slice);
        side.is_ready()
    }
}
