//! Handwritten runs: what an adversary can and cannot read. Not here: what it computes with (`symbolic`).

use super::*;
use crate::base::id::ReqId;
use crate::base::rng::{Luck, Purpose};
use crate::base::time::Millis;
use crate::crypto::keys::KeyPair;
use crate::crypto::model::Model;
use crate::crypto::schedule::{Party, direction_key, kid, pair_from_z};
use crate::crypto::sign::{fingerprint, record_hash};
use crate::crypto::suite::{Secret, Suite as _};
use crate::oracle::encoding::tests::reply_with;
use crate::oracle::safety::secrets_stay_inside::SecretsStayInside;
use crate::oracle::tests_support::{Story, hash};
use crate::trace::fact::{Content, Meddling};
use crate::verdict::requirement::Polarity;
use crate::wire::header::{BodyKind, Header};
use crate::wire::message::Submit;

const ALICE: u32 = 0;
const BOB: u32 = 1;

/// Findings of S-01 over terms, and how often it had evidence.
fn check(story: &Story) -> (Vec<String>, u64) {
    let docket = story.judge(TextsAreNotDerivable::default());
    let shown = docket.evidence.count(CITED[0], Polarity::Positive);
    (docket.findings.into_iter().map(|it| it.message).collect(), shown)
}

fn found(story: &Story, how: &str) {
    let message = format!("bob>alice#1: the server can make the text: {how}");
    assert_eq!(check(story), (vec![message], 0));
}

/// Bob writes to alice, sealed under this key.
fn writes(story: &mut Story, seq: u64, key: Hash32) {
    let mut sealing = story.sealing(BOB, ALICE, seq, "meet at nine", 1, 1);
    sealing.key = key;
    story.device(BOB, Fact::Encrypt(Box::new(sealing)));
    let about = About::message(story.mid(BOB, ALICE, seq), 1);
    story.transmits(BOB, FrameKind::Submit, about, b"ciphertext");
}

fn adversary() -> KeyPair {
    KeyPair::generate::<Model>(&mut Luck::new(1, Purpose::Keys, 99).at(0))
}

/// The key for bob's messages to alice from this value, with this key for hers.
fn scheduled(z: Secret, theirs: &Hash32) -> Hash32 {
    let story = Story::new(&["alice", "bob"]);
    let (alice, bob) = (story.user(ALICE), story.user(BOB));
    let ours = kid::<Model>(&Story::keys(BOB).agree.public);
    let party = |user, kid| Party { user, epoch: Epoch::FIRST, kid };
    let pair = pair_from_z::<Model>(z, party(&bob, &ours), party(&alice, theirs));
    fingerprint::<Model>(&direction_key::<Model>(&pair, &bob, &alice))
}

/// Somebody answers for alice with a key of the adversary's.
fn lies(story: &mut Story) {
    let frame = reply_with(story, adversary().public);
    story.device(BOB, Fact::Meddled { frame, how: Meddling::Forged });
}

/// Bob takes the adversary's key for alice's, and writes.
fn believes(story: &mut Story) {
    let point = adversary().public;
    let (own_kid, their_kid) = (kid::<Model>(&Story::keys(BOB).agree.public), kid::<Model>(&point));
    let key = scheduled(Model::agree(&Story::keys(BOB).agree.secret, &point).unwrap(), &their_kid);
    let (own, theirs, secret) = (Epoch::FIRST, Epoch::FIRST, hash("pair"));
    let peer = story.user(ALICE);
    story.device(BOB, Fact::Derive { peer, own, theirs, own_kid, their_kid, secret });
    writes(story, 1, key);
}

const LIE: &str = "the private key of the adversary's alice e1 -> dh(bob e1, the adversary's \
                   alice e1) -> kdf(bob e1, alice e1) -> kdf(bob>alice) -> the text";

fn acquainted() -> Story {
    let mut story = Story::acquainted();
    story.derives_truly(BOB, ALICE);
    story
}

