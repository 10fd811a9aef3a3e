//! Segments, in C.

use std::ffi::c_char;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::Path;

use super::{free, give, guarded, input, output, shared, text};
use crate::directory::Directory;
use crate::error::{Error, Result};
use crate::ring::Topology;
use crate::segment::{RingOptions, RingSpec, Segment};

/// `rondo_ring_options`.
#[derive(Clone, Copy)]
#[repr(C)]
struct CRingOptions {
    schema: *const c_char,
    schema_bytes: usize,
    topology: u32,
    lossy: u32,
    lanes: u32,
    consumers: u32,
    slots: u32,
    slab_bytes: u32,
}

/// `rondo_ring_info`.
#[repr(C)]
struct CRingInfo {
    topology: u32,
    lossy: u32,
    lanes: u32,
    consumers: u32,
    slots: u32,
    stride: u32,
    slab_bytes: u32,
    schema_bytes: u32,
    closed: u32,
    poison: u32,
    active_producers: u32,
    active_consumers: u32,
}

fn directory(path: &str) -> Result<Directory> {
    if path.is_empty() { Directory::of_user() } else { Directory::at(Path::new(path)) }
}

fn spec(options: &CRingOptions) -> Result<RingSpec> {
    let topology = match options.topology {
        1 => Topology::Spsc,
        2 => Topology::Mpsc,
        3 => Topology::Mpmc,
        4 => Topology::Broadcast,
        _ => return Err(Error::Geometry("the topology must be 1 to 4")),
    };
    RingSpec::of_text(
        text(options.schema, options.schema_bytes)?,
        RingOptions {
            topology,
            lossy: options.lossy != 0,
            lanes: options.lanes,
            consumers: options.consumers,
            slots: options.slots,
            slab_bytes: options.slab_bytes,
        },
    )
}

fn specs(rings: *const CRingOptions, count: u32) -> Result<Vec<RingSpec>> {
    if count == 0 || count > 8 {
        return Err(Error::Geometry("a segment has 1 to 8 rings"));
    }
    let bytes = input(rings.cast(), count as usize * size_of::<CRingOptions>())?;
    let options = bytes.as_ptr().cast::<CRingOptions>();
    (0..count as usize)
        .map(|index| {
            // SAFETY: `input` checked for null; the caller promises that so many lie there.
            let options = unsafe { options.add(index).read_unaligned() };
            spec(&options)
        })
        .collect()
}

/// Makes a segment.
#[unsafe(no_mangle)]
extern "C" fn rondo_segment_create(
    path: *const c_char,
    path_bytes: usize,
    name: *const c_char,
    name_bytes: usize,
    rings: *const CRingOptions,
    count: u32,
    out: *mut *mut Segment,
) -> i32 {
    give(out, || {
        let specs = specs(rings, count)?;
        match text(name, name_bytes)? {
            "" => Segment::create(&specs),
            name => Segment::create_named(&directory(text(path, path_bytes)?)?, name, &specs),
        }
    })
}

/// Attaches by name.
#[unsafe(no_mangle)]
extern "C" fn rondo_segment_open(
    path: *const c_char,
    path_bytes: usize,
    name: *const c_char,
    name_bytes: usize,
    out: *mut *mut Segment,
) -> i32 {
    give(out, || Segment::open(&directory(text(path, path_bytes)?)?, text(name, name_bytes)?))
}

/// Attaches by descriptor.
#[unsafe(no_mangle)]
extern "C" fn rondo_segment_attach(descriptor: i32, out: *mut *mut Segment) -> i32 {
    give(out, || {
        if descriptor < 0 {
            return Err(Error::Argument("a descriptor is not negative"));
        }
        // SAFETY: not negative; the caller promises that it is open during the call.
        Segment::attach(unsafe { BorrowedFd::borrow_raw(descriptor) })
    })
}

/// The descriptor.
#[unsafe(no_mangle)]
extern "C" fn rondo_segment_descriptor(segment: *const Segment) -> i32 {
    guarded(|| Ok(shared(segment)?.descriptor().as_raw_fd()))
}

/// How many rings there are.
#[unsafe(no_mangle)]
extern "C" fn rondo_segment_rings(segment: *const Segment) -> i32 {
    guarded(|| Ok(shared(segment)?.rings() as i32))
}

/// What a ring is.
#[unsafe(no_mangle)]
extern "C" fn rondo_segment_info(segment: *const Segment, ring: u32, out: *mut CRingInfo) -> i32 {
    guarded(|| {
        let segment = shared(segment)?;
        let status = segment.status(ring as usize)?;
        let info = CRingInfo {
            topology: status.geometry.topology as u32,
            lossy: u32::from(status.geometry.lossy),
            lanes: status.geometry.lanes,
            consumers: status.geometry.consumers,
            slots: status.geometry.slots,
            stride: status.geometry.stride,
            slab_bytes: status.geometry.slab,
            schema_bytes: segment.schema(ring as usize)?.len() as u32,
            closed: u32::from(status.closed),
            poison: status.poison,
            active_producers: status.producers,
            active_consumers: status.consumers,
        };
        if out.is_null() {
            return Err(Error::Argument("a pointer is null"));
        }
        // SAFETY: not null, and the caller promises that it may be written.
        unsafe { out.write(info) };
        Ok(0)
    })
}

/// The schema text of a ring.
#[unsafe(no_mangle)]
extern "C" fn rondo_segment_schema(
    segment: *const Segment,
    ring: u32,
    out: *mut c_char,
    capacity: usize,
) -> i32 {
    guarded(|| {
        let schema = shared(segment)?.schema(ring as usize)?;
        Ok(output(schema.as_bytes(), out, capacity) as i32)
    })
}

/// Clears up after the dead.
#[unsafe(no_mangle)]
extern "C" fn rondo_segment_reap(segment: *const Segment) -> i32 {
    guarded(|| Ok(shared(segment)?.reap() as i32))
}

/// Frees the handle.
#[unsafe(no_mangle)]
extern "C" fn rondo_segment_close(segment: *mut Segment) {
    free(segment);
}
