//! Slices of handwritten runs. Not here: how a slice is drawn, or real runs.

use crate::base::id::{DraftId, NodeId};
use crate::explore::why::{READABLE_LINES, Why};
use crate::oracle::tests_support::{Story, hash, txn};
use crate::trace::fact::{
    About, Button, Content, DraftStatus, Fact, FrameKind, LookupCause, LookupEnd, LossCause,
    RejectCause, ReplyResult, WaitCause,
};
use crate::trace::record::RecordId;
use crate::trace::sink::{Header, MessageName};
use crate::trace::slice::{Arrow, Line, Slice, What};
use crate::verdict::finding::{Finding, Severity};

/// Alice's `m1` for bob, her draft 1.
fn story() -> Story {
    let mut story = Story::new(&["alice", "bob"]);
    story.at(1_000).sends(0, 1, 1, "hello");
    story
}

fn header(story: &Story) -> Header {
    Header {
        version: crate::trace::fact::TRACE_VERSION,
        rng: 1,
        case: "TEST".to_owned(),
        seed: 1,
        suite: "model".to_owned(),
        users: story.spec.users.clone(),
        messages: vec![MessageName { name: "m1".to_owned(), by: 0, draft: DraftId(1) }],
    }
}

/// A frame about message 1 that leaves a node and arrives at another, or dies on the way.
fn frame(story: &mut Story, kind: FrameKind, from: NodeId, to: Result<NodeId, LossCause>) {
    let about = About::message(story.mid(0, 1, 1), 1);
    let frame = story.frame(kind, from.is_device(), about);
    let sent = story.push(from, None, Fact::Tx(frame.clone()));
    match to {
        Ok(to) => story.push(to, Some(sent), Fact::Rx(frame)),
        Err(why) => story.push(from, Some(sent), Fact::Lost { frame, why }),
    };
}

const ALICE: NodeId = NodeId::device(0);
const BOB: NodeId = NodeId::device(1);
const SERVER: NodeId = NodeId::account(1);

/// The answer, then the lines.
fn show(slice: &Slice) -> String {
    let line = |line: &Line| {
        let mark = if line.marked { "*" } else { "" };
        let what = match &line.what {
            What::Note(text) => text.clone(),
            What::Arrow(Arrow { to, label, epoch, died, .. }) => {
                let epoch = epoch.map_or_else(String::new, |epoch| format!(" {epoch}"));
                let died = died.as_ref().map_or_else(String::new, |why| format!(" X {why}"));
                format!("-> {to} {label}{epoch}{died}")
            }
        };
        format!("{mark}{} {} {what}\n", line.at, line.node)
    };
    let answer: String = slice.answer.iter().map(|it| format!("{it}\n")).collect();
    format!("{}\n{answer}{}", slice.title, slice.lines.iter().map(line).collect::<String>())
}

fn message(story: &Story, name: &str) -> Slice {
    let header = header(story);
    Why::new(&header, &story.records, READABLE_LINES).message(name).unwrap()
}

