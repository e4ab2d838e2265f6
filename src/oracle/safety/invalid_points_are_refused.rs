//! S-23: a key that is no valid point is refused before it is used, and leaves nothing behind.
//!
//! Not here: which octets are a valid point (`crypto`), or their one encoding (S-32).

use crate::base::id::{ReqId, UserId};
use crate::oracle::encoding::{is_point, points_of, uncompressed};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames, negative, positive};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::oracle::turn::Turns;
use crate::trace::fact::{AlarmKind, Fact, LookupCause, ReplyResult};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "S-23";
const CITED: [Requirement; 2] = [Requirement::of(5, 8), Requirement::of(15, 4)];

/// The judge of S-23.
#[derive(Debug, Default)]
pub struct InvalidPointsAreRefused {
    /// Lookups under way for received messages.
    lookups: Owned<ReqId, ()>,
    refused: Turns<Refused>,
    /// Replies under examination that hold a key which is no point.
    bad: Turns<RecordId>,
}

#[derive(Debug)]
struct Refused {
    record: RecordId,
    peer: UserId,
    /// The lookup was for a received message (claim 15).
    receiving: bool,
}

fn settle(refused: &Refused, docket: &mut Docket) {
    let sides = [negative(5, 8), negative(15, 4)];
    docket.shown(ID, if refused.receiving { &sides } else { &sides[..1] });
}

impl Oracle for InvalidPointsAreRefused {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOff, Lookup, LookupFailed, KeyReply, Pin, Derive, Alarm, Rx]
            .frames(frames![KeyReply])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        for refused in self.refused.over(record.at, spec) {
            settle(&refused, docket);
        }
        let Some(user) = device_of(record) else { return };
        self.bad.over(record.at, spec);
        if let Fact::Rx(frame) = &record.fact {
            if points_of(frame).iter().any(|point| !is_point(&uncompressed(point))) {
                self.bad.begin_after(record, record.id);
            }
        } else if let Fact::Lookup { req, because: LookupCause::Message, .. } = &record.fact {
            self.lookups.insert(user, *req, ());
        } else if let Fact::LookupFailed { req, .. } = &record.fact {
            self.lookups.remove(user, req);
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.lookups.forget(user);
        } else if let Fact::KeyReply { peer, req, result, .. } = &record.fact {
            if *result == ReplyResult::Accepted
                && let Some(reply) = self.bad.end(record)
            {
                let message = format!("a key of {peer} that is no point is accepted");
                docket.violation(ID, &CITED, record.at, &[reply, record.id], message);
            }
            if *result == ReplyResult::InvalidKey {
                let receiving = self.lookups.contains(user, req);
                let refused = Refused { record: record.id, peer: peer.clone(), receiving };
                if let Some(refused) = self.refused.begin(record, refused) {
                    settle(&refused, docket);
                }
            } else if *result == ReplyResult::Accepted {
                self.lookups.remove(user, req);
            }
        } else if let Fact::Alarm { what: AlarmKind::InvalidKey, .. } = &record.fact {
            let receiving = self.refused.during(record).is_some_and(|refused| refused.receiving);
            let sides = [positive(5, 8), positive(15, 4)];
            docket.shown(ID, if receiving { &sides } else { &sides[..1] });
        } else if let Fact::Derive { peer, .. } | Fact::Pin { peer, .. } = &record.fact
            && self.refused.during(record).is_some_and(|refused| refused.peer == *peer)
            && let Some(refused) = self.refused.end(record)
        {
            let message = format!("an invalid key of {peer} is used");
            docket.violation(ID, &CITED, record.at, &[refused.record, record.id], message);
        }
    }

    fn conclude(&mut self, _spec: &Spec, docket: &mut Docket) {
        for refused in self.refused.rest() {
            settle(&refused, docket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::NodeId;
    use crate::crypto::model::Model;
    use crate::crypto::suite::{Secret, Suite as _};
    use crate::oracle::encoding::tests::reply_with;
    use crate::oracle::tests_support::Story;
    use crate::verdict::requirement::Polarity;

    fn invalid_reply(used: bool) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        let cause = story.looks_up(1, 0, 1, LookupCause::Message);
        story.gets_reply(1, 0, 1, ReplyResult::InvalidKey);
        story.records.last_mut().unwrap().cause = Some(cause);
        if used {
            story.derives(1, 0, 1, 1);
            story.records.last_mut().unwrap().cause = Some(cause);
        }
        assert_eq!(story.records[0].id.node, NodeId::device(1));
        story.judge(InvalidPointsAreRefused::default())
    }

    #[test]
    fn a_key_that_is_no_point_is_not_accepted() {
        let good = Model::public(&Secret::new([1; 32]));
        for (point, found) in [(good, 0), ([0; 65], 1)] {
            let mut story = Story::new(&["alice", "bob"]);
            let frame = reply_with(&story, point);
            let rx = story.device(1, Fact::Rx(frame));
            story.gets_reply(1, 0, 1, ReplyResult::Accepted);
            story.records.last_mut().unwrap().cause = Some(rx);
            let docket = story.judge(InvalidPointsAreRefused::default());
            assert_eq!(docket.findings.len(), found);
        }
    }

    #[test]
    fn an_invalid_key_that_is_not_used_is_in_order() {
        let docket = invalid_reply(false);
        assert!(docket.findings.is_empty());
        for (claim, number) in [(5, 8), (15, 4)] {
            let requirement = Requirement::of(claim, number);
            assert_eq!(docket.evidence.count(requirement, Polarity::Negative), 1);
        }
    }

    #[test]
    fn an_invalid_key_that_is_used_is_found() {
        assert_eq!(invalid_reply(true).findings[0].message, "an invalid key of alice is used");
    }
}
