//! Where everything lies: the offsets and limits of sections 2 and 4, and nothing else.

/// Bytes of a page, the unit of segments.
pub const PAGE: usize = 4096;
/// Bytes of a line: what two sides write never shares one.
pub const LINE: usize = 128;
/// Largest segment in bytes.
pub const MAX_SEGMENT: usize = 1 << 30;
/// Most rings of a segment.
pub const MAX_RINGS: usize = 8;
/// Entries of the table of participants.
pub const PARTICIPANTS: usize = 64;
/// Bytes of a participant's entry.
pub const PARTICIPANT: usize = 128;
/// Offset of the table of participants.
pub const PARTICIPANTS_AT: usize = 4096;
/// Offset of the first schema text.
pub const SCHEMAS_AT: usize = PARTICIPANTS_AT + PARTICIPANTS * PARTICIPANT;
/// Longest schema text in bytes.
pub const MAX_SCHEMA: usize = 65_536;
/// Most lanes or consumer places of a ring.
pub const MAX_ROLES: u32 = 64;
/// Most slots of a lane.
pub const MAX_SLOTS: u32 = 1 << 24;
/// Largest stride of slots in bytes.
pub const MAX_STRIDE: u32 = 65_536;
/// Smallest slab of a lane in bytes, if there is one.
pub const MIN_SLAB: u32 = 64;
/// Largest slab of a lane in bytes.
pub const MAX_SLAB: u32 = 1 << 29;
/// First word of a ring block: `RING`.
pub const RING_MAGIC: u32 = 0x474E_4952;
/// Flag of a ring whose sleepers are threads of one JavaScript process.
pub const FLAG_IN_PROCESS: u32 = 2;
/// Flag of a lossy ring.
pub const FLAG_LOSSY: u32 = 1;
/// Words of the geometry.
pub const GEOMETRY_WORDS: usize = 9;

/// State of a lane: nobody has produced yet.
pub const LANE_UNUSED: u32 = 0;
/// State of a lane: open, with or without an owner.
pub const LANE_OPEN: u32 = 1;
/// State of a lane: its producer will write no more.
pub const LANE_CLOSED: u32 = 2;

/// Bit of an owner word: a consumer asks to join a gated broadcast.
pub const OWNER_ASKING: u32 = 1 << 16;

/// Offsets within a lane's control.
pub mod lane {
    /// Position behind the last published message.
    pub const TAIL: usize = 0;
    /// Position behind the last slot that may be being overwritten.
    pub const INTENT: usize = 4;
    /// Slab position behind the last published message.
    pub const SLAB_TAIL: usize = 8;
    /// Slab position behind what may be being overwritten.
    pub const SLAB_INTENT: usize = 12;
    /// Unused, open or closed.
    pub const STATE: usize = 16;
    /// First of the producer's counters.
    pub const COUNTERS: usize = 128;
    /// First cursor.
    pub const CURSORS: usize = 256;
}

/// Offsets within a cursor's line.
pub mod cursor {
    /// Position of the next message to take.
    pub const HEAD: usize = 0;
    /// Messages lost because they were overwritten.
    pub const LOST: usize = 4;
    /// Wakes of producers.
    pub const WAKES: usize = 8;
    /// Times asleep.
    pub const SLEEPS: usize = 12;
}

/// Who may produce and consume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topology {
    /// One producer, one consumer.
    Spsc = 1,
    /// Several producers, one consumer.
    Mpsc = 2,
    /// Several producers; several consumers share the messages.
    Mpmc = 3,
    /// One producer; every consumer gets every message.
    Broadcast = 4,
}

/// What is wrong with a geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid(pub &'static str);

/// The sizes of a ring, checked against every limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Who may produce and consume.
    pub topology: Topology,
    /// Whether the producer overwrites the oldest messages instead of waiting.
    pub lossy: bool,
    /// Lanes: producers that it has room for.
    pub lanes: u32,
    /// Places for consumers.
    pub consumers: u32,
    /// Slots of each lane.
    pub slots: u32,
    /// Bytes from slot to slot.
    pub stride: u32,
    /// Bytes of each lane's slab, or 0.
    pub slab: u32,
}

const fn up(bytes: u64) -> u64 {
    bytes.next_multiple_of(LINE as u64)
}

impl Geometry {
    /// Checks the limits and rules of section 4.
    ///
    /// # Errors
    /// [`Invalid`] with the rule that does not hold.
    pub const fn check(self) -> Result<Self, Invalid> {
        let one_lane = matches!(self.topology, Topology::Spsc | Topology::Broadcast);
        let one_consumer = matches!(self.topology, Topology::Spsc | Topology::Mpsc);
        let slab_ok = self.slab == 0
            || (self.slab.is_power_of_two() && self.slab >= MIN_SLAB && self.slab <= MAX_SLAB);
        if self.lanes < 1 || self.lanes > MAX_ROLES || (one_lane && self.lanes != 1) {
            return Err(Invalid("lanes must be 1 to 64, and 1 for SPSC and broadcast"));
        }
        if self.consumers < 1 || self.consumers > MAX_ROLES || (one_consumer && self.consumers != 1)
        {
            return Err(Invalid("consumers must be 1 to 64, and 1 for SPSC and MPSC"));
        }
        if !self.slots.is_power_of_two() || self.slots > MAX_SLOTS {
            return Err(Invalid("slots must be a power of two, at most 2^24"));
        }
        if self.stride < 8 || self.stride > MAX_STRIDE || !self.stride.is_multiple_of(8) {
            return Err(Invalid("the stride must be a multiple of 8, at most 65536 bytes"));
        }
        if !slab_ok {
            return Err(Invalid("a slab must be a power of two from 64 to 2^29 bytes, or 0"));
        }
        if self.block_bytes() > MAX_SEGMENT as u64 {
            return Err(Invalid("the ring must fit into 2^30 bytes"));
        }
        Ok(self)
    }

