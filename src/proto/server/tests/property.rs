//! Conservation (S-18) for every sequence of inputs: facts account for all mail accepted.
//!
//! Not here: malformed or foreign frames (`frames`).

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::bench::{Bench, Offered, offered, user};
use crate::base::id::{DeliveryId, Hash32, Mid};
use crate::base::time::Duration;
use crate::crypto::model::Model;
use crate::trace::fact::Fact;
use crate::wire::code::NackCode;
use crate::wire::message::Message;

pub const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// Something that happens to the three accounts.
#[derive(Clone, Debug)]
enum Event {
    Submit { from: usize, to: usize, seq: u64, attempt: u64, life: u64 },
    Poll { who: usize, max: u64 },
    Ack { which: prop::sample::Index },
    Nack { which: prop::sample::Index, code: NackCode, retry: u64 },
    Wait { seconds: u64 },
    Restart { who: usize },
    Renew { who: usize },
    Rotate { who: usize, revoke: bool },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let (who, flag) = (|| 0..3_usize, any::<bool>);
    let which = any::<prop::sample::Index>;
    let code = prop::sample::select(NackCode::ALL);
    let event = prop_oneof![
        8 => (who(), who(), 1..6_u64, 1..4_u64, 1..600_u64).prop_map(
            |(from, to, seq, attempt, life)|
            Event::Submit { from, to, seq, attempt, life }),
        6 => (who(), 0..5_u64).prop_map(|(who, max)| Event::Poll { who, max }),
        4 => which().prop_map(|which| Event::Ack { which }),
        4 => (which(), code, 0..60_000_u64).prop_map(|(which, code, retry)|
            Event::Nack { which, code, retry }),
        4 => (0..90_u64).prop_map(|seconds| Event::Wait { seconds }),
        1 => who().prop_map(|who| Event::Restart { who }),
        1 => who().prop_map(|who| Event::Renew { who }),
        1 => (who(), flag()).prop_map(|(who, revoke)| Event::Rotate { who, revoke }),
    ];
    prop::collection::vec(event, 0..80)
}

/// Where a submission is, by the facts alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Stored,
    Leased,
    Acked,
    Expired,
    Bounced,
}

/// The books of all accounts: every accepted (mid, generation, attempt) is at exactly one place.
#[derive(Default)]
struct Books(BTreeMap<(Mid, Hash32, u64), Place>);

impl Books {
    fn note(&mut self, fact: &Fact) {
        match fact {
            Fact::Accept { mid, generation, attempt, known, .. } => {
                let key = (mid.clone(), *generation, *attempt);
                if *known {
                    assert!(self.0.contains_key(&key), "{fact:?}");
                } else {
                    assert_eq!(self.0.insert(key, Place::Stored), None, "{fact:?}");
                }
            }
            Fact::Offer { mid, generation, .. } => {
                self.turn(mid, *generation, Place::Stored, Place::Leased);
            }
            Fact::Restored { mid, generation, .. }
            | Fact::Nacked { mid, generation, counted: true, .. } => {
                self.turn(mid, *generation, Place::Leased, Place::Stored);
            }
            Fact::Acked { mid, generation, attempt } => {
                self.end(mid, *generation, *attempt, Place::Acked);
            }
            Fact::Expire { mid, generation, attempt } => {
                self.end(mid, *generation, *attempt, Place::Expired);
            }
            Fact::Bounce { mid, generation, attempt, .. } => {
                self.end(mid, *generation, *attempt, Place::Bounced);
            }
            _ => {}
        }
    }

    fn turn(&mut self, mid: &Mid, generation: Hash32, from: Place, to: Place) {
        let mut of = self.0.iter_mut().filter(|(key, _)| (&key.0, key.1) == (mid, generation));
        let entry = of.find(|(_, place)| **place == from);
        *entry.unwrap_or_else(|| panic!("{mid} is not {from:?}")).1 = to;
    }

    fn end(&mut self, mid: &Mid, generation: Hash32, attempt: u64, to: Place) {
        let place = self.0.get_mut(&(mid.clone(), generation, attempt)).expect("was accepted");
        assert!(matches!(place, Place::Stored | Place::Leased), "{mid}: {place:?} then {to:?}");
        *place = to;
    }

    /// What the mailboxes hold must be what the books say.
    fn compare(&mut self, bench: &mut Bench<Model>) {
        for fact in bench.take_facts() {
            self.note(&fact);
        }
        for name in NAMES {
            let to = user(name);
            let count = |place| {
                self.0.iter().filter(|(key, at)| key.0.receiver == to && **at == place).count()
            };
            let account = bench.account(name);
            let mail = account.durable().mailbox().map_or(0, |mailbox| {
                assert_eq!(mailbox.mail().count(), mailbox.messages());
                let octets: usize = mailbox.mail().map(|(_, it)| it.ciphertext.len()).sum();
                assert_eq!(octets as u64, mailbox.octets());
                mailbox.messages()
            });
            let leased = account.leased().count();
            assert_eq!(
                (mail, leased),
                (count(Place::Stored) + leased, count(Place::Leased)),
                "{name}"
            );
        }
    }
}

fn happen(bench: &mut Bench<Model>, event: &Event, offers: &mut Vec<(&'static str, Offered)>) {
    match *event {
        Event::Submit { from, to, seq, attempt, life } => {
            let mut mail = bench.mail(NAMES[from], NAMES[to], seq, attempt);
            mail.expires = bench.now.wall + Duration::from_secs(life);
            bench.submit(mail);
        }
        Event::Poll { who, max } => {
            let answers = bench.send(NAMES[who], Message::Poll { max, cursor: DeliveryId(0) });
            let new = answers.iter().filter_map(offered).map(|offer| (NAMES[who], offer));
            offers.extend(new);
        }
        Event::Ack { ref which } if !offers.is_empty() => {
            let (who, offer) = which.get(offers);
            bench.ack(who, offer);
        }
        Event::Nack { ref which, code, retry } if !offers.is_empty() => {
            let (who, offer) = which.get(offers);
            bench.nack(who, offer, code, retry);
        }
        Event::Ack { .. } | Event::Nack { .. } => {}
        Event::Wait { seconds } => bench.wait(Duration::from_secs(seconds)),
        Event::Restart { who } => bench.restart(NAMES[who]),
        Event::Renew { who } => bench.renew(NAMES[who]),
        Event::Rotate { who, revoke } => {
            bench.rotate(NAMES[who], revoke);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn accepted_mail_is_acked_stored_leased_expired_or_bounced(
        events in events(),
        push in any::<bool>(),
    ) {
        let mut bench: Bench<Model> = Bench::attached(|config| {
            config.mailbox_messages = 4;
            config.ttl = Duration::from_secs(300);
            config.grace = Duration::from_secs(600);
            config.push = push;
        });
        let (mut books, mut offers) = (Books::default(), Vec::new());
        for event in &events {
            if let Event::Restart { who } = event {
                let leased: Vec<_> = bench.account(NAMES[*who]).leased().collect();
                for (mid, generation, delivery) in leased {
                    bench.facts.push(Fact::Restored { mid, generation, delivery });
                }
            }
            happen(&mut bench, event, &mut offers);
            books.compare(&mut bench);
        }
    }
}
