//! What an adversary at a device's links can do in the virtual world, and that it is recorded.
//! Not here: whether the protocol bears it, which the oracles judge in every one of these runs.

use peadsim::base::id::Epoch;
use peadsim::oracle::spec::{NamedThing, Point};
use peadsim::scenario::plan::{
    Action, AdversaryAct, FlipField, Forgery, FrameAct, FrameAddress, FrameOf, Given,
    SignatureForm, SuiteName, Until, When,
};
use peadsim::trace::fact::{Fact, FrameKind, Meddling, RejectCause, ReplyResult};

use crate::sim_plan::{Draft, Trace, ms, secs, trace, user};

fn trio() -> Draft {
    let mut draft = Draft::new(&["alice", "bob", "carol"]);
    draft.spec.circumstances.adversary = true;
    draft.spec.circumstances.altered = true;
    draft
}

fn attack(draft: &mut Draft, name: &str, at: u32, when: When, act: AdversaryAct) {
    draft.step(name, "adversary", when, Action::Adversary { at, act });
}

fn go(draft: &Draft) -> Trace {
    trace(&draft.build(SuiteName::Model, 1))
}

fn address(draft: &Draft, name: &str, kind: FrameKind) -> FrameAddress {
    let what = FrameOf::Named { name: draft.named(name), kind, watcher: None };
    FrameAddress { what, copy: None }
}

fn count(trace: &Trace, what: Meddling) -> usize {
    trace.count(|fact| matches!(fact, Fact::Meddled { how, .. } if *how == what))
}

#[test]
fn a_replayed_delivery_is_shown_once() {
    let mut draft = trio();
    draft.send("m1", When::At(secs(1)), 0, 1, "hello");
    let frame = address(&draft, "m1", FrameKind::Deliver);
    let when = draft.after("m1", Point::Displayed, secs(1));
    attack(&mut draft, "again", 1, when, AdversaryAct::Replay(frame));
    draft.expect("m1", Point::Displayed);
    let trace = go(&draft).passes();
    assert_eq!(count(&trace, Meddling::Replayed), 1);
    assert_eq!(trace.displayed().len(), 1);
    assert_eq!(trace.count(|fact| matches!(fact, Fact::Duplicate { .. })), 1);
}

#[test]
fn a_reflected_message_does_not_authenticate() {
    let mut draft = trio();
    draft.plan.given = Given { warm: vec![(0, 1)], ..Given::default() };
    draft.send("m1", When::At(secs(1)), 0, 1, "hello");
    let (name, when) = (draft.named("m1"), draft.after("m1", Point::Stored, secs(1)));
    attack(&mut draft, "back", 0, when, AdversaryAct::Reflect(name));
    let trace = go(&draft);
    assert_eq!(count(&trace, Meddling::Forged), 1);
    let failed = |fact: &Fact| matches!(fact, Fact::Reject { why: RejectCause::AuthFail, .. });
    assert!(trace.count(failed) > 0, "{}", trace.story());
    assert_eq!(trace.displayed().iter().filter(|(_, text)| *text == "hello").count(), 1);
}

#[test]
fn flipped_copies_do_not_authenticate_and_the_real_message_is_shown() {
    for (field, octets) in [
        (FlipField::Header, 48),
        (FlipField::Ciphertext, 5),
        (FlipField::Tag, 16),
        (FlipField::ShortTag, 16),
    ] {
        let mut draft = trio();
        draft.plan.given = Given { warm: vec![(0, 1)], ..Given::default() };
        draft.send("m1", When::At(secs(1)), 0, 1, "hello");
        let hold = FrameAct::Hold(Until::At(secs(40)));
        draft.frames("hold", When::At(secs(0)), "m1", FrameKind::Deliver, None, hold);
        let frame = address(&draft, "m1", FrameKind::Deliver);
        let when = draft.after("m1", Point::Forwarded, secs(5));
        attack(&mut draft, "flip", 1, when, AdversaryAct::FlipEach(frame, field));
        draft.expect("m1", Point::Displayed);
        let trace = go(&draft).passes();
        assert_eq!(count(&trace, Meddling::Altered), octets, "{field:?}");
        assert_eq!(trace.displayed().iter().filter(|(_, text)| *text == "hello").count(), 1);
    }
}

