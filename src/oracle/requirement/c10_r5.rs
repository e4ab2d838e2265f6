//! C10-R5: a device polls at its period while it is online, and backs off while nobody answers.
//!
//! Not here: what polls bring (`c10_r1`).

use crate::base::id::{NodeId, ReqId};
use crate::base::time::{Duration, Instant};
use crate::oracle::deadlines::Deadlines;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames, negative, positive};
use crate::oracle::spec::Spec;
use crate::oracle::user_map::UserMap;
use crate::trace::fact::{DeviceState, Fact, FrameKind};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C10-R5";
const CITED: [Requirement; 1] = [Requirement::of(10, 5)];
/// The longest pause between two copies of a poll that nobody answers: the cap of all backoffs with its
/// jitter (protocol 4.5).
const BACKOFF_MAX: Duration = Duration::from_secs(72);
/// What a slow processor may add; a slow store adds its writes.
const LATENESS: Duration = Duration::from_secs(10);
/// Pauses between copies after which a backoff must show: with doubling the last is four times the first.
const PAUSES: u8 = 3;
/// Pauses of this length may be those of a backoff that is at its cap.
const NEAR_CAP: Duration = Duration::from_secs(30);

/// The judge of C10-R5.
#[derive(Debug, Default)]
pub struct PollsInTime {
    devices: UserMap<Option<Polling>>,
    /// When to look whether a device has polled again; see [`Polling::look`].
    looks: Deadlines,
}

/// The polls of a device that is online.
#[derive(Debug)]
struct Polling {
    req: ReqId,
    /// When its last copy left.
    last: Instant,
    /// The number of its record there.
    record: u64,
    /// By when the next copy or poll must leave; never: not while it has to attach first.
    due: Instant,
    /// The first moment at which one looks at it, not after it is due: mostly it has another due time by
    /// then, and one looks again.
    look: Instant,
    /// Between the first two copies of this poll.
    first: Duration,
    /// Pauses between its copies so far.
    pauses: u8,
}

impl Polling {
    /// Another copy after this pause; the pause between the first two and this one, when it is the one in
    /// which a backoff must show.
    fn pauses(&mut self, pause: Duration) -> Option<(Duration, Duration)> {
        if self.pauses == 0 {
            self.first = pause;
        }
        self.pauses = self.pauses.saturating_add(1);
        (self.pauses == PAUSES).then_some((self.first, pause))
    }
}

impl PollsInTime {
    /// The next copy or poll of a device is due then.
    fn expect(&mut self, user: u32, due: Instant) {
        let Some(Some(polling)) = self.devices.get_mut(user) else { return };
        polling.due = due;
        if due < polling.look {
            polling.look = due;
            self.looks.insert(due, user);
        }
    }

    fn polls(&mut self, record: &Record, user: u32, req: ReqId, spec: &Spec, docket: &mut Docket) {
        let Some(period) = spec.limits(user).and_then(|limits| limits.poll) else { return };
        let due = record.at + period.max(BACKOFF_MAX) + LATENESS + spec.held_up();
        let (last, seq, look) = (record.at, record.id.seq, Instant::NEVER);
        let fresh = Polling { req, last, record: seq, due, look, first: Duration::ZERO, pauses: 0 };
        let Some(polling) = self.devices.place(user) else {
            self.devices.set(user, Some(fresh));
            return self.expect(user, due);
        };
        let pause = record.at.since(polling.last);
        if polling.req != req {
            if polling.due != Instant::NEVER
                && pause >= period.scale(1, 2)
                && pause <= period + LATENESS
            {
                docket.shown(ID, &[positive(10, 5)]);
            }
            *polling = Polling { look: polling.look, ..fresh };
            return self.expect(user, due);
        }
        (polling.last, polling.record) = (record.at, record.id.seq);
        let judged = polling.pauses(pause);
        self.expect(user, due);
        if let Some((first, last)) = judged {
            if last >= first.scale(3, 2) || first >= NEAR_CAP {
                docket.shown(ID, &[positive(10, 5), negative(10, 5)]);
            } else {
                let message = "a poll that nobody answers is repeated without backoff".to_owned();
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            }
        }
    }