#[test]
fn keys_of_two_honest_users_keep_what_they_seal() {
    let mut story = acquainted();
    let key = story.direction(BOB, ALICE);
    writes(&mut story, 1, key);
    writes(&mut story, 2, key);
    assert_eq!(check(&story), (vec![], 1), "one key, whatever it seals");
    let attacked = |docket: Docket| docket.evidence.count(CITED[0], Polarity::Negative);
    assert_eq!(attacked(story.judge(TextsAreNotDerivable::default())), 0);
    let mut story = acquainted();
    lies(&mut story);
    writes(&mut story, 1, key);
    assert_eq!(check(&story), (vec![], 1));
    assert_eq!(attacked(story.judge(TextsAreNotDerivable::default())), 1);
}

#[test]
fn keys_of_public_things_are_found() {
    let zeros = || Secret::new([0; 32]);
    let alice = Story::keys(ALICE).agree.public;
    let abscissa = Secret::new(alice[1..33].try_into().unwrap());
    for (key, how) in [
        (fingerprint::<Model>(&zeros()), "zeros -> the text"),
        (
            scheduled(zeros(), &kid::<Model>(&alice)),
            "zeros -> kdf(bob e1, alice e1) -> kdf(bob>alice) -> the text",
        ),
        (
            scheduled(abscissa, &kid::<Model>(&alice)),
            "a public key -> kdf(bob e1, alice e1) -> kdf(bob>alice) -> the text",
        ),
    ] {
        let mut story = acquainted();
        writes(&mut story, 1, key);
        found(&story, how);
    }
}

#[test]
fn the_raw_agreement_is_wrong_and_yet_nobody_elses() {
    let mut story = acquainted();
    let z = story.shared(ALICE, BOB).z.clone();
    writes(&mut story, 1, fingerprint::<Model>(&z));
    assert_eq!(check(&story), (vec![], 1));
}

#[test]
fn a_text_in_clear_is_found_sealed_or_not() {
    let mut story = acquainted();
    writes(&mut story, 1, hash("key"));
    for record in &mut story.records {
        if let Fact::Encrypt(it) = &mut record.fact {
            it.ciphertext = it.plain;
        }
    }
    found(&story, "it stands in a frame");
    let mut story = acquainted();
    let (text, mid) = (b"meet at nine", story.mid(BOB, ALICE, 1));
    let (draft, to, plain) = (DraftId(1), story.user(ALICE), Model::hash(&[text]));
    story.device(BOB, Fact::Compose { draft, to, kind: Content::Text, plain, len: 12 });
    let header = Header {
        kind: BodyKind::Text,
        sender: mid.sender.clone(),
        receiver: mid.receiver.clone(),
        epoch_s: Epoch::FIRST,
        epoch_r: Epoch::FIRST,
        kid_s: [0; 8],
        kid_r: [0; 8],
        seq: mid.seq,
        nonce: [0; 12],
    };
    let expires = Millis::NEVER;
    let submit = Submit { header, ciphertext: text.to_vec(), attempt: 1, expires };
    let body = Message::Submit(Box::new(submit));
    let octets = Envelope { req: ReqId([1; 8]), ticket: None, body }.encode();
    for _ in 0..2 {
        let about = About::message(mid.clone(), 1);
        story.transmits(BOB, FrameKind::Submit, about, &octets);
    }
    found(&story, "it stands in a frame");
}

#[test]
fn a_key_of_the_adversarys_is_found_unless_it_is_a_party() {
    let mut story = acquainted();
    lies(&mut story);
    believes(&mut story);
    found(&story, LIE);
    // The user was asked: before, that was another question.
    let (peer, generation, accepted) = (story.user(ALICE), hash("generation"), true);
    let word = Fact::Confirmed { peer, generation, accepted };
    for (asked_late, count) in [(false, 1), (true, 0)] {
        let mut story = acquainted();
        let mut steps: [&dyn Fn(&mut Story); 2] = [&|it| _ = it.device(BOB, word.clone()), &lies];
        if asked_late {
            steps.reverse();
        }
        steps.iter().for_each(|step| step(&mut story));
        believes(&mut story);
        assert_eq!(check(&story).0.len(), count, "asked late: {asked_late}");
    }
}

