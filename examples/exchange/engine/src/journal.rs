//! The journal: what was accepted, in order, in a file that is only appended to.
//!
//! A batch of entries is written and synced before any of them is acknowledged. Entries have one
//! size, a number and a checksum. What a crash left unfinished at the end was acknowledged to
//! nobody and is cut off; an entry that is broken anywhere else is damage, and stops the engine.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::schema::fields::{SafeU64, Text};
use crate::schema::{Command, CommandKindRaw, CommandSideRaw};

/// Bytes of an entry: number, time, the command, checksum.
const ENTRY: usize = 8 + 8 + BODY + 4;
const BODY: usize = 1 + 1 + 8 + 24 + 36 + 4 + 4;
/// The first bytes of a journal.
const MAGIC: &[u8; 16] = b"rondo exchange 1";

/// A command that was accepted, and when.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub time: u64,
    pub command: Command,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Journal {
    file: File,
    next: u64,
    pending: Vec<u8>,
}

impl Journal {
    /// Opens a journal, or makes one, and hands all of its entries to `replay`.
    ///
    /// # Errors
    /// When the file cannot be read, is no journal or is damaged, or when `replay` fails.
    pub fn open(path: &Path, mut replay: impl FnMut(&Entry) -> io::Result<()>) -> io::Result<Self> {
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        lock(&file)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut journal = Self { file, next: 1, pending: Vec::new() };
        if bytes.len() < MAGIC.len() && MAGIC.starts_with(&bytes) {
            journal.file.set_len(0)?;
            journal.file.seek(SeekFrom::Start(0))?;
            journal.file.write_all(MAGIC)?;
            journal.file.sync_all()?;
            // The name too.
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                File::open(parent)?.sync_all()?;
            }
            return Ok(journal);
        }
        if !bytes.starts_with(MAGIC) {
            return Err(damaged("it is no journal of this engine"));
        }
        let mut good = MAGIC.len();
        for chunk in bytes[good..].chunks(ENTRY) {
            let Some(entry) = decode(chunk, journal.next) else { break };
            replay(&entry)?;
            journal.next += 1;
            good += ENTRY;
        }
        // Behind what a crash left unfinished nothing was ever written.
        let rest = bytes[good..].chunks_exact(ENTRY).skip(1);
        for (number, chunk) in (journal.next + 1..).zip(rest) {
            if decode(chunk, number).is_some() {
                return Err(damaged(&format!("entry {} is broken", journal.next)));
            }
        }
        journal.file.set_len(good as u64)?;
        journal.file.seek(SeekFrom::Start(good as u64))?;
        journal.file.sync_all()?;
        Ok(journal)
    }

    /// Entries that it has.
    pub const fn len(&self) -> u64 {
        self.next - 1
    }

    /// Takes an entry, to be written by `sync`.
    pub fn append(&mut self, entry: &Entry) {
        encode(&mut self.pending, self.next, entry);
        self.next += 1;
    }

    /// Writes what was appended, to the disk: when this returns, it survives whatever happens.
    ///
    /// # Errors
    /// When the disk does not take it. The engine must end then: it knows more than its journal.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.file.write_all(&self.pending)?;
        self.pending.clear();
        self.file.sync_data()
    }
}

/// Keeps others from the file until it is closed, however this process ends: two engines that write
/// one journal, as somebody gave them rings of different names, would ruin it.
fn lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let why = "Cannot use the journal: another engine does";
            Err(io::Error::new(io::ErrorKind::ResourceBusy, why))
        }
        // A file system that knows no locks has one engine, it is to be hoped.
        Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Unsupported => Err(error),
        _ => Ok(()),
    }
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("Cannot use the journal: {why}"))
}

fn encode(out: &mut Vec<u8>, number: u64, entry: &Entry) {
    let start = out.len();
    let Command { kind, side, symbol, account, reference, price, quantity, .. } = entry.command;
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&entry.time.to_le_bytes());
    out.extend_from_slice(&[kind.0, side.0]);
    out.extend_from_slice(&symbol.0);
    out.extend_from_slice(&account.0);
    out.extend_from_slice(&reference.0);
    out.extend_from_slice(&price.to_le_bytes());
    out.extend_from_slice(&quantity.to_le_bytes());
    let sum = checksum(&out[start..]);
    out.extend_from_slice(&sum.to_le_bytes());
}

