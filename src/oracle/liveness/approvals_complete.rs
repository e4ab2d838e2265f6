//! L-06: an approval pressed early enough, with connectivity throughout, is accepted before its expiry.
//!
//! Not here: whether it may be made at all (S-13 to S-15).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{DraftId, Mid, TxnId, UserId};
use crate::base::time::{Duration, Instant, Millis};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, positive};
use crate::oracle::liveness::service::OutOfService;
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::oracle::trouble::Trouble;
use crate::trace::fact::{DraftStatus, Fact, LossCause};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "L-06";
const CITED: [Requirement; 1] = [Requirement::of(3, 2)];
/// T_appr (protocol 4.5).
const LEAD: Duration = Duration::from_secs(30);

/// The judge of L-06.
#[derive(Debug, Default)]
pub struct ApprovalsComplete {
    made: Owned<DraftId, Made>,
    /// When approvals expire; those that are not among `made` any more are passed over.
    ends: BTreeSet<(Instant, u32, DraftId)>,
    by_mid: BTreeMap<Mid, (u32, DraftId)>,
    trouble: Trouble,
    out: OutOfService,
    /// Frames of any kind lost at a device's link.
    lost: BTreeMap<u32, Instant>,
}

#[derive(Clone, Debug)]
struct Made {
    txn: TxnId,
    at: Instant,
    /// World time at which it can no longer be used.
    expires: Instant,
    to: UserId,
    record: RecordId,
}

impl ApprovalsComplete {
    fn connected(&self, user: u32, made: &Made, now: Instant) -> bool {
        let lost = self.lost.get(&user).copied().unwrap_or(Instant::START);
        self.trouble.last(user, &made.to, now).max(lost) < made.at
    }

    /// Judges what expired without being accepted.
    fn judge(&mut self, now: Instant, docket: &mut Docket) {
        while let Some((at, user, draft)) = self.ends.first().copied() {
            if at > now {
                break;
            }
            self.ends.pop_first();
            let over = self.made.get(user, &draft).is_some_and(|made| made.expires == at);
            let made = if over { self.made.remove(user, &draft) } else { None };
            let Some(made) = made else { continue };
            if self.connected(user, &made, now) {
                let message = format!("the approval of {} is not accepted in time", made.txn);
                docket.violation(ID, &CITED, made.expires, &[made.record], message);
            }
        }
    }
}

impl Oracle for ApprovalsComplete {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOn, PowerOff, LookupFailed, Encrypt, Notice, Alarm, Approved, Recorded, Reset,
            Accept, Refuse, Lost, Meddled, FaultStart, FaultEnd
        ]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        self.judge(record.at, docket);
        self.trouble.observe(record);
        if let Fact::Accept { mid, .. } = &record.fact {
            let made =
                self.by_mid.remove(mid).and_then(|(user, draft)| self.made.remove(user, &draft));
            if made.is_some() {
                docket.shown(ID, &[positive(3, 2)]);
            }
            return;
        }
        if let Some(approver) = self.out.observe(record, spec) {
            self.made.forget(approver);
        } else if let Fact::Refuse { code, mid: Some(mid), .. } = &record.fact
            && ["QUEUE_FULL", "UNKNOWN_USER"].contains(&code.as_str())
        {
            // The requester's mailbox has no room or is gone, and the approver is told so.
            self.by_mid.remove(mid).map(|(user, draft)| self.made.remove(user, &draft));
        }
        let Some(user) = device_of(record) else { return };
        if let Fact::Approved(made) = &record.fact {
            // Bounds are of the world; a clock that is wrong has another idea of the expiry.
            let left = made.expires.since(record.wall);
            let out = self.out.contains(user);
            if out || spec.circumstances.clock || left < LEAD || made.expires == Millis::NEVER {
                return;
            }
            let (at, expires) = (record.at, record.at + left);
            let to = made.requester.clone();
            let it = Made { txn: made.txn, at, expires, to, record: record.id };
            self.made.insert(user, made.draft, it);
            self.ends.insert((expires, user, made.draft));
        } else if let Fact::Encrypt(sealing) = &record.fact {
            if self.made.contains(user, &sealing.draft) {
                self.by_mid.insert(sealing.mid.clone(), (user, sealing.draft));
            }
        } else if let Fact::Lost { why, .. } = &record.fact
            && *why != LossCause::Undecodable
        {
            self.lost.insert(user, record.at);
        } else if let Fact::Notice { draft, status, .. } = &record.fact
            && *status == DraftStatus::NeedsConfirm
        {
            self.made.remove(user, draft);
        }
    }

    fn conclude(&mut self, _: &Spec, docket: &mut Docket) {
        self.judge(docket.now, docket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::{Content, Phase};
    use crate::verdict::requirement::Polarity;

    fn approved(accepted: bool, fault: bool) -> Docket {
        let mut story = Story::new(&["alice", "shop"]);
        story.at_secs(5).approves(0, 1, 1);
        let mut sealing = story.sealing(0, 1, 1, "approval", 1, 1);
        sealing.kind = Content::Approval;
        story.device(0, Fact::Encrypt(Box::new(sealing)));
        if fault {
            let (name, kind) = ("dark".to_owned(), "partition".to_owned());
            story.at_secs(6).harness(Fact::FaultStart { name, kind });
        }
        if accepted {
            story.at_secs(10).accepts(0, 1, 1);
        }
        story.at_secs(200).phase(Phase::End);
        story.judge(ApprovalsComplete::default())
    }

    #[test]
    fn an_approval_accepted_in_time_is_in_order() {
        let docket = approved(true, false);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(3, 2), Polarity::Positive), 1);
    }

    #[test]
    fn an_approval_not_accepted_in_time_is_found_unless_there_was_a_fault() {
        let found = "the approval of 01010101 is not accepted in time";
        assert_eq!(approved(false, false).findings[0].message, found);
        assert!(approved(false, true).findings.is_empty());
    }
}
