//! C10-R1: with mail waiting, a poll leads to its delivery.
//!
//! Not here: that mail is not sent unasked (C10-R2), or that it gets through in the end (L-01).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::Mid;
use crate::oracle::judge::{Docket, Oracle, account_of, positive};
use crate::oracle::mail::{Mail, Place};
use crate::oracle::spec::Spec;
use crate::trace::fact::Fact;
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C10-R1";
const CITED: [Requirement; 1] = [Requirement::of(10, 1)];

/// The judge of C10-R1.
#[derive(Debug, Default)]
pub struct PollsFetchMail {
    mail: Mail,
    /// Stored, never refused by its receiver, and never offered: due at the next poll.
    due: BTreeMap<u32, BTreeMap<Mid, RecordId>>,
    /// Mail that a poll left behind although it was due; a complete poll would have brought it.
    left: BTreeSet<(u32, Mid)>,
}

/// Items in the answer to one poll at most.
const POLL_MAX: u64 = 256;

impl Oracle for PollsFetchMail {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(account) = account_of(record) else { return };
        if let Some(((mid, _), _)) = self.mail.observe(record) {
            let stored = self.mail.get(&mid).filter(|item| item.place == Place::Stored);
            let due = self.due.entry(account).or_default();
            match stored.filter(|item| item.offers == 0) {
                Some(item) => due.insert(mid.clone(), item.record),
                None => due.remove(&mid),
            };
            if let Fact::Offer { pushed: false, .. } = &record.fact {
                self.left.remove(&(account, mid));
                docket.shown(ID, &[positive(10, 1)]);
            }
            return;
        }
        if let Fact::Polled { count, .. } = &record.fact
            && *count < POLL_MAX
        {
            let due = self.due.get(&account);
            let left: Vec<_> =
                due.into_iter().flatten().map(|(mid, at)| (mid.clone(), *at)).collect();
            for (mid, stored) in left {
                if self.left.insert((account, mid.clone())) {
                    let message = format!("a poll does not bring {mid}, which is stored");
                    docket.violation(ID, &CITED, record.at, &[stored, record.id], message);
                }
            }
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.left.retain(|(owner, _)| *owner != account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;

    fn polled(offered: bool) -> usize {
        let mut story = Story::new(&["alice", "bob"]);
        story.accepts(0, 1, 1);
        if offered {
            story.offers(0, 1, 1);
        }
        let user = story.user(1);
        story.account(1, Fact::Polled { user, count: u64::from(offered) });
        story.judge(PollsFetchMail::default()).findings.len()
    }

    #[test]
    fn only_a_poll_that_leaves_stored_mail_behind_is_found() {
        assert_eq!((polled(true), polled(false)), (0, 1));
    }
}
