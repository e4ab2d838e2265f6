//! Approvals: screen, buttons, signature, expiry, own data. Not here: how messages travel.

use crate::base::id::{DraftId, Epoch, TxnId};
use crate::base::time::{Duration, Millis};
use crate::crypto::model::Model;
use crate::crypto::suite::Suite;
use crate::proto::device::tests::bench::{Bench, MINUTE, SECOND, form, txn};
use crate::proto::device::tests::peer::{Letter, user};
use crate::proto::port::{Output, RequestForm, UserAction};
use crate::trace::fact::{AlarmKind, Button, DraftStatus, Fact, NoApproval, SignPurpose};
use crate::wire::body::{ApprovalReply, ApprovalRequest, ApprovalStatement, Body};
use crate::wire::cose;
use crate::wire::display::display_octets;
use crate::wire::message::{Message, MessageKind, Submit};

const APPROVE: Button = Button::Approve;
const REJECT: Button = Button::Reject;

pub(super) fn met() -> Bench<Model> {
    let mut bench = Bench::new(|config| config.user_info = "Alice A.".to_owned());
    bench.meet("bob");
    bench
}

fn request(bench: &Bench<Model>, n: u8, lines: &[&str]) -> ApprovalRequest {
    let RequestForm { lines, amount, currency, payee, .. } = form(lines);
    ApprovalRequest {
        txn: txn(n),
        requester: user("bob"),
        lines,
        amount,
        currency,
        payee,
        created: bench.now.wall,
        expires: bench.now.wall + MINUTE.times(2),
        nonce: [n; 16],
    }
}

/// Bob asks; his numbers begin at 2.
fn ask(bench: &mut Bench<Model>, seq: u64, request: &ApprovalRequest) {
    let deliver = bench.letter("bob", Letter::new(seq), &Body::Request(request.clone()));
    bench.deliver(deliver);
}

/// A request is on the screen, and its buttons count.
fn armed() -> (Bench<Model>, ApprovalRequest) {
    let mut bench = met();
    let request = request(&bench, 1, &["Pay 10 EUR", "to carol"]);
    ask(&mut bench, 2, &request);
    bench.wait(SECOND);
    bench.sent.clear();
    (bench, request)
}

fn prompts(bench: &Bench<Model>) -> Vec<TxnId> {
    let prompts = bench.facts.iter().filter_map(|fact| {
        let Fact::Prompt(shown) = fact else { return None };
        Some(shown.txn)
    });
    prompts.collect()
}

fn refusals(bench: &Bench<Model>) -> Vec<NoApproval> {
    let refusals = bench.facts.iter().filter_map(|fact| {
        let Fact::NotApproved { why, .. } = fact else { return None };
        Some(*why)
    });
    refusals.collect()
}

fn approvals(bench: &Bench<Model>) -> usize {
    let signed = |fact: &Fact| matches!(fact, Fact::Sign { purpose: SignPurpose::Approval, .. });
    assert_eq!(bench.count(signed), bench.count(|fact| matches!(fact, Fact::Approved(_))));
    bench.count(signed)
}

fn taken(bench: &Bench<Model>) -> Vec<bool> {
    let presses = bench.facts.iter().filter_map(|fact| {
        let Fact::Button { taken, .. } = fact else { return None };
        Some(*taken)
    });
    presses.collect()
}

/// What an approval says, if its signature holds.
fn statement<S: Suite>(bench: &Bench<S>, submit: &Submit) -> (ApprovalStatement, ApprovalReply) {
    let Body::Reply(reply) = bench.peers["bob"].read(&bench.alice, submit) else { panic!() };
    let signed = cose::decode(&reply.cose).unwrap();
    let statement = ApprovalStatement::decode(&signed.payload).unwrap();
    let key = bench.alice.chain[statement.sig_epoch.0 as usize - 1].sig_pk;
    assert!(S::verify(&key, &cose::sig_structure(&signed.payload), &signed.signature));
    (statement, reply)
}

