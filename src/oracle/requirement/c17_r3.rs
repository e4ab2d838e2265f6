//! C17-R3: a refresh that brings no new key changes no secret, and refreshes keep to their period.
//!
//! Not here: what a refresh that does bring a new key must change (S-09).

use std::collections::BTreeMap;

use crate::base::id::{Epoch, Hash32, ReqId, UserId};
use crate::base::time::{Duration, Instant};
use crate::oracle::judge::{Docket, Oracle, device_of, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{DeviceState, Fact, LookupCause, ReplyResult, Way};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "C17-R3";
const CITED: [Requirement; 1] = [Requirement::of(17, 3)];
/// A clock that drifts makes a period a little shorter for everybody else.
const SLACK: Duration = Duration::from_secs(1);

/// The judge of C17-R3.
#[derive(Debug, Default)]
pub struct RefreshChangesNothing {
    pairs: BTreeMap<(u32, UserId), Pair>,
}

/// What a device holds of a peer.
#[derive(Debug, Default)]
struct Pair {
    /// Keys of messages that were encrypted or opened, by way and epochs (own, theirs).
    keys: BTreeMap<(Way, Epoch, Epoch), Hash32>,
    /// The refresh under way.
    asked: Option<ReqId>,
    /// The last reply that was accepted.
    answered: Option<Instant>,
    /// A refresh since the last use of a key, and no change of the pin with or after it.
    unchanged: Option<RecordId>,
}

impl Pair {
    fn lookup(&mut self, record: &Record, spec: &Spec, user: u32, docket: &mut Docket) {
        let Fact::Lookup { peer, req, because, .. } = &record.fact else { return };
        let (LookupCause::Refresh, Some(limits)) = (because, spec.limits(user)) else { return };
        self.asked = Some(*req);
        let Some(last) = self.answered else { return };
        let early = record.at + SLACK < last + limits.refresh;
        if early && !spec.circumstances.clock {
            let since = record.at.since(last);
            let message = format!("{peer} is refreshed {since} after the last answer");
            docket.violation(ID, &CITED, record.at, &[record.id], message);
        } else if self.unchanged.is_some() {
            docket.shown(ID, &[negative(17, 3)]);
        }
    }

    fn reply(&mut self, record: &Record) {
        let Fact::KeyReply { req, result, .. } = &record.fact else { return };
        let refresh = self.asked == Some(*req);
        if refresh {
            self.asked = None;
        }
        if *result == ReplyResult::Accepted {
            self.answered = Some(record.at);
            // A change of the pin follows its reply and takes this back.
            self.unchanged = self.unchanged.or(refresh.then_some(record.id));
        }
    }

    fn uses(&mut self, record: &Record, way: (Way, Epoch, Epoch), key: Hash32, d: &mut Docket) {
        let known = self.keys.insert(way, key);
        let Some(refreshed) = self.unchanged.take() else { return };
        match known {
            Some(known) if known != key => {
                let message = format!("a refresh changes the key of {} and {}", way.1, way.2);
                d.violation(ID, &CITED, record.at, &[refreshed, record.id], message);
            }
            Some(_) => d.shown(ID, &[positive(17, 3), negative(17, 3)]),
            None => {}
        }
    }
}

/// The peer that a fact is about, if it matters here.
const fn peer_of(fact: &Fact) -> Option<&UserId> {
    if let Fact::Lookup { peer, .. } | Fact::KeyReply { peer, .. } | Fact::Pin { peer, .. } = fact {
        Some(peer)
    } else if let Fact::Encrypt(it) = fact {
        Some(&it.mid.receiver)
    } else if let Fact::Decrypt(it) = fact {
        Some(&it.mid.sender)
    } else {
        None
    }
}

impl RefreshChangesNothing {
    /// Timers do not survive a stop, and nothing survives a wipe.
    fn stops(&mut self, user: u32, fact: &Fact) {
        if let Fact::PowerOff { .. } = fact {
            for (_, pair) in self.pairs.iter_mut().filter(|((owner, _), _)| *owner == user) {
                (pair.asked, pair.answered) = (None, None);
            }
        } else if let Fact::Rolledback { .. } | Fact::State { to: DeviceState::Blank } = fact {
            self.pairs.retain(|(owner, _), _| *owner != user);
        }
    }
}

impl Oracle for RefreshChangesNothing {
    fn id(&self) -> &'static str {
        ID
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        let Some(peer) = peer_of(&record.fact) else {
            self.stops(user, &record.fact);
            return;
        };
        let pair = self.pairs.entry((user, peer.clone())).or_default();
        if let Fact::Lookup { .. } = &record.fact {
            pair.lookup(record, spec, user, docket);
        } else if let Fact::KeyReply { .. } = &record.fact {
            pair.reply(record);
        } else if let Fact::Pin { .. } = &record.fact {
            // The rest of a long chain is asked for at once.
            *pair = Pair { asked: pair.asked, ..Pair::default() };
        } else if let Fact::Encrypt(it) = &record.fact {
            pair.uses(record, (Way::Out, it.own, it.theirs), it.key, docket);
        } else if let Fact::Decrypt(it) = &record.fact
            && it.plain.is_some()
        {
            pair.uses(record, (Way::In, it.own, it.theirs), it.key, docket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};
    use crate::verdict::requirement::Polarity;

    /// Alice writes to bob, refreshes his key at 30 s and again then, and writes again under this key.
    fn refreshed(again: u64, key: &str) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.spec.limits[0].refresh = Duration::from_secs(30);
        story.encrypts(0, 1, 1, "before", 1, 1);
        for (n, at) in [(1, 30), (2, again)] {
            story.at_secs(at).looks_up(0, 1, n, LookupCause::Refresh);
            story.gets_reply(0, 1, n, ReplyResult::Accepted);
        }
        let mut sealing = story.sealing(0, 1, 2, "after", 1, 1);
        sealing.key = hash(key);
        story.device(0, Fact::Encrypt(Box::new(sealing)));
        story.judge(RefreshChangesNothing::default())
    }

    #[test]
    fn the_same_key_after_refreshes_in_their_period_is_in_order() {
        let docket = refreshed(60, "key");
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(17, 3), Polarity::Positive), 1);
        assert_eq!(docket.evidence.count(Requirement::of(17, 3), Polarity::Negative), 2);
    }

    #[test]
    fn another_key_without_another_record_is_found() {
        let found = "a refresh changes the key of e1 and e1";
        assert_eq!(refreshed(60, "other").findings[0].message, found);
    }

    #[test]
    fn refreshes_in_a_loop_are_found() {
        let found = "bob is refreshed 10s after the last answer";
        assert_eq!(refreshed(40, "key").findings[0].message, found);
    }
}
