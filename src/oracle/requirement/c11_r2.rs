//! C11-R2 and C11-R3: a device takes pushed mail as it takes polled mail, and a race of both shows it once.
//!
//! Not here: whether a push passes a check that a poll would fail (`c11_r5`).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Mid, UserId};
use crate::base::time::Instant;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames, negative, positive};
use crate::oracle::ranges::Ranges;
use crate::oracle::requirement::unasked::Unasked;
use crate::oracle::spec::Spec;
use crate::oracle::tampering::{Tampering, is_false};
use crate::oracle::turn::Turns;
use crate::trace::fact::{About, DeviceState, Fact, FrameKind};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C11-R2";
const TAKEN: [Requirement; 1] = [Requirement::of(11, 2)];
const ONCE: [Requirement; 1] = [Requirement::of(11, 3)];

/// The judge of C11-R2 and C11-R3.
#[derive(Debug, Default)]
pub struct PushedLikePolled {
    unasked: Unasked,
    tampering: Tampering,
    turns: Turns<Taking>,
    /// Devices without keys, and when each stopped last.
    idle: BTreeSet<u32>,
    stopped: BTreeMap<u32, Instant>,
    /// By receiver and sender: mail that came by poll, and mail that came by push.
    polled: BTreeMap<(u32, UserId), Ranges>,
    pushed: BTreeMap<(u32, UserId), Ranges>,
    /// Mail that came both ways, or pushed while a poll was under way.
    raced: BTreeMap<(u32, UserId), Ranges>,
    /// Raced mail that was shown.
    shown: BTreeMap<(u32, UserId), Ranges>,
    /// What each device showed last, and what it may show again since it stopped after that: power may fail
    /// between the display and the write that says so.
    last: BTreeMap<u32, Mid>,
    again: BTreeMap<u32, Mid>,
}

/// What a device does with a push.
#[derive(Debug)]
struct Taking {
    user: u32,
    mid: Mid,
    at: Instant,
    record: RecordId,
    /// The octets are those that the server sent.
    honest: bool,
    /// The device looked at it.
    seen: bool,
    /// It was waiting for the answer to a poll.
    polling: bool,
}

impl PushedLikePolled {
    fn judge(&self, over: Vec<Taking>, docket: &mut Docket) {
        for it in over {
            let cut = self.stopped.get(&it.user).is_some_and(|at| *at >= it.at);
            if it.honest && !it.seen && !cut {
                let message = format!("{} is pushed and not looked at", it.mid);
                docket.violation(ID, &TAKEN, it.at, &[it.record], message);
            }
        }
    }

    /// Notes the way that a delivery came.
    fn arrive(&mut self, record: &Record, user: u32, honest: bool, spec: &Spec) {
        let push = self.unasked.observe(record).map(|push| push.polling);
        let Fact::Rx(frame) = &record.fact else { return };
        let About::Message(mid, _) = &frame.about else { return };
        if frame.kind != Some(FrameKind::Deliver) {
            return;
        }
        let pair = (user, mid.sender.clone());
        let came = |ways: &BTreeMap<_, Ranges>| {
            ways.get(&pair).is_some_and(|known| known.contains(mid.seq.0))
        };
        let raced = match push {
            Some(polling) => polling || came(&self.polled),
            None => came(&self.pushed),
        };
        // Where no server pushes, what comes unasked is a replay or an answer that was overtaken.
        if raced && spec.server.push {
            self.raced.entry(pair.clone()).or_default().insert(mid.seq.0);
        }
        let way = if push.is_some() { &mut self.pushed } else { &mut self.polled };
        way.entry(pair).or_default().insert(mid.seq.0);
        if push.is_some() {
            let (at, record_id) = (record.at, record.id);
            let honest = honest && !self.idle.contains(&user);
            let (mid, polling) = (Mid::clone(mid), push == Some(true));
            let taking = Taking { user, mid, at, record: record_id, honest, seen: false, polling };
            self.turns.begin_after(record, taking);
        }
    }

    fn is_raced(&self, user: u32, mid: &Mid) -> bool {
        let raced = self.raced.get(&(user, mid.sender.clone()));
        raced.is_some_and(|raced| raced.contains(mid.seq.0))
    }

    fn display(&mut self, record: &Record, user: u32, mid: &Mid, spec: &Spec, d: &mut Docket) {
        let again = self.again.remove(&user).is_some_and(|again| again == *mid);
        self.last.insert(user, mid.clone());
        if !self.is_raced(user, mid) {
            return;
        }
        let shown = self.shown.entry((user, mid.sender.clone())).or_default();
        let forgets = spec.circumstances.restore || spec.circumstances.reset;
        if shown.insert(mid.seq.0) {
            d.shown(ID, &[positive(11, 3)]);
        } else if !forgets && !again {
            let message = format!("{mid} is pushed and polled, and shown twice");
            d.violation(ID, &ONCE, record.at, &[record.id], message);
        }
    }

    /// Something that a device does with a message in the turn of its push.
    fn take(&mut self, record: &Record, mid: &Mid, docket: &mut Docket) {
        let Some(taking) = self.turns.during(record).filter(|it| it.mid == *mid) else { return };
        taking.seen = true;
        let count = 1 + usize::from(taking.polling);
        if let Fact::Commit { .. } | Fact::Duplicate { .. } = &record.fact {
            docket.shown(ID, &[positive(11, 2), negative(11, 2)][..count]);
        }
    }
}

