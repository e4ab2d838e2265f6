//! Sinks: whoever wants to know of records while they are made.
//!
//! A sink never changes a run and never fails it; what goes wrong in one is told at its end. Not here: the
//! digest (`digest`) and the oracles, which are sinks of their own kind.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::base::id::{DraftId, NodeId, UserId};
use crate::trace::fact::TRACE_VERSION;
use crate::trace::record::Record;

/// Takes records in the order of their making.
pub trait Sink {
    /// Takes one.
    fn take(&mut self, record: &Record);
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn take(&mut self, record: &Record) {
        (**self).take(record);
    }
}

impl<S: Sink> Sink for Option<S> {
    fn take(&mut self, record: &Record) {
        if let Some(sink) = self {
            sink.take(record);
        }
    }
}

/// Keeps everything; for tests and short runs.
#[derive(Clone, Debug, Default)]
pub struct Collect(pub Vec<Record>);

impl Sink for Collect {
    fn take(&mut self, record: &Record) {
        self.0.push(record.clone());
    }
}

/// Keeps the last records of each node, which is what a stuck run wants to show.
#[derive(Clone, Debug)]
pub struct LastN {
    keep: usize,
    nodes: BTreeMap<NodeId, VecDeque<Record>>,
}

impl LastN {
    /// Keeps `keep` records a node.
    #[must_use]
    pub const fn new(keep: usize) -> Self {
        Self { keep, nodes: BTreeMap::new() }
    }

    /// The last records of a node, oldest first.
    pub fn of(&self, node: NodeId) -> impl Iterator<Item = &Record> {
        self.nodes.get(&node).into_iter().flatten()
    }
}

impl Sink for LastN {
    fn take(&mut self, record: &Record) {
        let last = self.nodes.entry(record.id.node).or_default();
        if last.len() == self.keep {
            last.pop_front();
        }
        if last.len() < self.keep {
            last.push_back(record.clone());
        }
    }
}

/// The first line of a trace file: what the records are of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`TRACE_VERSION`] of whoever wrote it.
    #[serde(rename = "peadsim-trace")]
    pub version: u32,
    /// Version of the draws.
    pub rng: u32,
    /// `ROT-R1-inflight[lead=20ms,loss=5%]`.
    pub case: String,
    /// The seed of all luck.
    pub seed: u64,
    /// Which cryptographic suite.
    pub suite: String,
    /// Users in the order of their index: `d1` is the device of the second.
    pub users: Vec<UserId>,
    /// Messages that the scenario gives a name.
    #[serde(default)]
    pub messages: Vec<MessageName>,
}

/// A name of the scenario for a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageName {
    /// As written.
    pub name: String,
    /// The sender's index.
    pub by: u32,
    /// The draft on the sender's device.
    pub draft: DraftId,
}

/// The last line of a trace file, which shows that nothing is missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Footer {
    /// How many records came before.
    #[serde(rename = "peadsim-trace-records")]
    pub records: u64,
}

/// Most octets of a trace file; a longer one has filled a disk that nobody meant to fill.
pub const TRACE_OCTETS_MAX: u64 = 64 << 30;

/// Writes JSON Lines: the header, a record a line, the footer.
#[derive(Debug)]
pub struct Jsonl<W: Write> {
    writer: W,
    line: Vec<u8>,
    octets: u64,
    records: u64,
    failed: Option<io::Error>,
}

impl<W: Write> Jsonl<W> {
    /// Writes the header. Its version is this program's, whatever it says.
    ///
    /// # Errors
    /// What the writer says.
    pub fn new(writer: W, header: &Header) -> io::Result<Self> {
        let line = Vec::new();
        let mut sink = Self { writer, line, octets: 0, records: 0, failed: None };
        sink.write(&Header { version: TRACE_VERSION, ..header.clone() })?;
        Ok(sink)
    }

    /// Writes the footer and gives the writer back.
    ///
    /// # Errors
    /// The first thing that went wrong since the header.
    pub fn finish(mut self) -> io::Result<W> {
        match self.failed.take() {
            Some(error) => return Err(error),
            None => self.write(&Footer { records: self.records })?,
        }
        self.writer.flush()?;
        Ok(self.writer)
    }

    fn write(&mut self, what: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, what)?;
        self.line.push(b'\n');
        self.octets += self.line.len() as u64;
        if self.octets > TRACE_OCTETS_MAX {
            let why = format!("a trace has at most {TRACE_OCTETS_MAX} octets");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        self.writer.write_all(&self.line)
    }
}

impl<W: Write> Sink for Jsonl<W> {
    fn take(&mut self, record: &Record) {
        if self.failed.is_none() {
            self.failed = self.write(record).err();
            self.records += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::samples;

    #[test]
    fn the_last_records_of_each_node_stay() {
        let mut last = LastN::new(2);
        samples::run().iter().for_each(|record| last.take(record));
        let seqs = |node| last.of(node).map(|record| record.id.seq).collect::<Vec<_>>();
        assert_eq!(seqs(NodeId::device(0)), [2, 3]);
        assert_eq!(seqs(NodeId::HARNESS), [0]);
        assert!(seqs(NodeId::device(1)).is_empty());
    }

    #[test]
    fn a_writer_that_fails_is_told_of_at_the_end() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(octets.len()).ok_or(io::ErrorKind::StorageFull)?;
                Ok(octets.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut sink = Jsonl::new(Full(200), &samples::header()).unwrap();
        samples::run().iter().for_each(|record| sink.take(record));
        assert_eq!(sink.finish().err().map(|e| e.kind()), Some(io::ErrorKind::StorageFull));
    }
}
