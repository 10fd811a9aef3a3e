//! Bells (section 8): words on which somebody may sleep.
//!
//! The lost wake-up is excluded by two full fences: a ringer announces (store of `tail`, `head`,
//! …) and then looks at the bell; a sleeper announces on the bell and then looks again for what
//! it waits for. One of the two must see the other.

use super::space::Space;

/// Others that ring or raise at the same time make a ringer try anew, but honest ones not for long.
const RETRIES: u32 = 1000;
/// Bit of a bell that says that somebody may sleep, or asks for attention; the others count rings.
const RAISED: u32 = 1;

/// Whether somebody may sleep. To be called after an announcement.
#[inline(always)]
pub fn is_raised<S: Space>(space: &S, at: usize) -> bool {
    space.look(at) & RAISED != 0
}

/// Says that somebody may sleep from now on. Who calls it must look again before sleeping, and may
/// sleep while the word is what comes back.
#[inline]
pub fn raise<S: Space>(space: &S, at: usize) -> u32 {
    let raised = space.fetch_or(at, RAISED) | RAISED;
    space.fence();
    raised
}

/// Rings a bell if it is raised; to be called after an announcement. Returns how many woke.
#[inline(always)]
pub fn ring_if_raised<S: Space>(space: &S, at: usize) -> u32 {
    if is_raised(space, at) { ring(space, at) } else { 0 }
}

/// Rings a bell: counts and clears the bit, then wakes all who sleep on it. Returns how many woke.
#[cold]
pub fn ring<S: Space>(space: &S, at: usize) -> u32 {
    let mut seen = space.look(at);
    for _ in 0..RETRIES {
        if seen & RAISED == 0 {
            break;
        }
        match space.compare_exchange(at, seen, seen.wrapping_add(1)) {
            // Who is about to sleep finds another count, whoever raises the bell meanwhile.
            Ok(_) => return space.wake(at),
            Err(other) => seen = other,
        }
    }
    0
}
