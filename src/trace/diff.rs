//! Two sequences of records compared: where they part, and what stood around it.
//!
//! Not here: reading them, or saying which of the two is right.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::trace::record::Record;

/// Where two sequences part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Position of the first record that differs, from 0.
    pub index: u64,
    /// What both had just before it, oldest first.
    pub before: Vec<Record>,
    /// The first one's record there and what follows; empty when it ended.
    pub left: Vec<Record>,
    /// The second one's.
    pub right: Vec<Record>,
}

/// The first difference with up to `context` records around it; nothing when there is none.
pub fn first_difference(
    left: impl IntoIterator<Item = Record>,
    right: impl IntoIterator<Item = Record>,
    context: usize,
) -> Option<Difference> {
    let (mut left, mut right) = (left.into_iter(), right.into_iter());
    let mut before = VecDeque::new();
    let mut index = 0;
    loop {
        let (one, other) = (left.next(), right.next());
        if one.is_none() && other.is_none() {
            return None;
        }
        if one != other {
            let before = before.into();
            let left = one.into_iter().chain(left.take(context)).collect();
            let right = other.into_iter().chain(right.take(context)).collect();
            return Some(Difference { index, before, left, right });
        }
        before.extend(one);
        if before.len() > context {
            before.pop_front();
        }
        index += 1;
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the first difference is at record {}", self.index)?;
        let sides = [("  ", &self.before), ("- ", &self.left), ("+ ", &self.right)];
        for (mark, records) in sides {
            for record in records {
                writeln!(f, "{mark}{}", Line(record))?;
            }
            if records.is_empty() && mark != "  " {
                writeln!(f, "{mark}(ends here)")?;
            }
        }
        for Field { path, left, right } in self.fields() {
            writeln!(f, "  they differ in {path}: {left}, {right}")?;
        }
        Ok(())
    }
}

impl Difference {
    /// The fields in which the two records differ; none when a run ended.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let mut fields = Vec::new();
        if let (Some(left), Some(right)) = (self.left.first(), self.right.first()) {
            let value = |record| serde_json::to_value(record).unwrap_or_default();
            compare("", &value(left), &value(right), &mut fields);
        }
        fields
    }
}

/// A field that differs, as JSON has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Where: `fact.tx.len`.
    pub path: String,
    /// What the first record has there.
    pub left: String,
    /// What the second one has.
    pub right: String,
}

/// Characters of a long value that are shown, from a little before the first that differs.
const VALUE_MAX: usize = 32;

fn compare(path: &str, left: &Value, right: &Value, fields: &mut Vec<Field>) {
    if left == right {
        return;
    }
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (left, right) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                compare(&below(key), &left[key.as_str()], &right[key.as_str()], fields);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (n, (one, other)) in one.iter().zip(other).enumerate() {
                compare(&below(&n.to_string()), one, other, fields);
            }
        }
        (_, _) => {
            let (one, other) = (left.to_string(), right.to_string());
            let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
            let [left, right] = [one, other].map(|it| excerpt(&it, same));
            fields.push(Field { path: path.to_owned(), left, right });
        }
    }
}

/// What of a value shows how it differs, if the first `same` characters do not.
fn excerpt(value: &str, same: usize) -> String {
    let len = value.chars().count();
    if len <= 2 * VALUE_MAX {
        return value.to_owned();
    }
    let start = same.saturating_sub(VALUE_MAX / 4);
    let shown: String = value.chars().skip(start).take(VALUE_MAX).collect();
    let mark = |holds| if holds { ".." } else { "" };
    format!("{}{shown}{}", mark(start > 0), mark(start + VALUE_MAX < len))
}

/// A record as one line for people: time, address, cause, fact.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a>(pub &'a Record);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record { id, at, wall: _, cause, fact } = self.0;
        let cause = cause.map_or_else(|| "-".to_owned(), |cause| cause.to_string());
        let fact = serde_json::to_string(fact).map_err(|_| fmt::Error)?;
        write!(f, "{:>14} {:<8} {cause:<8} ", at.to_string(), id.to_string())?;
        write_short(&fact, f)
    }
}

/// Cuts hashes (64 hex digits in quotes) down to what a reader compares.
fn write_short(fact: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let is_hash = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    fact.split('"').enumerate().try_for_each(|(n, part)| {
        let quote = if n == 0 { "" } else { "\"" };
        write!(f, "{quote}{}", if is_hash(part) { &part[..8] } else { part })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::samples;

    #[test]
    fn equal_runs_have_no_difference() {
        assert_eq!(first_difference(samples::run(), samples::run(), 2), None);
    }

    #[test]
    fn the_first_difference_is_shown_with_what_stood_around_it() {
        let phase = samples::run().remove(0);
        let caused = Record { cause: Some(phase.id), ..phase.clone() };
        let one = [phase.clone(), phase.clone(), phase.clone()];
        let other = [phase, caused];
        let difference = first_difference(one, other, 1).unwrap();
        insta::assert_snapshot!(difference, @r#"
        the first difference is at record 1
               0.001000s harness.0 -        {"phase":"active"}
        -      0.001000s harness.0 -        {"phase":"active"}
        -      0.001000s harness.0 -        {"phase":"active"}
        +      0.001000s harness.0 harness.0 {"phase":"active"}
          they differ in cause: null, {"node":4294967295,"seq":0}
        "#);
    }

    #[test]
    fn long_values_are_shown_where_they_differ() {
        let (one, other) = ("a".repeat(100), format!("{}b", "a".repeat(99)));
        assert_eq!(excerpt(&one, 99), format!("..{}", "a".repeat(9)));
        assert_eq!(excerpt(&other, 99), format!("..{}b", "a".repeat(8)));
        assert_eq!(excerpt(&one, 0), format!("{}..", "a".repeat(32)));
        assert_eq!(excerpt("\"short\"", 3), "\"short\"");
    }

    #[test]
    fn hashes_are_shown_short() {
        let line = Line(&samples::run()[4]).to_string();
        assert!(
            line.ends_with(r#""generation":"05050505","epoch":2,"record":"06060606"}}"#),
            "{line}"
        );
    }

    #[test]
    fn a_run_that_ends_earlier_differs_there() {
        let mut shorter = samples::run();
        shorter.truncate(3);
        let difference = first_difference(shorter, samples::run(), 2).unwrap();
        assert_eq!((difference.index, difference.left.len(), difference.right.len()), (3, 0, 3));
        assert!(difference.to_string().contains("\n- (ends here)\n"));
    }
}
