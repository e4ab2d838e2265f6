//! S-20: a draft is called sent only after SubmitAck, and delivered only after its report.
//!
//! Not here: whether the server's word is true (S-19).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{DraftId, Mid, UserId};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{About, DraftStatus, Fact, FrameKind};
use crate::trace::record::Record;
use crate::verdict::finding::Severity;
use crate::verdict::requirement::Requirement;

const ID: &str = "S-20";
const CITED: [Requirement; 2] = [Requirement::of(8, 4), Requirement::of(2, 4)];

/// The judge of S-20.
#[derive(Debug, Default)]
pub struct SentMeansAccepted {
    drafts: BTreeMap<(u32, DraftId), Draft>,
    by_mid: BTreeMap<Mid, DraftId>,
    /// Devices that were set back and use numbers again: a report of the first use fits the second.
    restored: BTreeSet<u32>,
}

#[derive(Debug)]
struct Draft {
    to: UserId,
    mid: Option<Mid>,
    acked: bool,
    reported: bool,
    /// A lookup for it failed, and its user has not been told yet; or was told.
    starved: Option<Told>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    NotYet,
    Unsent,
}

impl SentMeansAccepted {
    fn notice(&mut self, record: &Record, user: u32, docket: &mut Docket) {
        let Fact::Notice { draft: id, status, .. } = &record.fact else { return };
        let key = (user, *id);
        let Some(draft) = self.drafts.get_mut(&key) else { return };
        match status {
            DraftStatus::Sent if !draft.acked => {
                let message =
                    format!("draft {id} to {} is called sent without SubmitAck", draft.to);
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            }
            DraftStatus::Delivered if !draft.reported => {
                let message = format!("draft {id} to {} is called delivered unreported", draft.to);
                let (severity, message) = if self.restored.contains(&user) {
                    (Severity::Warning, format!("rollback: {message}"))
                } else {
                    (Severity::Fail, message)
                };
                docket.push(severity, ID, &CITED, record.at, &[record.id], message);
            }
            DraftStatus::Sent => {
                docket.shown(ID, &[positive(8, 4)]);
                if draft.starved == Some(Told::Unsent) {
                    docket.shown(ID, &[negative(2, 4)]);
                }
            }
            DraftStatus::Unsent | DraftStatus::Failed if draft.starved.is_some() => {
                draft.starved = Some(Told::Unsent);
                docket.shown(ID, &[positive(2, 4)]);
            }
            DraftStatus::Unsent => {}
            DraftStatus::Expired | DraftStatus::Failed => {
                // It left the device, was never acknowledged, and was never called sent.
                let unacked = draft.mid.is_some() && !draft.acked;
                docket.shown(ID, &[negative(8, 4)][..usize::from(unacked)]);
            }
            DraftStatus::Delivered | DraftStatus::NeedsConfirm => docket.shown(ID, &[]),
        }
        let over =
            matches!(status, DraftStatus::Delivered | DraftStatus::Expired | DraftStatus::Failed);
        if over && let Some(mid) = self.drafts.remove(&key).and_then(|draft| draft.mid) {
            self.by_mid.remove(&mid);
        }
    }

    fn heard(&mut self, user: u32, mid: &Mid, kind: Option<FrameKind>) {
        let Some(draft) = self.by_mid.get(mid).and_then(|id| self.drafts.get_mut(&(user, *id)))
        else {
            return;
        };
        draft.acked |= kind == Some(FrameKind::SubmitAck);
        draft.reported |= kind == Some(FrameKind::StatusReport);
    }
}

impl Oracle for SentMeansAccepted {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Rolledback, LookupFailed, Compose, Encrypt, Notice, Rx]
            .frames(frames![SubmitAck, StatusReport])
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Rolledback { .. } = &record.fact {
            self.restored.insert(user);
        } else if let Fact::Compose { draft, to, .. } = &record.fact {
            let to = to.clone();
            let fresh = Draft { to, mid: None, acked: false, reported: false, starved: None };
            self.drafts.insert((user, *draft), fresh);
        } else if let Fact::Encrypt(sealing) = &record.fact {
            if let Some(draft) = self.drafts.get_mut(&(user, sealing.draft))
                && draft.mid.as_ref() != Some(&sealing.mid)
            {
                draft.mid = Some(sealing.mid.clone());
                self.by_mid.insert(sealing.mid.clone(), sealing.draft);
            }
        } else if let Fact::Rx(frame) = &record.fact
            && let About::Message(mid, _) = &frame.about
        {
            self.heard(user, mid, frame.kind);
        } else if let Fact::LookupFailed { peer, .. } = &record.fact {
            let mine = (user, DraftId(0))..=(user, DraftId(u64::MAX));
            for draft in self.drafts.range_mut(mine).map(|(_, draft)| draft) {
                if draft.to == *peer && draft.mid.is_none() {
                    draft.starved.get_or_insert(Told::NotYet);
                }
            }
        } else {
            self.notice(record, user, docket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    fn told(kind: Option<FrameKind>, status: DraftStatus) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.sends(0, 1, 1, "hello");
        if let Some(kind) = kind {
            let about = About::message(story.mid(0, 1, 1), 0);
            let frame = story.frame(kind, false, about);
            story.at(50).device(0, Fact::Rx(frame));
        }
        let mid = Some(story.mid(0, 1, 1));
        story.device(0, Fact::Notice { draft: DraftId(1), mid, status });
        story.judge(SentMeansAccepted::default())
    }

    #[test]
    fn what_the_server_said_may_be_told() {
        let docket = told(Some(FrameKind::SubmitAck), DraftStatus::Sent);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(8, 4), Polarity::Positive), 1);
        let docket = told(Some(FrameKind::StatusReport), DraftStatus::Delivered);
        assert!(docket.findings.is_empty());
    }

    #[test]
    fn what_nobody_said_may_not_be_told() {
        let found = "draft w1 to bob is called sent without SubmitAck";
        assert_eq!(told(None, DraftStatus::Sent).findings[0].message, found);
        let docket = told(Some(FrameKind::SubmitAck), DraftStatus::Delivered);
        assert_eq!(docket.findings[0].message, "draft w1 to bob is called delivered unreported");
    }
}
