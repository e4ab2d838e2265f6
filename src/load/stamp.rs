//! The stamp in front of every text of a load: which run and workload it is of, and when it was to be written.
//!
//! It is inside the encryption, so that whoever shows a text knows how long it took without asking anybody.
//! Not here: the rest of the text.

use crate::base::time::Duration;

/// Octets of a stamp: three numbers and the blanks after them.
pub const LEN: usize = 8 + 1 + 4 + 1 + 14 + 1;

/// What a stamp says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The run: mail of another one says nothing about this one.
    pub run: u32,
    /// The workload.
    pub workload: u16,
    /// The intended instant, from the start of the load.
    pub at: Duration,
}

impl Stamp {
    /// Puts the stamp in the place of the first octets of a text, which grows if it is too short.
    pub fn put(self, text: &mut String) {
        let Self { run, workload, at } = self;
        // Of instants further away than 14 digits of hexadecimal tell (two years) only the end is told.
        let nanos = at.as_nanos() & ((1 << 56) - 1);
        let stamp = format!("{run:08x} {workload:04x} {nanos:014x} ");
        if text.len() < LEN {
            *text = stamp;
        } else {
            text.replace_range(..LEN, &stamp);
        }
    }

    /// Reads the stamp of a text; none when it has none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut words = text.get(..LEN)?.split(' ');
        let run = u32::from_str_radix(words.next()?, 16).ok()?;
        let workload = u16::from_str_radix(words.next()?, 16).ok()?;
        let at = u64::from_str_radix(words.next()?, 16).ok()?;
        Some(Self { run, workload, at: Duration::from_nanos(at) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_reads_back_from_texts_of_any_length() {
        let stamp = Stamp { run: 7, workload: 300, at: Duration::from_millis(86_400_001) };
        for len in [0, 5, LEN, LEN + 1, 1_000] {
            let mut text = "x".repeat(len);
            stamp.put(&mut text);
            assert_eq!(text.len(), len.max(LEN));
            assert_eq!(Stamp::read(&text), Some(stamp));
        }
        for bad in ["", "hello", &"z".repeat(100), &"é".repeat(40)] {
            assert_eq!(Stamp::read(bad), None, "{bad}");
        }
    }
}
