//! Whether a message here and the one in a ring go together (section 3), and if not, why.

use std::fmt::Write;

use crate::error::{Error, Result};

/// Most differences that are listed.
const LISTED: usize = 16;

fn lines<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.strip_prefix(word)).collect()
}

/// Checks that a side with the text `own` may use a ring with the text `theirs`.
///
/// # Errors
/// [`Error::Schema`] with the differences, field by field.
pub(crate) fn compare(own: &str, theirs: &str, consumer: bool) -> Result<()> {
    if own == theirs {
        return Ok(());
    }
    let names = (lines(own, "name "), lines(theirs, "name "));
    let fields = (lines(own, "field "), lines(theirs, "field "));
    if consumer && names.0 == names.1 && fields.1.starts_with(&fields.0) {
        return Ok(());
    }
    let mut differences = Vec::new();
    let (name, their_name) = (names.0.first(), names.1.first());
    if name != their_name {
        differences.push(difference("name", name, their_name));
    }
    for index in 0..fields.0.len().max(fields.1.len()) {
        let (field, their_field) = (fields.0.get(index), fields.1.get(index));
        if field != their_field {
            differences.push(difference(&format!("field {index}"), field, their_field));
        }
    }
    let (size, their_size) = (lines(own, "size "), lines(theirs, "size "));
    if size != their_size {
        differences.push(difference("size", size.first(), their_size.first()));
    }
    let more = differences.len().saturating_sub(LISTED);
    differences.truncate(LISTED);
    let mut text =
        format!("the message here and the one in the ring differ: {}", { differences.join("; ") });
    if more > 0 {
        write!(text, "; and {more} more").map_err(|_| Error::Schema(String::new()))?;
    }
    Err(Error::Schema(text))
}

fn difference(what: &str, own: Option<&&str>, theirs: Option<&&str>) -> String {
    match (own, theirs) {
        (Some(own), Some(theirs)) => format!("{what}: here `{own}`, there `{theirs}`"),
        (Some(own), None) => format!("{what}: here `{own}`, there nothing"),
        (None, Some(theirs)) => format!("{what}: here nothing, there `{theirs}`"),
        (None, None) => format!("{what}: on neither side"),
    }
}

#[cfg(test)]
mod tests {
    use super::compare;

    const BASE: &str = "rondo-struct 1\nname a.B\nfield x u32 0\nsize 4 align 4\n";
    const MORE: &str = "rondo-struct 1\nname a.B\nfield x u32 0\nfield y u32 4\nsize 8 align 4\n";
    const OTHER: &str = "rondo-struct 1\nname a.B\nfield x i32 0\nsize 4 align 4\n";

    #[test]
    fn compare_lets_consumers_read_rings_with_fields_appended() {
        assert!(compare(BASE, MORE, true).is_ok());
        assert!(compare(BASE, MORE, false).is_err());
        assert!(compare(MORE, BASE, true).is_err());
    }

    #[test]
    fn compare_names_the_differences() {
        let error = compare(BASE, OTHER, true).expect_err("they differ").to_string();
        assert!(error.contains("field 0: here `x u32 0`, there `x i32 0`"), "{error}");
        assert!(error.starts_with("ERR_RING_SCHEMA: "), "{error}");
    }

    #[test]
    fn compare_refuses_another_name() {
        assert!(compare(BASE, &MORE.replace("a.B", "a.C"), true).is_err());
    }
}
