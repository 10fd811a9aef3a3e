//! The few functions of the C library that are used, declared here: no dependency is needed.
//!
//! Linux only, as sealed memory, futexes and process descriptors are.

use std::ffi::{CStr, c_char, c_int, c_long, c_short, c_uint, c_void};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicU32;
use std::time::Duration;

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("the feature std needs 64-bit Linux: without it the algorithms remain");

#[cfg(target_arch = "x86_64")]
const SYS_GETTID: c_long = 186;
#[cfg(target_arch = "x86_64")]
const SYS_FUTEX: c_long = 202;
#[cfg(not(target_arch = "x86_64"))]
const SYS_GETTID: c_long = 178;
#[cfg(not(target_arch = "x86_64"))]
const SYS_FUTEX: c_long = 98;
const SYS_PIDFD_OPEN: c_long = 434;

const FUTEX_WAIT: c_int = 0;
const FUTEX_WAKE: c_int = 1;
const PIDFD_THREAD: c_uint = 0o200;
const MFD_CLOEXEC: c_uint = 1;
const MFD_ALLOW_SEALING: c_uint = 2;
const F_ADD_SEALS: c_int = 1033;
const F_GET_SEALS: c_int = 1034;
const SEALS: c_int = 0x1 | 0x2 | 0x4;
const PROT_READ_WRITE: c_int = 3;
const MAP_SHARED: c_int = 1;
const POLLIN: c_short = 1;

#[repr(C)]
struct PollFd {
    fd: c_int,
    events: c_short,
    revents: c_short,
}

#[repr(C)]
struct TimeSpec {
    seconds: i64,
    nanoseconds: i64,
}

unsafe extern "C" {
    fn mmap(
        at: *mut c_void,
        n: usize,
        prot: c_int,
        flags: c_int,
        fd: c_int,
        off: i64,
    ) -> *mut c_void;
    fn munmap(at: *mut c_void, n: usize) -> c_int;
    fn memfd_create(name: *const c_char, flags: c_uint) -> c_int;
    fn ftruncate(fd: c_int, n: i64) -> c_int;
    fn fallocate(fd: c_int, mode: c_int, offset: i64, n: i64) -> c_int;
    fn fcntl(fd: c_int, command: c_int, ...) -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
    fn poll(fds: *mut PollFd, count: u64, timeout_ms: c_int) -> c_int;
    fn getrandom(out: *mut c_void, n: usize, flags: c_uint) -> isize;
    fn getuid() -> c_uint;
    fn sysconf(name: c_int) -> c_long;
}

/// The user's id.
pub(crate) fn user_id() -> u32 {
    // SAFETY: takes no arguments and cannot fail.
    unsafe { getuid() }
}

/// Processors of the machine that are switched on; at least 1.
pub(crate) fn processors() -> usize {
    const SC_NPROCESSORS_ONLN: c_int = 84;
    // SAFETY: sysconf(3) takes a number and gives one.
    let count = unsafe { sysconf(SC_NPROCESSORS_ONLN) };
    usize::try_from(count).unwrap_or(1).max(1)
}

/// The calling thread's id in the kernel.
pub(crate) fn thread_id() -> u32 {
    // SAFETY: takes no further arguments and cannot fail.
    let id = unsafe { syscall(SYS_GETTID) };
    u32::try_from(id).unwrap_or_default()
}

