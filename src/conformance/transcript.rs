//! The transcript of a test: everything that was said, seen and judged, as JSON Lines in a chain of hashes.
//!
//! Each line names the SHA-256 of the line before it, and the last names its own predecessor as the root: no
//! octet can change unnoticed. Secrets that the harness hands to a device are struck out; the keys that judges
//! need of the harness's own users lie in a file beside it. Not here: judging from it (`judge`).

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read as _, Write};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::base::id::Hash32;
use crate::base::lock::lock;
use crate::base::time::Duration;
use crate::base::units::hex;
use crate::conformance::keyring::{Key, KeyError};
use crate::conformance::message::Product;
use crate::oracle::escrow::Held;
use crate::sim::testimony::{Counted, Scribe};
use crate::trace::record::Record;
use crate::verdict::conformity::Role;
use crate::verdict::trial::{Cause, Mark, Trial};

/// Version of the format.
pub const TRANSCRIPT_VERSION: u32 = 1;

/// Most octets of a line: a record with the largest frame in hex, or the texts of a scenario.
const LINE_MAX: u64 = 64 << 20;

/// Most octets of a line of the link that are kept.
const SAID_MAX: usize = 1 << 18;

/// What a test is made of: all that its verdict depends on beside what happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// [`TRANSCRIPT_VERSION`].
    #[serde(rename = "peadsim-transcript")]
    pub version: u32,
    /// Version of the program.
    pub program: String,
    /// The test, not made yet.
    pub trial: Trial,
    /// The case in the scenario.
    pub case: String,
    /// The seed of all luck.
    pub seed: u64,
    /// The device of the case that is under test; none: the server.
    pub device: Option<String>,
    /// The cryptography, if not the scenario's own.
    pub suite: Option<String>,
    /// What the command line set.
    pub set: Vec<String>,
    /// What is under test.
    pub role: Role,
    /// Who made it.
    pub product: Product,
    /// What it declares.
    pub capabilities: BTreeMap<String, bool>,
    /// What a round trip took by the world's clock, where what is under test kept its own.
    pub round_trip: Option<Duration>,
    /// The texts of the scenario: the first is its own.
    pub texts: Vec<Text>,
}

/// A text that a test is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// The name of its file.
    pub name: String,
    /// All of it.
    pub text: String,
}

/// Who says a line of the link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The harness.
    Harness,
    /// What is under test.
    Device,
    /// Who acts for the user, if not the adapter.
    User,
}

/// What stands in a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// The test.
    Head(Box<Head>),
    /// A line of the link.
    Said {
        /// Who says it.
        by: Way,
        /// The line, with secrets struck out.
        line: String,
    },
    /// The judges have a key from here on; its hash.
    Key(Hash32),
    /// What happened.
    Record(Box<Record>),
    /// The world is over.
    End(Counted),
    /// The longest that an act of the user took by the world's clock, where what is under test kept its own.
    Lag(Duration),
    /// The link or the device broke.
    Fault(Fault),
    /// What came of the test.
    Verdict(Box<Trial>),
    /// The hash of the line before.
    Root,
}

/// A link or a device that broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Whose fault it is: a failure of the device, or an error of the rig.
    pub mark: Mark,
    /// What kind of.
    pub cause: Option<Cause>,
    /// In one sentence.
    pub text: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    n: u64,
    prev: String,
    what: Entry,
}

/// Writes a transcript, and the keys beside it.
pub struct Writer {
    lines: Box<dyn Write + Send>,
    keys: Box<dyn Write + Send>,
    count: u64,
    last: [u8; 32],
    failed: Option<io::Error>,
}

/// A transcript that the link and the judges write to in turn.
pub type SharedWriter = Arc<Mutex<Writer>>;

impl Writer {
    /// To these streams.
    #[must_use]
    pub fn new(lines: Box<dyn Write + Send>, keys: Box<dyn Write + Send>) -> Self {
        Self { lines, keys, count: 0, last: [0; 32], failed: None }
    }

    /// Adds a line. What goes wrong is told at the end.
    pub fn add(&mut self, what: Entry) {
        if self.failed.is_none() {
            self.failed = self.write(what).err();
        }
    }

