//! S-08: both ends of a pair derive the same secret, from the right keys, and no other pair has it.
//!
//! Not here: whether the secret equals the key schedule's (C15-R1).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::{Epoch, Hash32, Mid, UserId};
use crate::crypto::shared::is_computed_twice;
use crate::oracle::judge::{Docket, Facts, Oracle, device_of, facts, negative, positive};
use crate::oracle::spec::Spec;
use crate::trace::fact::{DeviceState, Fact, Opening, ReplyResult, Sealing};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::Requirement;

const ID: &str = "S-08";
const AGREEMENT: [Requirement; 2] = [Requirement::of(5, 2), Requirement::of(15, 1)];
const THEIR_KEY: [Requirement; 1] = [Requirement::of(5, 1)];
const OWN_KEY: [Requirement; 1] = [Requirement::of(15, 2)];

/// The judge of S-08.
#[derive(Debug, Default)]
pub struct BothEndsDeriveOneSecret {
    secrets: BTreeMap<(End, End), Known>,
    owners: BTreeMap<Hash32, (End, End)>,
    /// Every key pair that a user ever had under a number.
    kids: BTreeMap<(UserId, Epoch), BTreeSet<Hash32>>,
    /// Users who had keys that no record tells of: those that the world started with.
    nameless: BTreeSet<UserId>,
    /// Devices and peers of whom they had a right key: from then on they can tell a false one.
    acquainted: BTreeSet<(UserId, UserId)>,
    /// What messages were sealed with, until they are opened.
    sealed: Sealed,
    /// The newest own epoch of each user.
    newest: BTreeMap<UserId, Epoch>,
    /// Devices that were offered a false key of a user, and did not take it.
    deceived: BTreeSet<(UserId, UserId)>,
}

/// A user with a key pair.
type End = (UserId, Epoch, Hash32);

/// Sealings that wait to be opened, in the order in which they were made.
#[derive(Debug, Default)]
struct Sealed {
    made: u64,
    by_mid: BTreeMap<Mid, (u64, RecordId, Sealing)>,
    order: BTreeMap<u64, Mid>,
}

/// Most sealings that wait to be opened. Of more mail under way the oldest is not judged: most of it is never
/// opened, because its end was another one.
const SEALED_MAX: usize = 16_384;

impl Sealed {
    /// Keeps a sealing, in the place of an earlier one of the same message.
    fn push(&mut self, record: RecordId, sealing: &Sealing) {
        self.remove(&sealing.mid);
        if self.order.len() == SEALED_MAX
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.by_mid.remove(&oldest);
        }
        self.made += 1;
        self.order.insert(self.made, sealing.mid.clone());
        self.by_mid.insert(sealing.mid.clone(), (self.made, record, sealing.clone()));
    }

    fn remove(&mut self, mid: &Mid) {
        if let Some((number, ..)) = self.by_mid.remove(mid) {
            self.order.remove(&number);
        }
    }
}

#[derive(Debug)]
struct Known {
    secret: Hash32,
    by: u32,
    record: RecordId,
}

impl BothEndsDeriveOneSecret {
    /// Whether a user is known to have had keys of this epoch, and this was not one of them.
    fn is_wrong(&self, (user, epoch, kid): &End) -> bool {
        if self.nameless.contains(user) {
            return false;
        }
        self.kids.get(&(user.clone(), *epoch)).is_some_and(|kids| !kids.contains(kid))
    }

    fn keys(
        &mut self,
        record: &Record,
        ours: &End,
        theirs: &End,
        adversary: bool,
        docket: &mut Docket,
    ) {
        let pair = (ours.0.clone(), theirs.0.clone());
        if self.is_wrong(theirs) && adversary && !self.acquainted.contains(&pair) {
            // What an adversary serves at first contact is trusted on first use (protocol 3.6).
            docket.shown(ID, &[]);
        } else if self.is_wrong(theirs) {
            let message = format!("the key used for {} of {} is not theirs", theirs.1, theirs.0);
            docket.violation(ID, &THEIR_KEY, record.at, &[record.id], message);
        } else if self.kids.contains_key(&(theirs.0.clone(), theirs.1)) {
            self.acquainted.insert(pair);
            docket.shown(ID, &[positive(5, 1)]);
        }
        if self.is_wrong(ours) {
            let message = format!("the own key used is not that of {}", ours.1);
            docket.violation(ID, &OWN_KEY, record.at, &[record.id], message);
        } else if ours.1 > Epoch::FIRST && self.kids.contains_key(&(ours.0.clone(), ours.1)) {
            docket.shown(ID, &[positive(15, 2)]);
        }
    }

    /// The octets that were sealed are opened with the key that sealed them.
    fn open(&mut self, record: &Record, opening: &Opening, docket: &mut Docket) {
        let Some((_, at, sealing)) = self.sealed.by_mid.get(&opening.mid) else { return };
        if (sealing.header, sealing.ciphertext) != (opening.header, opening.ciphertext) {
            return;
        }
        if sealing.key == opening.key {
            docket.shown(ID, &[]);
        } else {
            let message = format!("{} is not opened with the key that sealed it", opening.mid);
            docket.violation(ID, &AGREEMENT, record.at, &[*at, record.id], message);
        }
        self.sealed.remove(&opening.mid);
    }

