//! L-07: some time after the heal, with no new input, nothing is sent but what is scheduled or reported.
//!
//! Catches loops of lookups or refusals. Not here: how much is sent before (S-28).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{DraftId, Mid, ReqId, UserId};
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::{
    About, AlarmKind, DraftStatus, Fact, FrameFact, FrameKind, LookupCause, Phase, WaitCause,
};
use crate::trace::record::{Record, RecordId};
use crate::verdict::finding::Severity;
use crate::verdict::requirement::Requirement;

const ID: &str = "L-07";
const CITED: [Requirement; 2] = [Requirement::of(16, 3), Requirement::of(14, 4)];
/// T_quiet (protocol 4.5).
const BOUND: Duration = Duration::from_secs(600);
/// Silence of this length counts as the end of a flurry.
const SILENCE: Duration = Duration::from_secs(30);

/// The judge of L-07.
#[derive(Debug, Default)]
pub struct TrafficCeases {
    heal: Option<Instant>,
    /// The last frame after the heal that nothing schedules.
    noise: Option<(Instant, RecordId, String)>,
    found: bool,
    /// Lookups that a timer started.
    scheduled: BTreeSet<(u32, ReqId)>,
    /// Drafts reported as unsent, by receiver: their bursts go on.
    unsent: Owned<DraftId, UserId>,
    drafts: BTreeMap<(u32, DraftId), UserId>,
    /// Messages that wait for a key or for a user's word.
    waiting: Owned<Mid, ()>,
    /// Users whose devices said that their key is lost: these refuse all mail for it until it bounces, and
    /// what is sealed anew too.
    keyless: BTreeSet<UserId>,
}

impl TrafficCeases {
    fn is_excused(&self, user: u32, frame: &FrameFact) -> bool {
        let waits_for = |peer: &UserId| {
            if self.keyless.contains(peer) {
                return true;
            }
            self.unsent.of(user).any(|(_, to)| to == peer)
                || self.waiting.of(user).any(|(mid, ())| mid.sender == *peer)
        };
        match (frame.kind, &frame.about) {
            (Some(FrameKind::LookupKey), About::User(peer)) => {
                self.scheduled.contains(&(user, frame.req)) || waits_for(peer)
            }
            (Some(FrameKind::Submit), About::Message(mid, _)) => waits_for(&mid.receiver),
            (Some(FrameKind::DeliverNack), About::Message(mid, _)) => {
                self.keyless.contains(&mid.receiver) || self.waiting.contains(user, mid)
            }
            // Reports of expiry come when they come.
            (Some(FrameKind::DeliverAck), About::Message(..)) => true,
            (Some(kind), _) => !matches!(
                kind,
                FrameKind::LookupKey
                    | FrameKind::Submit
                    | FrameKind::DeliverNack
                    | FrameKind::RotateKey
                    | FrameKind::Register
            ),
            (None, _) => true,
        }
    }

    fn follow(&mut self, record: &Record, user: u32, spec: &Spec) {
        if let Fact::Lookup { req, because, .. } = &record.fact {
            if matches!(because, LookupCause::Refresh | LookupCause::Stale) {
                self.scheduled.insert((user, *req));
            }
        } else if let Fact::KeyReply { req, .. } | Fact::LookupFailed { req, .. } = &record.fact {
            self.scheduled.remove(&(user, *req));
        } else if let Fact::Compose { draft, to, .. } = &record.fact {
            self.drafts.insert((user, *draft), to.clone());
        } else if let Fact::Notice { draft, status, .. } = &record.fact {
            let key = (user, *draft);
            let unsent = matches!(status, DraftStatus::Unsent | DraftStatus::NeedsConfirm);
            match self.drafts.get(&key) {
                Some(to) if unsent => {
                    self.unsent.insert(user, *draft, to.clone());
                }
                Some(_) | None => {
                    self.unsent.remove(user, draft);
                    self.drafts.remove(&key);
                }
            }
        } else if let Fact::Alarm { what: AlarmKind::OwnRecord, .. } = &record.fact {
            self.keyless.extend(spec.user(user).cloned());
        } else if let Fact::Waiting { mid, why } = &record.fact {
            if matches!(why, WaitCause::Key | WaitCause::Confirm) {
                self.waiting.insert(user, mid.clone(), ());
            }
        } else if let Fact::Commit { mid, .. }
        | Fact::Duplicate { mid }
        | Fact::Reject { mid: Some(mid), .. } = &record.fact
        {
            self.waiting.remove(user, mid);
        }
    }
}

impl Oracle for TrafficCeases {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            Lookup, LookupFailed, KeyReply, Compose, Notice, Waiting, Commit, Duplicate, Reject,
            Alarm, Tx, Step, Phase
        ]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if let Fact::Phase(Phase::Settle) = &record.fact {
            self.heal = Some(record.at);
        } else if let Fact::Step { .. } = &record.fact {
            // New input: what follows from it is no loop.
            self.heal = self.heal.map(|_| record.at);
        }
        let Some(user) = device_of(record) else { return };
        self.follow(record, user, spec);
        let (Some(heal), Fact::Tx(frame)) = (self.heal, &record.fact) else { return };
        if self.is_excused(user, frame) {
            return;
        }
        let kind = frame.kind.map_or("octets", FrameKind::name);
        self.noise = Some((record.at, record.id, kind.to_owned()));
        if record.at > heal + BOUND && !std::mem::replace(&mut self.found, true) {
            let message = format!("{} after the heal a {kind} is sent", record.at.since(heal));
            docket.violation(ID, &CITED, record.at, &[record.id], message);
        }
    }

    fn conclude(&mut self, _spec: &Spec, docket: &mut Docket) {
        let Some(heal) = self.heal else { return };
        let last = self.noise.as_ref().map_or(heal, |(at, ..)| *at);
        if docket.now >= heal + BOUND || docket.now >= last + SILENCE {
            if !self.found {
                docket.shown(ID, &[]);
            }
        } else if last > heal + BOUND.scale(1, 2)
            && let Some((at, record, kind)) = &self.noise
        {
            let message = format!("a {kind} is still sent at {at}");
            let severity = Severity::Inconclusive;
            docket.push(severity, ID, &CITED, docket.now, &[*record], message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;

    /// Lookups for this reason every 20 s until this second.
    fn looks_up(because: LookupCause, until: u64) -> Vec<Severity> {
        let mut story = Story::new(&["alice", "bob"]);
        story.at_secs(100).phase(Phase::Settle);
        for at in (100..=until).step_by(20) {
            story.at_secs(at).looks_up(0, 1, 0, because);
            let frame = story.frame(FrameKind::LookupKey, true, About::User(story.user(1)));
            story.device(0, Fact::Tx(frame));
        }
        story.phase(Phase::End);
        let docket = story.judge(TrafficCeases::default());
        docket.findings.into_iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn lookups_that_never_end_are_found() {
        assert_eq!(looks_up(LookupCause::Message, 760), [Severity::Fail]);
        assert_eq!(looks_up(LookupCause::Message, 600), [Severity::Inconclusive]);
    }

    #[test]
    fn a_refresh_may_go_on_for_ever() {
        assert_eq!(looks_up(LookupCause::Refresh, 760), []);
    }
}
