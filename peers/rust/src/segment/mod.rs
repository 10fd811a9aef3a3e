//! Segments: pieces of shared memory with rings in them (sections 1, 2, 5 and 12).

pub(crate) mod header;
pub(crate) mod identity;
pub(crate) mod participants;
pub(crate) mod roles;
pub(crate) mod watch;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process;
use std::sync::{Arc, Mutex, PoisonError};

use crate::consumer::{Consumer, ConsumerOptions};
use crate::directory::{Directory, Holder};
use crate::error::{Error, Result};
use crate::message::Message;
use crate::producer::{Producer, ProducerOptions};
use crate::ring::layout::{MAX_SEGMENT, OWNER_ASKING, PAGE};
use crate::ring::{Geometry, Raw, RingMap, Space, Topology};
use crate::sys::{self, Mapping};

use header::{Header, Plan};
use participants::{Entry, Participants};

/// The shape of a ring to create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingOptions {
    /// Who may produce and consume.
    pub topology: Topology,
    /// Whether producers overwrite the oldest messages instead of waiting.
    pub lossy: bool,
    /// Producers that there is room for: 1 to 64; 1 for SPSC and broadcast.
    pub lanes: u32,
    /// Consumers that there is room for: 1 to 64; 1 for SPSC and MPSC.
    pub consumers: u32,
    /// Slots of each lane: a power of two, at most 2²⁴.
    pub slots: u32,
    /// Bytes of each lane's slab: 0, or a power of two from 64 to 2²⁹.
    pub slab_bytes: u32,
}

impl RingOptions {
    /// One producer, one consumer.
    #[must_use]
    pub const fn spsc(slots: u32) -> Self {
        let topology = Topology::Spsc;
        Self { topology, lossy: false, lanes: 1, consumers: 1, slots, slab_bytes: 0 }
    }

    /// Up to `lanes` producers with `slots` slots each, one consumer.
    #[must_use]
    pub const fn mpsc(lanes: u32, slots: u32) -> Self {
        Self { topology: Topology::Mpsc, lanes, ..Self::spsc(slots) }
    }

    /// Up to `lanes` producers with `slots` slots each; `consumers` share the messages.
    #[must_use]
    pub const fn mpmc(lanes: u32, consumers: u32, slots: u32) -> Self {
        Self { topology: Topology::Mpmc, lanes, consumers, ..Self::spsc(slots) }
    }

    /// One producer; each of up to `consumers` consumers gets every message.
    #[must_use]
    pub const fn broadcast(consumers: u32, slots: u32) -> Self {
        Self { topology: Topology::Broadcast, consumers, ..Self::spsc(slots) }
    }

    /// With slabs of that many bytes.
    #[must_use]
    pub const fn with_slab(self, slab_bytes: u32) -> Self {
        Self { slab_bytes, ..self }
    }

    /// With producers that overwrite the oldest messages.
    #[must_use]
    pub const fn lossy(self) -> Self {
        Self { lossy: true, ..self }
    }
}

/// A ring to create: its message and its shape.
#[derive(Clone, Debug)]
pub struct RingSpec(Plan);

impl RingSpec {
    /// A ring of `T`.
    ///
    /// # Errors
    /// [`Error::Geometry`] when a size is outside of its limits.
    pub fn new<T: Message>(options: RingOptions) -> Result<Self> {
        Self::of_text(T::SCHEMA.text(), options)
    }

    /// A ring of the struct with that canonical text.
    ///
    /// # Errors
    /// [`Error::Geometry`] when a size is outside of its limits, [`Error::Argument`] when the
    /// text is no schema.
    pub fn of_text(schema: &str, options: RingOptions) -> Result<Self> {
        let Some((size, _)) = crate::ring::schema::size_and_align(schema.as_bytes()) else {
            return Err(Error::Argument("a schema text ends with its size and alignment"));
        };
        let geometry = Geometry {
            topology: options.topology,
            lossy: options.lossy,
            lanes: options.lanes,
            consumers: options.consumers,
            slots: options.slots,
            stride: size.next_multiple_of(8),
            slab: options.slab_bytes,
        };
        let fingerprint = crate::ring::schema::fingerprint(schema.as_bytes());
        let geometry = geometry.check()?;
        Ok(Self(Plan { schema: schema.to_owned(), fingerprint, geometry }))
    }
}

