//! S-34: a device takes a peer's new key by itself only along the chain; else its user confirms first.
//!
//! Not here: whether the chain's signatures hold (`crypto`), or old records (S-10).

use crate::base::id::{Epoch, Hash32, UserId};
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::owned::Owned;
use crate::oracle::spec::Spec;
use crate::trace::fact::{DeviceState, Fact, ReplyResult};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "S-34";
const CITED: [Requirement; 1] = [Requirement::of(17, 7)];

/// The judge of S-34.
#[derive(Debug, Default)]
pub struct NoSilentReencryption {
    pairs: Owned<UserId, Pair>,
}

#[derive(Debug, Default)]
struct Pair {
    pin: Option<(Hash32, Epoch)>,
    /// Keys that the present ones did not authorize, and nobody confirmed.
    candidate: Option<RecordId>,
    /// The user took this generation.
    confirmed: Option<Hash32>,
    /// The last thing that was said of the peer is an accepted reply.
    accepted: bool,
}

impl NoSilentReencryption {
    fn pin(&mut self, record: &Record, user: u32, docket: &mut Docket) {
        let Fact::Pin { peer, generation, epoch, .. } = &record.fact else { return };
        let pair = self.pairs.get_or_insert(user, peer.clone(), Pair::default());
        let before = pair.pin.replace((*generation, *epoch));
        let confirmed = pair.confirmed == Some(*generation);
        let found = match (before, pair.candidate) {
            (_, Some(candidate)) if !pair.accepted && !confirmed => {
                Some(([candidate, record.id], "takes a key that nothing authorizes"))
            }
            (Some((known, _)), _) if known != *generation && !confirmed => {
                Some(([record.id, record.id], "takes another identity unasked"))
            }
            _ => None,
        };
        if let Some((records, what)) = found {
            let message = format!("for {peer} the device {what}");
            docket.violation(ID, &CITED, record.at, &records, message);
        } else if before.is_some_and(|(known, old)| known == *generation && old < *epoch) {
            docket.shown(ID, &[positive(17, 7)]);
        }
        pair.candidate = None;
    }
}

impl Oracle for NoSilentReencryption {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Rolledback, State, KeyReply, Pin, Encrypt, Confirmed]
    }

    fn observe(&mut self, record: &Record, _spec: &Spec, docket: &mut Docket) {
        let Some(user) = device_of(record) else { return };
        if let Fact::KeyReply { peer, result, .. } = &record.fact {
            let pair = self.pairs.get_or_insert(user, peer.clone(), Pair::default());
            pair.accepted = *result == ReplyResult::Accepted;
            if matches!(result, ReplyResult::BrokenChain | ReplyResult::NewIdentity)
                && pair.pin.is_some()
            {
                pair.candidate = Some(record.id);
            }
        } else if let Fact::Confirmed { peer, generation, accepted } = &record.fact {
            let pair = self.pairs.get_or_insert(user, peer.clone(), Pair::default());
            if pair.candidate.take().is_some() {
                docket.shown(ID, &[negative(17, 7)]);
            }
            pair.confirmed = accepted.then_some(*generation);
        } else if let Fact::Pin { .. } = &record.fact {
            self.pin(record, user, docket);
        } else if let Fact::Encrypt(sealing) = &record.fact {
            let peer = &sealing.mid.receiver;
            let pair = self.pairs.get_or_insert(user, peer.clone(), Pair::default());
            if pair.pin.is_some_and(|(_, pinned)| sealing.theirs > pinned) {
                let message =
                    format!("{} is encrypted under {}, above the pin", sealing.mid, sealing.theirs);
                docket.violation(ID, &CITED, record.at, &[record.id], message);
            }
        } else if let Fact::Rolledback { .. } | Fact::State { to: DeviceState::Blank } =
            &record.fact
        {
            self.pairs.forget(user);
        }
    }

    fn conclude(&mut self, _spec: &Spec, docket: &mut Docket) {
        for _ in self.pairs.values().filter(|pair| pair.candidate.is_some()) {
            docket.shown(ID, &[negative(17, 7)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};
    use crate::verdict::requirement::Polarity;

    fn pin(story: &mut Story, generation: &str, epoch: u64) {
        let (peer, generation, epoch) = (story.user(1), hash(generation), Epoch(epoch));
        story.device(0, Fact::Pin { peer, generation, epoch, record: hash("record") });
    }

    /// Alice knows bob; then she hears this of him and pins him under that generation.
    fn hears(result: ReplyResult, confirms: bool, generation: &str) -> Docket {
        let mut story = Story::new(&["alice", "bob"]);
        pin(&mut story, "first", 1);
        story.gets_reply(0, 1, 1, result);
        if confirms {
            let (peer, generation) = (story.user(1), hash(generation));
            story.device(0, Fact::Confirmed { peer, generation, accepted: true });
            story.gets_reply(0, 1, 2, ReplyResult::Accepted);
        }
        pin(&mut story, generation, 2);
        story.judge(NoSilentReencryption::default())
    }

    #[test]
    fn a_key_along_the_chain_or_confirmed_is_in_order() {
        let docket = hears(ReplyResult::Accepted, false, "first");
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(17, 7), Polarity::Positive), 1);
        let docket = hears(ReplyResult::NewIdentity, true, "second");
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(Requirement::of(17, 7), Polarity::Negative), 1);
    }

    #[test]
    fn a_key_that_nothing_authorizes_is_found() {
        let docket = hears(ReplyResult::BrokenChain, false, "first");
        let found = "for bob the device takes a key that nothing authorizes";
        assert_eq!(docket.findings[0].message, found);
        let docket = hears(ReplyResult::Accepted, false, "second");
        let found = "for bob the device takes another identity unasked";
        assert_eq!(docket.findings[0].message, found);
    }
}
