//! C05-R6: an unregistered user leads to a reported error, and nothing is encrypted for them.
//!
//! A user whose key a device has verified is somebody, even when the directory has forgotten them: what is
//! encrypted to that key is for its owner alone, and the server refuses it.
//!
//! Not here: how long the answer is believed (C07-R5).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{DraftId, UserId};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{DraftStatus, Fact, LookupEnd, RejectCause, ReplyResult};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C05-R6";
const CITED: [Requirement; 1] = [Requirement::of(5, 6)];

/// The judge of C05-R6.
#[derive(Debug, Default)]
pub struct UnregisteredIsAnError {
    unknown: BTreeSet<(u32, UserId)>,
    /// Users whose key a device has verified.
    met: BTreeSet<(u32, UserId)>,
    drafts: BTreeMap<(u32, DraftId), UserId>,
}

impl Oracle for UnregisteredIsAnError {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![LookupFailed, KeyReply, Compose, Encrypt, Notice, Reject]
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Compose { draft, to, .. } = &record.fact {
            self.drafts.insert((user, *draft), to.clone());
        } else if let Fact::LookupFailed { peer, why: LookupEnd::UnknownUser, .. } = &record.fact {
            self.unknown.insert((user, peer.clone()));
        } else if let Fact::KeyReply { peer, result: ReplyResult::Accepted, .. } = &record.fact {
            self.unknown.remove(&(user, peer.clone()));
            self.met.insert((user, peer.clone()));
        } else if let Fact::Notice { draft, status, .. } = &record.fact {
            let ended = matches!(
                status,
                DraftStatus::Failed | DraftStatus::Delivered | DraftStatus::Expired
            );
            let to = if ended {
                self.drafts.remove(&(user, *draft))
            } else {
                self.drafts.get(&(user, *draft)).cloned()
            };
            let unknown = to.is_some_and(|to| self.unknown.contains(&(user, to)));
            if unknown && *status == DraftStatus::Failed {
                docket.shown(ID, &[positive(5, 6), negative(5, 6)]);
            }
        } else if let Fact::Reject { why: RejectCause::UnknownSender, .. } = &record.fact {
            docket.shown(ID, &[positive(5, 6)]);
        } else if let Fact::Encrypt(sealing) = &record.fact
            && let to = (user, sealing.mid.receiver.clone())
            && self.unknown.contains(&to)
            && !self.met.contains(&to)
        {
            let message = format!("{} is encrypted for nobody", sealing.mid);
            docket.violation(ID, &CITED, record.at, &[record.id], message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{Epoch, ReqId};
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::Content;
    use crate::verdict::requirement::Polarity;

    fn to_nobody(met: bool, encrypted: bool) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        if met {
            let (peer, req, result) = (story.user(1), ReqId([7; 8]), ReplyResult::Accepted);
            story.device(0, Fact::KeyReply { peer, req, epochs: vec![Epoch::FIRST], result });
        }
        let (to, peer) = (story.user(1), story.user(1));
        let (draft, kind, plain) = (DraftId(1), Content::Text, crate::base::id::Hash32::ZERO);
        story.device(0, Fact::Compose { draft, to, kind, plain, len: 1 });
        let (req, why) = (ReqId([1; 8]), LookupEnd::UnknownUser);
        story.device(0, Fact::LookupFailed { peer, req, why });
        if encrypted {
            story.encrypts(0, 1, 1, "text", 1, 1);
        }
        story.device(0, Fact::Notice { draft, mid: None, status: DraftStatus::Failed });
        story.judge(UnregisteredIsAnError::default())
    }

    #[test]
    fn a_reported_failure_is_in_order_and_an_encryption_is_found() {
        let docket = to_nobody(false, false);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(5, 6), Polarity::Positive), 1);
        let docket = to_nobody(false, true);
        assert_eq!(docket.findings[0].message, "alice>bob#1 is encrypted for nobody");
    }

    #[test]
    fn a_user_who_was_met_and_is_gone_is_not_nobody() {
        let docket = to_nobody(true, true);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(5, 6), Polarity::Positive), 1);
    }
}