#[test]
fn a_free_name_is_its_takers_and_a_taken_one_is_not() {
    type Taking = fn(&mut Story);
    let takings: [(Taking, usize); 4] = [
        (|_| {}, 0),
        (|it| _ = it.records_key(ALICE, 1), 1),
        (|it| _ = it.device(ALICE, Fact::Attached { expires: Millis::NEVER }), 1),
        (
            |it| {
                it.records_key(ALICE, 1);
                it.account(ALICE, Fact::Reset { user: it.user(ALICE) });
            },
            0,
        ),
    ];
    for (take, count) in takings {
        let mut story = acquainted();
        take(&mut story);
        lies(&mut story);
        let Fact::Meddled { frame, .. } = &story.records.last().unwrap().fact else { panic!() };
        let octets = &frame.octets.as_ref().unwrap().0;
        let Ok(Message::KeyReply { records, .. }) = Envelope::decode(octets).map(|it| it.body)
        else {
            panic!()
        };
        let generation = record_hash::<Model>(&records[0].encode());
        story.records_key(ALICE, 1);
        if let Some(Fact::Recorded { generation: it, .. }) =
            story.records.last_mut().map(|last| &mut last.fact)
        {
            *it = generation;
        }
        believes(&mut story);
        assert_eq!(check(&story).0.len(), count);
    }
}

/// This judge beside the one that sees whole keys in frames.
#[derive(Default)]
struct Both(SecretsStayInside, TextsAreNotDerivable);

impl Oracle for Both {
    fn id(&self) -> &'static str {
        ID
    }

    fn facts(&self) -> Facts {
        self.0.facts().and(self.1.facts())
    }

    fn observe(&mut self, record: &Record, spec: &Spec, docket: &mut Docket) {
        self.0.observe(record, spec, docket);
        self.1.observe(record, spec, docket);
    }

    fn conclude(&mut self, spec: &Spec, docket: &mut Docket) {
        self.1.conclude(spec, docket);
    }
}

#[test]
fn a_private_key_in_a_later_frame_opens_what_was_sealed_before() {
    let mut story = acquainted();
    let key = story.direction(BOB, ALICE);
    (1..=3).for_each(|seq| writes(&mut story, seq, key));
    let secret = Story::keys(ALICE).agree.secret;
    story.transmits(ALICE, FrameKind::Poll, About::Nothing, secret.expose());
    let docket = story.judge(Both::default());
    assert_eq!(
        docket.findings[1].message,
        "bob>alice#1 and 2 more: the server can make the text: the private key of alice e1 -> \
         dh(bob e1, alice e1) -> kdf(bob e1, alice e1) -> kdf(bob>alice) -> the text"
    );
}

#[test]
fn what_cannot_be_told_gets_no_verdict() {
    let mut story = acquainted();
    writes(&mut story, 1, hash("of something else"));
    assert_eq!(check(&story), (vec![], 0));
    let mut story = acquainted();
    let key = story.direction(BOB, ALICE);
    writes(&mut story, 1, key);
    for record in &mut story.records {
        if let Fact::Tx(frame) = &mut record.fact {
            frame.octets = None;
        }
    }
    assert_eq!(check(&story), (vec![], 0), "no octets");
}

#[test]
fn that_keys_are_left_out_is_said() {
    let mut story = acquainted();
    let key = story.direction(BOB, ALICE);
    writes(&mut story, 1, key);
    writes(&mut story, 2, hash("another"));
    let mut judge = TextsAreNotDerivable::default();
    for n in 1..KEYS_MAX {
        let mut key = Hash32::ZERO;
        key.0[..8].copy_from_slice(&n.to_be_bytes());
        let user = story.user(ALICE);
        let end = End { user: user.clone(), epoch: Epoch::FIRST, kid: Hash32::ZERO };
        let making = Making { ends: [end.clone(), end], origin: None, is_foreign: false };
        let (excused, tempted, carried, first) = (false, false, 0, None);
        judge.uses.insert((9, user, Some(key)), Use { making, excused, tempted, carried, first });
    }
    let docket = story.judge(judge);
    assert_eq!(docket.evidence.count(CITED[0], Polarity::Positive), 1);
    let [finding] = &docket.findings[..] else { panic!("{:?}", docket.findings) };
    assert_eq!(finding.severity, Severity::Inconclusive);
    assert_eq!(finding.message, "not judged: 1 messages under more than 65536 keys");
}
