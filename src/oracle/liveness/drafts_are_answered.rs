//! L-02: after the heal every draft is accepted, or its user is told that it is not, within T_sub.
//!
//! Not here: what becomes of accepted messages (L-01).

use std::collections::BTreeMap;

use crate::base::id::{DraftId, Mid};
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts};
use crate::oracle::liveness::dues::Dues;
use crate::oracle::liveness::settling::Settling;
use crate::oracle::spec::Spec;
use crate::trace::fact::{DeviceState, Fact};
use crate::trace::record::Record;
use crate::verdict::finding::Severity;
use crate::verdict::requirement::Requirement;

const ID: &str = "L-02";
const CITED: [Requirement; 2] = [Requirement::of(2, 4), Requirement::of(8, 4)];
/// T_sub (protocol 4.5).
const BOUND: Duration = Duration::from_secs(600);

/// The judge of L-02.
#[derive(Debug, Default)]
pub struct DraftsAreAnswered {
    settling: Settling,
    dues: Dues<(u32, DraftId)>,
    by_mid: BTreeMap<Mid, (u32, DraftId)>,
}

impl DraftsAreAnswered {
    fn deadline(&self, (user, _): &(u32, DraftId), since: Instant) -> Option<Instant> {
        Some(self.settling.base(*user, since)? + BOUND)
    }

    fn answer(&mut self, key: &(u32, DraftId), docket: &mut Docket) {
        if self.dues.close(key).is_some() {
            docket.shown(ID, &[]);
        }
    }
}

impl Oracle for DraftsAreAnswered {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOn, PowerOff, Rolledback, State, Compose, Encrypt, Notice, Accept, Phase]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        if self.settling.observe(record) {
            self.dues.wake(record.at);
        }
        let mut dues = std::mem::take(&mut self.dues);
        let late = dues.overdue(record.at, |key, since| self.deadline(key, since));
        self.dues = dues;
        for (user, draft) in late {
            let user = spec.user(user).map_or("?", |user| user.as_str());
            let message = format!("draft {draft} of {user} is neither accepted nor reported");
            docket.violation(ID, &CITED, record.at, &[], message);
        }
        if let Fact::Accept { mid, .. } = &record.fact {
            if let Some(key) = self.by_mid.remove(mid) {
                self.answer(&key, docket);
            }
            return;
        }
        let Some(user) = device_of(record) else { return };
        if let Fact::Compose { draft, .. } = &record.fact {
            self.dues.open((user, *draft), record.at);
        } else if let Fact::Encrypt(sealing) = &record.fact {
            let key = (user, sealing.draft);
            if self.dues.contains(&key) {
                self.by_mid.insert(sealing.mid.clone(), key);
            }
        } else if let Fact::Notice { draft, .. } = &record.fact {
            // Whatever the user is told, they are not left in the dark.
            self.answer(&(user, *draft), docket);
        } else if let Fact::Rolledback { .. } | Fact::State { to: DeviceState::Blank } =
            &record.fact
        {
            // Gone with everything else of that device, as its user wanted.
            self.dues.close_all((user, DraftId(0))..=(user, DraftId(u64::MAX)));
        }
    }

    fn conclude(&mut self, spec: &Spec, docket: &mut Docket) {
        for (key, since) in self.dues.iter() {
            let Some(due) = self.deadline(key, since) else { continue };
            let late = docket.now > due;
            let severity = if late { Severity::Fail } else { Severity::Inconclusive };
            let user = spec.user(key.0).map_or("?", |user| user.as_str());
            let message = format!("draft {} of {user} is unanswered, due at {due}", key.1);
            docket.push(severity, ID, &CITED, docket.now, &[], message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::{DraftStatus, Phase};

    fn composed(then: impl Fn(&mut Story), end: u64) -> Vec<Severity> {
        let mut story = Story::new(&["alice", "bob"]);
        story.device(0, Fact::PowerOn { boot: 1 });
        story.sends(0, 1, 1, "hello");
        story.at_secs(100).phase(Phase::Settle);
        then(&mut story);
        story.at_secs(end).phase(Phase::End);
        let docket = story.judge(DraftsAreAnswered::default());
        docket.findings.into_iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn a_draft_accepted_or_reported_is_in_order() {
        let accepted = |story: &mut Story| {
            story.accepts(0, 1, 1);
        };
        assert_eq!(composed(accepted, 900), []);
        let reported = |story: &mut Story| {
            let (draft, mid, status) = (DraftId(1), None, DraftStatus::Unsent);
            story.device(0, Fact::Notice { draft, mid, status });
        };
        assert_eq!(composed(reported, 900), []);
    }

    #[test]
    fn a_draft_that_nobody_answers_is_found() {
        assert_eq!(composed(|_| {}, 701), [Severity::Fail]);
        assert_eq!(composed(|_| {}, 699), [Severity::Inconclusive]);
    }
}
