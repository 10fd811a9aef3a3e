//! The header of a segment (section 2): written once by the creator, and checked by everyone
//! else in a private copy.

use core::mem::MaybeUninit;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::ring::layout::{
    GEOMETRY_WORDS, Geometry, MAX_RINGS, MAX_SCHEMA, MAX_SEGMENT, PAGE, PARTICIPANTS, RingMap,
    SCHEMAS_AT,
};
use crate::ring::schema::{fingerprint as fingerprint_of, size_and_align};
use crate::ring::{Raw, Space};

const MAGIC: [u8; 8] = *b"RONDORNG";
const VERSION: u32 = 1;
const KIND_RING: u32 = 1;
const KIND_CHANNEL: u32 = 2;
const NAME_AT: usize = 64;
const ENTRIES_AT: usize = 128;
const ENTRY_BYTES: usize = 64;
/// Longest name of a segment in bytes.
pub(crate) const MAX_NAME: usize = 63;

/// A ring to create.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) schema: String,
    pub(crate) fingerprint: u64,
    pub(crate) geometry: Geometry,
}

/// A ring as found in a header.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) schema: String,
    pub(crate) fingerprint: u64,
}

/// A header that was checked: nothing of it is read again.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) id: [u8; 16],
    pub(crate) name: String,
    pub(crate) rings: Vec<Found>,
    pub(crate) maps: Vec<RingMap>,
}

/// Where the parts of a segment lie: they follow from the sizes alone.
struct Places {
    schemas: Vec<usize>,
    blocks: Vec<usize>,
    bytes: usize,
}

fn places(sizes: &[(usize, u64)]) -> Result<Places> {
    let mut at = SCHEMAS_AT;
    let mut schemas = Vec::new();
    for (text, _) in sizes {
        schemas.push(at);
        at = (at + text).next_multiple_of(8);
    }
    let mut blocks = Vec::new();
    for (_, block) in sizes {
        at = at.next_multiple_of(PAGE);
        blocks.push(at);
        at += usize::try_from(*block).unwrap_or(MAX_SEGMENT);
    }
    let bytes = at.next_multiple_of(PAGE);
    if bytes > MAX_SEGMENT {
        return Err(Error::Geometry("the segment must fit into 2^30 bytes"));
    }
    Ok(Places { schemas, blocks, bytes })
}

fn plan_places(plans: &[Plan]) -> Result<Places> {
    if plans.is_empty() || plans.len() > MAX_RINGS {
        return Err(Error::Geometry("a segment has 1 to 8 rings"));
    }
    if plans.iter().any(|plan| plan.schema.is_empty() || plan.schema.len() > MAX_SCHEMA) {
        return Err(Error::Geometry("a schema text has 1 to 65,536 bytes"));
    }
    let size = |plan: &Plan| (plan.schema.len(), plan.geometry.block_bytes());
    places(&plans.iter().map(size).collect::<Vec<_>>())
}

/// Bytes of a segment with these rings.
pub(crate) fn segment_bytes(plans: &[Plan]) -> Result<usize> {
    Ok(plan_places(plans)?.bytes)
}

/// Writes a new segment into memory that is all zeros; the magic's first word last.
pub(crate) fn write(memory: &Raw, id: [u8; 16], name: &str, plans: &[Plan]) -> Result<()> {
    let places = plan_places(plans)?;
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let time = u64::try_from(time).unwrap_or_default();
    let count = u32::try_from(plans.len()).unwrap_or_default();
    memory.set(8, VERSION);
    memory.set(12, u32::try_from(places.bytes).unwrap_or_default());
    memory.write(16, &id);
    memory.set(32, count);
    memory.set(36, if count == 2 { KIND_CHANNEL } else { KIND_RING });
    memory.set(40, PARTICIPANTS as u32);
    memory.write(48, &time.to_le_bytes());
    memory.write(NAME_AT, name.as_bytes());
    for (index, plan) in plans.iter().enumerate() {
        let (schema, block) = (places.schemas[index], places.blocks[index]);
        let at = ENTRIES_AT + index * ENTRY_BYTES;
        let bytes = plan.geometry.block_bytes();
        for (word, value) in [block, bytes as usize, schema, plan.schema.len()].iter().enumerate() {
            memory.set(at + 4 * word, *value as u32);
        }
        memory.write(at + 16, &plan.fingerprint.to_le_bytes());
        memory.write(schema, plan.schema.as_bytes());
        for (word, value) in plan.geometry.to_words().iter().enumerate() {
            memory.set(block + 4 * word, *value);
        }
    }
    memory.set(4, word_of(&MAGIC, 4));
    memory.store(0, word_of(&MAGIC, 0));
    Ok(())
}

