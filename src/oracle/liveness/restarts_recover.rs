//! L-08: a device that stopped and starts again is back within T_boot.
//!
//! That its rows and windows still hold is judged where they are (S-03, S-06). Not here: the server.

use std::collections::{BTreeMap, VecDeque};

use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts};
use crate::oracle::spec::Spec;
use crate::trace::fact::{DeviceState, Fact};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "L-08";
const CITED: [Requirement; 1] = [Requirement::of(16, 5)];
/// T_boot (protocol 4.5).
const BOUND: Duration = Duration::from_secs(5);

/// The judge of L-08.
#[derive(Debug, Default)]
pub struct RestartsRecover {
    stopped: BTreeMap<u32, RecordId>,
    started: BTreeMap<u32, (Instant, RecordId)>,
    /// All that started, in the order of time; those that are not among `started` any more are passed over.
    order: VecDeque<(Instant, u32)>,
}

impl RestartsRecover {
    fn judge(&mut self, now: Instant, docket: &mut Docket) {
        while let Some((at, user)) = self.order.front().copied() {
            if now <= at + BOUND {
                break;
            }
            self.order.pop_front();
            if self.started.get(&user).is_some_and(|(since, _)| *since == at)
                && let Some((at, record)) = self.started.remove(&user)
            {
                let message = format!("a device that starts at {at} sends nothing");
                docket.violation(ID, &CITED, at + BOUND, &[record], message);
            }
        }
    }
}

impl Oracle for RestartsRecover {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOn, PowerOff, State, Tx]
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        self.judge(record.at, docket);
        let Some(user) = device_of(record) else { return };
        if let Fact::PowerOff { .. } = &record.fact {
            self.started.remove(&user);
            self.stopped.insert(user, record.id);
        } else if let Fact::PowerOn { .. } = &record.fact {
            if self.stopped.remove(&user).is_some() {
                self.started.insert(user, (record.at, record.id));
                self.order.push_back((record.at, user));
            }
        } else if let Fact::State { to: DeviceState::Blank | DeviceState::Locked } = &record.fact {
            self.started.remove(&user);
        } else if let Fact::Tx(_) = &record.fact
            && self.started.remove(&user).is_some()
        {
            docket.shown(ID, &[]);
        }
    }

    fn conclude(&mut self, _spec: &Spec, docket: &mut Docket) {
        self.judge(docket.now, docket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::{About, FrameKind, Phase, StopCause};

    fn restarts(answers_at: Option<u64>) -> usize {
        let mut story = Story::new(&["alice"]);
        story.device(0, Fact::PowerOff { why: StopCause::Crash });
        story.at_secs(10).device(0, Fact::PowerOn { boot: 2 });
        if let Some(at) = answers_at {
            let frame = story.frame(FrameKind::Hello, true, About::Nothing);
            story.at_secs(at).device(0, Fact::Tx(frame));
        }
        story.at_secs(60).phase(Phase::End);
        story.judge(RestartsRecover::default()).findings.len()
    }

    #[test]
    fn only_a_device_that_does_not_come_back_in_time_is_found() {
        assert_eq!(restarts(Some(12)), 0);
        assert_eq!(restarts(Some(16)), 1);
        assert_eq!(restarts(None), 1);
    }
}
