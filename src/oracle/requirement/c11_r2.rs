//! C11-R2: a device takes a message that it did not ask for like any other.
//!
//! A pushed message that is not taken stays in the mailbox, which is L-01's business. Not here: checks that
//! a push must not bypass (C11-R5).

use std::collections::BTreeSet;

use crate::base::id::Mid;
use crate::oracle::judge::{Docket, Oracle, account_of, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::Fact;
use crate::trace::record::Record;

const ID: &str = "C11-R2";

/// The judge of C11-R2.
#[derive(Debug, Default)]
pub struct PushedMailIsTaken {
    /// Messages whose only offer was a push.
    pushed: BTreeSet<Mid>,
}

impl Oracle for PushedMailIsTaken {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        if account_of(record).is_some() {
            if let Fact::Offer { mid, pushed, .. } = &record.fact {
                if *pushed {
                    self.pushed.insert(mid.clone());
                } else {
                    self.pushed.remove(mid);
                }
            }
        } else if let Fact::Commit { mid, .. } = &record.fact
            && self.pushed.remove(mid)
        {
            docket.shown(ID, &[positive(11, 2)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::{Polarity, Requirement};

    #[test]
    fn a_commit_after_a_push_alone_is_evidence() {
        let taken = |pushed: bool| {
            let mut story = Story::new(&["alice", "bob"]);
            story.offers(0, 1, 1);
            if let Some(Fact::Offer { pushed: it, .. }) =
                story.records.last_mut().map(|record| &mut record.fact)
            {
                *it = pushed;
            }
            story.commits(1, 0, 1);
            let docket = story.judge(PushedMailIsTaken::default());
            docket.evidence.count(Requirement::of(11, 2), Polarity::Positive)
        };
        assert_eq!((taken(true), taken(false)), (1, 0));
    }
}
