//! S-02: what a user sees was encrypted by its sender, exactly so, for this user.
//!
//! Not here: how often it is seen (S-03), or in which order (S-27).

use std::collections::BTreeMap;

use crate::base::id::{Hash32, Mid, Seq, UserId};
use crate::base::small::SmallMap;
use crate::base::time::Instant;
use crate::oracle::judge::{Docket, Facts, Oracle, facts};
use crate::oracle::later::Later;
use crate::oracle::ranges::Ranges;
use crate::oracle::spec::Spec;
use crate::trace::fact::Fact;
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::{Polarity, Requirement};

const ID: &str = "S-02";
/// Authentication, interoperability, and the sender named in the header.
const CITED: [Requirement; 3] =
    [Requirement::of(1, 5), Requirement::of(2, 5), Requirement::of(5, 5)];

/// The judge of S-02.
#[derive(Debug, Default)]
pub struct DisplayedWasEncrypted {
    pairs: BTreeMap<(UserId, UserId), Pair>,
    later: Later<Shown>,
}

/// One ordered pair of users.
#[derive(Debug, Default)]
struct Pair {
    /// Plaintexts encrypted under a number and not yet seen; usually one.
    written: SmallMap<Seq, Vec<Hash32>>,
    /// Numbers whose text was seen as written; a repetition is S-03's business.
    seen: Ranges,
}

#[derive(Debug)]
struct Shown {
    mid: Mid,
    plain: Option<Hash32>,
    user: Option<UserId>,
    record: RecordId,
    at: Instant,
}

impl DisplayedWasEncrypted {
    fn judge(&mut self, shown: &Shown, docket: &mut Docket) {
        let Shown { mid, plain, user, record, at } = shown;
        let pair = self.pairs.entry((mid.sender.clone(), mid.receiver.clone())).or_default();
        let written = pair.written.get(&mid.seq);
        let known = match (written, plain) {
            (Some(written), Some(plain)) => written.contains(plain),
            (Some(_), None) => true,
            (None, _) => false,
        };
        if known && user.as_ref() == Some(&mid.receiver) {
            pair.written.remove(&mid.seq);
            pair.seen.insert(mid.seq.0);
            docket.shown(ID, &[(Requirement::of(2, 5), Polarity::Positive)]);
        } else if written.is_some() || !pair.seen.contains(mid.seq.0) {
            let whom = user.as_ref().map_or("nobody", UserId::as_str);
            let what = match (written, plain) {
                (Some(_), Some(plain)) => format!("plaintext {plain}, not as encrypted"),
                (Some(_), None) => "a request to somebody else".to_owned(),
                (None, _) => format!("what {} never encrypted", mid.sender),
            };
            let message = format!("{whom} sees {mid}: {what}");
            docket.violation(ID, &CITED, *at, &[*record], message);
        }
    }
}

impl Oracle for DisplayedWasEncrypted {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Encrypt, Display, Prompt]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        for shown in self.later.due(record.at) {
            self.judge(&shown, docket);
        }
        let (mid, plain) = if let Fact::Encrypt(sealing) = &record.fact {
            let pair = (sealing.mid.sender.clone(), sealing.mid.receiver.clone());
            let written = &mut self.pairs.entry(pair).or_default().written;
            if let Some(written) = written.get_mut(&sealing.mid.seq) {
                if !written.contains(&sealing.plain) {
                    written.push(sealing.plain);
                }
            } else {
                written.insert(sealing.mid.seq, vec![sealing.plain]);
            }
            return;
        } else if let Fact::Display { mid, plain, .. } = &record.fact {
            (mid, Some(*plain))
        } else if let Fact::Prompt(shown) = &record.fact
            && let Some(mid) = &shown.request
        {
            (mid, None)
        } else {
            return;
        };
        let user = record.id.node.user().and_then(|user| spec.user(user)).cloned();
        let shown = Shown { mid: mid.clone(), plain, user, record: record.id, at: record.at };
        self.later.keep(record.at, shown);
    }

    fn conclude(&mut self, _spec: &Spec, docket: &mut Docket) {
        for shown in self.later.rest() {
            self.judge(&shown, docket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};

    #[test]
    fn a_text_seen_as_encrypted_is_in_order() {
        let mut story = Story::new(&["alice", "bob"]);
        story.sends(0, 1, 1, "hello");
        story.at(50).displays(1, 0, 1, "hello");
        let docket = story.judge(DisplayedWasEncrypted::default());
        assert!(docket.findings.is_empty(), "{:?}", docket.findings);
        assert_eq!(docket.evidence.count(Requirement::of(2, 5), Polarity::Positive), 1);
    }

    #[test]
    fn a_text_that_its_sender_never_encrypted_is_found() {
        let mut story = Story::new(&["alice", "bob"]);
        story.sends(0, 1, 1, "hello");
        story.at(50).displays(1, 0, 1, "hullo");
        story.at(60).displays(1, 0, 2, "hello");
        let docket = story.judge(DisplayedWasEncrypted::default());
        let messages: Vec<_> = docket.findings.iter().map(|it| it.message.clone()).collect();
        assert_eq!(
            messages,
            [
                format!("bob sees alice>bob#1: plaintext {}, not as encrypted", hash("hullo")),
                "bob sees alice>bob#2: what alice never encrypted".to_owned(),
            ]
        );
    }

    #[test]
    fn an_encryption_at_the_same_instant_may_come_later_in_the_stream() {
        let mut story = Story::new(&["alice", "bob"]);
        story.displays(0, 1, 1, "hello");
        story.sends(1, 0, 1, "hello");
        assert!(story.judge(DisplayedWasEncrypted::default()).findings.is_empty());
    }
}
