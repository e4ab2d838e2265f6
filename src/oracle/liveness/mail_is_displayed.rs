//! L-01: after the heal every accepted message is displayed within T_del.
//!
//! Displayed means processed for what is for the device and not for its user. Not here: messages that no
//! account accepted (L-02).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Mid, UserId};
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames, positive};
use crate::oracle::liveness::backlog::Backlog;
use crate::oracle::liveness::dues::Dues;
use crate::oracle::liveness::settling::Settling;
use crate::oracle::mail::Mail;
use crate::oracle::ranges::Ranges;
use crate::oracle::rollback::Rollbacks;
use crate::oracle::spec::{DeviceLimits, ServerBounds, Spec};
use crate::trace::fact::{
    About, AlarmKind, DeviceState, DraftStatus, Fact, FrameKind, RejectCause, WaitCause,
};
use crate::trace::record::{Record, RecordId};
use crate::verdict::finding::Severity;
use crate::verdict::requirement::Requirement;

const ID: &str = "L-01";
const CITED: [Requirement; 2] = [Requirement::of(9, 1), Requirement::of(10, 4)];
/// The share of T_del that covers round trips, backoff and writes (protocol 5).
const ROUND_TRIPS: Duration = Duration::from_secs(60);

/// The judge of L-01.
#[derive(Debug, Default)]
pub struct MailIsDisplayed {
    settling: Settling,
    mail: Mail,
    dues: Dues<Mid>,
    /// Messages seen by their receivers.
    seen: BTreeMap<(UserId, UserId), Ranges>,
    /// The last that a receiver's device said about a message.
    words: BTreeMap<Mid, (String, RecordId)>,
    /// How large messages are, where that matters.
    octets: BTreeMap<Mid, u64>,
    /// What is owed, by receiver.
    backlog: Backlog,
    /// When messages came into an inbox and are not seen yet.
    committed: BTreeMap<Mid, Instant>,
    rollbacks: Rollbacks,
    /// Devices that lost their own key by a restore, and said so: nobody can open what is sealed for it.
    keyless: BTreeSet<u32>,
    /// Devices and peers of whom their users were warned, where there is an adversary.
    warned: BTreeSet<(u32, UserId)>,
    /// Users whose identity was ended: what it sent may not open any more.
    ended: BTreeSet<UserId>,
}

/// T_del without what depends on the backlog.
fn base_bound(limits: &DeviceLimits, server: &ServerBounds) -> Duration {
    let poll = limits.poll.unwrap_or(Duration::ZERO);
    server.lease + ROUND_TRIPS + poll + limits.negative + limits.lookup_burst + limits.gap
}

impl MailIsDisplayed {
    fn deadline(&self, spec: &Spec, mid: &Mid, since: Instant) -> Option<Instant> {
        let user = spec.index(&mid.receiver)?;
        let base = self.settling.base(user, since)?;
        Some(base + base_bound(spec.limits(user)?, &spec.server) + self.backlog.allowance(user))
    }

    fn open(&mut self, mid: &Mid, at: Instant, spec: &Spec) {
        self.dues.open(mid.clone(), at);
        if let Some(user) = spec.index(&mid.receiver) {
            self.backlog.add(user, mid.clone(), self.octets.get(mid).copied().unwrap_or(0));
        }
        if self.settling.heal().is_some() {
            self.backlog.fix(spec);
        }
    }