    /// Adds a line of the link.
    pub fn said(&mut self, by: Way, line: &[u8]) {
        self.add(Entry::Said { by, line: struck_out(line) });
    }

    fn write(&mut self, what: Entry) -> io::Result<()> {
        self.count += 1;
        let line = Line { n: self.count, prev: hex(&self.last), what };
        let text = serde_json::to_vec(&line)?;
        self.last = Sha256::digest(&text).into();
        self.lines.write_all(&text)?;
        self.lines.write_all(b"\n")
    }

    /// Ends the transcript; tells its root.
    ///
    /// # Errors
    /// The first thing that went wrong.
    pub fn finish(&mut self) -> io::Result<String> {
        let root = hex(&self.last);
        self.add(Entry::Root);
        match self.failed.take() {
            Some(error) => return Err(error),
            None => self.lines.flush().and_then(|()| self.keys.flush())?,
        }
        Ok(root)
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("count", &self.count).finish_non_exhaustive()
    }
}

/// A scribe that writes to a transcript.
#[derive(Clone, Debug)]
pub struct Pen(pub SharedWriter);

impl Scribe for Pen {
    fn key(&mut self, held: &Held) {
        let mut writer = lock(&self.0);
        let line = Key::of(held).line();
        writer.add(Entry::Key(Hash32(Sha256::digest(&line).into())));
        let written = writer.keys.write_all(&line).and_then(|()| writer.keys.write_all(b"\n"));
        if let (Err(error), None) = (written, &writer.failed) {
            writer.failed = Some(error);
        }
    }

    fn record(&mut self, record: &Record) {
        let mut writer = lock(&self.0);
        writer.add(Entry::Record(Box::new(record.clone())));
    }

    fn end(&mut self, counted: &Counted) {
        let mut writer = lock(&self.0);
        writer.add(Entry::End(counted.clone()));
    }
}

/// Names of what no transcript shows.
const SECRETS: [&str; 3] = ["agree", "sign", "secret"];

/// What stands in their place.
const STRUCK: &str = "(struck out)";

/// A line without what is secret in it.
fn struck_out(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut value = serde_json::from_str::<Value>(&text).unwrap_or_default();
    let mut short = if strike(&mut value) { value.to_string() } else { text.into_owned() };
    if let Some(end) = (short.len() > SAID_MAX).then(|| short.floor_char_boundary(SAID_MAX)) {
        short.truncate(end);
        short.push_str("...");
    }
    short
}

