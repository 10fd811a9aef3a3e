//! The door to shared memory: every access of the algorithms goes through [`Space`].

use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering, fence};

#[cfg(target_endian = "big")]
compile_error!("rings are little-endian, and so must the machine be");

/// Memory that others read and write at the same time.
///
/// Offsets are in bytes from its beginning. Implementations must check them: the algorithms rely
/// on a panic, not on undefined behaviour, should an offset ever be wrong.
pub trait Space {
    /// An acquire load of a word.
    fn load(&self, at: usize) -> u32;
    /// A relaxed load of a word.
    fn peek(&self, at: usize) -> u32;
    /// A sequentially consistent load of a word: what must not overtake [`Space::announce`].
    fn look(&self, at: usize) -> u32;
    /// A release store.
    fn store(&self, at: usize, value: u32);
    /// A relaxed store.
    fn set(&self, at: usize, value: u32);
    /// A release store that is a full fence towards every later [`Space::look`].
    fn announce(&self, at: usize, value: u32);
    /// A sequentially consistent fetch-and-or.
    fn fetch_or(&self, at: usize, bits: u32) -> u32;
    /// A sequentially consistent compare-and-swap.
    ///
    /// # Errors
    /// What was there, if it was not `current`.
    fn compare_exchange(&self, at: usize, current: u32, new: u32) -> Result<u32, u32>;
    /// A full fence.
    fn fence(&self);
    /// An acquire fence: reads before it are not moved behind loads after it.
    fn acquire_fence(&self);
    /// Copies from shared memory, word by word, without data races. `at` is a multiple of 8.
    fn read(&self, at: usize, out: &mut [MaybeUninit<u8>]);
    /// As [`Space::read`], from any offset: what a reference says that another has written.
    fn read_anywhere(&self, at: usize, out: &mut [MaybeUninit<u8>]);
    /// Copies to shared memory, word by word, without data races. `at` is a multiple of 8.
    /// Bytes behind the end in the last word of 8 keep their values.
    fn write(&self, at: usize, bytes: &[u8]);
    /// Wakes all who sleep on a word; returns how many.
    fn wake(&self, at: usize) -> u32;
}

/// Shared memory at an address.
///
/// All accesses are atomic and bounds-checked, so safe code can do no harm with it, whatever
/// another process writes there.
#[derive(Clone, Copy, Debug)]
pub struct Raw {
    base: NonNull<u8>,
    bytes: usize,
}

// SAFETY: all accesses through `Raw` are atomic, so threads may use it at the same time; whoever
// constructs it promises that the memory outlives it, on every thread.
unsafe impl Send for Raw {}
// SAFETY: as above.
unsafe impl Sync for Raw {}

impl Raw {
    /// Memory of `bytes` bytes from `base` on.
    ///
    /// # Safety
    /// `base` is aligned to 8; the memory is readable and writable for as long as the value or a
    /// copy of it is used; whoever else accesses it at the same time within this process does so
    /// atomically.
    #[must_use]
    pub const unsafe fn new(base: NonNull<u8>, bytes: usize) -> Self {
        Self { base, bytes }
    }

    /// The size in bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The address of `bytes` bytes at `at`, which must lie inside.
    #[inline(always)]
    pub(crate) fn address(&self, at: usize, bytes: usize) -> *mut u8 {
        // `at <= self.bytes - bytes` could wrap; this form cannot: both sums are of sizes that
        // fit into an address space.
        assert!(bytes <= self.bytes && at <= self.bytes - bytes, "outside of the segment");
        // SAFETY: `at + bytes` lies within the memory, by the check above.
        unsafe { self.base.as_ptr().add(at) }
    }

    /// The word at `at`.
    #[inline(always)]
    pub(crate) fn word(&self, at: usize) -> &AtomicU32 {
        assert!(at.is_multiple_of(4), "words are aligned");
        // SAFETY: inside the memory (checked by `address`), aligned to 4 because the base is
        // aligned to 8, alive as long as `self` is used, and accessed atomically only.
        unsafe { AtomicU32::from_ptr(self.address(at, 4).cast()) }
    }

    /// The `count` words of 8 bytes from `at` on.
    #[inline(always)]
    fn words(&self, at: usize, count: usize) -> &[AtomicU64] {
        assert!(at.is_multiple_of(8), "slots and pieces are aligned");
        let first = self.address(at, count * 8);
        // SAFETY: inside the memory (checked by `address`), aligned to 8, alive as long as
        // `self` is used, and accessed atomically only.
        unsafe { core::slice::from_raw_parts(first.cast::<AtomicU64>(), count) }
    }