#[test]
fn forged_key_replies_are_refused_each_for_its_reason() {
    for (how, result) in [
        (Forgery::OffCurve, Some(ReplyResult::InvalidKey)),
        (Forgery::OtherEncoding, Some(ReplyResult::InvalidKey)),
        (Forgery::Identity, Some(ReplyResult::InvalidKey)),
        (Forgery::Point([&[4][..], &[1; 64]].concat()), Some(ReplyResult::InvalidKey)),
        (Forgery::BadSignature, Some(ReplyResult::BadSignature)),
        (Forgery::Signature(SignatureForm::HighS), Some(ReplyResult::BadSignature)),
        (Forgery::Signature(SignatureForm::Zero), Some(ReplyResult::BadSignature)),
        (Forgery::Signature(SignatureForm::Order), Some(ReplyResult::BadSignature)),
        (Forgery::OtherUser, Some(ReplyResult::WrongUser)),
        (Forgery::OtherRequest, Some(ReplyResult::Unsolicited)),
        // At first contact there is nothing to hold a key against.
        (Forgery::Unchained, Some(ReplyResult::Accepted)),
    ] {
        let mut draft = trio();
        let act = AdversaryAct::ForgeKeyReply { about: user("bob"), how: how.clone() };
        attack(&mut draft, "forge", 0, When::At(secs(0)), act);
        draft.send("m1", When::At(secs(1)), 0, 1, "hello");
        let trace = go(&draft);
        assert_eq!(count(&trace, Meddling::Forged), 1, "{how:?}");
        let first = trace.first(|fact| matches!(fact, Fact::KeyReply { .. }));
        let Fact::KeyReply { result: seen, .. } = &first.fact else { panic!() };
        assert_eq!(Some(*seen), result, "{how:?}");
    }
}

#[test]
fn a_field_of_another_length_is_no_frame_and_the_right_record_gets_through() {
    let points = [0, 1, 33, 64, 66, 133].map(|length| Forgery::Point(vec![2; length]));
    let forms = [SignatureForm::Der, SignatureForm::Short, SignatureForm::Long];
    for how in points.into_iter().chain(forms.map(Forgery::Signature)) {
        let mut draft = trio();
        let told = format!("{how:?}");
        let act = AdversaryAct::ForgeKeyReply { about: user("bob"), how };
        attack(&mut draft, "forge", 0, When::At(secs(0)), act);
        draft.send("m1", When::At(secs(1)), 0, 1, "hello").expect("m1", Point::Displayed);
        let trace = go(&draft).passes();
        let rejected = trace.first(|fact| matches!(fact, Fact::Reject { .. }));
        let malformed = matches!(rejected.fact, Fact::Reject { why: RejectCause::Malformed, .. });
        assert!(malformed, "{told}: {:?}", rejected.fact);
        assert_eq!(count(&trace, Meddling::Forged), 1, "{told}");
        let derived = trace.first(|fact| matches!(fact, Fact::Derive { .. }));
        assert!(derived.at > rejected.at, "{told}");
    }
}

#[test]
fn a_forged_notice_leads_to_a_lookup_and_nothing_else() {
    let mut draft = trio();
    draft.plan.given = Given { warm: vec![(0, 1)], ..Given::default() };
    let act = AdversaryAct::ForgeNotice { about: user("bob"), epoch: 9 };
    attack(&mut draft, "lie", 0, When::At(secs(1)), act);
    draft.send("m1", When::At(secs(20)), 0, 1, "hello").expect("m1", Point::Displayed);
    let trace = go(&draft).passes();
    assert_eq!(count(&trace, Meddling::Forged), 1);
}

