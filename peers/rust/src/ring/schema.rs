//! Schemas (section 3): the canonical text of a struct, and what follows from it at compile time.

use super::sha256::sha256;

/// The canonical description of a message.
///
/// ```
/// use rondo_ring::Schema;
///
/// const TRADE: Schema = Schema::new(
///     "rondo-struct 1\nname md.Trade\nfield id u64 0\nfield price f64 8\nsize 16 align 8\n",
/// );
/// assert_eq!((TRADE.name(), TRADE.size(), TRADE.align()), ("md.Trade", 16, 8));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    text: &'static str,
    fingerprint: u64,
    size: u32,
    align: u32,
}

/// The fingerprint of a schema text: the first 8 bytes of its SHA-256, little-endian.
#[must_use]
pub const fn fingerprint(text: &[u8]) -> u64 {
    match sha256(text).first_chunk::<8>() {
        Some(first) => u64::from_le_bytes(*first),
        None => 0,
    }
}

const FIRST_LINE: &[u8] = b"rondo-struct 1\nname ";

/// Where the last line (`size S align A`) begins, if the text can be a schema at all.
const fn last_line(text: &[u8]) -> Option<usize> {
    if text.len() < FIRST_LINE.len() + 2 || text[text.len() - 1] != b'\n' {
        return None;
    }
    let mut i = 0;
    while i < FIRST_LINE.len() {
        if text[i] != FIRST_LINE[i] {
            return None;
        }
        i += 1;
    }
    let mut at = text.len() - 1;
    while text[at - 1] != b'\n' {
        at -= 1;
    }
    Some(at)
}

/// Reads `word` and a number behind it; returns the number and where it ended.
const fn number(text: &[u8], at: usize, word: &[u8]) -> Option<(u32, usize)> {
    let mut i = 0;
    while i < word.len() {
        if at + i >= text.len() || text[at + i] != word[i] {
            return None;
        }
        i += 1;
    }
    let first = at + word.len();
    let mut end = first;
    let mut value = 0u32;
    while end < text.len() && text[end].is_ascii_digit() && end - first < 9 {
        value = value * 10 + (text[end] - b'0') as u32;
        end += 1;
    }
    if end == first { None } else { Some((value, end)) }
}

/// Size and alignment that a schema text states in its last line.
#[must_use]
pub const fn size_and_align(text: &[u8]) -> Option<(u32, u32)> {
    let Some(at) = last_line(text) else { return None };
    let Some((size, end)) = number(text, at, b"size ") else { return None };
    let Some((align, end)) = number(text, end, b" align ") else { return None };
    if end + 1 != text.len() || !align.is_power_of_two() || align > 8 || size == 0 {
        return None;
    }
    if size.is_multiple_of(align) && size <= 65_536 { Some((size, align)) } else { None }
}

impl Schema {
    /// The schema with that canonical text.
    ///
    /// # Panics
    /// When the text is none, its size is not that of its alignment, or above 65,536 bytes. In a
    /// constant that is a compile error.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        let Some((size, align)) = size_and_align(text.as_bytes()) else {
            panic!("a schema text has the lines rondo-struct 1, name, field…, size S align A");
        };
        Self { text, fingerprint: fingerprint(text.as_bytes()), size, align }
    }

    /// The canonical text.
    #[must_use]
    pub const fn text(&self) -> &'static str {
        self.text
    }

    /// The name of the struct.
    #[must_use]
    pub fn name(&self) -> &'static str {
        let rest = self.text.get(FIRST_LINE.len()..).unwrap_or("");
        rest.split_once('\n').map_or(rest, |(name, _)| name)
    }

    /// The fingerprint of the text.
    #[must_use]
    pub const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Bytes of the struct.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size as usize
    }

    /// Alignment of the struct in bytes.
    #[must_use]
    pub const fn align(&self) -> usize {
        self.align as usize
    }
}

#[cfg(test)]
mod tests {
    use super::{Schema, size_and_align};

    const TEXT: &str = "rondo-struct 1\nname a.B\nfield x u32 0\nsize 4 align 4\n";

    #[test]
    fn new_reads_name_size_and_alignment() {
        const SCHEMA: Schema = Schema::new(TEXT);
        assert_eq!((SCHEMA.name(), SCHEMA.size(), SCHEMA.align()), ("a.B", 4, 4));
    }

    #[test]
    fn size_and_align_refuses_what_is_no_schema() {
        for text in ["", "\n", "rondo-struct 1\nname ", "rondo-struct 2\nname x\nsize 4 align 4\n"]
        {
            assert_eq!(size_and_align(text.as_bytes()), None, "{text:?}");
        }
        for line in ["size 0 align 4", "size 6 align 4", "size 8 align 3", "size 4 align 4 ", "x"] {
            let text = format!("rondo-struct 1\nname x\n{line}\n");
            assert_eq!(size_and_align(text.as_bytes()), None, "{line}");
        }
    }
}