    fn mailbox(&mut self, record: &Record, spec: &Spec) {
        if let Fact::Accept { mid, known: false, .. } = &record.fact {
            let pair = (mid.sender.clone(), mid.receiver.clone());
            let excused = spec.index(&mid.receiver).is_some_and(|user| {
                self.keyless.contains(&user) || self.warned.contains(&(user, mid.sender.clone()))
            });
            if !excused && !self.seen.get(&pair).is_some_and(|seen| seen.contains(mid.seq.0)) {
                self.open(mid, record.at, spec);
            }
        } else if let Fact::Expire { mid, .. } = &record.fact {
            self.close(mid, spec);
        } else if let Fact::Bounce { mid, code, .. } = &record.fact {
            let it = spec.circumstances;
            let excused = it.revoke || it.reset || it.altered || it.adversary || it.restore;
            if excused || code == "TOO_OLD" {
                self.close(mid, spec);
            }
        } else if let Fact::Recorded { user, .. } = &record.fact {
            spec.index(user).map(|user| self.keyless.remove(&user));
        } else if let Fact::Reset { user } = &record.fact {
            // A new identity counts its messages from 1 again.
            self.seen.retain(|(sender, _), _| sender != user);
            self.ended.insert(user.clone());
        }
    }

    fn device(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let seen = if let Fact::Display { mid, .. } | Fact::Processed { mid, .. } = &record.fact {
            Some(mid)
        } else if let Fact::Prompt(shown) = &record.fact {
            shown.request.as_ref()
        } else {
            None
        };
        if let Some(mid) = seen {
            let pair = (mid.sender.clone(), mid.receiver.clone());
            self.seen.entry(pair).or_default().insert(mid.seq.0);
            let since = self.close(mid, spec);
            if let (Some(since), Some(heal)) = (since, self.settling.heal()) {
                docket.shown(ID, &[positive(9, 1)][..usize::from(since < heal)]);
            }
            return;
        }
        let (mid, word) =
            if let Fact::Select { mid: Some(mid), own, theirs, outcome, .. } = &record.fact {
                (mid, format!("{outcome} under {theirs} and {own}"))
            } else if let Fact::Waiting { mid, why } = &record.fact {
                if *why == WaitCause::Confirm {
                    // It waits for a user's word, and the server was told to come back much later.
                    self.close(mid, spec);
                }
                (mid, format!("waits for {why}"))
            } else if let Fact::Reject { mid: Some(mid), why } = &record.fact {
                let made_up = *why == RejectCause::UnknownEpoch && spec.circumstances.altered;
                if made_up || self.ended.contains(&mid.sender) {
                    // No lookup finds an epoch that a flipped bit made, or one of an identity that is over;
                    // the server bounces it much later.
                    self.close(mid, spec);
                }
                (mid, format!("rejected as {why}"))
            } else if let Fact::Commit { mid, .. } = &record.fact {
                (mid, "committed".to_owned())
            } else if let Fact::Duplicate { mid } = &record.fact {
                (mid, "told to be a duplicate".to_owned())
            } else {
                return;
            };
        if self.dues.contains(mid) {
            self.words.insert(mid.clone(), (word, record.id));
        }
    }

    /// What a restore or a factory reset takes away: mail in the inbox, and perhaps the key for what comes.
    fn follow_loss(&mut self, record: &Record, spec: &Spec) {
        self.rollbacks.observe(record);
        let Some(user) = device_of(record) else { return };
        if let Fact::Commit { mid, .. } = &record.fact
            && self.dues.contains(mid)
        {
            self.committed.insert(mid.clone(), record.at);
        }
        for mid in self.lost(record, user, spec) {
            self.close(&mid, spec);
        }
    }

