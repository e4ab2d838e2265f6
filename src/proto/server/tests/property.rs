//! What holds for every sequence of inputs: conservation (S-18), and that nothing a link carries panics.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::bench::{Bench, Offered, offered, user};
use crate::base::id::{DeliveryId, Epoch, Hash32, Mid, ReqId, Seq};
use crate::base::time::{Duration, Millis};
use crate::crypto::model::Model;
use crate::proto::port::{AccountInput, Origin, Token};
use crate::trace::fact::Fact;
use crate::wire::code::{AckOutcome, ErrorCode, NackCode, Report};
use crate::wire::header::{BodyKind, Header};
use crate::wire::message::{Deliver, Envelope, Message, Register, Submit, Ticket};
use crate::wire::record::KeyRecord;

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

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
        8 => (who(), who(), 1..6_u64, 1..4_u64, 1..600_u64).prop_map(|(from, to, seq, attempt, life)|
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
            Fact::Offer { mid, attempt, .. } => {
                self.turn(mid, *attempt, Place::Stored, Place::Leased)
            }
            Fact::Restored { mid, .. } => {
                let moved = self.0.iter_mut().filter(|(key, _)| key.0 == *mid);
                let leased = moved.filter(|(_, place)| **place == Place::Leased).last();
                *leased.unwrap_or_else(|| panic!("{fact:?}")).1 = Place::Stored;
            }
            Fact::Nacked { mid, attempt, counted: true, .. } => {
                self.turn(mid, *attempt, Place::Leased, Place::Stored);
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

    /// Facts about leases do not name the generation; of two, either may be meant.
    fn turn(&mut self, mid: &Mid, attempt: u64, from: Place, to: Place) {
        let mut of = self.0.iter_mut().filter(|(key, _)| key.0 == *mid && key.2 == attempt);
        let entry = of.find(|(_, place)| **place == from);
        *entry.unwrap_or_else(|| panic!("{mid} attempt {attempt} is not {from:?}")).1 = to;
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
            let leased = account.leased().filter(|(mid, _)| mid.receiver == to).count();
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
    fn accepted_mail_is_acked_stored_leased_expired_or_bounced(events in events(), push in any::<bool>()) {
        let mut bench: Bench<Model> = Bench::attached(|config| {
            config.mailbox_messages = 4;
            config.ttl = Duration::from_secs(300);
            config.grace = Duration::from_secs(600);
            config.push = push;
        });
        let (mut books, mut offers) = (Books::default(), Vec::new());
        for event in &events {
            if let Event::Restart { who } = event {
                for (mid, delivery) in bench.account(NAMES[*who]).leased().collect::<Vec<_>>() {
                    if mid.receiver == user(NAMES[*who]) {
                        bench.facts.push(Fact::Restored { mid, delivery });
                    }
                }
            }
            happen(&mut bench, event, &mut offers);
            books.compare(&mut bench);
        }
    }

    #[test]
    fn no_frame_from_any_origin_panics(frames in prop::collection::vec(frame(), 1..40)) {
        let mut bench: Bench<Model> = Bench::attached(|config| config.push = true);
        let own: Vec<_> = NAMES.map(|name| bench.people[name].ticket.clone()).to_vec();
        for (account, origin, ticket, body) in frames {
            let ticket = match ticket {
                Some(Err(own_ticket)) => own[own_ticket].clone(),
                Some(Ok(ticket)) => Some(ticket),
                None => None,
            };
            let envelope = Envelope { req: ReqId([1; 8]), ticket, body };
            bench.input(&user(NAMES[account]), AccountInput::Frame(Origin(origin), envelope));
            bench.input(&user(NAMES[account]), AccountInput::Persisted(Token(origin)));
            bench.wait(Duration::from_secs(10));
        }
    }
}

/// Small numbers, which meet, and extreme ones, which overflow.
fn number() -> impl Strategy<Value = u64> + Clone {
    prop_oneof![0..6_u64, Just(1 << 32), Just(u64::MAX - 1), Just(u64::MAX)]
}

fn name() -> impl Strategy<Value = crate::base::id::UserId> + Clone {
    prop::sample::select(vec!["alice", "bob", "carol", "nobody"]).prop_map(user)
}

fn hash() -> impl Strategy<Value = Hash32> + Clone {
    (0..3_u8).prop_map(|octet| Hash32([octet; 32]))
}

fn mid() -> impl Strategy<Value = Mid> + Clone {
    (name(), name(), number()).prop_map(|(sender, receiver, seq)| Mid {
        sender,
        receiver,
        seq: Seq(seq),
    })
}

fn header() -> impl Strategy<Value = Header> {
    (mid(), number(), number()).prop_map(|(mid, epoch_s, epoch_r)| Header {
        kind: BodyKind::Text,
        sender: mid.sender,
        receiver: mid.receiver,
        epoch_s: Epoch(epoch_s),
        epoch_r: Epoch(epoch_r),
        kid_s: [0; 8],
        kid_r: [0; 8],
        seq: mid.seq,
        nonce: [0; 12],
    })
}

fn register() -> impl Strategy<Value = Box<Register>> {
    (name(), hash(), number(), any::<bool>(), any::<bool>()).prop_map(
        |(user, generation, epoch, revoke_prev, signed)| {
            let record = KeyRecord {
                user,
                generation,
                epoch: Epoch(epoch),
                revoke_prev,
                agree_pk: [4; 65],
                sig_pk: [4; 65],
                created: Millis(0),
                not_after: Millis(0),
                prev_hash: generation,
                sig_prev: signed.then_some([0; 64]),
                sig_self: [0; 64],
            };
            Box::new(Register { record, pop: [0; 64] })
        },
    )
}

fn ticket() -> impl Strategy<Value = Ticket> {
    (name(), hash(), number()).prop_map(|(user, generation, expires)| Ticket {
        user,
        generation,
        expires: Millis(expires),
        mac: [0; 16],
    })
}

/// A frame for one of the accounts: from any origin, with no, a made-up or somebody's own ticket.
fn frame() -> impl Strategy<Value = (usize, u64, Option<Result<Ticket, usize>>, Message)> {
    let ticket = prop_oneof![
        Just(None),
        ticket().prop_map(|it| Some(Ok(it))),
        (0..3_usize).prop_map(|it| Some(Err(it)))
    ];
    let request = prop_oneof![
        register().prop_map(Message::Register),
        register().prop_map(Message::RotateKey),
        (name(), prop::option::of(number()), prop::option::of(hash())).prop_map(
            |(user, want, have_hash)| {
                Message::LookupKey { user, want_epoch: want.map(Epoch), have_hash }
            }
        ),
        (header(), 0..100_usize, number(), number()).prop_map(|(header, len, attempt, expires)| {
            let (ciphertext, expires) = (vec![0; len], Millis(expires));
            Message::Submit(Box::new(Submit { header, ciphertext, attempt, expires }))
        }),
        (number(), number())
            .prop_map(|(max, cursor)| Message::Poll { max, cursor: DeliveryId(cursor) }),
        (number(), mid()).prop_map(|(delivery, mid)| Message::DeliverAck {
            delivery: DeliveryId(delivery),
            mid,
            outcome: AckOutcome::Committed
        }),
        (number(), mid(), prop::sample::select(NackCode::ALL), number()).prop_map(
            |(delivery, mid, code, retry)| Message::DeliverNack {
                delivery: DeliveryId(delivery),
                mid,
                code,
                retry_after: Millis(retry)
            }
        ),
        (name(), prop::collection::vec(number(), 0..3), prop::collection::vec(number(), 0..3))
            .prop_map(|(user, versions, suites)| Message::Hello { user, versions, suites }),
        (name(), number(), hash()).prop_map(|(user, epoch, nonce)| Message::Attach {
            user,
            sig_epoch: Epoch(epoch),
            nonce,
            sig: [0; 64]
        }),
    ];
    let body = prop_oneof![9 => request, 1 => reply()];
    (0..3_usize, 0..5_u64, ticket, body)
}

/// What only a server says.
fn reply() -> impl Strategy<Value = Message> {
    let common = (mid(), hash(), number(), header(), ticket());
    (0..9_u8, common).prop_map(|(kind, (mid, hash, number, header, ticket))| match kind {
        0 => Message::RegisterAck { record_hash: hash },
        1 => Message::KeyReply { records: vec![], more: true },
        2 => Message::SubmitAck { mid, duplicate: true },
        3 => Message::Deliver(Box::new(Deliver {
            delivery: DeliveryId(number),
            header,
            ciphertext: vec![],
            queued_at: Millis(number),
        })),
        4 => Message::PollEnd { count: number, more: true },
        5 => Message::StatusReport {
            delivery: DeliveryId(number),
            mid,
            attempt: number,
            report: Report::Expired,
        },
        6 => Message::Error { code: ErrorCode::BadTicket, arg: number },
        7 => Message::Challenge { server: mid.sender, nonce: hash, time: Millis(number) },
        _ => Message::Attached { ticket },
    })
}
