//! C10-R5: a device polls at its declared period, and after an error not at once but after a while.
//!
//! Not here: what polls bring (C10-R1).

use std::collections::BTreeMap;

use crate::base::id::ReqId;
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Oracle, device_of, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, FrameKind, Phase};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C10-R5";
const CITED: [Requirement; 1] = [Requirement::of(10, 5)];
/// The longest backoff, and a poll beside it that is still under way.
const BACKOFF: Duration = Duration::from_secs(120);
/// No two tries of one poll may follow each other faster.
const LEAST: Duration = Duration::from_millis(500);

/// The judge of C10-R5.
#[derive(Debug, Default)]
pub struct PollsKeepTheirPeriod {
    heal: Option<Instant>,
    devices: BTreeMap<u32, Device>,
}

#[derive(Debug, Default)]
struct Device {
    last: Option<(Instant, ReqId)>,
    /// The tries of one poll: last interval between them.
    interval: Option<Duration>,
    /// In service since then: on, and with a session.
    attached: Option<Instant>,
}

impl PollsKeepTheirPeriod {
    fn poll(&mut self, record: &Record, user: u32, req: ReqId, spec: &Spec, docket: &mut Docket) {
        let Some(period) = spec.limits(user).and_then(|limits| limits.poll) else { return };
        let device = self.devices.entry(user).or_default();
        let before = device.last.replace((record.at, req));
        let Some((at, same)) = before else { return };
        let span = record.at.since(at);
        if same == req {
            let longer = device.interval.replace(span).is_some_and(|before| span > before);
            if span < LEAST && device.attached.is_none_or(|attached| attached < at) {
                let message = format!("a poll is sent again after {span}");
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            } else if longer {
                docket.shown(ID, &[negative(10, 5)]);
            }
        } else {
            device.interval = None;
            // A fifth is jitter.
            if span <= period.scale(6, 5) + spec.round_trip {
                docket.shown(ID, &[positive(10, 5)]);
            }
        }
    }
}

impl Oracle for PollsKeepTheirPeriod {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if let Fact::Phase(Phase::Settle) = &record.fact {
            self.heal = Some(record.at);
        }
        let Some(user) = device_of(record) else { return };
        if let Fact::Tx(frame) = &record.fact {
            if frame.kind == Some(FrameKind::Poll) {
                self.poll(record, user, frame.req, spec, docket);
            }
        } else if let Fact::Attached { .. } = &record.fact {
            self.devices.entry(user).or_default().attached = Some(record.at);
        } else if let Fact::PowerOff { .. } | Fact::State { .. } = &record.fact
            && let Some(device) = self.devices.get_mut(&user)
        {
            device.last = None;
            if let Fact::PowerOff { .. } = &record.fact {
                device.attached = None;
            }
        }
    }

    fn conclude(&mut self, spec: &Spec, docket: &mut Docket) {
        let Some(heal) = self.heal else { return };
        for (user, device) in &self.devices {
            let period = spec.limits(*user).and_then(|limits| limits.poll);
            let (Some(period), Some(attached)) = (period, device.attached) else { continue };
            let from = heal.max(attached).max(device.last.map_or(Instant::START, |(at, _)| at));
            if docket.now > from + period.times(2) + BACKOFF {
                let name = spec.user(*user).map_or("?", |name| name.as_str());
                let message = format!("{name} has not polled since {from}");
                docket.violation(ID, &CITED, docket.now, &[], message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Millis;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::About;
    use crate::verdict::requirement::Polarity;

    /// Polls at these seconds under these numbers; the run ends at 300 s.
    fn polls(at: &[(u64, u8)]) -> Docket {
        let mut story = Story::new(&["alice"]);
        story.device(0, Fact::Attached { expires: Millis::NEVER });
        story.phase(Phase::Settle);
        for (at, req) in at {
            let mut frame = story.frame(FrameKind::Poll, true, About::Nothing);
            frame.req = ReqId([*req; 8]);
            story.at_secs(*at).device(0, Fact::Tx(frame));
        }
        story.at_secs(300).phase(Phase::End);
        story.judge(PollsKeepTheirPeriod::default())
    }

    #[test]
    fn polls_at_their_period_and_backing_off_are_in_order() {
        let docket = polls(&[(270, 1), (280, 2), (282, 2), (286, 2)]);
        assert!(docket.findings.is_empty(), "{:?}", docket.findings);
        assert_eq!(docket.evidence.count(Requirement::of(10, 5), Polarity::Positive), 1);
        assert_eq!(docket.evidence.count(Requirement::of(10, 5), Polarity::Negative), 1);
    }

    #[test]
    fn a_device_that_stops_polling_is_found() {
        let found = "alice has not polled since 10.000000s";
        assert_eq!(polls(&[(10, 1)]).findings[0].message, found);
    }
}