    /// What is not owed any more because of what a device says.
    fn lost(&mut self, record: &Record, user: u32, spec: &Spec) -> Vec<Mid> {
        let it = spec.circumstances;
        if let Fact::Rolledback { .. } = &record.fact {
            let committed = &self.committed;
            let forgot =
                |mid: &Mid| committed.get(mid).is_some_and(|at| self.rollbacks.forgot(user, *at));
            self.dues_of(user, forgot)
        } else if let Fact::State { to: DeviceState::Blank } = &record.fact {
            self.dues_of(user, |mid| self.committed.contains_key(mid))
        } else if let Fact::ConfirmAsked { peer, .. } = &record.fact {
            // From now on mail of this name waits for a user's word, also what did not come yet.
            self.dues_of(user, |mid| mid.sender == *peer)
        } else if let Fact::Notice { mid: Some(mid), status: DraftStatus::Expired, .. } =
            &record.fact
        {
            // It bounced, and its time was over before it could be sealed anew: its user knows.
            vec![mid.clone()]
        } else if let Fact::Alarm { peer: Some(peer), what: AlarmKind::Rollback } = &record.fact
            && it.adversary
        {
            // A false record was believed at first contact; the user knows that there are others.
            self.warned.insert((user, peer.clone()));
            self.dues_of(user, |mid| mid.sender == *peer)
        } else if let Fact::Alarm { what: AlarmKind::OwnRecord, .. } = &record.fact
            && it.restore
        {
            self.keyless.insert(user);
            self.dues_of(user, |_| true)
        } else {
            Vec::new()
        }
    }

    fn dues_of(&self, user: u32, which: impl Fn(&Mid) -> bool) -> Vec<Mid> {
        self.backlog.of(user).filter(|mid| which(mid)).cloned().collect()
    }

    fn close(&mut self, mid: &Mid, spec: &Spec) -> Option<Instant> {
        self.committed.remove(mid);
        self.words.remove(mid);
        let since = self.dues.close(mid);
        if since.is_some() {
            self.relieve(mid, spec);
        }
        self.octets.remove(mid);
        since
    }

    /// A message is not owed any more.
    fn relieve(&mut self, mid: &Mid, spec: &Spec) {
        if let Some(user) = spec.index(&mid.receiver) {
            self.backlog.remove(user, mid, self.octets.get(mid).copied().unwrap_or(0));
        }
    }

    /// A copy of a message leaves its sender.
    fn weigh(&mut self, mid: &Mid, octets: u64, spec: &Spec) {
        let before = self.octets.insert(mid.clone(), octets).unwrap_or(0);
        if let Some(user) = spec.index(&mid.receiver) {
            self.backlog.resize(user, mid, before, octets);
        }
    }

    /// Where a stuck message is: its mailbox, its device, its epochs.
    fn whereabouts(&self, mid: &Mid) -> (String, Vec<RecordId>) {
        let mut records = Vec::new();
        let mailbox = self.mail.get(mid).map_or_else(
            || "out of the mailbox".to_owned(),
            |item| {
                records.push(item.record);
                let nacked = item.nacked.as_ref();
                let nacked = nacked.map_or_else(String::new, |code| format!(", refused as {code}"));
                format!("{}, offered {} times{nacked}", item.place, item.offers)
            },
        );
        let device = self.words.get(mid).map_or("nothing", |(word, record)| {
            records.push(*record);
            word.as_str()
        });
        (format!("mailbox: {mailbox}; device of {}: {device}", mid.receiver), records)
    }
}