/// 16 random bytes.
pub(crate) fn random() -> io::Result<[u8; 16]> {
    let mut bytes = [0u8; 16];
    // SAFETY: the buffer has 16 writable bytes. Requests up to 256 bytes are never cut short.
    let got = unsafe { getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    if got == 16 { Ok(bytes) } else { Err(io::Error::last_os_error()) }
}

/// Bytes that can be had without others going short; `None` when nobody knows.
fn available_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// A new memfd of `bytes` bytes, fully allocated, and sealed against changes of its size.
pub(crate) fn sealed_memory(bytes: usize) -> io::Result<OwnedFd> {
    const NAME: &CStr = c"rondo-ring";
    let size = i64::try_from(bytes).map_err(io::Error::other)?;
    // A memfd has no limit of its own: one that is too large does not fail, but makes the kernel
    // kill somebody.
    if available_memory().is_some_and(|available| bytes as u64 > available) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    // SAFETY: the name is a C string; the flags take no further arguments.
    let fd = unsafe { memfd_create(NAME.as_ptr(), MFD_CLOEXEC | MFD_ALLOW_SEALING) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and is nobody else's.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let raw = fd.as_raw_fd();
    // SAFETY: plain calls on a descriptor that is open; the seals are passed as an int, as
    // F_ADD_SEALS wants.
    let failed = unsafe {
        ftruncate(raw, size) != 0
            || fallocate(raw, 0, 0, size) != 0
            || fcntl(raw, F_ADD_SEALS, SEALS) != 0
    };
    if failed { Err(io::Error::last_os_error()) } else { Ok(fd) }
}

/// Whether a descriptor is memory whose size can never change.
pub(crate) fn is_sealed(fd: BorrowedFd<'_>) -> bool {
    // SAFETY: a plain call on an open descriptor.
    let seals = unsafe { fcntl(fd.as_raw_fd(), F_GET_SEALS) };
    seals >= 0 && seals & SEALS == SEALS
}

/// A shared mapping of the whole of a descriptor's memory; unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    bytes: usize,
}

// SAFETY: a mapping is an address range; it may be unmapped from any thread.
unsafe impl Send for Mapping {}
// SAFETY: `&Mapping` gives out address and size only.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `bytes` bytes for reading and writing.
    pub(crate) fn new(fd: BorrowedFd<'_>, bytes: usize) -> io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice touches no other memory.
        let at =
            unsafe { mmap(ptr::null_mut(), bytes, PROT_READ_WRITE, MAP_SHARED, fd.as_raw_fd(), 0) };
        if at.addr() == usize::MAX {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(at.cast()).ok_or_else(|| io::Error::other("mapped at 0"))?;
        Ok(Self { base, bytes })
    }

    pub(crate) const fn base(&self) -> NonNull<u8> {
        self.base
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `new` and is unmapped once. Whoever holds addresses in
        // it (`Raw`) holds the segment that owns this mapping, too.
        unsafe { munmap(self.base.as_ptr().cast(), self.bytes) };
    }
}

/// Wakes all who sleep on a word, in every process. Returns how many.
pub(crate) fn futex_wake_all(word: &AtomicU32) -> u32 {
    let all = c_int::MAX;
    // SAFETY: the address is that of a live word; FUTEX_WAKE reads nothing through it.
    let woken = unsafe { syscall(SYS_FUTEX, word.as_ptr(), FUTEX_WAKE, all) };
    u32::try_from(woken).unwrap_or_default()
}

/// Sleeps while the word is `value`, at most for `timeout`. May return early.
pub(crate) fn futex_wait(word: &AtomicU32, value: u32, timeout: Duration) {
    let limit = TimeSpec {
        seconds: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        nanoseconds: i64::from(timeout.subsec_nanos()),
    };
    let limit: *const TimeSpec = &raw const limit;
    // SAFETY: the address is that of a live word, which the kernel reads atomically; the timeout
    // lives until the call returns.
    unsafe { syscall(SYS_FUTEX, word.as_ptr(), FUTEX_WAIT, value, limit) };
}

/// A descriptor of a process, or of one thread, that becomes readable when it dies.
pub(crate) fn pidfd(id: u32, thread: bool) -> Option<OwnedFd> {
    let flags = if thread { PIDFD_THREAD } else { 0 };
    // SAFETY: takes two integers.
    let fd = unsafe { syscall(SYS_PIDFD_OPEN, id as c_int, flags) };
    let fd = c_int::try_from(fd).ok().filter(|fd| *fd >= 0)?;
    // SAFETY: the descriptor was just made and is nobody else's.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Whether a process descriptor says that its process is dead. Does not wait.
pub(crate) fn has_died(pidfd: BorrowedFd<'_>) -> bool {
    let mut entry = PollFd { fd: pidfd.as_raw_fd(), events: POLLIN, revents: 0 };
    // SAFETY: one entry, writable, alive until the call returns.
    let ready = unsafe { poll(&raw mut entry, 1, 0) };
    ready == 1 && entry.revents != 0
}

/// The size of a descriptor's memory in bytes.
pub(crate) fn size_of_file(fd: BorrowedFd<'_>) -> io::Result<u64> {
    let file = File::from(fd.try_clone_to_owned()?);
    Ok(file.metadata()?.len())
}