    /// Both ends agree, each with the key that the other calls its own: what might have kept them from it.
    fn provoked(&self, (one, other): &(End, End), docket: &mut Docket) {
        let pairs = [(&one.0, &other.0), (&other.0, &one.0)];
        if pairs.iter().any(|(at, of)| self.deceived.contains(&((*at).clone(), (*of).clone()))) {
            docket.shown(ID, &[negative(5, 1), negative(5, 2)]);
        }
        let is_old = |end: &End| self.newest.get(&end.0).is_some_and(|newest| *newest > end.1);
        if is_old(one) || is_old(other) {
            // A newer own key was there, and the one that the header names was used.
            docket.shown(ID, &[negative(15, 2)]);
        }
    }

    /// `alone`: this end computed it by itself.
    fn agree(
        &mut self,
        record: &Record,
        by: u32,
        ends: (End, End),
        (secret, alone): (Hash32, bool),
        docket: &mut Docket,
    ) {
        match self.secrets.get(&ends) {
            Some(known) if known.secret != secret => {
                let ((one, one_epoch, _), (other, other_epoch, _)) = &ends;
                let message =
                    format!("{one} {one_epoch} and {other} {other_epoch} derive two secrets");
                let records = [known.record, record.id];
                docket.violation(ID, &AGREEMENT, record.at, &records, message);
            }
            Some(known) if known.by != by && alone => {
                docket.shown(ID, &[positive(5, 1), positive(5, 2), positive(15, 1)]);
                self.provoked(&ends, docket);
            }
            Some(_) => {}
            None => {
                self.secrets.insert(ends.clone(), Known { secret, by, record: record.id });
            }
        }
        let owner = self.owners.entry(secret).or_insert_with(|| ends.clone());
        if *owner != ends {
            let message = format!("{} and {} share the secret of another pair", ends.0.0, ends.1.0);
            docket.violation(ID, &AGREEMENT, record.at, &[record.id], message);
        }
    }
}

/// Whether a reply holds a key that is not the user's.
const fn is_false(result: ReplyResult) -> bool {
    match result {
        ReplyResult::WrongUser
        | ReplyResult::InvalidKey
        | ReplyResult::BadSignature
        | ReplyResult::BrokenChain => true,
        ReplyResult::Accepted
        | ReplyResult::Unsolicited
        | ReplyResult::Rollback
        | ReplyResult::NewIdentity
        | ReplyResult::UnknownUser => false,
    }
}