impl Oracle for MailIsDisplayed {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOn, PowerOff, Rolledback, State, Select, Notice, Waiting, Commit, Duplicate,
            Reject, Display, Processed, Alarm, ConfirmAsked, Prompt, Recorded, Reset, Accept,
            Offer, Restored, Acked, Nacked, Expire, Bounce, Tx, Step, Phase
        ]
        .frames(frames![Submit])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if self.settling.observe(record) {
            if let Fact::Phase(_) = &record.fact {
                self.backlog.fix(spec);
            }
            self.dues.wake(record.at);
        }
        let mut dues = std::mem::take(&mut self.dues);
        let late = dues.overdue(record.at, |mid, since| self.deadline(spec, mid, since));
        self.dues = dues;
        for mid in late {
            self.relieve(&mid, spec);
            let (state, records) = self.whereabouts(&mid);
            let message = format!("{mid} is not displayed in time; {state}");
            docket.violation(ID, &CITED, record.at, &records, message);
        }
        self.follow_loss(record, spec);
        self.mail.observe(record);
        self.mailbox(record, spec);
        if let Fact::Tx(frame) = &record.fact
            && frame.kind == Some(FrameKind::Submit)
            && let About::Message(mid, _) = &frame.about
            && spec.bandwidth.is_some()
        {
            self.weigh(mid, frame.len.into(), spec);
        }
        if device_of(record).is_some() {
            self.device(record, spec, docket);
        }
    }

    fn conclude(&mut self, spec: &Spec, docket: &mut Docket) {
        // A run that ends before its limit has come to rest: what is not displayed now never will be.
        let limit = self.settling.heal().map(|heal| heal + spec.settle);
        let rests = limit.is_some_and(|limit| docket.now < limit);
        for (mid, since) in self.dues.iter() {
            let Some(due) = self.deadline(spec, mid, since) else { continue };
            let severity =
                if docket.now > due || rests { Severity::Fail } else { Severity::Inconclusive };
            let (state, records) = self.whereabouts(mid);
            let message = format!("{mid} is not displayed by the end, due at {due}; {state}");
            docket.push(severity, ID, &CITED, docket.now, &records, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};
    use crate::trace::fact::Phase;
    use crate::verdict::requirement::Polarity;

    /// Alice's message is stored before the heal at 100 s; the run ends at this second.
    fn stored(displayed: Option<u64>, end: u64, story: impl Fn(&mut Story)) -> Docket {
        let mut it = Story::new(&["alice", "bob"]);
        it.device(1, Fact::PowerOn { boot: 1 });
        it.accepts(0, 1, 1);
        it.offers(0, 1, 1);
        story(&mut it);
        it.at_secs(100).phase(Phase::Settle);
        if let Some(at) = displayed {
            it.at_secs(at).displays(1, 0, 1, "hello");
        }
        it.at_secs(end).phase(Phase::End);
        it.judge(MailIsDisplayed::default())
    }

    #[test]
    fn mail_displayed_after_the_heal_is_in_order() {
        let docket = stored(Some(200), 400, |_| {});
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(9, 1), Polarity::Positive), 1);
    }

    #[test]
    fn mail_that_is_stuck_is_found_with_its_whereabouts() {
        let docket = stored(None, 400, |story| {
            let mid = Some(story.mid(0, 1, 1));
            story.device(1, Fact::Reject { mid, why: RejectCause::Busy });
        });
        let found = "alice>bob#1 is not displayed in time; mailbox: leased as l1, offered 1 times; \
                     device of bob: rejected as busy";
        assert_eq!(docket.findings[0].message, found);
    }

    #[test]
    fn a_bound_that_does_not_fit_is_inconclusive_unless_the_run_has_come_to_rest() {
        for (settle, severity) in [(100, Severity::Inconclusive), (101, Severity::Fail)] {
            let docket = stored(None, 200, |story| story.spec.settle = Duration::from_secs(settle));
            assert_eq!(docket.findings[0].severity, severity, "{settle} s");
        }
    }

    #[test]
    fn mail_under_an_epoch_that_a_flipped_bit_made_is_exempt() {
        for altered in [true, false] {
            let docket = stored(None, 900, |story| {
                story.spec.circumstances.altered = altered;
                let mid = Some(story.mid(0, 1, 1));
                story.device(1, Fact::Reject { mid, why: RejectCause::UnknownEpoch });
            });
            assert_eq!(docket.findings.is_empty(), altered);
        }
    }

    #[test]
    fn mail_that_expired_or_waits_for_a_confirmation_is_exempt() {
        let expired = stored(None, 900, |story| {
            let (mid, generation) = (story.mid(0, 1, 1), hash("generation"));
            story.account(1, Fact::Expire { mid, generation, attempt: 1 });
        });
        assert!(expired.findings.is_empty());
        let unconfirmed = stored(None, 900, |story| {
            let mid = story.mid(0, 1, 1);
            story.device(1, Fact::Waiting { mid, why: WaitCause::Confirm });
        });
        assert!(unconfirmed.findings.is_empty());
    }
}