/// The entry with this number, if the bytes are it.
fn decode(bytes: &[u8], number: u64) -> Option<Entry> {
    let (content, sum) = bytes.split_at_checked(ENTRY - 4)?;
    if checksum(content).to_le_bytes() != *sum {
        return None;
    }
    let mut rest = content;
    let found = u64::from_le_bytes(take(&mut rest)?);
    let time = u64::from_le_bytes(take(&mut rest)?);
    let [kind, side] = take(&mut rest)?;
    let command = Command {
        kind: CommandKindRaw(kind),
        side: CommandSideRaw(side),
        symbol: Text(take(&mut rest)?),
        account: Text(take(&mut rest)?),
        reference: Text(take(&mut rest)?),
        price: u32::from_le_bytes(take(&mut rest)?),
        quantity: u32::from_le_bytes(take(&mut rest)?),
        sent: SafeU64(time),
        ..Command::ZERO
    };
    (found == number).then_some(Entry { time, command })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*first)
}

/// CRC-32C, bit by bit from a table made at compile time.
fn checksum(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let mut sum = byte as u32;
            let mut bit = 0;
            while bit < 8 {
                sum = if sum & 1 == 1 { (sum >> 1) ^ 0x82f6_3b78 } else { sum >> 1 };
                bit += 1;
            }
            table[byte] = sum;
            byte += 1;
        }
        table
    };
    !bytes
        .iter()
        .fold(!0, |sum, byte| TABLE[((sum ^ u32::from(*byte)) & 255) as usize] ^ (sum >> 8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{env, fs, path::PathBuf, process};

    struct Temporary(PathBuf);

    impl Temporary {
        fn new(name: &str) -> Self {
            Self(env::temp_dir().join(format!("exchange-{}-{name}", process::id())))
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    fn entry(quantity: u32) -> Entry {
        Entry { time: 7, command: Command { quantity, ..Command::ZERO } }
    }

    fn read(path: &Path) -> io::Result<Vec<u32>> {
        let mut found = Vec::new();
        Journal::open(path, |entry| {
            found.push(entry.command.quantity);
            Ok(())
        })?;
        Ok(found)
    }

    fn written(path: &Path, count: u32) {
        let mut journal = Journal::open(path, |_| Ok(())).unwrap();
        for quantity in 0..count {
            journal.append(&entry(quantity));
        }
        journal.sync().unwrap();
    }

    #[test]
    fn checksum_is_crc_32c() {
        assert_eq!(checksum(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn entries_come_back() {
        let file = Temporary::new("back");
        written(&file.0, 3);
        assert_eq!(read(&file.0).unwrap(), [0, 1, 2]);
        written(&file.0, 1);
        assert_eq!(read(&file.0).unwrap(), [0, 1, 2, 0]);
    }

    #[test]
    fn every_torn_end_is_cut_off() {
        let file = Temporary::new("torn");
        written(&file.0, 3);
        let whole = fs::read(&file.0).unwrap();
        for length in 0..whole.len() {
            fs::write(&file.0, &whole[..length]).unwrap();
            let entries = length.saturating_sub(MAGIC.len()) / ENTRY;
            assert_eq!(read(&file.0).unwrap().len(), entries, "{length} bytes");
            written(&file.0, 1);
            assert_eq!(read(&file.0).unwrap().len(), entries + 1, "{length} bytes");
        }
    }

    #[test]
    fn one_engine_has_it_at_a_time() {
        let file = Temporary::new("two");
        let first = Journal::open(&file.0, |_| Ok(())).unwrap();
        let second = Journal::open(&file.0, |_| Ok(())).unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::ResourceBusy);
        drop(first);
        assert_eq!(read(&file.0).unwrap().len(), 0);
    }

    #[test]
    fn damage_in_the_middle_is_refused() {
        let file = Temporary::new("damage");
        written(&file.0, 3);
        let mut bytes = fs::read(&file.0).unwrap();
        bytes[MAGIC.len() + ENTRY + 20] ^= 1;
        fs::write(&file.0, &bytes).unwrap();
        assert!(read(&file.0).unwrap_err().to_string().contains("entry 2 is broken"));
        fs::write(&file.0, b"something else entirely").unwrap();
        assert!(read(&file.0).is_err());
    }
}
