//! C16-R5: a stop between computing a secret and storing it leaves a hit or a miss, never an error.
//!
//! Not here: restarts with nothing under way (C16-R4).

use crate::base::id::UserId;
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::{Fact, RejectCause, ReplyResult};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C16-R5";
const CITED: [Requirement; 1] = [Requirement::of(16, 5)];
/// How long after the keys came their secret may still be under way.
const COMPUTING: Duration = Duration::from_secs(5);

/// The judge of C16-R5.
#[derive(Debug, Default)]
pub struct HalfRowsDoNotHurt {
    /// Keys that came, and whose secret nothing has used yet.
    fetched: Owned<UserId, Instant>,
    /// Peers whose row was in the making when the device stopped.
    half: Owned<UserId, RecordId>,
}

impl HalfRowsDoNotHurt {
    fn used(&mut self, user: u32, peer: &UserId, docket: &mut Docket) {
        self.fetched.remove(user, peer);
        if self.half.remove(user, peer).is_some() {
            docket.shown(ID, &[positive(16, 5), negative(16, 5)]);
        }
    }

    fn stop(&mut self, record: &Record, user: u32) {
        let fresh = self.fetched.of(user).filter(|(_, at)| record.at.since(**at) <= COMPUTING);
        for (peer, _) in fresh {
            self.half.insert(user, peer.clone(), record.id);
        }
        self.fetched.forget(user);
    }
}

impl Oracle for HalfRowsDoNotHurt {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOff, KeyReply, Encrypt, Commit, Reject]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::KeyReply { peer, result: ReplyResult::Accepted, .. } = &record.fact {
            self.fetched.insert(user, peer.clone(), record.at);
        } else if let Fact::Commit { mid, .. } = &record.fact {
            self.used(user, &mid.sender, docket);
        } else if let Fact::Encrypt(sealing) = &record.fact {
            self.used(user, &sealing.mid.receiver, docket);
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.stop(record, user);
        } else if let Fact::Reject { mid: Some(mid), why } = &record.fact {
            let error = matches!(why, RejectCause::AuthFail | RejectCause::BadBody);
            let honest = !(spec.circumstances.altered || spec.circumstances.adversary);
            let half = self.half.get(user, &mid.sender).copied();
            if let Some(stop) = half.filter(|_| error && honest) {
                let message = format!("{mid} is rejected as {why} after a half-made row");
                docket.violation(ID, &CITED, record.at, &[stop, record.id], message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::StopCause;
    use crate::verdict::requirement::Polarity;

    fn stopped(error: bool) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.gets_reply(1, 0, 1, ReplyResult::Accepted);
        story.device(1, Fact::PowerOff { why: StopCause::Barrier });
        story.device(1, Fact::PowerOn { boot: 2 });
        if error {
            let mid = Some(story.mid(0, 1, 1));
            story.device(1, Fact::Reject { mid, why: RejectCause::AuthFail });
        } else {
            story.commits(1, 0, 1);
        }
        story.judge(HalfRowsDoNotHurt::default())
    }

    #[test]
    fn a_device_that_goes_on_is_in_order_and_an_error_is_found() {
        let docket = stopped(false);
        assert_eq!(docket.evidence.count(Requirement::of(16, 5), Polarity::Positive), 1);
        let found = "alice>bob#1 is rejected as auth-fail after a half-made row";
        assert_eq!(stopped(true).findings[0].message, found);
    }
}