    /// Reads the words of a geometry that lie in a segment.
    ///
    /// # Errors
    /// [`Invalid`] with the rule that does not hold.
    pub fn from_words(words: &[u32; GEOMETRY_WORDS]) -> Result<Self, Invalid> {
        let [magic, topology, flags, lanes, cursors, consumers, slots, stride, slab] = *words;
        if magic != RING_MAGIC {
            return Err(Invalid("a ring block must begin with its magic"));
        }
        let topology = match topology {
            1 => Topology::Spsc,
            2 => Topology::Mpsc,
            3 => Topology::Mpmc,
            4 => Topology::Broadcast,
            _ => return Err(Invalid("the topology must be 1 to 4")),
        };
        if flags & FLAG_IN_PROCESS != 0 {
            return Err(Invalid("the ring is for the threads of one JavaScript process"));
        }
        if flags & !(FLAG_LOSSY | FLAG_IN_PROCESS) != 0 {
            return Err(Invalid("flags must be those of version 1"));
        }
        let lossy = flags & FLAG_LOSSY != 0;
        let geometry = Self { topology, lossy, lanes, consumers, slots, stride, slab }.check()?;
        if cursors != geometry.cursors() {
            return Err(Invalid("cursors must be one, or those of the broadcast's consumers"));
        }
        Ok(geometry)
    }

    /// The words of the geometry as they lie in a segment.
    #[must_use]
    pub fn to_words(&self) -> [u32; GEOMETRY_WORDS] {
        let flags = if self.lossy { FLAG_LOSSY } else { 0 };
        [
            RING_MAGIC,
            self.topology as u32,
            flags,
            self.lanes,
            self.cursors(),
            self.consumers,
            self.slots,
            self.stride,
            self.slab,
        ]
    }

    /// Cursors of each lane.
    #[must_use]
    pub const fn cursors(&self) -> u32 {
        match self.topology {
            Topology::Broadcast => self.consumers,
            _ => 1,
        }
    }

    /// Whether the producer waits for several consumers (gated broadcast).
    #[must_use]
    pub const fn gated(&self) -> bool {
        matches!(self.topology, Topology::Broadcast) && !self.lossy
    }

    /// Whether consumers share a head that they move by compare-and-swap.
    #[must_use]
    pub const fn shared_head(&self) -> bool {
        matches!(self.topology, Topology::Mpmc)
    }

    const fn control_bytes(&self) -> u64 {
        LINE as u64 * (2 + self.cursors() as u64)
    }

    const fn lane_bytes(&self) -> u64 {
        let slots = up(self.slots as u64 * self.stride as u64);
        slots + self.starts_bytes() + up(self.slab as u64)
    }

    const fn starts_bytes(&self) -> u64 {
        if self.slab == 0 { 0 } else { up(4 * self.slots as u64) }
    }

    /// Bytes of the ring block.
    #[must_use]
    pub const fn block_bytes(&self) -> u64 {
        1024 + self.lanes as u64 * (self.control_bytes() + self.lane_bytes())
    }
}

/// A checked geometry and where its block begins: turns roles into offsets.
#[derive(Clone, Copy, Debug)]
pub struct RingMap {
    base: usize,
    /// The sizes, checked.
    pub geometry: Geometry,
}

impl RingMap {
    /// The map of a block at `base` whose geometry was checked.
    #[must_use]
    pub const fn new(base: usize, geometry: Geometry) -> Self {
        Self { base, geometry }
    }

    /// Word: the consumer wants no more.
    #[must_use]
    pub const fn closed(&self) -> usize {
        self.base + 128
    }

    /// Word: the code of the lie that was found.
    #[must_use]
    pub const fn poison(&self) -> usize {
        self.base + 132
    }

    /// Word: the consumers' bell.
    #[must_use]
    pub const fn consumers_bell(&self) -> usize {
        self.base + 256
    }

    /// Word: the producers' bell.
    #[must_use]
    pub const fn producers_bell(&self) -> usize {
        self.base + 384
    }

    /// Owner word of a lane.
    #[must_use]
    pub const fn lane_owner(&self, lane: u32) -> usize {
        self.base + 512 + 4 * lane as usize
    }

    /// Owner word of a consumer's place.
    #[must_use]
    pub const fn place_owner(&self, place: u32) -> usize {
        self.base + 768 + 4 * place as usize
    }

    /// A lane's control.
    #[must_use]
    pub const fn control(&self, lane: u32) -> usize {
        self.base + 1024 + lane as usize * self.geometry.control_bytes() as usize
    }

    /// A cursor's line.
    #[must_use]
    pub const fn cursor(&self, lane: u32, cursor: u32) -> usize {
        self.control(lane) + lane::CURSORS + LINE * cursor as usize
    }

    /// A lane's slots.
    #[must_use]
    pub const fn slots(&self, lane: u32) -> usize {
        self.control(self.geometry.lanes) + lane as usize * self.geometry.lane_bytes() as usize
    }

    /// A lane's table of slab positions.
    #[must_use]
    pub const fn starts(&self, lane: u32) -> usize {
        let slots = self.geometry.slots as u64 * self.geometry.stride as u64;
        self.slots(lane) + up(slots) as usize
    }

    /// A lane's slab.
    #[must_use]
    pub const fn slab(&self, lane: u32) -> usize {
        self.starts(lane) + self.geometry.starts_bytes() as usize
    }
}
