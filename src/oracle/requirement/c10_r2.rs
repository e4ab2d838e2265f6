//! C10-R2: without push the server sends mail only in answer to a poll.
//!
//! Not here: what a poll brings (C10-R1).

use std::collections::BTreeMap;

use crate::base::id::Mid;
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Oracle, account_of, negative};
use crate::oracle::spec::Spec;
use crate::trace::fact::Fact;
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C10-R2";
const CITED: [Requirement; 1] = [Requirement::of(10, 2)];
/// Mail that waited this long for a poll was in reach of an unasked delivery.
const WAITED: Duration = Duration::from_secs(1);

/// The judge of C10-R2.
#[derive(Debug, Default)]
pub struct MailWaitsForItsPoll {
    stored: BTreeMap<Mid, Instant>,
}

impl Oracle for MailWaitsForItsPoll {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if account_of(record).is_none() || spec.server.push {
            return;
        }
        if let Fact::Accept { mid, known: false, .. } = &record.fact {
            self.stored.insert(mid.clone(), record.at);
        } else if let Fact::Offer { mid, pushed, .. } = &record.fact {
            let waited = self.stored.remove(mid).is_some_and(|at| record.at >= at + WAITED);
            if *pushed {
                let message = format!("{mid} is sent without a poll");
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            } else if waited {
                docket.shown(ID, &[negative(10, 2)]);
            }
        } else if let Fact::Expire { mid, .. } = &record.fact
            && self.stored.remove(mid).is_some()
        {
            docket.shown(ID, &[negative(10, 2)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    fn offered(pushed: bool) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.accepts(0, 1, 1);
        story.at_secs(5).offers(0, 1, 1);
        if let Some(Fact::Offer { pushed: it, .. }) =
            story.records.last_mut().map(|record| &mut record.fact)
        {
            *it = pushed;
        }
        story.judge(MailWaitsForItsPoll::default())
    }

    #[test]
    fn mail_that_waits_for_a_poll_is_in_order_and_mail_that_does_not_is_found() {
        let docket = offered(false);
        assert_eq!(docket.evidence.count(Requirement::of(10, 2), Polarity::Negative), 1);
        assert_eq!(offered(true).findings[0].message, "alice>bob#1 is sent without a poll");
    }
}
