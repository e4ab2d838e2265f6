//! Octets for people: every field with its offset and name, up to the octet that breaks the format.
//!
//! Not here: what decrypts, verifies or is allowed; this reads octets only.

use std::fmt;

use crate::base::units::hex;
use crate::wire::error::{DecodeError, Rule};
use crate::wire::fields::{Fields, Item, Observer, Place, read_all};
use crate::wire::frame::PREFIX_LEN;
use crate::wire::header::Header;
use crate::wire::limits::FRAME_MAX;
use crate::wire::message::Envelope;
use crate::wire::record::KeyRecord;

/// Longest octet string shown whole: a public key with some room.
const SHOWN_WHOLE: usize = 80;
/// Octets shown of a longer one.
const SHOWN_FIRST: usize = 32;

/// What octets say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The fields in the order of the octets.
    pub lines: Vec<Line>,
    /// The rule broken after the last of them, if one is.
    pub error: Option<DecodeError>,
    /// The octets around the break.
    excerpt: String,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Offset of its first octet.
    pub offset: usize,
    /// Arrays and embeddings around it.
    pub depth: usize,
    /// Its name in `wire.cddl`.
    pub field: &'static str,
    /// What it says.
    pub value: String,
}

/// Describes an envelope, a header or a key record, told apart by their first two octets; before an
/// envelope the length that frames have on a stream may stand.
#[must_use]
pub fn describe(octets: &[u8]) -> Description {
    // An envelope never starts with 0, a frame of at most 64 KiB always does.
    let (prefix, content) = match octets {
        [0, ..] if octets.len() >= PREFIX_LEN => octets.split_at(PREFIX_LEN),
        _ => octets.split_at(0),
    };
    let mut lines = Vec::new();
    let read = |recorder: &mut Recorder<'_>| match content {
        [0x8b, name, ..] if name >> 5 == 3 => watch::<KeyRecord>(content, recorder),
        [0x8b, ..] => watch::<Header>(content, recorder),
        _ => watch::<Envelope>(content, recorder),
    };
    let mut error = read(&mut Recorder { lines: &mut lines });
    if !prefix.is_empty() {
        for line in &mut lines {
            line.offset += PREFIX_LEN;
        }
        if let Some(error) = &mut error {
            error.offset += PREFIX_LEN;
        }
        let (expected, field) = (content.len() as u64, "length");
        let got = prefix.iter().fold(0_u64, |sum, octet| sum << 8 | u64::from(*octet));
        lines.insert(0, Line { offset: 0, depth: 0, field, value: got.to_string() });
        let wrong = DecodeError { offset: 0, field, rule: Rule::Constant { expected, got } };
        error = error.or_else(|| (got != expected).then_some(wrong));
    }
    let excerpt = error.map_or_else(String::new, |error| excerpt(octets, error.offset));
    Description { lines, error, excerpt }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Line { offset, depth, field, value } in &self.lines {
            writeln!(f, "{offset:>5}  {:width$}{field}: {value}", "", width = 2 * depth)?;
        }
        if let Some(DecodeError { offset, field, rule }) = &self.error {
            writeln!(f, "{offset:>5}  breaks here: {field}: {rule}")?;
            writeln!(f, "       {}", self.excerpt)?;
        }
        Ok(())
    }
}

/// A structure that stands alone.
trait Structure: Sized {
    const FIELD: &'static str;
    fn read<O: Observer>(fields: &mut Fields<'_, '_, O>) -> Result<Self, DecodeError>;
    fn decode(octets: &[u8]) -> Result<Self, DecodeError>;
}

impl Structure for Envelope {
    const FIELD: &'static str = "envelope";
    fn read<O: Observer>(fields: &mut Fields<'_, '_, O>) -> Result<Self, DecodeError> {
        Self::read(fields)
    }
    fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        Self::decode(octets)
    }
}

impl Structure for Header {
    const FIELD: &'static str = "header";
    fn read<O: Observer>(fields: &mut Fields<'_, '_, O>) -> Result<Self, DecodeError> {
        Self::read(fields)
    }
    fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        Self::decode(octets)
    }
}

impl Structure for KeyRecord {
    const FIELD: &'static str = "key-record";
    fn read<O: Observer>(fields: &mut Fields<'_, '_, O>) -> Result<Self, DecodeError> {
        Self::read(fields, Self::FIELD)
    }
    fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        Self::decode(octets)
    }
}

/// Records the fields; the verdict is that of the strict decoder.
fn watch<S: Structure>(octets: &[u8], recorder: &mut Recorder<'_>) -> Option<DecodeError> {
    let watched = read_all(octets, (S::FIELD, FRAME_MAX), recorder, |fields| S::read(fields));
    watched.and_then(|_| S::decode(octets)).err()
}

struct Recorder<'l> {
    lines: &'l mut Vec<Line>,
}

impl Observer for Recorder<'_> {
    fn item(&mut self, Place { field, offset, depth }: Place, item: Item<'_>) {
        let value = match item {
            Item::Uint(value) => value.to_string(),
            Item::Time(millis) => format!("{millis} ({})", Utc(millis)),
            Item::Code(number, name) => format!("{number} ({name})"),
            Item::Bytes([]) => "no octets".to_owned(),
            Item::Bytes(octets) if octets.len() <= SHOWN_WHOLE => hex(octets),
            Item::Bytes(octets) => {
                format!("{}.. ({} octets)", hex(&octets[..SHOWN_FIRST]), octets.len())
            }
            Item::Embedded(len) => format!("{len} octets, which hold:"),
            Item::Text(text) => format!("{text:?}"),
            Item::Array(1) => "1 item".to_owned(),
            Item::Array(len) => format!("{len} items"),
            Item::Null => "null".to_owned(),
            Item::EmptyMap => "{}".to_owned(),
        };
        self.lines.push(Line { offset, depth, field, value });
    }
}

/// Wall time as people write it.
struct Utc(u64);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY_MS: u64 = 86_400_000;
        /// Days of 400 years, after which the Gregorian calendar repeats.
        const CYCLE: u64 = 146_097;
        let (days, ms) = (self.0 / DAY_MS, self.0 % DAY_MS);
        // Years that start in March put the leap day last: count from 0000-03-01.
        let days = days + 719_468;
        let day = days % CYCLE;
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (year, month) = (
            days / CYCLE * 400 + year + u64::from(month >= 10),
            if month < 10 { month + 3 } else { month - 9 },
        );
        let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
        let (second, ms) = (ms / 1_000 % 60, ms % 1_000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }
}

/// Eight octets before the break and eight from it on, with the break marked.
fn excerpt(octets: &[u8], at: usize) -> String {
    let at = at.min(octets.len());
    let start = at.saturating_sub(8);
    let end = (at + 8).min(octets.len());
    let spaced = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x} ")).collect();
    let before: String = spaced(&octets[start..at]);
    let after: String = spaced(&octets[at..end]);
    let (head, tail) =
        (if start > 0 { ".. " } else { "" }, if end < octets.len() { ".." } else { "end" });
    format!("{head}{before}> {after}{tail}")
}
