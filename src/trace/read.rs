//! Reads trace files back: JSON Lines with a header, a record a line, and a footer.
//!
//! Memory does not grow with the file. Not here: opening it, or what the records mean.

use std::io::{self, BufRead, Read as _};

use serde::Deserialize as _;

use crate::trace::fact::TRACE_VERSION;
use crate::trace::record::Record;
use crate::trace::sink::{Footer, Header};

/// Why a trace cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The medium fails.
    #[error("line {line}: {source}")]
    Io {
        /// Being read, from 1.
        line: u64,
        /// What it says.
        source: io::Error,
    },
    /// The first line is no header.
    #[error("this is no trace: line 1 should be its header, {0}")]
    NoHeader(Fault),
    /// Another program wrote it.
    #[error("the trace has version {got}, this program reads version {TRACE_VERSION}")]
    OtherVersion {
        /// As the header says.
        got: u64,
    },
    /// A line is no record.
    #[error("line {line}: no record, {fault}")]
    BadLine {
        /// From 1.
        line: u64,
        /// What is wrong.
        fault: Fault,
    },
    /// A line is longer than any record.
    #[error("line {line} is longer than {LINE_MAX} octets")]
    LongLine {
        /// From 1.
        line: u64,
    },
    /// The file ends without its footer.
    #[error("the trace is cut off after line {line}: its last line should count the records")]
    Truncated {
        /// The last line there is.
        line: u64,
    },
    /// The footer counts other records than there are.
    #[error("line {line}: the trace should have {expected} records, got {got}")]
    Miscounted {
        /// The footer's.
        line: u64,
        /// As the footer says.
        expected: u64,
        /// As there are.
        got: u64,
    },
    /// Something follows the footer.
    #[error("line {line}: the trace ended before this line")]
    Trailing {
        /// From 1.
        line: u64,
    },
}

/// What is wrong with the JSON of a line.
#[derive(Debug, thiserror::Error)]
#[error("{what} (column {column})")]
pub struct Fault {
    what: String,
    column: usize,
}

impl From<serde_json::Error> for Fault {
    /// Leaves out the parser's line, which is always the first of the one it was given.
    fn from(error: serde_json::Error) -> Self {
        let column = error.column();
        let mut what = error.to_string();
        if let Some(end) = what.rfind(" at line ") {
            what.truncate(end);
        }
        Self { what, column }
    }
}

/// Most octets of a line: a frame of 64 KiB in hex, with room for names.
pub const LINE_MAX: u64 = 1 << 20;

/// A trace being read; an iterator over its records that ends at the first error.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    header: Header,
    line: u64,
    records: u64,
    text: Vec<u8>,
    over: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// When the first line is no header of this version.
    pub fn new(mut input: R) -> Result<Self, ReadError> {
        let mut text = Vec::new();
        read_line(&mut input, 1, &mut text)?;
        let value: serde_json::Value =
            serde_json::from_slice(&text).map_err(|e| ReadError::NoHeader(e.into()))?;
        match value.get("peadsim-trace").and_then(serde_json::Value::as_u64) {
            Some(got) if got != u64::from(TRACE_VERSION) => {
                return Err(ReadError::OtherVersion { got });
            }
            Some(_) | None => {}
        }
        let header = Header::deserialize(value).map_err(|e| ReadError::NoHeader(e.into()))?;
        Ok(Self { input, header, line: 1, records: 0, text, over: false })
    }

    /// What the records are of.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    fn read(&mut self) -> Result<Option<Record>, ReadError> {
        let line = self.line + 1;
        if !read_line(&mut self.input, line, &mut self.text)? {
            return Err(ReadError::Truncated { line: self.line });
        }
        self.line = line;
        match serde_json::from_slice(&self.text) {
            Ok(record) => {
                self.records += 1;
                Ok(Some(record))
            }
            Err(source) => {
                let Ok(footer) = serde_json::from_slice::<Footer>(&self.text) else {
                    return Err(self.bad_line(source));
                };
                self.end(footer)?;
                Ok(None)
            }
        }
    }

    /// A last line without a line feed was cut off while it was written.
    fn bad_line(&self, source: serde_json::Error) -> ReadError {
        if self.text.ends_with(b"\n") {
            ReadError::BadLine { line: self.line, fault: source.into() }
        } else {
            ReadError::Truncated { line: self.line }
        }
    }

    fn end(&mut self, footer: Footer) -> Result<(), ReadError> {
        let (line, expected, got) = (self.line, footer.records, self.records);
        if expected != got {
            return Err(ReadError::Miscounted { line, expected, got });
        }
        if read_line(&mut self.input, line + 1, &mut self.text)? {
            return Err(ReadError::Trailing { line: line + 1 });
        }
        Ok(())
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let item = self.read().transpose();
        self.over = !matches!(item, Some(Ok(_)));
        item
    }
}

/// Reads one line with its line feed; false at the end of the input.
fn read_line(input: &mut impl BufRead, line: u64, text: &mut Vec<u8>) -> Result<bool, ReadError> {
    text.clear();
    let octets = input
        .by_ref()
        .take(LINE_MAX + 1)
        .read_until(b'\n', text)
        .map_err(|source| ReadError::Io { line, source })?;
    if octets as u64 > LINE_MAX {
        return Err(ReadError::LongLine { line });
    }
    Ok(octets > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::samples;
    use crate::trace::sink::{Jsonl, Sink as _};

    fn written() -> String {
        let mut sink = Jsonl::new(Vec::new(), &samples::header()).unwrap();
        samples::run().iter().for_each(|record| sink.take(record));
        String::from_utf8(sink.finish().unwrap()).unwrap()
    }

    fn read(text: &str) -> Result<Vec<Record>, ReadError> {
        Reader::new(text.as_bytes())?.collect()
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(read(text).map_err(|error| error.to_string()), Err(expected.to_owned()));
    }

    #[test]
    fn what_is_written_is_read() {
        let text = written();
        assert_eq!(Reader::new(text.as_bytes()).unwrap().header(), &samples::header());
        assert_eq!(read(&text).unwrap(), samples::run());
    }

    #[test]
    fn errors_name_the_line() {
        let text = written();
        let lines: Vec<&str> = text.lines().collect();
        let count = lines.len() - 2;
        let without_footer = lines[..=count].join("\n") + "\n";
        check(
            &without_footer,
            &format!(
                "the trace is cut off after line {}: its last line should count the records",
                count + 1
            ),
        );
        check(
            &text[..text.len() - 5],
            &format!(
                "the trace is cut off after line {}: its last line should count the records",
                count + 2
            ),
        );
        let without_one = [&lines[..2], &lines[3..]].concat().join("\n") + "\n";
        check(
            &without_one,
            &format!(
                "line {}: the trace should have {count} records, got {}",
                count + 1,
                count - 1
            ),
        );
        check(
            &(text.clone() + "{}\n"),
            &format!("line {}: the trace ended before this line", count + 3),
        );
        check(
            &text.replacen("\"peadsim-trace\":1", "\"peadsim-trace\":9", 1),
            "the trace has version 9, this program reads version 1",
        );
        check(
            "{}\n",
            "this is no trace: line 1 should be its header, missing field `peadsim-trace` (column 0)",
        );
        check(
            "peadsim: 1\n",
            "this is no trace: line 1 should be its header, expected value (column 1)",
        );
        check(&"x".repeat(2_000_000), "line 1 is longer than 1048576 octets");
        let spoilt = text.replacen("\"fact\"", "\"fakt\"", 1);
        let error = read(&spoilt).unwrap_err().to_string();
        assert!(error.starts_with("line 2: no record, missing field `fact`"), "{error}");
    }
}
