//! Records that a world has made and its judges have not taken.
//!
//! A digester that is put here takes them a few at a time while a core has them at hand: when the judges
//! come, who may be on other cores, they are elsewhere. Not here: what is stated (`record`), or who judges
//! it (`run`).

use std::ops::Deref;
use std::vec::Drain;

use crate::oracle::batch::{Part, Tag};
use crate::trace::digest::{Digester, FETCHED_AT_ONCE};
use crate::trace::record::Record;

/// The records, in the order in which they were made.
#[derive(Clone, Debug, Default)]
pub struct Made {
    records: Vec<Record>,
    /// Of each record.
    tags: Vec<Tag>,
    /// Those that were handed out before: what made them gives their memory back, or uses it again.
    judged: Vec<Record>,
    digester: Option<Digester>,
    /// How many of the records a digester has taken.
    digested: usize,
}

impl Deref for Made {
    type Target = [Record];

    fn deref(&self) -> &[Record] {
        &self.records
    }
}

impl Made {
    /// From now on everything is digested here; also what is here.
    ///
    /// # Panics
    /// When there is a digester already.
    pub fn digest_with(&mut self, digester: Digester) {
        assert!(self.digester.is_none(), "a record is digested once");
        self.digester = Some(digester);
    }

    /// The digester, which has taken everything that is here; nothing if there is none.
    pub fn take_digester(&mut self) -> Option<Digester> {
        self.digest();
        self.digester.take()
    }

    /// The tags of the records.
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// Adds a record. Inlined, so that it is written where it stays and not moved there.
    #[inline(always)]
    pub fn push(&mut self, record: Record) {
        self.tags.push(Tag::of(&record));
        self.records.push(record);
        if self.digester.is_some() && self.records.len() - self.digested >= FETCHED_AT_ONCE {
            self.digest();
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.records.clear();
        self.tags.clear();
        self.digested = 0;
    }

    /// Moves all out, for somebody who takes them one by one and digests them if there is no digester here.
    pub fn drain(&mut self) -> Drain<'_, Record> {
        self.digest();
        self.digested = 0;
        self.tags.clear();
        self.records.drain(..)
    }

    /// Moves the first so many out, with their tags.
    pub fn hand_out(&mut self, count: usize) -> (Part, Vec<Tag>) {
        self.digest();
        let mut room = std::mem::take(&mut self.judged);
        room.clear();
        room.extend(self.records.drain(count..));
        let records = std::mem::replace(&mut self.records, room);
        let part = Part { digested: self.digested.min(records.len()), records };
        self.digested -= part.digested;
        let rest = self.tags.split_off(count);
        (part, std::mem::replace(&mut self.tags, rest))
    }

    /// Takes records back that were handed out.
    pub fn take_back(&mut self, judged: Part) {
        self.judged = judged.records;
    }

    /// Lets go of what was taken back.
    pub fn let_go(&mut self) {
        self.judged.clear();
    }

    /// Kept out of [`Self::push`], where it is seldom due.
    #[inline(never)]
    fn digest(&mut self) {
        if let Some(digester) = &mut self.digester {
            digester.take_all(&self.records[self.digested..]);
            self.digested = self.records.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::digest::Forms;
    use crate::trace::samples;
    use crate::trace::sink::Sink as _;

    #[test]
    fn each_record_is_digested_once_whoever_takes_it() {
        let records: Vec<Record> = samples::run().into_iter().cycle().take(1_000).collect();
        let mut plain = Digester::new(2, 1, Forms::ALL);
        let mut elsewhere = Some(plain.fresh());
        records.iter().for_each(|record| plain.take(record));
        let mut made = Made::default();
        let mut taken = Vec::new();
        for (turn, several) in records.chunks(99).enumerate() {
            several.iter().cloned().for_each(|record| made.push(record));
            let (judged, tags) = made.hand_out(made.len() / 2);
            assert!(tags.into_iter().eq(judged.records.iter().map(Tag::of)));
            if let Some(digester) = &mut elsewhere {
                digester.take_all(judged.undigested());
            }
            taken.extend(judged.records.iter().cloned());
            made.take_back(judged);
            match turn % 3 {
                0 => elsewhere.take().into_iter().for_each(|it| made.digest_with(it)),
                1 => elsewhere = made.take_digester(),
                _ => {}
            }
        }
        elsewhere.take().into_iter().for_each(|it| made.digest_with(it));
        taken.extend(made.drain());
        assert_eq!(taken, records);
        assert_eq!(made.tags(), []);
        assert_eq!(made.take_digester().map(|it| it.digest()), Some(plain.digest()));
    }
}
