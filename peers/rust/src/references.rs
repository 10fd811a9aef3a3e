//! Where the references into the slab lie in a message: found in its schema text.

use core::mem::MaybeUninit;

use crate::error::{Error, Result};
use crate::message::SlabRef;

/// Deepest nesting of types.
const DEEPEST: u32 = 16;
/// Most references in one message.
const MOST: usize = 8192;

/// A field that may be absent: the offset of its presence word, and its bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Guard {
    at: usize,
    bit: u32,
}

/// One reference in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reference {
    at: usize,
    guards: Vec<Guard>,
}

/// All references in a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct References(Vec<Reference>);

/// What is known of a type after reading it.
#[derive(Debug, Default)]
struct Type {
    size: usize,
    presence: bool,
    /// Presence bit that says whether the value is there.
    optional: Option<u32>,
    references: Vec<Reference>,
}

struct Parser<'a> {
    rest: &'a str,
    depth: u32,
}

fn bad() -> Error {
    Error::Argument("a schema text must be in the form of section 3 of the specification")
}

impl Parser<'_> {
    fn eat(&mut self, word: &str) -> bool {
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, word: &str) -> Result<()> {
        if self.eat(word) { Ok(()) } else { Err(bad()) }
    }

    fn until(&mut self, end: char) -> Result<&str> {
        let (before, after) = self.rest.split_once(end).ok_or_else(bad)?;
        self.rest = after;
        Ok(before)
    }

    fn number(&mut self) -> Result<usize> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        number.parse::<u32>().map(|number| number as usize).map_err(|_| bad())
    }

    fn one_of(&mut self, names: &[(&str, usize)]) -> Option<usize> {
        names.iter().find(|(name, _)| self.eat(name)).map(|(_, size)| *size)
    }

    fn type_(&mut self) -> Result<Type> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(bad());
        }
        let found = self.type_inside();
        self.depth -= 1;
        found
    }

    fn type_inside(&mut self) -> Result<Type> {
        if self.eat("array[") {
            return self.array();
        }
        if self.eat("struct(") {
            return self.structure();
        }
        if self.eat("optional:") {
            let bit = self.number()?;
            self.expect("(")?;
            let inner = self.type_()?;
            self.expect(")")?;
            let bit = u32::try_from(bit).ok().filter(|bit| *bit < 32).ok_or_else(bad)?;
            return Ok(Type { optional: Some(bit), ..inner });
        }
        if self.eat("presence") {
            return Ok(Type { size: 4, presence: true, ..Type::default() });
        }
        if self.eat("slab:text") || self.eat("slab:bytes") {
            let references = vec![Reference { at: 0, guards: Vec::new() }];
            return Ok(Type { size: 8, references, ..Type::default() });
        }
        if self.eat("text[") || self.eat("bytes[") {
            let size = self.number()?;
            self.expect("]")?;
            return Ok(Type { size, ..Type::default() });
        }
        let bits = self.eat("enum:") || self.eat("flags:");
        let numbers = [("u8", 1), ("u16", 2), ("u32", 4), ("u64", 8), ("i8", 1), ("i16", 2)];
        let others = [("i32", 4), ("i64", 8), ("f32", 4), ("f64", 8), ("bool", 1)];
        let safe = [("safe:u64", 8), ("safe:i64", 8)];
        let size = self.one_of(&numbers).or_else(|| self.one_of(&others));
        let size = size.or_else(|| self.one_of(&safe)).ok_or_else(bad)?;
        if bits {
            self.expect("(")?;
            self.until(')')?;
        }
        Ok(Type { size, ..Type::default() })
    }

    fn array(&mut self) -> Result<Type> {
        let count = self.number()?;
        self.expect("](")?;
        let element = self.type_()?;
        self.expect(")")?;
        if element.references.len().saturating_mul(count) > MOST {
            return Err(bad());
        }
        let mut references = Vec::new();
        let elements = if element.references.is_empty() { 0 } else { count };
        for index in 0..elements {
            let base = index.checked_mul(element.size).ok_or_else(bad)?;
            references.extend(element.references.iter().map(|inner| inner.moved(base)));
        }
        let size = element.size.checked_mul(count).ok_or_else(bad)?;
        Ok(Type { size, references, ..Type::default() })
    }

    fn structure(&mut self) -> Result<Type> {
        self.until('{')?;
        let mut fields = Vec::new();
        while !self.eat("}") {
            self.until(' ')?;
            let field = self.type_()?;
            self.expect(" ")?;
            fields.push((self.number()?, field));
            if !self.eat(";") && !self.rest.starts_with('}') {
                return Err(bad());
            }
        }
        let size = self.number()?;
        self.expect("/")?;
        self.number()?;
        self.expect(")")?;
        Ok(Type { size, references: gather(fields)?, ..Type::default() })
    }
}

impl Reference {
    fn moved(&self, base: usize) -> Self {
        let guard = |guard: &Guard| Guard { at: guard.at + base, bit: guard.bit };
        Self { at: self.at + base, guards: self.guards.iter().map(guard).collect() }
    }
}

