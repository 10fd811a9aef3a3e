//! Failures, with the codes that every language of the project uses.

use std::fmt;
use std::io;

use crate::ring::Stop;
use crate::ring::layout::Invalid;

/// A failure. [`Error::code`] has the name that TypeScript, Python and C use for it.
///
/// Full, empty and timed out are values, not errors; the end of a ring, its closing by the
/// consumer and the death of a peer are outcomes of waiting that programs act upon.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Consumers: everything was taken, and every lane is closed.
    Ended,
    /// Producers: the consumer wants no more.
    Closed,
    /// Waits: a peer on the other side died in its role. Told once for each death; waiting again
    /// is fine, a successor may come. One that closed before it ended did not die.
    PeerDied,
    /// The ring has values that no honest peer writes: the code of section 11.
    Poisoned(u32),
    /// The message here and the one in the ring differ; the text lists the differences.
    Schema(String),
    /// All lanes or consumer places have living owners.
    RoleTaken(String),
    /// Nobody alive holds that name.
    NotFound(String),
    /// Somebody holds that name already.
    Exists(String),
    /// No valid name.
    Name(String),
    /// The directory of rings cannot be used: no directory, not the user's, or too open.
    Directory(String),
    /// The descriptor or memory holds no usable segment.
    Segment(String),
    /// Sizes outside of their limits.
    Geometry(&'static str),
    /// All 64 entries for participants are taken by the living.
    Participants,
    /// Pieces that the slab of the ring can never hold.
    MessageSize,
    /// A reference that is not of the messages taken last.
    Claim,
    /// Bytes that must be text are no UTF-8.
    Text,
    /// An argument that cannot be.
    Argument(&'static str),
    /// A system call failed.
    System(&'static str, io::Error),
}

/// What this crate's functions return.
pub type Result<T> = core::result::Result<T, Error>;

impl Error {
    /// The code, as in the table of errors of the project.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Ended => "ERR_RING_ENDED",
            Self::Closed => "ERR_RING_CLOSED",
            Self::PeerDied => "ERR_RING_PEER_DIED",
            Self::Poisoned(_) => "ERR_RING_POISONED",
            Self::Schema(_) => "ERR_RING_SCHEMA",
            Self::RoleTaken(_) => "ERR_RING_ROLE_TAKEN",
            Self::NotFound(_) => "ERR_RING_NOT_FOUND",
            Self::Exists(_) => "ERR_RING_EXISTS",
            Self::Name(_) => "ERR_RING_NAME",
            Self::Directory(_) => "ERR_RING_DIRECTORY",
            Self::Segment(_) => "ERR_RING_SEGMENT",
            Self::Geometry(_) => "ERR_OPTION_RANGE",
            Self::Participants => "ERR_RING_PARTICIPANTS",
            Self::MessageSize => "ERR_RING_MESSAGE_SIZE",
            Self::Claim => "ERR_RING_CLAIM",
            Self::Text => "ERR_TEXT_INVALID",
            Self::Argument(_) => "ERR_OPTION_TYPE",
            Self::System(..) => "ERR_SYSTEM",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.code())?;
        match self {
            Self::Ended => f.write_str("the ring is drained, and all its producers have closed"),
            Self::Closed => f.write_str("the consumer of the ring wants no more messages"),
            Self::PeerDied => f.write_str("a process on the other side of the ring died"),
            Self::Poisoned(code) => {
                let what = match code {
                    1 => "a tail is not within the slots of its head",
                    2 => "a head is not within the slots behind the tail",
                    3 => "a reference reaches outside the slab",
                    _ => "of a code that this version does not know",
                };
                write!(f, "the ring is poisoned with {code}: {what}")
            }
            Self::Schema(text)
            | Self::RoleTaken(text)
            | Self::NotFound(text)
            | Self::Exists(text)
            | Self::Name(text)
            | Self::Directory(text)
            | Self::Segment(text) => f.write_str(text),
            Self::Geometry(text) | Self::Argument(text) => f.write_str(text),
            Self::Participants => f.write_str("a segment has room for 64 living participants"),
            Self::MessageSize => {
                f.write_str("the pieces of a message must fit into the slab of the ring")
            }
            Self::Claim => f.write_str("the reference is not of the messages taken last"),
            Self::Text => f.write_str("the bytes of a text are not valid UTF-8"),
            Self::System(call, error) => write!(f, "{call} failed: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System(_, error) => Some(error),
            _ => None,
        }
    }
}

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Closed => Self::Closed,
            Stop::Poisoned(code) => Self::Poisoned(code),
            Stop::TooLong => Self::MessageSize,
        }
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::Geometry(invalid.0)
    }
}
