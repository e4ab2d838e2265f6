//! Status reports in their sender's account.

use super::bench::{Bench, DAY, MINUTE};
use crate::crypto::model::Model;
use crate::proto::port::{AccountInput, AccountMessage};
use crate::trace::fact::Fact;
use crate::wire::code::{NackCode, Report};

use super::bench::user;

#[test]
fn a_report_is_offered_until_acknowledged() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    bench.store("alice", "bob", 1);
    let mail = bench.poll("bob");
    bench.ack("bob", &mail[0]);
    let first = bench.poll("alice");
    assert_eq!(first[0].what, "Delivered 1");
    assert_eq!(bench.poll("alice"), [], "leased");
    bench.nack("alice", &first[0], NackCode::StaleEpoch, 40_000);
    bench.wait(MINUTE);
    let second = bench.poll("alice");
    assert_eq!(second[0].what, "Delivered 1", "a refusal only puts it off");
    bench.wait(MINUTE);
    bench.take_facts();
    bench.ack("alice", &first[0]);
    let mid = mail[0].mid.clone();
    assert_eq!(bench.take_facts(), [Fact::ReportDone { mid, attempt: 1 }], "late, but of it");
    bench.ack("alice", &first[0]);
    assert_eq!(bench.take_facts(), []);
}

#[test]
fn reports_are_outside_the_limits_and_last_one_ttl() {
    let mut bench: Bench<Model> = Bench::attached(|config| config.mailbox_messages = 1);
    for seq in 1..=5 {
        bench.store("alice", "bob", seq);
        let mail = bench.poll("bob");
        bench.ack("bob", &mail[0]);
    }
    bench.store("bob", "alice", 1);
    let mailbox = |bench: &Bench<Model>| {
        let durable = bench.account("alice").durable();
        durable.mailbox().map(|it| (it.items().count(), it.messages(), it.octets()))
    };
    assert_eq!(mailbox(&bench), Some((6, 1, 32)));
    bench.take_facts();
    bench.wait(DAY.times(7));
    assert_eq!(mailbox(&bench), Some((0, 0, 0)));
    let done = bench.facts.iter().filter(|fact| matches!(fact, Fact::ReportDone { .. }));
    assert_eq!(done.count(), 5);
}

#[test]
fn the_highest_attempt_wins_and_other_identities_do_not_count() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    let mid = bench.mail("alice", "bob", 1, 1).header.mid();
    let own = bench.account("alice").durable().directory().generation().unwrap();
    let other = bench.account("bob").durable().directory().generation().unwrap();
    for (generation, attempt, report) in [
        (other, 9, Report::Expired),
        (own, 2, Report::Bounced(NackCode::TooOld)),
        (own, 1, Report::Delivered),
        (own, 2, Report::Expired),
        (own, 3, Report::Delivered),
    ] {
        let status = AccountMessage::Status { mid: mid.clone(), generation, attempt, report };
        bench.input(&user("alice"), AccountInput::Internal(status));
    }
    let facts: Vec<_> = bench
        .take_facts()
        .into_iter()
        .map(|fact| match fact {
            Fact::Report { attempt, what, .. } => format!("{what} {attempt}"),
            Fact::ReportDone { attempt, .. } => format!("done {attempt}"),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(facts, ["bounced(TOO_OLD) 2", "done 2", "delivered 3"]);
    let offers: Vec<_> = bench.poll("alice").into_iter().map(|it| it.what).collect();
    assert_eq!(offers, ["Delivered 3"]);
}

#[test]
fn an_acknowledgement_of_a_replaced_report_leaves_the_new_one() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    bench.store("alice", "bob", 1);
    let mail = bench.poll("bob");
    bench.nack("bob", &mail[0], NackCode::StaleEpoch, 0);
    let bounced = bench.poll("alice");
    assert_eq!(bounced[0].what, "Bounced(StaleEpoch) 1");
    bench.submit(bench.mail("alice", "bob", 1, 2));
    let mail = bench.poll("bob");
    bench.ack("bob", &mail[0]);
    bench.ack("alice", &bounced[0]);
    let offers: Vec<_> = bench.poll("alice").into_iter().map(|it| it.what).collect();
    assert_eq!(offers, ["Delivered 2"]);
}
