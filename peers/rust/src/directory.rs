//! Names of segments (section 12): a directory of the user's with an empty file for each holder
//! of each name. No process has to run for it, and nothing of it outlives the living for long.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;

use crate::error::{Error, Result};
use crate::segment::Segment;
use crate::segment::header::MAX_NAME;
use crate::segment::identity::{Identity, parse_hex};
use crate::sys;

const NEW: &str = ".new.";
const O_NONBLOCK: i32 = 0o4000;
const O_NOCTTY: i32 = 0o400;
/// How often attaching is tried anew when holders come and go meanwhile.
const TRIES: u32 = 100;

/// A directory of names.
#[derive(Clone, Debug)]
pub struct Directory(PathBuf);

/// What the name of a holder's file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct HolderName {
    id: [u8; 16],
    descriptor: i32,
    identity: Identity,
}

/// A holder's file; removed when dropped.
#[derive(Debug)]
pub(crate) struct Holder {
    name: PathBuf,
    file: PathBuf,
    process: u32,
}

fn hex(bytes: &[u8; 16]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl HolderName {
    fn own(id: [u8; 16], descriptor: BorrowedFd<'_>) -> Result<Self> {
        Ok(Self { id, descriptor: descriptor.as_raw_fd(), identity: Identity::own()? })
    }

    fn format(&self) -> String {
        let Identity { process, started, namespace, boot, .. } = self.identity;
        let (id, descriptor) = (hex(&self.id), self.descriptor);
        format!("{id}.{process}.{descriptor}.{started}.{namespace}.{}", hex(&boot))
    }

    /// Whether the process is dead, or has something else at that descriptor by now, or nothing:
    /// it let go without removing its file, as `exec` does. In doubt it holds.
    fn is_gone(&self) -> bool {
        if self.identity.is_dead() {
            return true;
        }
        if !Identity::own().is_ok_and(|own| own.namespace == self.identity.namespace) {
            return false;
        }
        match fs::metadata(self.link()) {
            Err(error) => error.kind() == ErrorKind::NotFound,
            Ok(metadata) if !metadata.is_file() => true,
            Ok(_) => match open_descriptor(self).map(Segment::adopt) {
                Some(Ok(segment)) => segment.id() != self.id,
                Some(Err(error)) => matches!(error, Error::Segment(_)),
                None => false,
            },
        }
    }

    /// The descriptor, where other processes of the user's find it.
    fn link(&self) -> String {
        format!("/proc/{}/fd/{}", self.identity.process, self.descriptor)
    }

    fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('.');
        let id = parse_hex(parts.next()?)?;
        let process = parts.next()?.parse().ok()?;
        let descriptor = parts.next()?.parse().ok()?;
        let started = parts.next()?.parse().ok()?;
        let namespace = parts.next()?.parse().ok()?;
        let boot = parse_hex(parts.next()?)?;
        let identity = Identity { process, thread: 0, started, namespace, boot };
        parts.next().is_none().then_some(Self { id, descriptor, identity })
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if self.process == process::id() {
            // Both fail when somebody else was faster, or is still there: as it should be.
            let _ = fs::remove_file(&self.file);
            let _ = fs::remove_dir(&self.name);
        }
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::System("the directory of rings", error)
}

/// The names in a directory; none when it is not there.
fn entries(path: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

fn check_name(name: &str) -> Result<()> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.is_empty() || name.len() > MAX_NAME || name.starts_with('.') || !name.bytes().all(valid)
    {
        let text = format!("a name is 1 to 63 of A-Z a-z 0-9 . _ -, no dot first: {name:?}");
        return Err(Error::Name(text));
    }
    Ok(())
}

impl Directory {
    /// The user's own: `/dev/shm/rondo-<uid>`; made when it is not there.
    ///
    /// # Errors
    /// [`Error::Directory`] when it is not the user's alone.
    pub fn of_user() -> Result<Self> {
        let path = PathBuf::from(format!("/dev/shm/rondo-{}", sys::user_id()));
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed(error)),
            _ => Self::at(&path),
        }
    }

    /// A directory that both sides were told.
    ///
    /// # Errors
    /// [`Error::Directory`] when it is no directory, or not the user's alone (mode 0700).
    pub fn at(path: &Path) -> Result<Self> {
        let refuse = |why: &str| Err(Error::Directory(format!("{}: {why}", path.display())));
        let Ok(metadata) = fs::symlink_metadata(path) else { return refuse("cannot be found") };
        if !metadata.is_dir() {
            return refuse("must be a directory, and no link to one");
        }
        if metadata.uid() != sys::user_id() || metadata.mode() & 0o777 != 0o700 {
            return refuse("must be the user's own, with mode 0700");
        }
        Ok(Self(path.to_owned()))
    }

    /// The names in it, held or left over.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        entries(&self.0).into_iter().filter(|name| !name.starts_with('.')).collect()
    }

    /// Removes what the dead have left.
    pub fn clear(&self) {
        for name in entries(&self.0) {
            let path = self.0.join(&name);
            let Some(made) = name.strip_prefix(NEW) else {
                Self::clear_name(&path);
                continue;
            };
            let holders: Vec<_> =
                entries(&path).iter().filter_map(|file| HolderName::parse(file)).collect();
            // A holder's file says more than the name: in another pid namespace nobody is dead.
            let dead = match holders.first() {
                Some(holder) => holder.identity.is_dead(),
                None => Self::is_maker_dead(made),
            };
            if dead {
                for file in entries(&path) {
                    let _ = fs::remove_file(path.join(file));
                }
                let _ = fs::remove_dir(&path);
            }
        }
    }

    fn clear_name(path: &Path) {
        for file in entries(path) {
            if HolderName::parse(&file).is_some_and(|holder| holder.is_gone()) {
                let _ = fs::remove_file(path.join(file));
            }
        }
        let _ = fs::remove_dir(path);
    }

    /// Whether the process in a name `.new.<pid>.<start time>.<random>` is dead.
    fn is_maker_dead(made: &str) -> bool {
        let mut parts = made.split('.');
        let numbers = (parts.next().map(str::parse), parts.next().map(str::parse));
        let (Some(Ok(process)), Some(Ok(started))) = numbers else { return false };
        let Ok(own) = Identity::own() else { return false };
        Identity { process, started, ..own }.is_dead()
    }

    /// Before a segment is made: checks the name and clears up.
    pub(crate) fn prepare(&self, name: &str) -> Result<()> {
        check_name(name)?;
        self.clear();
        if self.living(name).is_empty() { Ok(()) } else { Err(Self::exists(name)) }
    }

    fn exists(name: &str) -> Error {
        Error::Exists(format!("the name {name} is held already"))
    }

    fn living(&self, name: &str) -> Vec<HolderName> {
        let holders = entries(&self.0.join(name)).into_iter();
        holders
            .filter_map(|file| HolderName::parse(&file))
            .filter(|holder| !holder.is_gone())
            .collect()
    }

    /// Gives a new segment its name: exactly one creator wins.
    pub(crate) fn publish(
        &self,
        name: &str,
        id: &[u8; 16],
        descriptor: BorrowedFd<'_>,
    ) -> Result<Holder> {
        let file = HolderName::own(*id, descriptor)?;
        for _ in 0..TRIES {
            match self.try_publish(name, &file) {
                // Somebody took this process for dead, and its new directory away.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    let taken = [ErrorKind::AlreadyExists, ErrorKind::DirectoryNotEmpty];
                    let exists = taken.contains(&error.kind());
                    return Err(if exists { Self::exists(name) } else { failed(error) });
                }
                Ok(()) => {
                    let path = self.0.join(name);
                    let process = file.identity.process;
                    return Ok(Holder { file: path.join(file.format()), name: path, process });
                }
            }
        }
        Err(failed(ErrorKind::NotFound.into()))
    }

    fn try_publish(&self, name: &str, file: &HolderName) -> std::io::Result<()> {
        let Identity { process, started, .. } = file.identity;
        let random = hex(&sys::random()?);
        let new = self.0.join(format!("{NEW}{process}.{started}.{random}"));
        let holder = new.join(file.format());
        DirBuilder::new().mode(0o700).create(&new)?;
        let made = make_file(&holder).and_then(|()| fs::rename(&new, self.0.join(name)));
        if made.is_err() {
            let _ = fs::remove_file(&holder);
            let _ = fs::remove_dir(&new);
        }
        made
    }

    /// Attaches to the segment that the living hold under that name.
    pub(crate) fn attach(&self, name: &str) -> Result<Segment> {
        check_name(name)?;
        for _ in 0..TRIES {
            let Some((segment, id)) = self.find(name)? else {
                let text = format!("nobody alive holds the name {name} in {}", self.0.display());
                return Err(Error::NotFound(text));
            };
            let file = HolderName::own(id, segment.descriptor())?.format();
            let path = self.0.join(name);
            match make_file(&path.join(&file)) {
                // The last holder has gone just now, and the name with it.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
                Ok(()) => {}
            }
            let holder = Holder { file: path.join(&file), name: path, process: process::id() };
            if self.living(name).iter().all(|other| other.id == id) {
                segment.hold(holder);
                return Ok(segment);
            }
        }
        Err(Error::NotFound(format!("holders of the name {name} keep changing")))
    }

    /// A segment of that name, from the first holder that has one.
    fn find(&self, name: &str) -> Result<Option<(Segment, [u8; 16])>> {
        let own = Identity::own()?;
        let mut refused = None;
        for holder in self.living(name) {
            if holder.identity.namespace != own.namespace {
                continue;
            }
            let Some(descriptor) = open_descriptor(&holder) else { continue };
            match Segment::adopt(descriptor) {
                Ok(segment) if segment.name() == name && segment.id() == holder.id => {
                    return Ok(Some((segment, holder.id)));
                }
                Ok(_) => {}
                Err(error) => refused = Some(error),
            }
        }
        refused.map_or(Ok(None), Err)
    }
}

