//! Idempotency rows: what one identity of a sender has submitted to this account lately (protocol 4.5).
//!
//! Not here: the messages themselves (`mailbox`) and the answers to a submission (`submit`).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::base::id::{Hash32, Seq};
use crate::proto::config::WINDOW;
use crate::proto::server::mailbox::ItemNo;

/// Submissions of one (sender, generation): a watermark and the hashes of the last [`WINDOW`] numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    generation: Hash32,
    /// The item that was accepted last.
    last: ItemNo,
    /// The highest number accepted.
    high: u64,
    /// Sorted by number, all above `high - WINDOW`.
    entries: VecDeque<Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    seq: Seq,
    content: Hash32,
    attempt: u64,
    /// Whether this attempt went back to the sender, so that the next may have other content.
    bounced: bool,
}

/// What a submission is to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// New content.
    New,
    /// Accepted before: the same octets, or a late copy of an earlier attempt.
    Known {
        /// The attempt on record.
        attempt: u64,
        /// Its content.
        content: Hash32,
    },
    /// The number is taken by other content, or too far back to tell.
    Conflict,
}

impl Row {
    /// A row of a sender who has not submitted anything.
    pub(super) const fn new(generation: Hash32) -> Self {
        Self { generation, last: ItemNo(0), high: 0, entries: VecDeque::new() }
    }

    /// The item that was accepted last: of two rows, the one with the lower was not used for longer.
    pub(super) const fn last(&self) -> ItemNo {
        self.last
    }

    /// The sender's identity.
    pub(super) const fn generation(&self) -> Hash32 {
        self.generation
    }

    /// The least number above all that were used.
    pub(super) const fn least_free(&self) -> Seq {
        Seq(self.high.saturating_add(1))
    }

    /// What a submission is: only the next attempt after a bounce is new content for a known number.
    pub(super) fn judge(&self, seq: Seq, attempt: u64, content: Hash32) -> Judgement {
        let known = self.find(seq).ok().map(|at| self.entries[at]);
        if seq.0 <= self.floor() {
            return Judgement::Conflict;
        }
        match known {
            None if attempt == 1 => Judgement::New,
            None => Judgement::Conflict,
            Some(entry) if content == entry.content || attempt < entry.attempt => {
                Judgement::Known { attempt: entry.attempt, content: entry.content }
            }
            Some(entry) if entry.bounced && attempt.checked_sub(1) == Some(entry.attempt) => {
                Judgement::New
            }
            Some(_) => Judgement::Conflict,
        }
    }

    /// Notes an accepted submission; numbers that fall out of the window are forgotten.
    pub(super) fn accept(&mut self, no: ItemNo, seq: Seq, attempt: u64, content: Hash32) {
        self.last = no;
        let entry = Entry { seq, content, attempt, bounced: false };
        match self.find(seq) {
            Ok(at) => self.entries[at] = entry,
            Err(at) => self.entries.insert(at, entry),
        }
        self.high = self.high.max(seq.0);
        let floor = self.floor();
        while self.entries.front().is_some_and(|first| first.seq.0 <= floor) {
            self.entries.pop_front();
        }
    }

    /// Notes that this attempt went back.
    pub(super) fn bounce(&mut self, seq: Seq, attempt: u64) {
        if let Ok(at) = self.find(seq) {
            let entry = &mut self.entries[at];
            entry.bounced |= entry.attempt == attempt;
        }
    }

    const fn floor(&self) -> u64 {
        self.high.saturating_sub(WINDOW)
    }

    fn find(&self, seq: Seq) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&seq, |entry| entry.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Hash32 = Hash32([1; 32]);
    const B: Hash32 = Hash32([2; 32]);

    fn row(entries: &[(u64, u64, Hash32, bool)]) -> Row {
        let mut row = Row::new(Hash32::ZERO);
        for (seq, attempt, content, bounced) in entries {
            row.accept(ItemNo(0), Seq(*seq), *attempt, *content);
            if *bounced {
                row.bounce(Seq(*seq), *attempt);
            }
        }
        row
    }

    #[test]
    fn only_the_next_attempt_after_a_bounce_is_new_content() {
        let known = |attempt, content| Judgement::Known { attempt, content };
        let none = row(&[]);
        let stored = row(&[(5, 1, A, false)]);
        let bounced = row(&[(5, 1, A, true)]);
        let again = row(&[(5, 1, A, true), (5, 2, B, false)]);
        for (row, attempt, content, judgement) in [
            (&none, 1, A, Judgement::New),
            (&none, 0, A, Judgement::Conflict),
            (&none, 2, A, Judgement::Conflict),
            (&stored, 1, A, known(1, A)),
            (&stored, 1, B, Judgement::Conflict),
            (&stored, 2, B, Judgement::Conflict),
            (&stored, 0, B, known(1, A)),
            (&bounced, 1, A, known(1, A)),
            (&bounced, 1, B, Judgement::Conflict),
            (&bounced, 2, B, Judgement::New),
            (&bounced, 3, B, Judgement::Conflict),
            (&again, 1, A, known(2, B)),
            (&again, 2, B, known(2, B)),
            (&again, 2, A, Judgement::Conflict),
            (&again, u64::MAX, A, Judgement::Conflict),
        ] {
            assert_eq!(row.judge(Seq(5), attempt, content), judgement, "{row:?} {attempt}");
        }
    }

    #[test]
    fn numbers_below_the_window_are_conflicts() {
        let mut row = row(&[(1, 1, A, false), (WINDOW, 1, A, false)]);
        assert_eq!(row.judge(Seq(0), 1, A), Judgement::Conflict);
        assert_eq!(row.judge(Seq(1), 1, A), Judgement::Known { attempt: 1, content: A });
        row.accept(ItemNo(0), Seq(WINDOW + 1), 1, A);
        assert_eq!(row.judge(Seq(1), 1, A), Judgement::Conflict);
        assert_eq!(row.judge(Seq(2), 1, A), Judgement::New);
        assert_eq!(row.least_free(), Seq(WINDOW + 2));
        row.accept(ItemNo(0), Seq(u64::MAX), 1, A);
        assert_eq!(row.judge(Seq(WINDOW + 1), 1, A), Judgement::Conflict);
        assert_eq!(row.least_free(), Seq(u64::MAX));
    }
}