#[test]
fn a_message_whose_frames_all_died_says_of_what() {
    let mut story = story();
    for n in 1..=5 {
        let why = if n == 3 { LossCause::LinkDown } else { LossCause::Loss };
        frame(story.at(1_000 + n * 100), FrameKind::Submit, ALICE, Err(why));
    }
    insta::assert_snapshot!(show(&message(&story, "m1")), @r"
    m1 (alice>bob#1): a text from alice for bob
    m1 never reached bob's user; it was encrypted at 1.000000s.
    All 5 submits were lost: 1 link down, 4 loss.
    1.000000s d0 is given m1, a text for bob
    1.000000s d0 encrypts m1, own e1 to bob e1
    1.100000s d0 -> s1 submit m1 e1 X loss
    1.200000s d0 3 more times: submit m1, all lost (1 link down, 2 loss)
    1.500000s d0 -> s1 submit m1 e1 X loss
    ");
}

#[test]
fn a_message_that_lies_ready_says_who_did_not_ask() {
    let mut story = story();
    frame(&mut story, FrameKind::Submit, ALICE, Ok(SERVER));
    story.at(1_100).accepts(0, 1, 1);
    assert_eq!(message(&story, "m1").answer[1..], ["bob never asked for it."]);
    let poll = story.frame(FrameKind::Poll, true, About::Nothing);
    let sent = story.at(2_000).device(1, Fact::Tx(poll.clone()));
    story.push(BOB, Some(sent), Fact::Lost { frame: poll, why: LossCause::Partition });
    story.at(3_000).device(1, Fact::PowerOff { why: crate::trace::fact::StopCause::Crash });
    let slice = message(&story, "alice>bob#1");
    assert_eq!(
        slice.answer[1..],
        ["The only poll of bob was lost: partition.", "bob's device is off since 3.000000s."]
    );
    assert!(show(&slice).contains("2.000000s d1 -> s1 poll X partition"), "{}", show(&slice));
}

#[test]
fn a_message_that_waits_for_a_key_says_what_became_of_the_lookup() {
    let mut story = story();
    story.at(1_100).accepts(0, 1, 1);
    story.at(2_000).offers(0, 1, 1);
    frame(&mut story, FrameKind::Deliver, SERVER, Ok(BOB));
    let mid = story.mid(0, 1, 1);
    story.device(1, Fact::Waiting { mid, why: WaitCause::Key });
    story.looks_up(1, 0, 9, LookupCause::Message);
    let (peer, req) = (story.user(0), crate::base::id::ReqId([9; 8]));
    story.at(42_000).device(1, Fact::LookupFailed { peer, req, why: LookupEnd::TimedOut });
    insta::assert_snapshot!(show(&message(&story, "m1")), @r"
    m1 (alice>bob#1): a text from alice for bob
    m1 never reached bob's user; it was received at 2.000000s.
    bob's device lets it wait since 2.000000s: key.
    bob has no key of alice that fits.
    Its last lookup of alice ended at 42.000000s: timed-out.
    1.000000s d0 is given m1, a text for bob
    1.000000s d0 encrypts m1, own e1 to bob e1
    1.100000s s1 stores m1 for bob
    2.000000s s1 -> d1 deliver m1 e1
    2.000000s d1 m1 waits: key
    2.000000s d1 looks up alice, because of: message
    42.000000s d1 gets no key of alice: timed-out
    ");
}

#[test]
fn a_draft_without_a_key_is_no_message_yet() {
    let mut story = Story::new(&["alice", "bob"]);
    let (to, plain) = (story.user(1), hash("hello"));
    let draft = DraftId(1);
    story.device(0, Fact::Compose { draft, to, kind: Content::Text, plain, len: 5 });
    story.looks_up(0, 1, 7, LookupCause::Draft);
    story.at(50).gets_reply(0, 1, 7, ReplyResult::BrokenChain);
    story.device(0, Fact::Notice { draft, mid: None, status: DraftStatus::NeedsConfirm });
    insta::assert_snapshot!(show(&message(&story, "m1")), @r"
    m1: a text from alice for bob
    m1 never reached bob's user; it was handed over at 0.000000s.
    alice knows since 0.050000s: it waits for the new identity to be confirmed.
    alice has no key of bob that fits.
    The last answer to it came at 0.050000s: broken-chain.
    0.000000s d0 is given m1, a text for bob
    0.000000s d0 looks up bob, because of: draft
    0.050000s d0 takes no key of bob: broken-chain
    0.050000s d0 tells its user: m1 waits for the new identity to be confirmed
    ");
}

#[test]
fn a_message_that_is_refused_says_why() {
    let mut story = story();
    story.accepts(0, 1, 1);
    story.offers(0, 1, 1);
    frame(&mut story, FrameKind::Deliver, SERVER, Ok(BOB));
    let reject = Fact::Reject { mid: Some(story.mid(0, 1, 1)), why: RejectCause::AuthFail };
    let rejected = story.at(1_200).device(1, reject);
    let finding = finding("bob rejects alice>bob#1", &[rejected]);
    let header = header(&story);
    let slice = Why::new(&header, &story.records, READABLE_LINES).finding(&finding);
    insta::assert_snapshot!(show(&slice), @r"
    S-99 at 0.000000s: bob rejects alice>bob#1
    m1 never reached bob's user; it was received at 1.000000s.
    bob's device did not accept it at 1.200000s: auth-fail.
    1.000000s d0 is given m1, a text for bob
    1.000000s d0 encrypts m1, own e1 to bob e1
    1.000000s s1 stores m1 for bob
    1.000000s s1 -> d1 deliver m1 e1
    *1.200000s d1 does not accept m1: auth-fail
    ");
}

fn finding(message: &str, records: &[RecordId]) -> Finding {
    Finding {
        severity: Severity::Fail,
        oracle: "S-99".to_owned(),
        requirements: Vec::new(),
        at: crate::base::time::Instant::START,
        message: message.to_owned(),
        records: records.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_finding_without_records_is_asked_for_the_messages_it_speaks_of() {
    let mut story = story();
    story.sends(0, 1, 11, "again");
    let header = header(&story);
    let why = Why::new(&header, &story.records, READABLE_LINES);
    let slice = why.finding(&finding("lost 1: alice>bob#11", &[]));
    assert!(show(&slice).contains("encrypts alice>bob#11"), "{}", show(&slice));
    assert!(!show(&slice).contains("encrypts m1"), "{}", show(&slice));
    let nothing = why.finding(&finding("R2 did not occur", &[]));
    assert_eq!(nothing.answer, ["It points at no record of the run."]);
    assert!(nothing.lines.is_empty());
}

#[test]
fn a_request_is_followed_to_its_approval() {
    let mut story = story();
    let mid = story.mid(0, 1, 1);
    story.at(2_000).commits(1, 0, 1);
    story.device(1, Fact::Processed { mid, kind: Content::Request });
    story.prompts(1, 0, 1);
    let step = Fact::Step { name: "p1".to_owned(), verb: "press".to_owned() };
    let step = story.at(3_000).device(1, step);
    let (button, screen) = (Button::Approve, Some(txn(1)));
    story.push(BOB, Some(step), Fact::Button { button, screen, taken: true });
    story.approves(1, 0, 1);
    story.encrypts(1, 0, 1, "approval", 1, 1);
    let mid = story.mid(1, 0, 1);
    let from = story.user(1);
    story.at(4_000).device(0, Fact::ApprovalSeen { txn: txn(1), from, mid, valid: true });
    insta::assert_snapshot!(show(&message(&story, "m1")), @r"
    m1 (alice>bob#1): a text from alice for bob
    m1 reached bob's device at 2.000000s, 1s after it was handed over.
    bob approved it at 3.000000s.
    alice has the approval since 4.000000s; its signature holds.
    1.000000s d0 is given m1, a text for bob
    1.000000s d0 encrypts m1, own e1 to bob e1
    2.000000s d1 has m1 in its inbox
    2.000000s d1 asks for alice: `Pay 9.00 EUR`
    3.000000s d1 step p1 (press)
    3.000000s d1 `approve` is pressed
    3.000000s d1 has the approval for alice in its log
    4.000000s d0 has the approval of bob: the signature holds
    ");
}

#[test]
fn whatever_happened_can_be_read() {
    let mut story = story();
    for n in 0..200 {
        let mid = story.mid(0, 1, 1);
        let delivery = crate::base::id::DeliveryId(n);
        let generation = hash("generation");
        story.at(2_000 + n).account(1, Fact::Restored { mid: mid.clone(), generation, delivery });
        let code = format!("CODE{n}");
        let counted = false;
        story.account(1, Fact::Nacked { mid, generation, attempt: 1, code, counted });
    }
    let slice = message(&story, "m1");
    assert_eq!(slice.lines.len(), READABLE_LINES);
    assert_eq!(slice.omitted, 2 + 3 + 200 - READABLE_LINES);
    let header = header(&story);
    let whole = Why::new(&header, &story.records, usize::MAX).message("m1").unwrap();
    assert_eq!((whole.lines.len(), whole.omitted), (2 + 400, 0));
}

#[test]
fn an_unknown_name_is_told_with_those_there_are() {
    let story = story();
    let header = header(&story);
    let error = Why::new(&header, &story.records, 30).message("m2").unwrap_err();
    assert_eq!(error.to_string(), "no message is called `m2`");
    assert_eq!(error.known, ["m1", "alice>bob#1"]);
}
