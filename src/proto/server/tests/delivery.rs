//! Poll, push, leases, acknowledgements, refusals and expiry.

use super::bench::Bench;
use crate::crypto::model::Model;

#[test]
fn polled_mail_comes_in_order_and_is_gone_after_its_acknowledgement() {
    let mut bench: Bench<Model> = Bench::attached(|_| {});
    bench.store("alice", "bob", 1);
    bench.store("carol", "bob", 1);
    bench.store("alice", "bob", 2);
    let offers = bench.poll("bob");
    let mids: Vec<_> = offers.iter().map(|offer| offer.mid.to_string()).collect();
    assert_eq!(mids, ["alice>bob#1", "carol>bob#1", "alice>bob#2"]);
    for offer in &offers {
        assert_eq!(bench.ack("bob", offer), []);
        assert_eq!(bench.ack("bob", offer), [], "an acknowledgement may come twice");
    }
    bench.wait(super::bench::MINUTE);
    assert_eq!(bench.poll("bob"), []);
}