impl Oracle for PushedLikePolled {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![
            PowerOff, State, Select, Waiting, Commit, Duplicate, Reject, Display, Tx, Rx, Lost,
            Meddled
        ]
        .frames(frames![Poll, PollEnd, Deliver])
    }

    fn looks_ahead(&self) -> bool {
        true
    }

    fn glance(&self, record: &Record) -> u64 {
        self.unasked.glance(record)
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let over = self.turns.over(record.at, spec);
        self.judge(over, docket);
        let meddling = self.tampering.observe(record);
        let Some(user) = device_of(record) else { return };
        self.arrive(record, user, !meddling.is_some_and(is_false), spec);
        if let Fact::Select { mid: Some(mid), .. }
        | Fact::Waiting { mid, .. }
        | Fact::Reject { mid: Some(mid), .. }
        | Fact::Commit { mid, .. } = &record.fact
        {
            self.take(record, mid, docket);
        } else if let Fact::Duplicate { mid } = &record.fact {
            self.take(record, mid, docket);
            if self.is_raced(user, mid) {
                docket.shown(ID, &[negative(11, 3)]);
            }
        } else if let Fact::Display { mid, .. } = &record.fact {
            self.display(record, user, mid, spec, docket);
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.stopped.insert(user, record.at);
            self.again.extend(self.last.remove(&user).map(|mid| (user, mid)));
        } else if let Fact::State { to } = &record.fact {
            match to {
                DeviceState::Ready | DeviceState::Rotating => self.idle.remove(&user),
                DeviceState::Blank | DeviceState::Keyed | DeviceState::Locked => {
                    self.idle.insert(user)
                }
            };
        }
    }

    fn conclude(&mut self, spec: &Spec, docket: &mut Docket) {
        // What came in the last moments may still be under way inside the device.
        let over = self.turns.over(docket.now, spec);
        self.judge(over, docket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{NodeId, ReqId};
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::{Phase, Selection, Way};
    use crate::verdict::requirement::Polarity;

    /// A delivery to bob under this number.
    fn delivers(story: &mut Story, req: u8) -> RecordId {
        let about = About::message(story.mid(0, 1, 1), 0);
        let mut frame = story.frame(FrameKind::Deliver, false, about);
        frame.req = ReqId([req; 8]);
        story.device(1, Fact::Rx(frame))
    }

    fn because(story: &mut Story, cause: RecordId) {
        story.records.last_mut().unwrap().cause = Some(cause);
    }

    /// Bob polls under 7; mail is pushed under 1 and shown, then comes as the answer.
    fn race(displays: usize) -> Docket {
        race_with(displays, None)
    }

    /// The same, with something that happens at bob's device after each display.
    fn race_with(displays: usize, between: Option<&Fact>) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.spec.server.push = true;
        let mut poll = story.frame(FrameKind::Poll, true, About::Nothing);
        poll.req = ReqId([7; 8]);
        story.device(1, Fact::Tx(poll));
        let push = delivers(&mut story, 1);
        let mid = story.mid(0, 1, 1);
        story.selects(1, 0, Some(mid.clone()), Way::In, Selection::Hit);
        because(&mut story, push);
        story.commits(1, 0, 1);
        because(&mut story, push);
        for _ in 0..displays {
            story.displays(1, 0, 1, "hello");
            if let Some(fact) = between {
                story.device(1, fact.clone());
            }
        }
        let answer = delivers(&mut story, 7);
        story.push(NodeId::device(1), Some(answer), Fact::Duplicate { mid });
        story.at_secs(60).phase(Phase::End);
        story.judge(PushedLikePolled::default())
    }

    #[test]
    fn pushed_mail_that_is_taken_and_a_race_with_one_display_are_in_order() {
        let docket = race(1);
        assert!(docket.findings.is_empty(), "{:?}", docket.findings);
        assert_eq!(docket.evidence.count(TAKEN[0], Polarity::Positive), 1);
        assert_eq!(docket.evidence.count(TAKEN[0], Polarity::Negative), 1);
        assert_eq!(docket.evidence.count(ONCE[0], Polarity::Positive), 1);
        assert_eq!(docket.evidence.count(ONCE[0], Polarity::Negative), 1);
    }

    #[test]
    fn a_race_with_two_displays_is_found() {
        let found = "alice>bob#1 is pushed and polled, and shown twice";
        assert_eq!(race(2).findings[0].message, found);
    }

    #[test]
    fn what_was_shown_last_may_be_shown_again_after_a_stop() {
        let stop = Fact::PowerOff { why: crate::trace::fact::StopCause::Crash };
        assert!(race_with(2, Some(&stop)).findings.is_empty());
    }

    #[test]
    fn pushed_mail_that_a_device_ignores_is_found() {
        let mut story = Story::new(&["alice", "bob"]);
        delivers(&mut story, 1);
        story.at_secs(60).phase(Phase::End);
        let docket = story.judge(PushedLikePolled::default());
        assert_eq!(docket.findings[0].message, "alice>bob#1 is pushed and not looked at");
    }
}