impl Oracle for BothEndsDeriveOneSecret {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        facts![Provisioned, State, KeyReply, Derive, Encrypt, Decrypt]
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        let Some((by, user)) = device_of(record).and_then(|by| Some((by, spec.user(by)?))) else {
            return;
        };
        if let Fact::Provisioned { epoch, agree_kid, .. } = &record.fact {
            self.kids.entry((user.clone(), *epoch)).or_default().insert(*agree_kid);
            self.newest.insert(user.clone(), *epoch);
        } else if let Fact::State { to: DeviceState::Blank } = &record.fact {
            // The name may get another identity with epochs that the first one had too.
            if !self.kids.contains_key(&(user.clone(), Epoch::FIRST)) {
                self.nameless.insert(user.clone());
            }
        } else if let Fact::KeyReply { peer, result, .. } = &record.fact {
            if is_false(*result) {
                self.deceived.insert((user.clone(), peer.clone()));
            }
        } else if let Fact::Derive { peer, own, theirs, own_kid, their_kid, secret } = &record.fact
        {
            let ours = (user.clone(), *own, *own_kid);
            let them = (peer.clone(), *theirs, *their_kid);
            self.keys(record, &ours, &them, spec.circumstances.adversary, docket);
            let ends = if ours < them { (ours, them) } else { (them, ours) };
            let alone = !spec.shared_agreements || is_computed_twice(own_kid, their_kid);
            self.agree(record, by, ends, (*secret, alone), docket);
        } else if let Fact::Encrypt(sealing) = &record.fact {
            self.sealed.push(record.id, sealing);
        } else if let Fact::Decrypt(opening) = &record.fact {
            self.open(record, opening, docket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::tests_support::{Story, hash};
    use crate::trace::fact::ProvisionMode;
    use crate::verdict::requirement::Polarity;

    fn messages(story: &Story) -> Vec<String> {
        let docket = story.judge(BothEndsDeriveOneSecret::default());
        docket.findings.into_iter().map(|finding| finding.message).collect()
    }

    fn provisioned(story: &mut Story, user: u32, epoch: u64, kid: &str) {
        let (mode, epoch) = (ProvisionMode::Generated, Epoch(epoch));
        let (agree_kid, sig_kid) = (hash(kid), hash("sig"));
        story.device(user, Fact::Provisioned { mode, epoch, agree_kid, sig_kid });
    }

    #[test]
    fn equal_secrets_from_registered_keys_are_in_order() {
        let mut story = Story::new(&["alice", "bob"]);
        provisioned(&mut story, 0, 2, "alice2");
        story.derives(0, 1, 2, 1);
        story.derives(1, 0, 1, 2);
        let docket = story.judge(BothEndsDeriveOneSecret::default());
        assert!(docket.findings.is_empty());
        for (claim, number, count) in [(5, 1, 2), (5, 2, 1), (15, 1, 1), (15, 2, 1)] {
            let requirement = Requirement::of(claim, number);
            let positive = docket.evidence.count(requirement, Polarity::Positive);
            assert_eq!(positive, count, "{requirement}");
        }
    }

    #[test]
    fn false_keys_and_a_newer_own_key_that_change_nothing_are_evidence() {
        let mut story = Story::new(&["alice", "bob"]);
        story.gets_reply(0, 1, 1, ReplyResult::WrongUser);
        story.derives(0, 1, 1, 1);
        provisioned(&mut story, 1, 1, "bob1");
        provisioned(&mut story, 1, 2, "bob2");
        story.derives(1, 0, 1, 1);
        let docket = story.judge(BothEndsDeriveOneSecret::default());
        assert!(docket.findings.is_empty());
        for (claim, number) in [(5, 1), (5, 2), (15, 2)] {
            let requirement = Requirement::of(claim, number);
            assert_eq!(docket.evidence.count(requirement, Polarity::Negative), 1, "{requirement}");
        }
    }

    #[test]
    fn of_shared_agreements_only_those_made_by_both_ends_are_evidence() {
        let mut story = Story::new(&["alice", "bob", "anna"]);
        story.spec.shared_agreements = true;
        let shown = |story: &Story| {
            let docket = story.judge(BothEndsDeriveOneSecret::default());
            docket.evidence.count(AGREEMENT[0], Polarity::Positive)
        };
        story.derives(0, 1, 1, 1);
        story.derives(1, 0, 1, 1);
        assert_eq!(shown(&story), 0, "the kids of alice and bob are not of every 64th pair");
        story.derives(0, 2, 1, 1);
        story.derives(2, 0, 1, 1);
        assert_eq!(shown(&story), 1);
    }

    #[test]
    fn different_secrets_of_one_pair_are_found() {
        let mut story = Story::new(&["alice", "bob"]);
        story.derives(0, 1, 1, 1);
        story.derives(1, 0, 1, 1);
        let last = story.records.last_mut().unwrap();
        if let Fact::Derive { secret, .. } = &mut last.fact {
            *secret = hash("other");
        }
        assert_eq!(messages(&story), ["alice e1 and bob e1 derive two secrets"]);
    }

    #[test]
    fn a_message_opened_with_another_key_than_it_was_sealed_with_is_found() {
        for (key, found) in [("key", 0), ("the key of somebody else", 1)] {
            let mut story = Story::new(&["alice", "bob"]);
            story.encrypts(0, 1, 1, "hello", 1, 1);
            story.opens(1, 0, 1, Some("hello"));
            if let Some(Fact::Decrypt(it)) = story.records.last_mut().map(|last| &mut last.fact) {
                it.key = hash(key);
            }
            assert_eq!(messages(&story).len(), found, "{key}");
        }
    }

    #[test]
    fn of_mail_that_is_never_opened_only_the_newest_is_kept() {
        let mut story = Story::new(&["alice", "bob"]);
        let last = SEALED_MAX as u64 + 1;
        for seq in (1..=last).chain([last]) {
            story.encrypts(0, 1, seq, "hello", 1, 1);
        }
        for seq in [1, 2, last] {
            story.opens(1, 0, seq, Some("hello"));
            if let Some(Fact::Decrypt(it)) = story.records.last_mut().map(|last| &mut last.fact) {
                it.key = hash("the key of somebody else");
            }
        }
        let found = messages(&story);
        assert_eq!(found.len(), 2, "the first is forgotten: {found:?}");
        assert!(found[0].starts_with(&format!("{} ", story.mid(0, 1, 2))), "{found:?}");
    }

    #[test]
    fn one_secret_of_two_pairs_and_keys_of_somebody_else_are_found() {
        let mut story = Story::new(&["alice", "bob", "carol"]);
        provisioned(&mut story, 1, 1, "other");
        story.derives(0, 2, 1, 1);
        let first = story.records[1].fact.clone();
        story.derives(0, 1, 1, 1);
        if let (Fact::Derive { secret, .. }, Some(last)) = (first, story.records.last_mut())
            && let Fact::Derive { secret: mine, .. } = &mut last.fact
        {
            *mine = secret;
        }
        assert_eq!(
            messages(&story),
            [
                "the key used for e1 of bob is not theirs",
                "alice and bob share the secret of another pair"
            ]
        );
    }
}
