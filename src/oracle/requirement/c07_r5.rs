//! C07-R5: an unknown user makes no entry, and is asked for again after a limited time.
//!
//! Not here: what the user is told (C05-R6).

use std::collections::BTreeMap;

use crate::base::id::UserId;
use crate::base::time::Instant;
use crate::oracle::judge::{Docket, Oracle, device_of, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, LookupEnd, ReplyResult};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C07-R5";
const CITED: [Requirement; 1] = [Requirement::of(7, 5)];

/// The judge of C07-R5.
#[derive(Debug, Default)]
pub struct UnknownUsersMakeNoEntry {
    unknown: BTreeMap<(u32, UserId), Unknown>,
}

#[derive(Clone, Copy, Debug)]
struct Unknown {
    at: Instant,
    record: RecordId,
    asked_again: bool,
}

impl Oracle for UnknownUsersMakeNoEntry {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::LookupFailed { peer, why: LookupEnd::UnknownUser, .. } = &record.fact {
            let unknown = Unknown { at: record.at, record: record.id, asked_again: false };
            self.unknown.insert((user, peer.clone()), unknown);
            docket.shown(ID, &[negative(7, 5)]);
        } else if let Fact::KeyReply { peer, result: ReplyResult::Accepted, .. } = &record.fact {
            let known = self.unknown.remove(&(user, peer.clone()));
            if known.is_some_and(|unknown| unknown.asked_again) {
                docket.shown(ID, &[positive(7, 5)]);
            }
        } else if let Fact::Lookup { peer, .. } = &record.fact {
            if let Some(unknown) = self.unknown.get_mut(&(user, peer.clone())) {
                unknown.asked_again = true;
            }
        } else if let Fact::Derive { peer, .. } = &record.fact {
            if let Some(unknown) = self.unknown.get(&(user, peer.clone())) {
                let message = format!("a secret with {peer}, who does not exist");
                let records = [unknown.record, record.id];
                docket.violation(ID, &CITED, record.at, &records, message);
            }
        } else if let Fact::Compose { to, .. } = &record.fact
            && let Some(unknown) = self.unknown.get(&(user, to.clone()))
            && let Some(limits) = spec.limits(user)
            && record.at <= unknown.at + limits.negative
        {
            // Within the time for which the answer is believed nothing has to be asked.
            docket.shown(ID, &[]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ReqId;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::LookupCause;
    use crate::verdict::requirement::Polarity;

    fn unknown(story: &mut Story) {
        let (peer, req, why) = (story.user(1), ReqId([1; 8]), LookupEnd::UnknownUser);
        story.device(0, Fact::LookupFailed { peer, req, why });
    }

    #[test]
    fn somebody_who_registers_later_is_found_by_a_later_lookup() {
        let mut story = Story::new(&["alice", "bob"]);
        unknown(&mut story);
        story.at_secs(60).looks_up(0, 1, 2, LookupCause::Draft);
        story.gets_reply(0, 1, 2, ReplyResult::Accepted);
        story.derives(0, 1, 1, 1);
        let docket = story.judge(UnknownUsersMakeNoEntry::default());
        assert!(docket.findings.is_empty());
        for side in [Polarity::Positive, Polarity::Negative] {
            assert_eq!(docket.evidence.count(Requirement::of(7, 5), side), 1);
        }
    }

    #[test]
    fn a_secret_with_nobody_is_found() {
        let mut story = Story::new(&["alice", "bob"]);
        unknown(&mut story);
        story.derives(0, 1, 1, 1);
        let docket = story.judge(UnknownUsersMakeNoEntry::default());
        assert_eq!(docket.findings[0].message, "a secret with bob, who does not exist");
    }
}