#[test]
fn a_press_signs_what_was_shown_and_nothing_else() {
    let (mut bench, request) = armed();
    assert_eq!((prompts(&bench), approvals(&bench)), (vec![txn(1)], 0));
    assert!(bench.sent.is_empty(), "nothing leaves before the press");
    bench.press(APPROVE);
    let (_, submit) = bench.expect_submit();
    let (statement, reply) = statement(&bench, &submit);
    let expected = ApprovalStatement {
        txn: txn(1),
        requester: user("bob"),
        approver: user("alice"),
        sig_epoch: Epoch(1),
        req_digest: Model::hash(&[&request.encode()]),
        disp_digest: Model::hash(&[&display_octets(&request.lines)]),
        user_info: "Alice A.".to_owned(),
        approval_ctr: 1,
        t: bench.now.wall,
        expires: request.expires,
    };
    assert_eq!((statement, reply.request), (expected, None));
    let cose: &[u8] = &reply.cose;
    assert!(!submit.ciphertext.windows(16).any(|it| cose.windows(16).any(|other| it == other)));
    bench.press(APPROVE);
    bench.wait(MINUTE);
    assert_eq!(approvals(&bench), 1, "one press, one approval");
}

#[test]
fn approvals_are_signed_and_logged_in_one_write_before_they_are_told() {
    let (mut bench, _) = armed();
    let before = bench.outputs.len();
    bench.press(APPROVE);
    let kinds = bench.outputs[before..].iter().map(|output| match output {
        Output::Fact(Fact::Sign { .. }) => "sign",
        Output::Fact(Fact::Approved(_)) => "approved",
        Output::Fact(_) | Output::Internal(..) | Output::Garbage(_) => "",
        Output::Transmit(..) => "transmit",
        Output::Persist(..) => "persist",
    });
    let kinds: Vec<&str> = kinds.filter(|kind| !kind.is_empty()).collect();
    assert_eq!(kinds, ["persist", "sign", "approved", "persist", "transmit"]);
    assert!(bench.store.answers.contains_key(&txn(1)) && bench.store.approvals == 1);
}

#[test]
fn numbers_of_approvals_grow_over_restarts() {
    let mut bench = met();
    for n in 1..=3 {
        let request = request(&bench, n, &["ok?"]);
        ask(&mut bench, u64::from(n) + 1, &request);
        bench.wait(SECOND);
        bench.press(APPROVE);
        let (_, submit) = bench.expect_submit_among();
        assert_eq!(statement(&bench, &submit).0.approval_ctr, u64::from(n));
        bench.restart();
        bench.serve();
    }
}

#[test]
fn a_rejection_is_told_unsigned() {
    let (mut bench, _) = armed();
    bench.press(REJECT);
    assert_eq!((approvals(&bench), refusals(&bench)), (0, vec![NoApproval::Rejected]));
    let (_, submit) = bench.expect_submit();
    let body = bench.peers["bob"].read(&bench.alice, &submit);
    assert!(matches!(body, Body::Declined(declined) if declined.txn == txn(1)), "{body:?}");
}

#[test]
fn a_press_counts_from_the_arming_of_the_screen_on() {
    for (wait, counts) in [(0, false), (499, false), (500, true), (600, true)] {
        let mut bench = met();
        let request = request(&bench, 1, &["ok?"]);
        bench.press(APPROVE);
        ask(&mut bench, 2, &request);
        bench.wait(Duration::from_millis(wait));
        bench.press(APPROVE);
        assert_eq!(taken(&bench), [false, counts], "{wait} ms");
        assert_eq!(approvals(&bench), usize::from(counts), "{wait} ms");
    }
}

#[test]
fn a_press_counts_even_if_the_timer_has_not_been_served() {
    let mut bench = met();
    let request = request(&bench, 1, &["ok?"]);
    ask(&mut bench, 2, &request);
    bench.now.at = bench.now.at + SECOND;
    bench.press(APPROVE);
    assert_eq!(taken(&bench), [true]);
}