/// What of a ring can be seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingStatus {
    /// The sizes.
    pub geometry: Geometry,
    /// Whether the consumer wants no more.
    pub closed: bool,
    /// 0, or the code of the lie that was found.
    pub poison: u32,
    /// Lanes with an owner.
    pub producers: u32,
    /// Places with an owner that does not still ask to join.
    pub consumers: u32,
}

/// The shared part of a segment's handles; unmapped when the last of them is gone.
#[derive(Debug)]
pub(crate) struct Shared {
    mapping: Mapping,
    descriptor: OwnedFd,
    pub(crate) header: Header,
    /// The entry taken, and the process that took it: a forked child is another participant.
    entry: Mutex<Option<(u32, Entry)>>,
    holder: Mutex<Option<Holder>>,
}

/// A segment of rings, attached by this process.
///
/// Clones share one attachment. Producers and consumers keep it alive.
#[derive(Clone, Debug)]
pub struct Segment(pub(crate) Arc<Shared>);

impl Shared {
    fn map(descriptor: OwnedFd) -> Result<(Mapping, OwnedFd)> {
        if !sys::is_sealed(descriptor.as_fd()) {
            let text = "the memory is not sealed, and who can shrink it could kill this process";
            return Err(Error::Segment(text.to_owned()));
        }
        let bytes = sys::size_of_file(descriptor.as_fd());
        let bytes = bytes.map_err(|error| Error::System("fstat", error))?;
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        if !bytes.is_multiple_of(PAGE) || !(4 * PAGE..=MAX_SEGMENT).contains(&bytes) {
            return Err(Error::Segment("its size is not that of a ring segment".to_owned()));
        }
        let mapping = Mapping::new(descriptor.as_fd(), bytes);
        Ok((mapping.map_err(|error| Error::System("mmap", error))?, descriptor))
    }

    /// The memory, for as long as `self` lives.
    pub(crate) fn memory(&self) -> Raw {
        raw(&self.mapping)
    }

    pub(crate) fn participants(&self) -> Participants<'_> {
        Participants { memory: self.memory(), rings: &self.header.maps }
    }

    pub(crate) fn ring(&self, ring: usize) -> Result<&RingMap> {
        self.header.maps.get(ring).ok_or(Error::Argument("the segment has no such ring"))
    }

    /// This process's entry; joins the first time.
    pub(crate) fn entry(&self) -> Result<Entry> {
        let mut own = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        match *own {
            Some((process, entry)) if process == process::id() => Ok(entry),
            _ => {
                let entry = self.participants().join()?;
                *own = Some((process::id(), entry));
                Ok(entry)
            }
        }
    }
}

fn raw(mapping: &Mapping) -> Raw {
    // SAFETY: mappings begin at a page; the memory is readable and writable until `Shared` drops
    // the mapping, and every holder of a `Raw` of it (producers, consumers, waits) holds the
    // `Shared` for longer; all of this process's accesses go through `Raw` and are atomic.
    unsafe { Raw::new(mapping.base(), mapping.bytes()) }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The name first: as long as it is there, its descriptor is, too.
        self.holder.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let own = self.entry.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((process, entry)) = own
            && process == process::id()
        {
            self.participants().leave(entry);
        }
    }
}

impl Segment {
    /// Makes a segment without a name, to be handed on by its [`Segment::descriptor`] or shared
    /// by threads.
    ///
    /// # Errors
    /// [`Error::Geometry`] for more than 8 rings or 2³⁰ bytes; [`Error::System`].
    pub fn create(rings: &[RingSpec]) -> Result<Self> {
        Self::make("", rings)
    }

    /// Makes a segment that others find in `directory` by its name.
    ///
    /// # Errors
    /// [`Error::Exists`] when somebody alive holds the name; [`Error::Name`];
    /// [`Error::Directory`]; and those of [`Segment::create`].
    pub fn create_named(directory: &Directory, name: &str, rings: &[RingSpec]) -> Result<Self> {
        directory.prepare(name)?;
        let segment = Self::make(name, rings)?;
        let holder = directory.publish(name, &segment.0.header.id, segment.descriptor())?;
        segment.hold(holder);
        Ok(segment)
    }

    /// Attaches to the segment that somebody alive holds under that name.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Name`]; [`Error::Directory`]; [`Error::Segment`].
    pub fn open(directory: &Directory, name: &str) -> Result<Self> {
        directory.attach(name)
    }