    fn overdue(&mut self, now: Instant, spec: &Spec, docket: &mut Docket) {
        while let Some((at, user)) = self.looks.pop_before(now) {
            let Some(Some(polling)) = self.devices.get_mut(user) else { continue };
            if polling.look != at {
                continue;
            }
            polling.look = Instant::NEVER;
            if polling.due == at {
                polling.due = Instant::NEVER;
                let name = spec.user(user).map_or("?", |it| it.as_str());
                let message = format!("{name} does not poll in time");
                let last = RecordId { node: NodeId::device(user), seq: polling.record };
                docket.violation(ID, &CITED, now, &[last], message);
            } else {
                let due = polling.due;
                self.expect(user, due);
            }
        }
    }
}

impl Oracle for PollsInTime {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOff, State, Attached, Tx, Rx].frames(frames![Poll, PollEnd, Error])
    }

    fn looks_ahead(&self) -> bool {
        true
    }

    fn glance(&self, record: &Record) -> u64 {
        let polling = device_of(record).and_then(|user| self.devices.get(user)?.as_ref());
        polling.map_or(0, |polling| polling.due.as_nanos())
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        self.overdue(record.at, spec, docket);
        let Some(user) = device_of(record) else { return };
        if let Fact::Tx(frame) = &record.fact {
            if frame.kind == Some(FrameKind::Poll) {
                self.polls(record, user, frame.req, spec, docket);
            }
        } else if let Fact::Rx(frame) = &record.fact {
            let Some(Some(polling)) = self.devices.get_mut(user) else { return };
            if frame.kind == Some(FrameKind::Error) {
                // The session may be over; polls go on after the next one begins.
                polling.due = Instant::NEVER;
            } else if let Some(period) = spec.limits(user).and_then(|limits| limits.poll)
                && frame.kind == Some(FrameKind::PollEnd)
                && frame.req == polling.req
                && polling.due != Instant::NEVER
            {
                // An answer that was long under way makes the next poll as late.
                self.expect(user, record.at + period + LATENESS + spec.held_up());
            }
        } else if let Fact::Attached { .. } = &record.fact {
            // A new burst of copies begins.
            self.devices.take(user);
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.devices.take(user);
        } else if let Fact::State { to } = &record.fact {
            match to {
                DeviceState::Ready | DeviceState::Rotating => {}
                DeviceState::Blank | DeviceState::Keyed | DeviceState::Locked => {
                    self.devices.take(user);
                }
            }
        }
    }

    fn conclude(&mut self, spec: &Spec, docket: &mut Docket) {
        self.overdue(docket.now, spec, docket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::{About, Phase};
    use crate::verdict::requirement::Polarity;

    /// Bob polls at these seconds; answered: under a new number each time.
    fn polls(seconds: &[u64], answered: bool, end: u64) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        for (n, second) in (1..).zip(seconds) {
            let req = ReqId([if answered { n } else { 1 }; 8]);
            let mut frame = story.frame(FrameKind::Poll, true, About::Nothing);
            frame.req = req;
            story.at_secs(*second).device(1, Fact::Tx(frame));
            if answered {
                let mut frame = story.frame(FrameKind::PollEnd, false, About::Nothing);
                frame.req = req;
                story.device(1, Fact::Rx(frame));
            }
        }
        story.at_secs(end).phase(Phase::End);
        story.judge(PollsInTime::default())
    }

    #[test]
    fn polls_at_the_period_and_a_backoff_are_in_order() {
        let docket = polls(&[0, 10, 20], true, 25);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Positive), 2);
        let docket = polls(&[0, 2, 6, 14], false, 25);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Negative), 1);
    }

    #[test]
    fn a_device_that_stops_polling_is_found() {
        let docket = polls(&[0, 10], true, 60);
        assert_eq!(docket.findings[0].message, "bob does not poll in time");
    }

    #[test]
    fn a_device_that_does_not_back_off_is_found() {
        let docket = polls(&[0, 2, 4, 6], false, 20);
        let found = "a poll that nobody answers is repeated without backoff";
        assert_eq!(docket.findings[0].message, found);
    }
}
