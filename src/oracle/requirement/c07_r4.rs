//! C07-R4: a lookup that gets no answer is sent again under the same number, at growing intervals.
//!
//! Not here: when it is given up (S-28).

use std::collections::BTreeMap;

use crate::base::id::ReqId;
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Oracle, device_of, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, FrameKind, ReplyResult};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C07-R4";
const CITED: [Requirement; 1] = [Requirement::of(7, 4)];
/// No two tries of one lookup may follow each other faster.
const LEAST: Duration = Duration::from_millis(500);

/// The judge of C07-R4.
#[derive(Debug, Default)]
pub struct LookupsAreRepeated {
    tries: BTreeMap<(u32, ReqId), (u32, Instant)>,
    /// When a device got a session: it says everything anew then.
    attached: BTreeMap<u32, Instant>,
}

impl Oracle for LookupsAreRepeated {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Attached { .. } = &record.fact {
            self.attached.insert(user, record.at);
        } else if let Fact::Tx(frame) = &record.fact {
            if frame.kind != Some(FrameKind::LookupKey) {
                return;
            }
            let before = self.tries.get(&(user, frame.req)).copied();
            let count = before.map_or(1, |(count, _)| count + 1);
            self.tries.insert((user, frame.req), (count, record.at));
            let Some((_, last)) = before else { return };
            let anew = self.attached.get(&user).is_some_and(|at| *at >= last);
            if record.at.since(last) < LEAST && !anew {
                let span = record.at.since(last);
                let message = format!("a lookup is sent again after {span}, without backing off");
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            }
        } else if let Fact::KeyReply { req, result, .. } = &record.fact {
            let tries = self.tries.remove(&(user, *req));
            let again = tries.is_some_and(|(count, _)| count > 1);
            if again && *result == ReplyResult::Accepted {
                docket.shown(ID, &[positive(7, 4)]);
            }
        } else if let Fact::LookupFailed { req, .. } = &record.fact {
            self.tries.remove(&(user, *req));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::About;
    use crate::verdict::requirement::Polarity;

    fn tries(millis: &[u64]) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        for at in millis {
            let frame = story.frame(FrameKind::LookupKey, true, About::User(story.user(1)));
            story.at(*at).device(0, Fact::Tx(frame));
        }
        story.gets_reply(0, 1, 0, ReplyResult::Accepted);
        story.judge(LookupsAreRepeated::default())
    }

    #[test]
    fn a_second_try_after_a_while_is_in_order_and_at_once_is_found() {
        let docket = tries(&[0, 5_000]);
        assert_eq!(docket.evidence.count(Requirement::of(7, 4), Polarity::Positive), 1);
        assert_eq!(tries(&[0, 100]).findings.len(), 1);
    }
}
