//! C07-R1: a lookup goes to the server with the peer's user ID as its only index.
//!
//! Not here: why a device looks somebody up (S-07), or the answer (S-24, S-25).

use crate::base::id::{ReqId, UserId};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, frames, negative, positive};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::{About, Fact, FrameFact, FrameKind, LookupCause, ReplyResult};
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;
use crate::wire::message::{Envelope, Message};

const ID: &str = "C07-R1";
const CITED: [Requirement; 1] = [Requirement::of(7, 1)];

/// The judge of C07-R1.
#[derive(Debug, Default)]
pub struct LookupsNameTheUser {
    /// Whom each lookup under way is about, and why.
    wanted: Owned<ReqId, (UserId, LookupCause)>,
}

/// Whom a lookup's octets name; without octets, what the frame is said to be about.
fn named(frame: &FrameFact) -> Option<UserId> {
    if let Some(octets) = &frame.octets {
        let Ok(envelope) = Envelope::decode(&octets.0) else { return None };
        let Message::LookupKey { user, want_epoch: None, .. } = envelope.body else { return None };
        return Some(user);
    }
    let About::User(user) = &frame.about else { return None };
    Some(user.clone())
}

impl Oracle for LookupsNameTheUser {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![PowerOff, Lookup, LookupFailed, KeyReply, Tx].frames(frames![LookupKey])
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::Lookup { peer, req, because, .. } = &record.fact {
            self.wanted.insert(user, *req, (peer.clone(), *because));
        } else if let Fact::Tx(frame) = &record.fact {
            let Some((peer, because)) = self.wanted.get(user, &frame.req) else { return };
            if frame.kind == Some(FrameKind::LookupKey) && named(frame).as_ref() == Some(peer) {
                // A received message names epochs and key IDs too, and none of them is asked for.
                let tempted = *because == LookupCause::Message && frame.octets.is_some();
                docket.shown(ID, &[positive(7, 1), negative(7, 1)][..1 + usize::from(tempted)]);
            } else {
                let name = spec.user(user).map_or("?", |it| it.as_str());
                let message = format!("{name} wants {peer}'s key and asks for something else");
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            }
        } else if let Fact::LookupFailed { req, .. }
        | Fact::KeyReply { req, result: ReplyResult::Accepted, .. } = &record.fact
        {
            self.wanted.remove(user, req);
        } else if let Fact::PowerOff { .. } = &record.fact {
            self.wanted.forget(user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::Story;
    use crate::trace::fact::Octets;
    use crate::verdict::requirement::Polarity;

    /// Bob wants alice's key; his frame names this user.
    fn asks_for(name: &str) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        story.looks_up(1, 0, 7, LookupCause::Message);
        let mut frame = story.frame(FrameKind::LookupKey, true, About::User(story.user(0)));
        let user = UserId::new(name).unwrap();
        let body = Message::LookupKey { user, want_epoch: None, have_hash: None };
        frame.req = ReqId([7; 8]);
        let envelope = Envelope { req: frame.req, ticket: None, body };
        frame.octets = Some(Octets(envelope.encode().into()));
        story.device(1, Fact::Tx(frame));
        story.judge(LookupsNameTheUser::default())
    }

    #[test]
    fn a_lookup_of_the_user_whose_key_is_wanted_is_in_order() {
        let docket = asks_for("alice");
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Positive), 1);
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Negative), 1);
    }

    #[test]
    fn a_lookup_of_somebody_else_is_found() {
        let found = "bob wants alice's key and asks for something else";
        assert_eq!(asks_for("carol").findings[0].message, found);
    }
}