#[test]
fn a_long_request_must_be_seen_to_its_end() {
    let lines: Vec<String> = (0..9).map(|n| format!("line {n}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut bench = met();
    let request = request(&bench, 1, &lines);
    ask(&mut bench, 2, &request);
    bench.wait(SECOND);
    bench.press(APPROVE);
    assert_eq!(approvals(&bench), 0);
    bench.user(UserAction::Scroll);
    bench.press(APPROVE);
    assert_eq!((approvals(&bench), taken(&bench)), (1, vec![false, true]));
    let (mut bench, _) = armed();
    bench.user(UserAction::Scroll);
    bench.press(REJECT);
    assert_eq!(refusals(&bench), [NoApproval::Rejected]);
}

#[test]
fn requests_are_shown_one_at_a_time_and_a_press_is_for_the_one_on_screen() {
    let (mut bench, _) = armed();
    for n in 2..=4 {
        let request = request(&bench, n, &["ok?"]);
        ask(&mut bench, u64::from(n) + 1, &request);
    }
    assert_eq!(prompts(&bench), [txn(1)]);
    bench.press(APPROVE);
    bench.press(APPROVE);
    assert_eq!(prompts(&bench), [txn(1), txn(2)], "the next screen is not armed yet");
    bench.wait(SECOND);
    bench.press(REJECT);
    bench.wait(SECOND);
    bench.press(APPROVE);
    bench.wait(SECOND);
    bench.press(APPROVE);
    assert_eq!(taken(&bench), [true, false, true, true, true]);
    assert_eq!((approvals(&bench), refusals(&bench)), (3, vec![NoApproval::Rejected]));
}

/// What cannot be shown as it is, is refused.
#[test]
fn requests_that_do_not_fit_or_hide_something() {
    let wide = "x".repeat(41);
    let many = ["line"; 17];
    let fits = ["line"; 16];
    let exact = "ö".repeat(40);
    let cases: [(&str, &[&str], bool); 9] = [
        ("fits", &fits, true),
        ("exactly as wide", &[&exact], true),
        ("too wide", &[&wide], false),
        ("too long", &many, false),
        ("empty", &[], false),
        ("control", &["10 EUR\u{8}\u{8}00"], false),
        ("bidirectional", &["to \u{202e}lorac"], false),
        ("zero width", &["car\u{200b}ol"], false),
        ("a tab", &["a\tb"], false),
    ];
    for (name, lines, shown) in cases {
        let mut bench = met();
        let request = request(&bench, 1, lines);
        ask(&mut bench, 2, &request);
        assert_eq!(prompts(&bench).len(), usize::from(shown), "{name}");
        assert_eq!(refusals(&bench).len(), usize::from(!shown), "{name}");
        let _ = Millis::NEVER;
    }
}

#[test]
fn a_request_in_another_name_is_no_request() {
    let mut bench = met();
    let mut request = request(&bench, 1, &["ok?"]);
    request.requester = user("carol");
    ask(&mut bench, 2, &request);
    assert_eq!(prompts(&bench), []);
}

#[test]
fn expiry_counts_at_the_press() {
    let (mut bench, request) = armed();
    bench.jump_clock(true, MINUTE.times(2));
    assert!(bench.now.wall > request.expires);
    bench.press(APPROVE);
    assert_eq!((approvals(&bench), refusals(&bench)), (0, vec![NoApproval::Expired]));
    let (mut bench, request) = armed();
    bench.wait(MINUTE.times(2).saturating_sub(SECOND));
    assert_eq!(bench.now.wall, request.expires);
    bench.press(APPROVE);
    assert_eq!(approvals(&bench), 1, "up to its expiry, inclusive");
    let (mut bench, _) = armed();
    bench.wait(MINUTE.times(2));
    assert_eq!(refusals(&bench), [NoApproval::Expired], "it leaves the screen");
    bench.press(APPROVE);
    assert_eq!((approvals(&bench), taken(&bench)), (0, vec![false]));
}

#[test]
fn requests_that_are_over_leave_the_queue_or_never_enter_it() {
    let (mut bench, _) = armed();
    let mut short = request(&bench, 2, &["ok?"]);
    short.expires = bench.now.wall + SECOND.times(10);
    ask(&mut bench, 3, &short);
    bench.wait(SECOND.times(11));
    assert_eq!(refusals(&bench), [NoApproval::Expired]);
    let mut over = request(&bench, 3, &["ok?"]);
    over.expires = Millis(bench.now.wall.0 - 1);
    ask(&mut bench, 4, &over);
    assert_eq!(refusals(&bench), [NoApproval::Expired; 2]);
    bench.wait(SECOND);
    bench.press(APPROVE);
    assert_eq!(prompts(&bench), [txn(1)]);
}

#[test]
fn a_repeated_request_prompts_once_and_never_again_after_an_answer() {
    let (mut bench, request) = armed();
    ask(&mut bench, 3, &request);
    assert_eq!((prompts(&bench).len(), refusals(&bench)), (1, vec![]), "it waits already");
    bench.press(APPROVE);
    ask(&mut bench, 4, &request);
    bench.restart();
    bench.serve();
    ask(&mut bench, 5, &request);
    bench.wait(SECOND);
    bench.press(APPROVE);
    assert_eq!((prompts(&bench).len(), approvals(&bench)), (1, 1));
    assert_eq!(refusals(&bench), [NoApproval::Answered; 2]);
}

#[test]
fn the_same_transaction_with_other_content_is_an_alarm() {
    for answered in [false, true] {
        let (mut bench, mut request) = armed();
        if answered {
            bench.press(REJECT);
        }
        request.amount = Some(1_000_000);
        ask(&mut bench, 3, &request);
        let alarm = Fact::Alarm { peer: Some(user("bob")), what: AlarmKind::TxnConflict };
        assert!(bench.has_fact(|fact| *fact == alarm));
        assert_eq!(prompts(&bench).len(), 1);
        assert_eq!(refusals(&bench).last(), Some(&NoApproval::Conflict));
    }
}

#[test]
fn power_loss_before_the_press_approves_nothing_and_asking_again_prompts_again() {
    let (mut bench, request) = armed();
    bench.restart();
    bench.serve();
    bench.press(APPROVE);
    assert_eq!(approvals(&bench), 0);
    ask(&mut bench, 3, &request);
    assert_eq!(prompts(&bench).len(), 2);
}

// Own data (claim 4).

fn compose(bench: &mut Bench<Model>, draft: u64, to: &str, n: u8) {
    let mut request = form(&["Pay 10 EUR", "to carol"]);
    request.expires = bench.now.wall + MINUTE.times(2);
    let action = UserAction::Approve { draft: DraftId(draft), to: user(to), txn: txn(n), request };
    bench.user(action);
}

#[test]
fn own_data_is_prompted_signed_and_sent_with_its_request() {
    let mut bench = met();
    compose(&mut bench, 1, "bob", 1);
    assert_eq!(prompts(&bench), [txn(1)], "the key is there");
    assert!(bench.sent.is_empty(), "nothing leaves before the press");
    bench.wait(SECOND);
    bench.press(APPROVE);
    let (req, submit) = bench.expect_submit();
    let (statement, reply) = statement(&bench, &submit);
    let body = reply.request.unwrap();
    assert_eq!(statement.req_digest, Model::hash(&[&body]));
    let request = ApprovalRequest::decode(&body).unwrap();
    assert_eq!((request.requester, request.txn), (user("bob"), txn(1)));
    bench.frame(req, Message::SubmitAck { mid: submit.header.mid(), duplicate: false });
    assert_eq!(bench.notices(), [(1, DraftStatus::Sent)]);
}

#[test]
fn own_data_is_prompted_after_its_key_was_found_or_after_one_try() {
    let mut bench = met();
    compose(&mut bench, 1, "carol", 1);
    assert_eq!(prompts(&bench), []);
    assert_eq!(bench.lookups("carol").len(), 1);
    assert!(bench.device.pending().is_some());
    bench.serve();
    assert_eq!(prompts(&bench), [txn(1)]);
    let mut bench = met();
    compose(&mut bench, 1, "carol", 1);
    bench.wait(SECOND.times(5));
    assert_eq!(prompts(&bench), [txn(1)]);
}

#[test]
fn a_signed_approval_waits_for_a_key_without_a_second_press_and_is_dropped_at_expiry() {
    for answered in [false, true] {
        let mut bench = met();
        compose(&mut bench, 1, "carol", 1);
        bench.wait(SECOND.times(6));
        bench.press(APPROVE);
        assert_eq!(approvals(&bench), 1);
        let clear = |it: &crate::wire::message::Envelope| it.body.kind() == MessageKind::Submit;
        assert!(!bench.sent.iter().any(clear), "never in clear");
        bench.wait(SECOND.times(50));
        if answered {
            bench.serve();
            bench.wait_served(SECOND.times(50));
        } else {
            bench.wait(MINUTE.times(2));
        }
        assert_eq!((prompts(&bench).len(), approvals(&bench)), (1, 1));
        let refusals = refusals(&bench);
        let notices = bench.notices();
        if answered {
            assert_eq!(notices.last(), Some(&(1, DraftStatus::Sent)), "{notices:?}");
        } else {
            assert!(notices.contains(&(1, DraftStatus::Unsent)));
            assert_eq!(notices.last(), Some(&(1, DraftStatus::Expired)));
            assert_eq!(refusals, [NoApproval::Unsent]);
            bench.wait_served(MINUTE.times(5));
            assert!(bench.store.drafts.is_empty() && !bench.sent.iter().any(clear));
        }
    }
}

#[test]
fn a_signed_approval_survives_a_restart_and_a_rotation() {
    let mut bench = met();
    compose(&mut bench, 1, "carol", 1);
    bench.wait(SECOND.times(6));
    bench.press(APPROVE);
    bench.user(UserAction::Rotate { revoke: false });
    bench.adopt_own();
    bench.restart();
    bench.serve_until(MessageKind::RotateKey);
    bench.serve_until(MessageKind::Submit);
    let (_, submit) = bench.expect_submit_among();
    let Body::Reply(reply) = bench.peers["carol"].read(&bench.alice, &submit) else { panic!() };
    let signed = cose::decode(&reply.cose).unwrap();
    let statement = ApprovalStatement::decode(&signed.payload).unwrap();
    assert_eq!(statement.sig_epoch, Epoch(1), "signed once");
    assert_eq!(approvals(&bench), 1);
}

/// Own data that can never be sent is not prompted.
#[test]
fn own_data_that_cannot_be_sent() {
    let mut bench = met();
    compose(&mut bench, 1, "alice", 1);
    assert_eq!(bench.notices(), [(1, DraftStatus::Failed)]);
    compose(&mut bench, 2, "bob", 2);
    bench.wait(SECOND);
    bench.press(REJECT);
    assert_eq!(bench.notices().last(), Some(&(2, DraftStatus::Failed)));
    compose(&mut bench, 3, "bob", 2);
    assert_eq!(prompts(&bench), [], "a transaction is decided once");
    let mut blank = Bench::<Model>::blank(|_| ());
    compose(&mut blank, 1, "bob", 1);
    assert_eq!(blank.notices(), [(1, DraftStatus::Failed)]);
}

#[test]
fn own_data_that_nobody_decides_about_expires() {
    let mut bench = met();
    compose(&mut bench, 1, "bob", 1);
    bench.wait(MINUTE.times(2) + SECOND);
    assert_eq!(refusals(&bench), [NoApproval::Expired]);
    assert_eq!(bench.notices(), [(1, DraftStatus::Expired)]);
}