/// The references of a struct's fields; those of optional fields with their guards.
fn gather(fields: Vec<(usize, Type)>) -> Result<Vec<Reference>> {
    let presence = fields.iter().find(|(_, field)| field.presence).map(|(at, _)| *at);
    let mut references = Vec::new();
    for (base, field) in fields {
        let guard = match field.optional {
            Some(bit) => Some(Guard { at: presence.ok_or_else(bad)?, bit }),
            None => None,
        };
        for inner in &field.references {
            let mut reference = inner.moved(base);
            reference.guards.extend(guard);
            references.push(reference);
        }
    }
    if references.len() > MOST { Err(bad()) } else { Ok(references) }
}

/// Reads a word of a message whose bytes are all initialised.
fn word(message: &[MaybeUninit<u8>], at: usize) -> u32 {
    let mut bytes = [0; 4];
    for (byte, from) in bytes.iter_mut().zip(&message[at..at + 4]) {
        // SAFETY: the callers pass messages that were copied whole from shared memory.
        *byte = unsafe { from.assume_init() };
    }
    u32::from_le_bytes(bytes)
}

impl References {
    /// Finds the references in a canonical text whose struct has `size` bytes.
    ///
    /// # Errors
    /// [`Error::Argument`] when the text is none.
    pub(crate) fn parse(text: &str, size: usize) -> Result<Self> {
        let mut fields = Vec::new();
        for line in text.lines().filter_map(|line| line.strip_prefix("field ")) {
            let (_, rest) = line.split_once(' ').ok_or_else(bad)?;
            let mut parser = Parser { rest, depth: 0 };
            let field = parser.type_()?;
            parser.expect(" ")?;
            let at = parser.number()?;
            if !parser.rest.is_empty() || at.checked_add(field.size).is_none_or(|end| end > size) {
                return Err(bad());
            }
            fields.push((at, field));
        }
        let found = gather(fields)?;
        let inside = |end: usize| end <= size;
        let guarded = |reference: &Reference| reference.guards.iter().all(|g| inside(g.at + 4));
        if found.iter().all(|reference| inside(reference.at + 8) && guarded(reference)) {
            Ok(Self(found))
        } else {
            Err(bad())
        }
    }

    /// Whether messages have no references at all.
    #[inline(always)]
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Calls `each` with the offset and value of every reference that is present in a message
    /// whose bytes are all initialised; stops when it returns `false`, and returns that.
    pub(crate) fn all(
        &self,
        message: &[MaybeUninit<u8>],
        mut each: impl FnMut(usize, SlabRef) -> bool,
    ) -> bool {
        self.0.iter().all(|reference| {
            let here = |guard: &Guard| word(message, guard.at) >> guard.bit & 1 == 1;
            if !reference.guards.iter().all(here) {
                return true;
            }
            let position = word(message, reference.at);
            each(reference.at, SlabRef { position, length: word(message, reference.at + 4) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Guard, Reference, References};

    fn offsets(fields: &str, size: usize) -> Vec<usize> {
        let references = References::parse(fields, size).expect("a schema");
        references.0.iter().map(|reference| reference.at).collect()
    }

    #[test]
    fn parse_finds_references_at_every_depth() {
        let text = "field a u32 0\nfield b slab:text 4\nfield c array[2](slab:bytes) 12\n\
                    field d struct(x{p u64 0;q array[2](struct(y{z slab:text 0}8/4)) 8}24/8) 32\n\
                    field e flags:u8(a,b) 56\nfield f text[3] 57\nfield g safe:i64 64\n";
        assert_eq!(offsets(text, 72), [4, 12, 20, 40, 48]);
    }

    #[test]
    fn parse_guards_optional_references_with_their_own_presence_word() {
        let text = "field has presence 0\nfield a optional:3(slab:text) 4\n\
                    field b struct(s{x optional:1(slab:bytes) 0;p presence 8}12/4) 12\n";
        let found = References::parse(text, 24).expect("a schema");
        let guard = |at, bit| vec![Guard { at, bit }];
        let expected =
            [Reference { at: 4, guards: guard(0, 3) }, Reference { at: 12, guards: guard(20, 1) }];
        assert_eq!(found.0, expected);
    }

    #[test]
    fn parse_refuses_what_is_no_type_or_lies_outside() {
        let deep = format!("field a {}u8{} 0\n", "array[1](".repeat(20), ")".repeat(20));
        let wide = "field a array[9000](slab:text) 0\n".to_owned();
        let huge = "field a array[4294967295](array[4294967295](u64)) 0\n".to_owned();
        for text in [
            "field a u3 0\n",
            "field a u32 -1\n",
            "field a slab:text 60\n",
            "field a optional:1(slab:text) 0\n",
            "field a optional:32(u8) 0\n",
            "field a struct(x{y u8 0;}1/1 0\n",
            "field a enum:u8(a 0\n",
            "field a\n",
        ]
        .iter()
        .map(|text| (*text).to_owned())
        .chain([deep, wide, huge])
        {
            assert!(References::parse(&text, 64).is_err(), "{text}");
        }
    }
}
