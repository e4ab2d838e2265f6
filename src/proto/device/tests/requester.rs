//! A requester: what it sends, and which approvals it believes. Not here: the approver (`approval`).

use crate::base::id::{DraftId, Epoch};
use crate::base::time::Millis;
use crate::crypto::model::Model;
use crate::crypto::suite::Suite;
use crate::proto::device::tests::approval::met;
use crate::proto::device::tests::bench::{Bench, MINUTE, form, txn};
use crate::proto::device::tests::peer::{Letter, user};
use crate::proto::port::UserAction;
use crate::trace::fact::{DraftStatus, Fact};
use crate::wire::body::{ApprovalReply, ApprovalRequest, ApprovalStatement, Body};
use crate::wire::cose;
use crate::wire::display::display_octets;

fn ask_bob(bench: &mut Bench<Model>, n: u8) -> ApprovalRequest {
    let mut form = form(&["Pay 10 EUR"]);
    form.expires = bench.now.wall + MINUTE;
    let (draft, to) = (DraftId(u64::from(n)), user("bob"));
    bench.user(UserAction::Request { draft, to, txn: txn(n), request: form });
    let (_, submit) = bench.expect_submit_among();
    let Body::Request(request) = bench.peers["bob"].read(&bench.alice, &submit) else { panic!() };
    request
}

/// Approvals by bob, and whether they are valid.
#[test]
fn a_requester_believes_only_what_was_signed_about_what_was_asked() {
    type Change = fn(&mut ApprovalStatement);
    let cases: [(&str, Change, bool); 7] = [
        ("as asked", |_| (), true),
        ("another request", |it| it.req_digest.0[0] ^= 1, false),
        ("another requester", |it| it.requester = user("carol"), false),
        ("another approver", |it| it.approver = user("carol"), false),
        ("after its expiry", |it| it.t = Millis(it.expires.0 + 1), false),
        ("an unknown epoch", |it| it.sig_epoch = Epoch(9), false),
        ("another transaction, which nobody asked", |it| it.txn = txn(9), true),
    ];
    for (name, change, expected) in cases {
        let mut bench = met();
        let request = ask_bob(&mut bench, 1);
        let mut statement = ApprovalStatement {
            txn: request.txn,
            requester: user("alice"),
            approver: user("bob"),
            sig_epoch: Epoch(1),
            req_digest: Model::hash(&[&request.encode()]),
            disp_digest: Model::hash(&[&display_octets(&request.lines)]),
            user_info: String::new(),
            approval_ctr: 1,
            t: request.created,
            expires: request.expires,
        };
        change(&mut statement);
        let payload = statement.encode();
        let octets = cose::sig_structure(&payload);
        let mut signature = Model::sign(&bench.peers["bob"].keys[0].1.secret, &octets);
        for spoiled in [false, true] {
            signature[3] ^= u8::from(spoiled);
            let cose = cose::encode(&payload, &signature);
            let reply = Body::Reply(ApprovalReply { cose, request: None });
            let deliver = bench.letter("bob", Letter::new(2 + u64::from(spoiled)), &reply);
            bench.facts.clear();
            bench.deliver(deliver);
            let seen = bench.facts.iter().find_map(|fact| {
                let Fact::ApprovalSeen { valid, .. } = fact else { return None };
                Some(*valid)
            });
            assert_eq!(seen, Some(expected && !spoiled), "{name}");
        }
    }
}

#[test]
fn a_request_that_is_too_large_is_not_sent() {
    let mut bench = met();
    let mut form = form(&[]);
    form.payee = Some("x".repeat(20_000));
    bench.user(UserAction::Request {
        draft: DraftId(1),
        to: user("bob"),
        txn: txn(1),
        request: form,
    });
    assert_eq!(bench.notices(), [(1, DraftStatus::Failed)]);
}