/// Strikes secrets out; tells whether there were any.
fn strike(value: &mut Value) -> bool {
    match value {
        Value::Array(items) => items.iter_mut().fold(false, |any, it| strike(it) | any),
        Value::Object(entries) => entries.iter_mut().fold(false, |any, (name, it)| {
            let secret = SECRETS.contains(&name.as_str()) && it.is_string();
            if secret {
                *it = STRUCK.into();
            }
            secret | strike(it) | any
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Why a transcript cannot be believed.
#[derive(Debug, thiserror::Error)]
pub enum Doubt {
    /// The medium fails.
    #[error("line {line}: {source}")]
    Io {
        /// Being read, from 1.
        line: u64,
        /// What it says.
        source: io::Error,
    },
    /// A line is no line of a transcript.
    #[error("line {line} is no line of a transcript: {why}")]
    NoLine {
        /// From 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// A line does not follow from the one before.
    #[error("line {line} does not follow the line before it: one of them was changed")]
    Chain {
        /// From 1.
        line: u64,
    },
    /// It ends before its root.
    #[error("it ends at line {line}, before its root: it was cut off")]
    CutOff {
        /// The last line.
        line: u64,
    },
    /// Lines stand where they make no sense.
    #[error("line {line}: {why}")]
    Order {
        /// From 1.
        line: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// A key beside it is missing or another.
    #[error("line {line}: {source}")]
    Key {
        /// From 1.
        line: u64,
        /// What is wrong.
        source: KeyError,
    },
}

/// Reads a transcript; an iterator over its lines that ends at the first doubt.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    count: u64,
    last: [u8; 32],
    root: Option<String>,
    over: bool,
}

impl<R: BufRead> Reader<R> {
    /// From a stream.
    pub const fn new(input: R) -> Self {
        Self { input, count: 0, last: [0; 32], root: None, over: false }
    }

    /// The number of the line read last, from 1.
    pub const fn line(&self) -> u64 {
        self.count
    }

    /// The hash at the end of the chain, once all was read.
    pub fn root(&self) -> Option<&str> {
        self.root.as_deref()
    }

    fn read(&mut self) -> Result<Option<Entry>, Doubt> {
        let line = self.count + 1;
        let mut text = Vec::new();
        let limited = self.input.by_ref().take(LINE_MAX).read_until(b'\n', &mut text);
        limited.map_err(|source| Doubt::Io { line, source })?;
        if text.is_empty() {
            return if self.root.is_some() {
                Ok(None)
            } else {
                Err(Doubt::CutOff { line: line - 1 })
            };
        }
        if text.pop() != Some(b'\n') {
            return Err(Doubt::CutOff { line });
        }
        if self.root.is_some() {
            return Err(Doubt::Order { line, why: "the transcript ended before" });
        }
        let read: Line = serde_json::from_slice(&text)
            .map_err(|error| Doubt::NoLine { line, why: error.to_string() })?;
        if read.n != line || read.prev != hex(&self.last) {
            return Err(Doubt::Chain { line });
        }
        self.count = line;
        if read.what == Entry::Root {
            self.root = Some(read.prev);
        }
        self.last = Sha256::digest(&text).into();
        Ok(Some(read.what))
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Entry, Doubt>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let item = self.read().transpose();
        self.over = !matches!(item, Some(Ok(_)));
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that others see the octets of.
    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(lines: &[&str]) -> Vec<u8> {
        let sink = Sink::default();
        let mut writer = Writer::new(Box::new(sink.clone()), Box::new(io::sink()));
        lines.iter().for_each(|line| writer.said(Way::Device, line.as_bytes()));
        writer.finish().unwrap();
        sink.0.lock().unwrap().clone()
    }

    fn read(octets: &[u8]) -> Result<Vec<Entry>, String> {
        Reader::new(octets).collect::<Result<_, _>>().map_err(|doubt| doubt.to_string())
    }

    #[test]
    fn any_flipped_bit_and_any_missing_line_is_noticed() {
        let octets = written(&["one", "two", "three"]);
        assert_eq!(read(&octets).unwrap().len(), 4);
        for place in 0..octets.len() {
            let mut flipped = octets.clone();
            flipped[place] ^= 1;
            assert!(read(&flipped).is_err(), "octet {place}");
        }
        let lines: Vec<&[u8]> = octets.split_inclusive(|octet| *octet == b'\n').collect();
        for left_out in 0..lines.len() {
            let kept = lines.iter().enumerate().filter(|(n, _)| *n != left_out);
            let rest: Vec<u8> = kept.flat_map(|(_, line)| line.iter().copied()).collect();
            assert!(read(&rest).is_err(), "without line {left_out}");
        }
        let twice = [octets.as_slice(), octets.as_slice()].concat();
        assert_eq!(read(&twice).unwrap_err(), "line 5: the transcript ended before");
    }

    #[test]
    fn secrets_are_struck_out_and_nothing_else_is_changed() {
        let plain = r#"{ "v":1, "p":{"sign":7,"octets":"00"} }"#;
        assert_eq!(struck_out(plain.as_bytes()), plain);
        let keys = r#"{"p":{"start":{"keys":{"agree":"ab","sign":"cd"}}},"l":[{"secret":"ef"}]}"#;
        let struck = struck_out(keys.as_bytes());
        assert!(!struck.contains("ab") && !struck.contains("cd\"") && !struck.contains("ef"));
        assert_eq!(struck.matches(STRUCK).count(), 3);
        assert!(struck_out(&vec![b'x'; SAID_MAX + 9]).len() < SAID_MAX + 9);
    }
}
