//! Refusals by receivers, late acknowledgements.

use super::bench::{Bench, MINUTE, Offered};
use crate::base::time::Duration;
use crate::crypto::model::Model;
use crate::trace::fact::Fact;
use crate::wire::code::NackCode;

/// Offers of `alice>bob#1` that are answered with `code`, at the seconds at which they come when the
/// device polls every second, until the message is gone.
fn offers_until_bounced(code: NackCode, retry_ms: u64) -> Vec<u64> {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    bench.store("alice", "bob", 1);
    let mut times = Vec::new();
    for second in 0..900 {
        for offer in bench.poll("bob") {
            times.push(second);
            bench.nack("bob", &offer, code, retry_ms);
        }
        bench.wait(Duration::from_secs(1));
    }
    let gone = bench.account("bob").durable().mailbox().unwrap().messages() == 0;
    assert_eq!(gone, code != NackCode::Busy);
    if gone {
        let reports: Vec<_> = bench.poll("alice").into_iter().map(|it| it.what).collect();
        assert_eq!(reports, [format!("Bounced({code:?}) 1")]);
    }
    times
}

#[test]
fn each_refusal_has_its_own_patience() {
    for (code, retry_ms, times) in [
        (NackCode::StaleEpoch, 0, vec![0]),
        (NackCode::TooOld, 0, vec![0]),
        (NackCode::AuthFail, 0, vec![0, 1]),
        (NackCode::UnknownEpoch, 0, vec![0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 300]),
        (NackCode::Busy, 300_000, vec![0, 300, 600]),
    ] {
        assert_eq!(offers_until_bounced(code, retry_ms), times, "{code}");
    }
}

#[test]
fn a_refusal_counts_only_under_the_present_lease() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    bench.store("alice", "bob", 1);
    let first = bench.poll("bob");
    bench.wait(MINUTE);
    bench.take_facts();
    let late = |bench: &mut Bench<Model>, state: &str| {
        bench.nack("bob", &first[0], NackCode::StaleEpoch, 0);
        let [Fact::Nacked { mid, attempt: 1, code, counted: false, .. }] = &bench.take_facts()[..]
        else {
            panic!("{state}: not one ignored refusal");
        };
        assert_eq!((mid, code.as_str()), (&first[0].mid, "STALE_EPOCH"), "{state}");
    };
    late(&mut bench, "stored");
    let second = bench.poll("bob");
    bench.take_facts();
    late(&mut bench, "under another lease");
    bench.nack("bob", &second[0], NackCode::StaleEpoch, 0);
    let kinds: Vec<_> = bench
        .take_facts()
        .iter()
        .map(|fact| match fact {
            Fact::Nacked { counted: true, .. } => "nacked",
            Fact::Bounce { attempt: 1, .. } => "bounced",
            Fact::Report { attempt: 1, .. } => "report",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, ["nacked", "bounced", "report"]);
    bench.nack("bob", &second[0], NackCode::StaleEpoch, 0);
    assert_eq!(bench.take_facts(), [], "gone");
}

#[test]
fn an_acknowledgement_under_the_lease_of_another_message_is_ignored() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    bench.store("alice", "bob", 1);
    bench.store("alice", "bob", 2);
    let both = bench.poll("bob");
    let altered = Offered { mid: both[0].mid.clone(), ..both[1].clone() };
    bench.ack("bob", &altered);
    assert_eq!(bench.account("bob").leased().count(), 2);
    bench.ack("bob", &both[1]);
    bench.wait(MINUTE);
    let again = bench.poll("bob");
    assert_eq!(again.len(), 1, "the one that was not acknowledged is offered again");
    assert_eq!(again[0].mid, both[0].mid);
}

#[test]
fn what_was_put_off_is_due_at_the_next_attach() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    bench.store("alice", "bob", 1);
    let first = bench.poll("bob");
    bench.nack("bob", &first[0], NackCode::Busy, 3_600_000);
    bench.wait(MINUTE);
    assert_eq!(bench.poll("bob"), [], "put off");
    bench.attach("bob");
    assert_eq!(bench.poll("bob").len(), 1);
}

#[test]
fn an_answer_to_an_earlier_attempt_does_not_touch_the_next() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    bench.store("alice", "bob", 1);
    let first = bench.poll("bob");
    bench.nack("bob", &first[0], NackCode::StaleEpoch, 0);
    bench.submit(bench.mail("alice", "bob", 1, 2));
    bench.nack("bob", &first[0], NackCode::StaleEpoch, 0);
    bench.ack("bob", &first[0]);
    let second = bench.poll("bob");
    assert_eq!(second.len(), 1, "the second attempt is still there");
    bench.ack("bob", &second[0]);
    let reports: Vec<_> = bench.poll("alice").into_iter().map(|it| it.what).collect();
    assert_eq!(reports, ["Delivered 2"], "the highest attempt is reported");
}

#[test]
fn a_late_acknowledgement_is_of_its_own_identity_of_the_sender() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    bench.store("alice", "bob", 1);
    let old = bench.poll("bob");
    bench.renew("alice");
    bench.store("alice", "bob", 1);
    bench.wait(MINUTE);
    bench.ack("bob", &old[0]);
    let both = bench.poll("bob");
    assert_eq!(both.len(), 2, "it could be of either");
    bench.ack("bob", &both[0]);
    assert_eq!(bench.poll("alice"), [], "nobody waits for news about the old one");
    bench.ack("bob", &old[0]);
    assert_eq!(
        bench.account("bob").leased().count(),
        1,
        "only a later delivery was of the new one"
    );
    bench.ack("bob", &both[1]);
    assert_eq!(bench.poll("alice").len(), 1);
}