    /// Attaches to a segment by a descriptor, which is duplicated.
    ///
    /// # Errors
    /// [`Error::Segment`] when it is none, or could still change its size.
    pub fn attach(descriptor: BorrowedFd<'_>) -> Result<Self> {
        let own = descriptor.try_clone_to_owned();
        Self::adopt(own.map_err(|error| Error::System("dup", error))?)
    }

    pub(crate) fn adopt(descriptor: OwnedFd) -> Result<Self> {
        let (mapping, descriptor) = Shared::map(descriptor)?;
        let header = header::read(&raw(&mapping))?;
        Ok(Self::of(mapping, descriptor, header))
    }

    fn make(name: &str, rings: &[RingSpec]) -> Result<Self> {
        let plans: Vec<Plan> = rings.iter().map(|spec| spec.0.clone()).collect();
        let bytes = header::segment_bytes(&plans)?;
        let failed = |error| Error::System("memfd_create", error);
        let descriptor = sys::sealed_memory(bytes).map_err(failed)?;
        let (mapping, descriptor) = Shared::map(descriptor)?;
        let id = sys::random().map_err(|error| Error::System("getrandom", error))?;
        header::write(&raw(&mapping), id, name, &plans)?;
        let header = header::read(&raw(&mapping))?;
        Ok(Self::of(mapping, descriptor, header))
    }

    fn of(mapping: Mapping, descriptor: OwnedFd, header: Header) -> Self {
        let (entry, holder) = (Mutex::new(None), Mutex::new(None));
        Self(Arc::new(Shared { mapping, descriptor, header, entry, holder }))
    }

    pub(crate) fn hold(&self, holder: Holder) {
        *self.0.holder.lock().unwrap_or_else(PoisonError::into_inner) = Some(holder);
    }

    /// The descriptor of the memory, to be inherited by a child. It closes on `exec` unless
    /// that flag is cleared (`std::process::Command` with a duplicate does).
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.descriptor.as_fd()
    }

    /// The name, empty when it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.header.name
    }

    /// The random id.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        self.0.header.id
    }

    /// How many rings it has.
    #[must_use]
    pub fn rings(&self) -> usize {
        self.0.header.maps.len()
    }

    /// The schema text of a ring's messages.
    ///
    /// # Errors
    /// [`Error::Argument`] when there is no such ring.
    pub fn schema(&self, ring: usize) -> Result<&str> {
        self.0.ring(ring)?;
        Ok(&self.0.header.rings[ring].schema)
    }

    /// How a ring stands.
    ///
    /// # Errors
    /// [`Error::Argument`] when there is no such ring.
    pub fn status(&self, ring: usize) -> Result<RingStatus> {
        let map = self.0.ring(ring)?;
        let memory = self.0.memory();
        let owned = |at: usize| {
            let owner = memory.load(at);
            owner != 0 && owner & OWNER_ASKING == 0
        };
        let lanes = (0..map.geometry.lanes).filter(|lane| owned(map.lane_owner(*lane)));
        let places = (0..map.geometry.consumers).filter(|place| owned(map.place_owner(*place)));
        Ok(RingStatus {
            geometry: map.geometry,
            closed: memory.load(map.closed()) != 0,
            poison: memory.load(map.poison()),
            producers: lanes.count() as u32,
            consumers: places.count() as u32,
        })
    }

    /// Clears up after participants that are dead; returns how many. Waits and refused roles
    /// do it by themselves.
    pub fn reap(&self) -> u32 {
        self.0.participants().reap()
    }

    /// Takes a free lane of a ring.
    ///
    /// # Errors
    /// [`Error::Schema`]; [`Error::RoleTaken`]; [`Error::Closed`]; [`Error::Poisoned`].
    pub fn producer<T: Message>(
        &self,
        ring: usize,
        options: ProducerOptions,
    ) -> Result<Producer<T>> {
        Producer::open(self, ring, options)
    }

    /// Takes a free consumer place of a ring.
    ///
    /// # Errors
    /// [`Error::Schema`]; [`Error::RoleTaken`]; [`Error::Poisoned`].
    pub fn consumer<T: Message>(
        &self,
        ring: usize,
        options: ConsumerOptions,
    ) -> Result<Consumer<T>> {
        Consumer::open(self, ring, options)
    }
}
