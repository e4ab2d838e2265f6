//! The causal slice behind a finding, or behind a message: what led to it, and what is missing and why.
//!
//! It is made of records alone, so that a recorded run can be asked as well as one just made. Not here:
//! making the run (`sim`), or drawing the slice (`report`).

mod answer;
mod book;
mod fold;
mod lines;
mod select;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;

use crate::base::id::NodeId;
use crate::explore::why::book::{Book, draft_of, txn_of};
use crate::explore::why::select::{Selection, Subject};
use crate::trace::fact::Fact;
use crate::trace::record::{Record, RecordId};
use crate::trace::sink::Header;
use crate::trace::slice::Slice;
use crate::verdict::finding::Finding;

/// Most lines that a person reads at once.
pub const READABLE_LINES: usize = 30;

/// Messages that a finding tells the whole story of; of more it shows its own records only.
const TOLD_MAX: usize = 2;

/// No message of the run has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no message is called `{name}`")]
pub struct NoMessage {
    /// As asked for.
    pub name: String,
    /// Names that there are: those of the scenario, then mids.
    pub known: Vec<String>,
}

/// A run that can be asked.
pub struct Why<'a> {
    book: Book<'a>,
    limit: usize,
}

impl<'a> Why<'a> {
    /// A run by its records, in the order of their making; slices have at most `limit` lines.
    #[must_use]
    pub fn new(header: &'a Header, records: &'a [Record], limit: usize) -> Self {
        Self { book: Book::new(header, records), limit }
    }

    /// The slice of a message: a name of the scenario, or a mid such as `alice>bob#1`.
    ///
    /// # Errors
    /// When there is no such message.
    pub fn message(&self, name: &str) -> Result<Slice, NoMessage> {
        let book = &self.book;
        let named = book.header.messages.iter().find(|it| it.name == name);
        let subject = match named {
            Some(it) => Some(Subject::of_draft(book, NodeId::device(it.by), it.draft)),
            None => self.by_mid(name),
        };
        let subject =
            subject.ok_or_else(|| NoMessage { name: name.to_owned(), known: self.names() })?;
        let mut selection = Selection::new(book);
        selection.message(&subject);
        let title = answer::title(book, &subject);
        let answer = answer::answer(book, &subject);
        Ok(self.slice(title, answer, &selection.places, &BTreeSet::new()))
    }

    /// The slice of a finding: its records, what led to them, and the messages that they are about.
    #[must_use]
    pub fn finding(&self, finding: &Finding) -> Slice {
        let book = &self.book;
        let marked: BTreeSet<RecordId> =
            finding.records.iter().filter_map(|it| it.parse().ok()).collect();
        let mut selection = Selection::new(book);
        let mut subjects = Vec::new();
        for place in marked.iter().filter_map(|id| book.place(*id)) {
            selection.with_causes(place);
            self.subjects(&book.records[place], &mut subjects);
        }
        for mid in book.mids().filter(|mid| speaks_of(&finding.message, &mid.to_string())) {
            add(&mut subjects, Subject::of_mid(book, mid));
        }
        let mut answer = Vec::new();
        for subject in subjects.iter().take(TOLD_MAX) {
            selection.message(subject);
            answer.extend(answer::answer(book, subject));
        }
        if selection.places.is_empty() {
            answer.push("It points at no record of the run.".to_owned());
        }
        let title = format!("{} at {}: {}", finding.oracle, finding.at, finding.message);
        self.slice(title, answer, &selection.places, &marked)
    }

    /// The messages of the run by their names: those of the scenario, then mids.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let named = self.book.header.messages.iter().map(|it| it.name.clone());
        named.chain(self.book.mids().map(ToString::to_string)).collect()
    }

    fn by_mid(&self, text: &str) -> Option<Subject> {
        let mentioned = || self.book.records.iter().filter_map(|record| record.fact.mid());
        let mid = self.book.mids().find(|mid| mid.to_string() == text);
        let mid = mid.or_else(|| mentioned().find(|mid| mid.to_string() == text))?;
        Some(Subject::of_mid(&self.book, mid))
    }

    /// The messages that a record is about.
    fn subjects(&self, record: &Record, subjects: &mut Vec<Subject>) {
        let book = &self.book;
        if let Some(mid) = record.fact.mid() {
            add(subjects, Subject::of_mid(book, mid));
        } else if let Some(draft) = draft_of(&record.fact) {
            add(subjects, Subject::of_draft(book, record.id.node, draft));
        } else if let Some(txn) = txn_of(&record.fact) {
            let prompt = book.records.iter().find_map(|it| {
                let Fact::Prompt(it) = &it.fact else { return None };
                it.request.as_ref().filter(|_| it.txn == txn)
            });
            if let Some(mid) = prompt {
                add(subjects, Subject::of_mid(book, mid));
            }
        }
    }

    fn slice(
        &self,
        title: String,
        answer: Vec<String>,
        places: &BTreeSet<usize>,
        marked: &BTreeSet<RecordId>,
    ) -> Slice {
        let drawn = lines::lines(&self.book, places, marked);
        let mut lines = if self.limit == usize::MAX {
            drawn.into_iter().map(|it| it.line).collect()
        } else {
            fold::fold(drawn)
        };
        let omitted = fold::prune(&mut lines, self.limit);
        Slice { title, answer, users: self.book.header.users.clone(), lines, omitted }
    }
}

fn add(subjects: &mut Vec<Subject>, subject: Subject) {
    if !subjects.contains(&subject) {
        subjects.push(subject);
    }
}

/// Whether a sentence holds this mid, and not a longer one that begins alike.
fn speaks_of(sentence: &str, mid: &str) -> bool {
    sentence.match_indices(mid).any(|(start, _)| {
        let after = sentence[start + mid.len()..].chars().next();
        let before = sentence[..start].chars().next_back();
        let in_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !after.is_some_and(|c| c.is_ascii_digit()) && !before.is_some_and(in_name)
    })
}
