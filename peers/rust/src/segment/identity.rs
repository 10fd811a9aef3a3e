//! Who a process is, and whether it still lives (section 5).

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process;
use std::sync::Mutex;

use crate::error::{Error, Result};
use crate::sys;

/// This peer's number in participants' entries.
pub(crate) const LANGUAGE_RUST: u32 = 2;

/// A process or thread, told apart from every other one, also from later ones with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) process: u32,
    /// 0 for a whole process.
    pub(crate) thread: u32,
    pub(crate) started: u64,
    pub(crate) namespace: u64,
    pub(crate) boot: [u8; 16],
}

/// What `/proc` says of a process or thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    state: u8,
    threads: u64,
    started: u64,
}

fn parse_stat(text: &[u8]) -> Option<Stat> {
    // The second field is a name in parentheses that may hold anything, also parentheses.
    let end = text.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(text.get(end + 1..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Stat {
        state: *fields.first()?.as_bytes().first()?,
        threads: fields.get(17)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

fn stat(process: u32, thread: u32) -> Option<Stat> {
    let path = if thread == 0 {
        format!("/proc/{process}/stat")
    } else {
        format!("/proc/{process}/task/{thread}/stat")
    };
    parse_stat(&fs::read(path).ok()?)
}

/// Reads 32 hexadecimal digits; dashes between them are left out.
pub(crate) fn parse_hex(text: &str) -> Option<[u8; 16]> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    let mut bytes = [0; 16];
    if digits.len() != 32 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    Some(bytes)
}

impl Identity {
    /// This process. Read once, and again in a forked child.
    ///
    /// # Errors
    /// [`Error::System`] when `/proc` is not there.
    pub(crate) fn own() -> Result<Self> {
        static OWN: Mutex<Option<Identity>> = Mutex::new(None);
        let mut own = OWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match *own {
            Some(identity) if identity.process == process::id() => Ok(identity),
            _ => {
                let identity = Self::read_own()?;
                *own = Some(identity);
                Ok(identity)
            }
        }
    }

    fn read_own() -> Result<Self> {
        let failed = |error| Error::System("reading /proc", error);
        let missing = || Error::System("reading /proc", std::io::ErrorKind::NotFound.into());
        let process = process::id();
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").map_err(failed)?;
        let namespace = fs::metadata("/proc/self/ns/pid").map_err(failed)?.ino();
        Ok(Self {
            process,
            thread: 0,
            started: stat(process, 0).ok_or_else(missing)?.started,
            namespace,
            boot: parse_hex(boot.trim()).ok_or_else(missing)?,
        })
    }

    /// Whether this process or thread is dead; one of which nothing can be said is not.
    pub(crate) fn is_dead(&self) -> bool {
        let Ok(own) = Self::own() else { return false };
        if self.boot != own.boot {
            return true;
        }
        if self.namespace != own.namespace {
            return false;
        }
        match stat(self.process, self.thread) {
            None => !may_be_hidden(self.process),
            Some(stat) => {
                let zombie = matches!(stat.state, b'Z' | b'X') && stat.threads <= 1;
                stat.started != self.started || zombie
            }
        }
    }

    /// A descriptor that tells of the death, opened while the identity is right. `None` when
    /// there is no such thing here, or it is dead already: [`Identity::is_dead`] says more.
    pub(crate) fn pidfd(&self) -> Option<OwnedFd> {
        let own = Self::own().ok()?;
        if self.boot != own.boot || self.namespace != own.namespace {
            return None;
        }
        let id = if self.thread == 0 { self.process } else { self.thread };
        let pidfd = sys::pidfd(id, self.thread != 0)?;
        // Whoever has the number now has it since before the descriptor was opened, or is dead.
        if stat(self.process, self.thread)?.started == self.started { Some(pidfd) } else { None }
    }
}

/// Whether `/proc` may be hiding the processes of others (`hidepid`): then absence says nothing.
fn may_be_hidden(process: u32) -> bool {
    // A pidfd can be opened for every process that exists.
    sys::pidfd(process, false).is_some_and(|pidfd| !sys::has_died(pidfd.as_fd()))
        && !Path::new(&format!("/proc/{process}")).exists()
}

/// Whether a thread with that id exists and is no zombie.
pub(crate) fn thread_lives(thread: u32) -> bool {
    match stat(thread, 0) {
        Some(stat) => !matches!(stat.state, b'Z' | b'X') || stat.threads > 1,
        None => sys::pidfd(thread, true).is_some_and(|pidfd| !sys::has_died(pidfd.as_fd())),
    }
}

#[cfg(test)]
mod tests {
    use super::{Identity, Stat, parse_hex, parse_stat};

    #[test]
    fn parse_stat_takes_names_with_spaces_and_parentheses() {
        let text = b"12 (a) b (c) S 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 987 1 2\n";
        let expected = Stat { state: b'S', threads: 3, started: 987 };
        assert_eq!(parse_stat(text), Some(expected));
        assert_eq!(parse_stat(b"12 (a"), None);
        assert_eq!(parse_stat(b""), None);
    }

    #[test]
    fn parse_hex_takes_boot_ids() {
        let text = "01020304-0506-0708-090a-0b0c0d0e0fff";
        let expected = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255];
        assert_eq!(parse_hex(text), Some(expected));
        assert_eq!(parse_hex("0102"), None);
        assert_eq!(parse_hex(&"x".repeat(32)), None);
    }

    #[test]
    fn is_dead_tells_processes_of_the_same_number_apart() {
        let own = Identity::own().expect("/proc");
        assert!(!own.is_dead());
        assert!(Identity { started: own.started + 1, ..own }.is_dead());
        assert!(Identity { boot: [7; 16], ..own }.is_dead());
        assert!(!Identity { namespace: own.namespace + 1, process: 1 << 22, ..own }.is_dead());
        assert!(Identity { process: 4_194_304, ..own }.is_dead());
    }
}
