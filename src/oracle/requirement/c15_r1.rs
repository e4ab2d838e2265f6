//! C15-R1 and C15-R3: what a device derives, and the keys that it uses, are those of the key schedule over
//! the agreement of exactly these two key pairs.
//!
//! The reference is computed apart, from the keys in escrow; a pair of which one key is not there is not
//! judged. Negative evidence: another key pair was at hand for one of the ends, and was not taken; an
//! agreement that begins with a zero octet opens mail. Not here: agreement of both ends (S-08).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::id::{Epoch, Hash32, Mid, UserId};
use crate::crypto::schedule::Party;
use crate::oracle::escrow::Shared;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::Fact;
use crate::trace::record::Record;
use crate::verdict::requirement::Requirement;

const ID: &str = "C15-R1";
/// The schedule; and the leading zeros, where there are some.
const CITED: [Requirement; 2] = [Requirement::of(15, 1), Requirement::of(15, 3)];

/// The judge of C15-R1 and C15-R3.
#[derive(Debug, Default)]
pub struct SecretsFollowTheSchedule {
    /// What each device has derived as it should; a new identity starts its epochs anew.
    derived: BTreeMap<(u32, UserId, Epoch, Epoch), Vec<Arc<Shared>>>,
    /// Key pairs that were used for each user.
    pairs: BTreeMap<UserId, BTreeSet<Hash32>>,
}

/// The requirements that a wrong secret of this pair breaks.
fn cited(shared: &Shared) -> &'static [Requirement] {
    if shared.begins_with_zero() { &CITED } else { &CITED[..1] }
}

impl SecretsFollowTheSchedule {
    fn derive(&mut self, record: &Record, by: u32, spec: &Spec, docket: &mut Docket) {
        let Fact::Derive { peer, own, theirs, own_kid, their_kid, secret } = &record.fact else {
            return;
        };
        let Some(user) = spec.user(by) else { return };
        let us = Party { user, epoch: *own, kid: own_kid };
        let them = Party { user: peer, epoch: *theirs, kid: their_kid };
        let slot = (by, peer.clone(), *own, *theirs);
        let Some(shared) = docket.escrow.shared(us, them) else {
            // Of these epochs there is a secret now that nobody here can judge.
            self.derived.remove(&slot);
            return;
        };
        if shared.print != *secret {
            let message =
                format!("{user} {own} and {peer} {theirs}: not the secret of the key schedule");
            return docket.violation(ID, cited(&shared), record.at, &[record.id], message);
        }
        let mut others = false;
        for party in [us, them] {
            let pairs = self.pairs.entry(party.user.clone()).or_default();
            pairs.insert(*party.kid);
            others |= pairs.len() > 1;
        }
        let mut sides = vec![positive(15, 1)];
        sides.extend(others.then(|| negative(15, 1)));
        sides.extend(shared.begins_with_zero().then(|| positive(15, 3)));
        docket.shown(ID, &sides);
        let slot = self.derived.entry(slot).or_default();
        if slot.iter().all(|known| known.print != shared.print) {
            slot.push(shared);
        }
    }

    /// A direction key in use.
    fn used(&self, record: &Record, by: u32, it: &Use<'_>, docket: &mut Docket) {
        let end = if it.opens.is_some() { &it.mid.sender } else { &it.mid.receiver };
        let Some(known) = self.derived.get(&(by, end.clone(), it.own, it.theirs)) else { return };
        let fits = |shared: &&Arc<Shared>| {
            let key = docket.escrow.direction(shared, &it.mid.sender, &it.mid.receiver);
            key == Some(it.key)
        };
        match (known.iter().rev().find(fits), known.last()) {
            (Some(shared), _) => {
                let kept = shared.begins_with_zero() && it.opens == Some(true);
                docket.shown(ID, &[negative(15, 3)][..usize::from(kept)]);
            }
            (None, Some(last)) => {
                let message = format!("the key for {} is not that of the key schedule", it.mid);
                docket.violation(ID, cited(last), record.at, &[record.id], message);
            }
            (None, None) => {}
        }
    }
}

