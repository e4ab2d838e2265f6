//! Every deviation of the server shows, and does not show without it.

use super::bench::{Bench, DAY, MINUTE, refusal, user};
use crate::base::id::{Epoch, Seq};
use crate::crypto::model::Model;
use crate::proto::deviation::{Deviation, Deviations};
use crate::trace::fact::Fact;
use crate::wire::code::NackCode;
use crate::wire::message::Message;

/// Does what is wrong with a server come to light?
type Symptom = fn(&mut Bench<Model>) -> bool;

fn check(deviation: Deviation, symptom: Symptom) {
    for wrong in [false, true] {
        let deviations =
            if wrong { Deviations::default().with(deviation) } else { Deviations::default() };
        let mut bench = Bench::attached(|config| {
            config.mailbox_messages = 2;
            config.deviations = deviations;
        });
        assert_eq!(symptom(&mut bench), wrong, "{deviation}");
    }
}

fn epochs_served(bench: &mut Bench<Model>) -> Vec<u64> {
    let body = Message::LookupKey { user: user("alice"), want_epoch: None, have_hash: None };
    match &bench.send("bob", body)[..] {
        [Message::KeyReply { records, .. }] => records.iter().map(|it| it.epoch.0).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_server_deviation_shows() {
    let symptoms: [(Deviation, Symptom); 16] = [
        (Deviation::M68, |bench| {
            bench.store("alice", "bob", 1);
            bench.order.first() == Some(&"submit-ack")
        }),
        (Deviation::M69, |bench| {
            (1..=2).for_each(|seq| bench.store("alice", "bob", seq));
            bench.submit(bench.mail("alice", "bob", 3, 1));
            bench.poll("bob").iter().all(|offer| offer.mid.seq != Seq(1))
        }),
        (Deviation::M70, |bench| {
            let answers = bench.submit(bench.mail("alice", "bob", 1, 1));
            answers.iter().any(|it| matches!(it, Message::Deliver(_)))
        }),
        (Deviation::M71, |bench| {
            bench.store("alice", "bob", 1);
            bench.poll("bob");
            bench.wait(MINUTE);
            bench.poll("bob").is_empty()
        }),
        (Deviation::M72, |bench| {
            bench.store("alice", "bob", 1);
            bench.submit(bench.mail("alice", "bob", 1, 1));
            bench.poll("bob").len() == 2
        }),
        (Deviation::M73, |bench| {
            bench.rotate("alice", false);
            epochs_served(bench) == [1]
        }),
        (Deviation::M74, |bench| {
            let mut blank = bench.people["alice"].clone();
            (blank.chain, blank.keys) = (vec![], vec![]);
            let body = blank.next_record::<Model>(false, 77).0;
            refusal(&bench.send("alice", Message::Register(Box::new(body)))).is_none()
        }),
        (Deviation::M75, |bench| {
            let alice = bench.people["alice"].clone();
            let (mut body, (agree, sign)) = alice.next_record::<Model>(false, 0);
            body.record.epoch = Epoch(u64::MAX);
            let body = alice.seal::<Model>(body.record, &agree, &sign);
            refusal(&bench.send("alice", Message::RotateKey(Box::new(body)))).is_none()
        }),
        (Deviation::M76, |bench| {
            bench.store("alice", "bob", 1);
            bench.wait(DAY.times(7));
            !bench.facts.iter().any(|fact| matches!(fact, Fact::Expire { .. }))
        }),
        (Deviation::M77, |bench| {
            bench.store("alice", "bob", 1);
            bench.poll("bob");
            bench.wait(MINUTE);
            bench.poll("bob").is_empty()
        }),
        (Deviation::M84, |bench| {
            bench.store("alice", "bob", 1);
            let mut mail = bench.mail("alice", "bob", 1, 1);
            mail.ciphertext.push(0);
            refusal(&bench.submit(mail)).is_none()
        }),
        (Deviation::M85, |bench| {
            bench.rotate("alice", false);
            epochs_served(bench) == [2]
        }),
        (Deviation::M87, |bench| {
            bench.rotate("alice", false);
            refusal(&bench.rotate("alice", false)).is_none()
        }),
        (Deviation::M92, |bench| {
            bench.store("alice", "bob", 1);
            let offers = bench.poll("bob");
            bench.nack("bob", &offers[0], NackCode::StaleEpoch, 0);
            bench.submit(bench.mail("alice", "bob", 1, 2));
            bench.nack("bob", &offers[0], NackCode::StaleEpoch, 0);
            bench.poll("bob").is_empty()
        }),
        (Deviation::M94, |bench| {
            let mail = bench.mail("alice", "bob", 1, 1);
            bench.submit(mail.clone());
            bench.rotate("bob", true);
            refusal(&bench.submit(mail)).is_some()
        }),
        (Deviation::M96, |bench| {
            bench.rotate("bob", false);
            bench.wait(DAY.times(2));
            bench.attach("alice");
            let mut mail = bench.mail("alice", "bob", 1, 1);
            mail.header.epoch_r = Epoch(1);
            refusal(&bench.submit(mail)).is_none()
        }),
    ];
    for (deviation, symptom) in symptoms {
        check(deviation, symptom);
    }
}