fn make_file(path: &Path) -> std::io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

/// Opens the descriptor of a holder, if it is a plain file, as memory is.
fn open_descriptor(holder: &HolderName) -> Option<OwnedFd> {
    let path = holder.link();
    if !fs::metadata(&path).ok()?.is_file() {
        return None;
    }
    // Should it have become something else since, opening it must not wait.
    let flags = O_NONBLOCK | O_NOCTTY;
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(&path).ok()?;
    // The process may have died, and its number be another's by now.
    if holder.identity.is_dead() { None } else { Some(file.into()) }
}

#[cfg(test)]
mod tests {
    use super::{HolderName, check_name};
    use crate::segment::identity::Identity;

    #[test]
    fn holder_names_come_back_as_they_were() {
        let identity =
            Identity { process: 12, thread: 0, started: 34, namespace: 56, boot: [0xab; 16] };
        let holder = HolderName { id: [0x0f; 16], descriptor: 9, identity };
        assert_eq!(HolderName::parse(&holder.format()), Some(holder));
        for name in ["", "x", "..", &holder.format()[1..], &format!("{}.1", holder.format())] {
            assert_eq!(HolderName::parse(name), None, "{name}");
        }
    }

    #[test]
    fn check_name_takes_what_the_specification_takes() {
        for name in ["a", "A.b_c-9", &"x".repeat(63)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", ".a", "a/b", "ä", "a b", &"x".repeat(64)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