    /// Reads from an offset that no honest peer names: byte by byte.
    #[cold]
    #[inline(never)]
    fn read_bytes(&self, at: usize, out: &mut [MaybeUninit<u8>]) {
        let first = self.address(at, out.len());
        for (index, byte) in out.iter_mut().enumerate() {
            // SAFETY: `index` is below the length that `address` checked; the byte lives as
            // long as `self` is used, and is accessed atomically.
            let shared = unsafe { AtomicU8::from_ptr(first.add(index)) };
            byte.write(shared.load(Ordering::Relaxed));
        }
    }
}

impl Space for Raw {
    #[inline(always)]
    fn load(&self, at: usize) -> u32 {
        self.word(at).load(Ordering::Acquire)
    }

    #[inline(always)]
    fn peek(&self, at: usize) -> u32 {
        self.word(at).load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn look(&self, at: usize) -> u32 {
        self.word(at).load(Ordering::SeqCst)
    }

    #[inline(always)]
    fn store(&self, at: usize, value: u32) {
        self.word(at).store(value, Ordering::Release);
    }

    #[inline(always)]
    fn set(&self, at: usize, value: u32) {
        self.word(at).store(value, Ordering::Relaxed);
    }

    #[inline(always)]
    fn announce(&self, at: usize, value: u32) {
        // Ordered before every later sequentially consistent load (`look`) in the single total
        // order of such accesses, which is all that the bells need.
        self.word(at).store(value, Ordering::SeqCst);
    }

    #[inline(always)]
    fn fetch_or(&self, at: usize, bits: u32) -> u32 {
        self.word(at).fetch_or(bits, Ordering::SeqCst)
    }

    #[inline(always)]
    fn compare_exchange(&self, at: usize, current: u32, new: u32) -> Result<u32, u32> {
        self.word(at).compare_exchange(current, new, Ordering::SeqCst, Ordering::SeqCst)
    }

    #[inline(always)]
    fn fence(&self) {
        fence(Ordering::SeqCst);
    }

    #[inline(always)]
    fn acquire_fence(&self) {
        fence(Ordering::Acquire);
    }

    #[inline(always)]
    fn read(&self, at: usize, out: &mut [MaybeUninit<u8>]) {
        let words = self.words(at, out.len().div_ceil(8));
        let mut chunks = out.chunks_exact_mut(8);
        for (chunk, word) in chunks.by_ref().zip(words) {
            let to = chunk.as_mut_ptr().cast::<u64>();
            // SAFETY: the chunk has 8 bytes, which are borrowed exclusively.
            unsafe { to.write_unaligned(word.load(Ordering::Relaxed)) };
        }
        let rest = chunks.into_remainder();
        if let (false, Some(last)) = (rest.is_empty(), words.last()) {
            let value = last.load(Ordering::Relaxed).to_ne_bytes().map(MaybeUninit::new);
            rest.copy_from_slice(&value[..rest.len()]);
        }
    }

    #[inline]
    fn read_anywhere(&self, at: usize, out: &mut [MaybeUninit<u8>]) {
        if at.is_multiple_of(8) {
            self.read(at, out);
        } else {
            self.read_bytes(at, out);
        }
    }

    #[inline(always)]
    fn write(&self, at: usize, bytes: &[u8]) {
        let words = self.words(at, bytes.len().div_ceil(8));
        let mut chunks = bytes.chunks_exact(8);
        for (chunk, word) in chunks.by_ref().zip(words) {
            // SAFETY: the chunk has 8 bytes, which are initialised.
            let value = unsafe { chunk.as_ptr().cast::<u64>().read_unaligned() };
            word.store(value, Ordering::Relaxed);
        }
        let rest = chunks.remainder();
        if let (false, Some(last)) = (rest.is_empty(), words.last()) {
            let mut value = last.load(Ordering::Relaxed).to_ne_bytes();
            value[..rest.len()].copy_from_slice(rest);
            last.store(u64::from_ne_bytes(value), Ordering::Relaxed);
        }
    }

    #[cfg(feature = "std")]
    #[inline]
    fn wake(&self, at: usize) -> u32 {
        crate::sys::futex_wake_all(self.word(at))
    }

    /// Without `std` nobody can sleep on this side; who sleeps elsewhere looks again within 50 ms.
    #[cfg(not(feature = "std"))]
    #[inline]
    fn wake(&self, _at: usize) -> u32 {
        0
    }
}