#[test]
fn swapped_replies_are_refused() {
    let mut draft = trio();
    let act = AdversaryAct::SwapReplies { first: user("bob"), second: user("carol") };
    attack(&mut draft, "swap", 0, When::At(secs(0)), act);
    draft
        .send("m1", When::At(secs(1)), 0, 1, "to bob")
        .send("m2", When::At(ms(1_001)), 0, 2, "to carol")
        .expect("m1", Point::Displayed)
        .expect("m2", Point::Displayed);
    let trace = go(&draft).passes();
    assert_eq!(count(&trace, Meddling::Swapped), 2);
    let wrong = |fact: &Fact| matches!(fact, Fact::KeyReply { result: ReplyResult::WrongUser, .. });
    assert_eq!(trace.count(wrong), 2);
}

#[test]
fn an_old_record_is_a_rollback() {
    let mut draft = trio();
    draft.plan.given = Given { warm: vec![(0, 1)], ..Given::default() };
    draft.config(|config| config.refresh = secs(10));
    draft.step("r1", "rotate", When::At(secs(1)), Action::Rotate { by: 1, revoke: false });
    draft.send("m1", When::At(secs(20)), 0, 1, "hello");
    let act = AdversaryAct::ServeOld { about: user("bob"), epoch: 1 };
    attack(&mut draft, "old", 0, When::At(secs(25)), act);
    let trace = go(&draft);
    let rollback =
        |fact: &Fact| matches!(fact, Fact::KeyReply { result: ReplyResult::Rollback, .. });
    assert!(trace.count(rollback) > 0, "{}", trace.story());
    let newest = trace.records.iter().filter_map(|it| match &it.fact {
        Fact::Pin { peer, epoch, .. } if peer.as_str() == "bob" => Some(*epoch),
        _ => None,
    });
    assert_eq!(newest.max(), Some(Epoch(2)));
}

#[test]
fn a_used_name_is_not_registered_again() {
    let mut draft = trio();
    let act = AdversaryAct::Reregister { name: user("bob") };
    attack(&mut draft, "steal", 0, When::At(secs(1)), act);
    let trace = go(&draft);
    let refused = |fact: &Fact| matches!(fact, Fact::Refuse { code, .. } if code == "ID_TAKEN");
    assert_eq!(trace.count(refused), 1, "{}", trace.story());
}

#[test]
fn garbage_and_strangers_do_no_harm() {
    let mut draft = trio();
    draft.plan.given = Given { warm: vec![(0, 1)], ..Given::default() };
    let inject = |to_device| AdversaryAct::Inject { octets: vec![0xff; 40], to_device };
    attack(&mut draft, "g1", 1, When::At(secs(1)), inject(true));
    attack(&mut draft, "g2", 1, When::At(secs(2)), inject(false));
    attack(
        &mut draft,
        "s1",
        1,
        When::At(secs(3)),
        AdversaryAct::Spray { count: 50, epochs: false },
    );
    attack(&mut draft, "s2", 1, When::At(secs(4)), AdversaryAct::Spray { count: 50, epochs: true });
    draft.send("m1", When::At(secs(5)), 0, 1, "hello").expect("m1", Point::Displayed);
    let trace = go(&draft);
    assert_eq!(count(&trace, Meddling::Forged), 102);
    assert!(trace.displayed().iter().any(|(_, text)| *text == "hello"), "{:?}", trace.findings());
    let lookups = trace.count(|fact| matches!(fact, Fact::Lookup { .. }));
    assert!(lookups < 60, "{lookups}");
    let malformed = |fact: &Fact| matches!(fact, Fact::Reject { why: RejectCause::Malformed, .. });
    assert_eq!(trace.count(malformed), 1);
}

#[test]
fn a_frame_that_was_never_seen_is_not_replayed() {
    let mut draft = trio();
    let by = 0;
    let what = FrameOf::Device { by, kind: FrameKind::RotateKey, about: None };
    draft.name("nothing", NamedThing::Step);
    let act = AdversaryAct::Replay(FrameAddress { what, copy: None });
    attack(&mut draft, "void", 0, When::At(secs(1)), act);
    let expected = "Inconclusive step: the adversary of step `void` has seen no such frame";
    assert!(go(&draft).findings().contains(&expected.to_owned()));
}