fn word_of(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

fn refuse<T>(why: &str) -> Result<T> {
    Err(Error::Segment(format!("not a usable ring segment: {why}")))
}

/// Copies from shared memory.
fn copy(memory: &Raw, at: usize, bytes: usize) -> Vec<u8> {
    let mut copy = vec![MaybeUninit::new(0); bytes];
    memory.read(at, &mut copy);
    // SAFETY: initialised above, whatever `read` wrote.
    copy.into_iter().map(|byte| unsafe { byte.assume_init() }).collect()
}

/// Copies the header once and checks the copy and the geometry of every ring.
pub(crate) fn read(memory: &Raw) -> Result<Header> {
    if memory.load(0) != word_of(&MAGIC, 0) {
        return refuse("it does not begin with RONDORNG");
    }
    let header = copy(memory, 0, PAGE);
    let word = |at: usize| word_of(&header, at);
    if header[..8] != MAGIC || word(8) != VERSION {
        return refuse("it is not of version 1");
    }
    let count = word(32) as usize;
    if word(12) as usize != memory.bytes() || word(40) != PARTICIPANTS as u32 {
        return refuse("its sizes are not those of version 1");
    }
    let kind = word(36);
    let kind_ok = kind == KIND_RING && count != 2 || kind == KIND_CHANNEL && count == 2;
    if count == 0 || count > MAX_RINGS || !kind_ok {
        return refuse("its rings are not those of its kind");
    }
    let mut id = [0; 16];
    id.copy_from_slice(&header[16..32]);
    let name = read_name(&header[NAME_AT..NAME_AT + MAX_NAME + 1])?;
    let mut header = Header { id, name, rings: Vec::new(), maps: Vec::new() };
    read_rings(memory, count, &mut header)?;
    Ok(header)
}

fn read_name(field: &[u8]) -> Result<String> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let padded = field[end..].iter().all(|byte| *byte == 0);
    match std::str::from_utf8(&field[..end]) {
        Ok(name) if padded && end <= MAX_NAME => Ok(name.to_owned()),
        _ => refuse("its name is not one"),
    }
}

fn read_rings(memory: &Raw, count: usize, header: &mut Header) -> Result<()> {
    let entries = copy(memory, ENTRIES_AT, count * ENTRY_BYTES);
    let word = |index: usize, word: usize| word_of(&entries, index * ENTRY_BYTES + 4 * word);
    let sizes: Vec<(usize, u64)> =
        (0..count).map(|index| (word(index, 3) as usize, u64::from(word(index, 1)))).collect();
    let limits = |(text, block): &(usize, u64)| {
        (1..=MAX_SCHEMA).contains(text) && *block <= MAX_SEGMENT as u64
    };
    if !sizes.iter().all(limits) {
        return refuse("the sizes of a ring are outside of their limits");
    }
    let Ok(places) = places(&sizes) else { return refuse("its rings are too big") };
    if places.bytes != memory.bytes() {
        return refuse("its rings do not add up to its size");
    }
    for (index, (text_bytes, block_bytes)) in sizes.into_iter().enumerate() {
        let (schema, block) = (places.schemas[index], places.blocks[index]);
        if word(index, 0) as usize != block || word(index, 2) as usize != schema {
            return refuse("a ring is not where it must be");
        }
        let text = copy(memory, schema, text_bytes);
        let fingerprint = u64::from(word(index, 4)) | u64::from(word(index, 5)) << 32;
        let printable = |byte: &u8| matches!(byte, b'\n' | b' '..=b'~');
        let Ok(text) = String::from_utf8(text) else { return refuse("a schema is no ASCII") };
        if !text.as_bytes().iter().all(printable) {
            return refuse("a schema is no ASCII");
        }
        if fingerprint != fingerprint_of(text.as_bytes()) {
            return refuse("a fingerprint is not that of its schema");
        }
        let geometry = read_geometry(memory, block, block_bytes, &text)?;
        header.rings.push(Found { schema: text, fingerprint });
        header.maps.push(RingMap::new(block, geometry));
    }
    Ok(())
}

fn read_geometry(memory: &Raw, block: usize, bytes: u64, schema: &str) -> Result<Geometry> {
    if block + 4 * GEOMETRY_WORDS > memory.bytes() {
        return refuse("a ring lies outside");
    }
    let mut words = [0; GEOMETRY_WORDS];
    for (index, word) in words.iter_mut().enumerate() {
        *word = memory.load(block + 4 * index);
    }
    let geometry = match Geometry::from_words(&words) {
        Ok(geometry) => geometry,
        Err(invalid) => return refuse(invalid.0),
    };
    if geometry.block_bytes() != bytes {
        return refuse("a ring's geometry is not that of its size");
    }
    match size_and_align(schema.as_bytes()) {
        Some((size, _)) if size.next_multiple_of(8) == geometry.stride => Ok(geometry),
        _ => refuse("a ring's stride is not that of its schema"),
    }
}