/// An encryption or an attempt to decrypt.
struct Use<'a> {
    mid: &'a Mid,
    own: Epoch,
    theirs: Epoch,
    key: Hash32,
    /// For a decryption: whether the tag holds.
    opens: Option<bool>,
}

impl Oracle for SecretsFollowTheSchedule {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Derive, Encrypt, Decrypt]
    }

    fn asks_for_keys(&self) -> bool {
        true
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Some(by) = device_of(record) else { return };
        if let Fact::Derive { .. } = &record.fact {
            self.derive(record, by, spec, docket);
        } else if let Fact::Encrypt(it) = &record.fact {
            let (own, theirs, key) = (it.own, it.theirs, it.key);
            self.used(record, by, &Use { mid: &it.mid, own, theirs, key, opens: None }, docket);
        } else if let Fact::Decrypt(it) = &record.fact {
            let (own, theirs, key) = (it.own, it.theirs, it.key);
            let opens = Some(it.plain.is_some());
            self.used(record, by, &Use { mid: &it.mid, own, theirs, key, opens }, docket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};
    use crate::verdict::requirement::Polarity;

    fn pair() -> Story {
        let mut story = Story::new(&["alice", "bob"]);
        story.holds_keys(0);
        story.holds_keys(1);
        story.derives_truly(0, 1);
        story
    }

    fn judged(story: &Story) -> Docket {
        story.judge(SecretsFollowTheSchedule::default())
    }

    #[test]
    fn the_secret_of_the_schedule_is_in_order_and_another_is_found() {
        let mut story = pair();
        let docket = judged(&story);
        assert!(docket.findings.is_empty());
        assert_eq!(docket.evidence.count(CITED[0], Polarity::Positive), 1);
        if let Some(Fact::Derive { secret, .. }) = story.records.last_mut().map(|it| &mut it.fact) {
            *secret = hash("another");
        }
        let docket = judged(&story);
        let found = "alice e1 and bob e1: not the secret of the key schedule";
        assert_eq!(docket.findings[0].message, found);
        assert_eq!(docket.findings[0].requirements, CITED[..1]);
    }

    #[test]
    fn a_key_that_does_not_follow_from_the_secret_is_found() {
        let mut story = pair();
        let key = story.direction(0, 1);
        story.encrypts(0, 1, 1, "hello", 1, 1);
        let found = "the key for alice>bob#1 is not that of the key schedule";
        assert_eq!(judged(&story).findings[0].message, found);
        if let Some(Fact::Encrypt(it)) = story.records.last_mut().map(|it| &mut it.fact) {
            it.key = key;
        }
        assert!(judged(&story).findings.is_empty());
    }

    #[test]
    fn a_zero_octet_that_is_kept_is_evidence_and_one_that_is_not_is_found() {
        let names: Vec<_> = (0..2_000).map(|n| format!("user{n}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let mut story = Story::new(&names);
        (0..2_000).for_each(|user| story.holds_keys(user));
        let zero = story.agreement_with_zero(0);
        story.derives_truly(0, zero);
        let key = story.direction(zero, 0);
        story.opens(0, zero, 1, Some("hello"));
        if let Some(Fact::Decrypt(it)) = story.records.last_mut().map(|it| &mut it.fact) {
            it.key = key;
        }
        let docket = judged(&story);
        for polarity in [Polarity::Positive, Polarity::Negative] {
            assert_eq!(docket.evidence.count(CITED[1], polarity), 1);
        }
        if let Some(Fact::Derive { secret, .. }) = story.records.first_mut().map(|it| &mut it.fact)
        {
            *secret = hash("stripped");
        }
        assert_eq!(judged(&story).findings[0].requirements, CITED);
    }

    #[test]
    fn pairs_with_an_unknown_key_get_no_verdict() {
        let mut story = Story::new(&["alice", "bob"]);
        story.holds_keys(0);
        story.derives(0, 1, 1, 1);
        story.encrypts(0, 1, 1, "hello", 1, 1);
        let docket = judged(&story);
        assert!(docket.findings.is_empty() && docket.evaluated.is_empty());
    }
}
