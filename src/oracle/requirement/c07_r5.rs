//! C07-R5: an unknown user makes no entry, and is believed to be unknown for a limited time only.
//!
//! Not here: what the sender's user is told (S-20).

use std::collections::BTreeMap;

use crate::base::id::UserId;
use crate::base::time::Instant;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::{DeviceState, DraftStatus, Fact, LookupEnd, ReplyResult, Selection};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C07-R5";
const CITED: [Requirement; 1] = [Requirement::of(7, 5)];

/// The judge of C07-R5.
#[derive(Debug, Default)]
pub struct UnknownUsersMakeNoEntry {
    /// Users whom a device was told not to exist, and nothing else since.
    unknown: Owned<UserId, (Instant, RecordId)>,
    /// Users of whom a device has a pin: what it derives for them is no entry made by such an answer.
    pinned: Owned<UserId, ()>,
    /// Receivers of drafts, and when they were composed.
    drafts: BTreeMap<(u32, crate::base::id::DraftId), (UserId, Instant)>,
}

impl UnknownUsersMakeNoEntry {
    fn entry(&mut self, record: &Record, user: u32, peer: &UserId, what: &str, d: &mut Docket) {
        let told = self.unknown.get(user, peer);
        if let Some((_, told)) = told.filter(|_| !self.pinned.contains(user, peer)) {
            let message = format!("{peer} is unknown and {what}");
            d.violation(ID, &CITED, record.at, &[*told, record.id], message);
        }
    }

    /// A draft fails: because of an answer that is old, though it was composed after it?
    fn failed(&mut self, record: &Record, user: u32, spec: &Spec, docket: &mut Docket) {
        let Fact::Notice { draft, status, .. } = &record.fact else { return };
        let over =
            matches!(status, DraftStatus::Failed | DraftStatus::Expired | DraftStatus::Delivered);
        let key = (user, *draft);
        let of_draft = if over { self.drafts.remove(&key) } else { None };
        let Some((to, composed)) = of_draft.filter(|_| *status == DraftStatus::Failed) else {
            return;
        };
        let Some((since, told)) = self.unknown.get(user, &to) else { return };
        let believed = spec.limits(user).map(|limits| limits.negative);
        if believed.is_some_and(|believed| composed > *since + believed) {
            let message =
                format!("{to} is still believed to be unknown after {}", record.at.since(*since));
            docket.violation(ID, &CITED, record.at, &[*told, record.id], message);
        } else {
            docket.shown(ID, &[negative(7, 5)]);
        }
    }
}

impl Oracle for UnknownUsersMakeNoEntry {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOff, State, LookupFailed, KeyReply, Pin, Select, Derive, Compose, Notice,
            Confirmed, Refuse
        ]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if let Fact::Refuse { by, code, mid: Some(mid), .. } = &record.fact
            && code == "UNKNOWN_USER"
            && let Some(user) = spec.index(by)
            && let Some((since, _)) = self.unknown.get_mut(user, &mid.receiver)
        {
            // The receiver's account says so as well.
            *since = record.at;
        }
        let Some(user) = device_of(record) else { return };
        if let Fact::LookupFailed { peer, why: LookupEnd::UnknownUser, .. } = &record.fact {
            let told = self.unknown.insert(user, peer.clone(), (record.at, record.id));
            // A second definite answer: the first was not believed for ever, and had left nothing behind.
            docket.shown(ID, &[positive(7, 5), negative(7, 5)][..2 * usize::from(told.is_some())]);
        } else if let Fact::KeyReply { peer, result: ReplyResult::Accepted, .. } = &record.fact {
            if self.unknown.remove(user, peer).is_some() {
                docket.shown(ID, &[positive(7, 5)]);
            }
        } else if let Fact::Confirmed { peer, accepted: true, .. } = &record.fact {
            // Its user knows better, from a record that came before or after the answer.
            self.unknown.remove(user, peer);
        } else if let Fact::Compose { draft, to, .. } = &record.fact {
            self.drafts.insert((user, *draft), (to.clone(), record.at));
        } else if let Fact::Derive { peer, .. } = &record.fact {
            self.entry(record, user, peer, "a secret is derived for it", docket);
        } else if let Fact::Pin { peer, .. } = &record.fact {
            self.entry(record, user, peer, "a record is pinned for it", docket);
            self.pinned.insert(user, peer.clone(), ());
        } else if let Fact::Select { peer, outcome, .. } = &record.fact {
            if *outcome == Selection::Miss && self.unknown.contains(user, peer) {
                docket.shown(ID, &[negative(7, 5)]);
            }
        } else if let Fact::Notice { .. } = &record.fact {
            self.failed(record, user, spec, docket);
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.unknown.forget(user);
        } else if let Fact::State { to: DeviceState::Blank } = &record.fact {
            self.pinned.forget(user);
        }
    }

    fn conclude(&mut self, _spec: &Spec, docket: &mut Docket) {
        for _ in self.unknown.values() {
            docket.shown(ID, &[negative(7, 5)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{DraftId, Epoch, ReqId};
    use crate::oracle::tests_support::{Story, hash};
    use crate::trace::fact::{Content, LookupCause};
    use crate::verdict::requirement::Polarity;

    /// Bob is told that alice does not exist.
    fn told() -> Story {
        let mut story = Story::new(&["alice", "bob"]);
        story.looks_up(1, 0, 7, LookupCause::Draft);
        let (peer, req, why) = (story.user(0), ReqId([7; 8]), LookupEnd::UnknownUser);
        story.device(1, Fact::LookupFailed { peer, req, why });
        story
    }

    #[test]
    fn a_user_who_is_known_later_is_in_order() {
        let mut story = told();
        story.at_secs(70).looks_up(1, 0, 8, LookupCause::Draft);
        story.gets_reply(1, 0, 8, ReplyResult::Accepted);
        story.derives(1, 0, 1, 1);
        let docket = story.judge(UnknownUsersMakeNoEntry::default());
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Positive), 1);
    }

    #[test]
    fn a_user_who_is_confirmed_is_not_unknown() {
        let mut story = told();
        let (peer, generation, record) = (story.user(0), hash("generation"), hash("alice1"));
        story.device(1, Fact::Confirmed { peer: peer.clone(), generation, accepted: true });
        story.device(1, Fact::Pin { peer, generation, epoch: Epoch(1), record });
        assert!(story.judge(UnknownUsersMakeNoEntry::default()).findings.is_empty());
    }

    #[test]
    fn an_unknown_user_without_an_entry_is_evidence() {
        let docket = told().judge(UnknownUsersMakeNoEntry::default());
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Negative), 1);
    }

    #[test]
    fn an_entry_for_an_unknown_user_is_found() {
        let mut story = told();
        story.derives(1, 0, 1, 1);
        let docket = story.judge(UnknownUsersMakeNoEntry::default());
        let found = "alice is unknown and a secret is derived for it";
        assert_eq!(docket.findings[0].message, found);
    }

    #[test]
    fn an_answer_that_is_believed_for_too_long_is_found() {
        let mut story = told();
        let (draft, to) = (DraftId(2), story.user(0));
        let compose =
            Fact::Compose { draft, to, kind: Content::Text, plain: hash("hello"), len: 5 };
        story.at_secs(90).device(1, compose);
        story.device(1, Fact::Notice { draft, mid: None, status: DraftStatus::Failed });
        let docket = story.judge(UnknownUsersMakeNoEntry::default());
        let found = "alice is still believed to be unknown after 90s";
        assert_eq!(docket.findings[0].message, found);
    }
}
