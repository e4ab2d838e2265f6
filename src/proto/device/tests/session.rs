//! Attaching, tickets, polls, repeated requests. Not here: what requests are about.

use crate::base::id::{DraftId, Hash32, ReqId};
use crate::base::time::{Duration, Instant};
use crate::crypto::model::Model;
use crate::proto::device::tests::bench::{Bench, HOUR, MINUTE, SECOND};
use crate::proto::device::tests::peer::{Letter, user};
use crate::proto::port::UserAction;
use crate::trace::fact::{AlarmKind, DraftStatus, Fact};
use crate::wire::code::ErrorCode;
use crate::wire::message::{Envelope, Message, MessageKind};

fn bench() -> Bench<Model> {
    Bench::new(|config| config.poll = Some(SECOND.times(10)))
}

fn kinds(sent: &[Envelope]) -> Vec<&'static str> {
    sent.iter().map(|it| it.body.kind().name()).collect()
}

/// When frames of a kind leave while nobody answers, in whole seconds from now.
fn times(bench: &mut Bench<Model>, kind: MessageKind, span: Duration) -> Vec<u64> {
    let start = bench.now.at;
    let mut times = Vec::new();
    while let Some((at, _)) = bench.device.poll_timeout().filter(|(at, _)| at.since(start) <= span)
    {
        bench.wait(at.since(bench.now.at));
        let left = bench.take_sent().into_iter().filter(|it| it.body.kind() == kind).count();
        times.extend((0..left).map(|_| at.since(start).as_millis() / 1_000));
    }
    times
}

#[test]
fn a_start_without_a_ticket_attaches_and_polls_once() {
    let mut bench = bench();
    bench.restart();
    assert_eq!(kinds(&bench.sent), ["hello"]);
    let hello = bench.take_sent().remove(0);
    assert_eq!(hello.ticket, None);
    bench.serve_one(hello);
    let attach = bench.take_sent().remove(0);
    assert_eq!(attach.body.kind(), MessageKind::Attach);
    bench.serve_one(attach);
    let sent = bench.take_sent();
    assert_eq!(kinds(&sent), ["poll"]);
    assert!(sent[0].ticket.is_some());
}

#[test]
fn a_challenge_of_another_server_or_under_another_number_is_ignored() {
    let mut bench = bench();
    bench.restart();
    let hello = bench.take_sent().remove(0);
    for (server, req) in [("other", hello.req), ("server", ReqId([0; 8]))] {
        let (nonce, time) = (Hash32([3; 32]), bench.now.wall);
        bench.frame(req, Message::Challenge { server: user(server), nonce, time });
        assert_eq!(kinds(&bench.sent), Vec::<&str>::new());
    }
}

#[test]
fn attaching_never_gives_up_and_backs_off_to_a_minute() {
    let mut bench = bench();
    bench.restart();
    let times = times(&mut bench, MessageKind::Hello, MINUTE.times(20));
    assert!(times.len() > 15, "{times:?}");
    let gaps: Vec<u64> = times.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(times[0] <= 3 && gaps.iter().all(|gap| *gap <= 73), "{times:?}");
    assert!(gaps.iter().skip(6).all(|gap| *gap >= 47), "{gaps:?}");
}

#[test]
fn refused_attaches_back_off_too() {
    let mut bench = bench();
    bench.restart();
    let mut hellos: Vec<Instant> = Vec::new();
    for _ in 0..10 {
        let hello = bench.take_sent().remove(0);
        assert_eq!(hello.body.kind(), MessageKind::Hello);
        hellos.push(bench.now.at);
        bench.error(hello.req, ErrorCode::StaleChallenge, 0);
        let (at, _) = bench.device.poll_timeout().unwrap();
        bench.wait(at.since(bench.now.at));
    }
    let last = hellos[9].since(hellos[8]);
    assert!(last >= SECOND.times(40) && last <= SECOND.times(73), "{last}");
}

#[test]
fn an_unknown_user_is_alarmed_once_and_asks_again_after_t_neg() {
    let mut bench = bench();
    bench.send(1, "bob", "hi");
    bench.restart();
    for _ in 0..3 {
        let hello = bench.take_sent().remove(0);
        bench.error(hello.req, ErrorCode::UnknownUser, 0);
        assert_eq!(bench.device.pending(), None, "nothing more can happen");
        bench.wait(MINUTE);
    }
    let alarm = Fact::Alarm { peer: None, what: AlarmKind::NotRegistered };
    assert_eq!(bench.count(|fact| *fact == alarm), 1);
}

#[test]
fn a_session_is_renewed_before_its_ticket_ends_and_serves_meanwhile() {
    let mut bench = bench();
    bench.wait(SECOND);
    let end = bench.now.at + HOUR;
    bench.wait_served(HOUR.saturating_sub(MINUTE.times(2)));
    bench.wait(MINUTE);
    let hello = bench.take_sent().into_iter().find(|it| it.body.kind() == MessageKind::Hello);
    assert!(hello.is_some() && bench.now.at < end);
    bench.user(UserAction::Poll);
    bench.wait(SECOND.times(10));
    assert!(kinds(&bench.sent).contains(&"poll"), "the old ticket serves");
}

#[test]
fn the_own_clock_does_not_decide_about_renewal() {
    for forward in [true, false] {
        let mut bench = bench();
        bench.restart();
        let hello = bench.take_sent().remove(0);
        let server_time = bench.now.wall;
        bench.jump_clock(forward, HOUR.times(24 * 30));
        let (nonce, time) = (Hash32([3; 32]), server_time);
        bench.frame(hello.req, Message::Challenge { server: user("server"), nonce, time });
        let attach = bench.take_sent().remove(0);
        let mut ticket = bench.ticket(HOUR);
        ticket.expires = server_time + HOUR;
        bench.frame(attach.req, Message::Attached { ticket });
        bench.facts.clear();
        bench.wait_served(MINUTE.times(55));
        assert!(!bench.has_fact(|fact| matches!(fact, Fact::Attached { .. })), "{forward}");
    }
}

#[test]
fn a_bad_ticket_attaches_again_and_sends_the_same_requests() {
    let mut bench = bench();
    bench.meet("bob");
    bench.send(1, "bob", "hi");
    let before = bench.take_sent().remove(0);
    bench.error(before.req, ErrorCode::BadTicket, 0);
    assert_eq!(kinds(&bench.sent), ["hello"]);
    let hello = bench.take_sent().remove(0);
    bench.serve_one(hello);
    let attach = bench.take_sent().remove(0);
    bench.serve_one(attach);
    let again = bench.take_sent().into_iter().find(|it| it.body.kind() == MessageKind::Submit);
    let again = again.unwrap();
    assert_eq!((again.req, again.body), (before.req, before.body));
}

#[test]
fn a_server_that_refuses_every_ticket_is_asked_ever_more_rarely() {
    let mut bench = bench();
    let mut hellos = 0;
    let end = bench.now.at + MINUTE.times(30);
    while bench.now.at < end {
        for envelope in bench.take_sent() {
            hellos += usize::from(envelope.body.kind() == MessageKind::Hello);
            if envelope.ticket.is_some() {
                bench.error(envelope.req, ErrorCode::BadTicket, 0);
            } else {
                bench.serve_one(envelope);
            }
        }
        if bench.sent.is_empty() {
            bench.wait(SECOND);
        }
    }
    assert!((25..60).contains(&hellos), "{hellos}");
}

#[test]
fn a_poll_goes_out_every_period_and_backs_off_when_nobody_answers() {
    let mut bench = bench();
    bench.facts.clear();
    let start = bench.now.at;
    let mut polls = Vec::new();
    while bench.now.at.since(start) < MINUTE {
        bench.wait(SECOND);
        for envelope in bench.take_sent() {
            polls.push(bench.now.at.since(start).as_millis() / 1_000);
            bench.serve_one(envelope);
        }
    }
    assert_eq!(polls, [10, 20, 30, 40, 50, 60]);
    let polls = times(&mut bench, MessageKind::Poll, MINUTE.times(10));
    assert!(polls.len() >= 10 && polls.len() < 25, "{polls:?}");
}

#[test]
fn a_poll_that_says_more_is_followed_at_once() {
    let mut bench = bench();
    bench.user(UserAction::Poll);
    let (req, ()) = bench.expect(|message| matches!(message, Message::Poll { .. }).then_some(()));
    bench.frame(req, Message::PollEnd { count: 64, more: true });
    let (next, ()) = bench.expect(|message| matches!(message, Message::Poll { .. }).then_some(()));
    assert_ne!(next, req);
    bench.frame(req, Message::PollEnd { count: 64, more: true });
    assert!(bench.sent.is_empty(), "an answered poll is over");
}

#[test]
fn without_a_period_a_device_polls_at_each_attached_only() {
    let mut bench = Bench::<Model>::new(|config| config.poll = None);
    bench.wait_served(MINUTE.times(50));
    assert_eq!(bench.transmitted(MessageKind::Poll), 1);
}

#[test]
fn a_request_is_repeated_octet_for_octet_in_bursts_and_the_user_is_told() {
    let mut bench = bench();
    bench.meet("bob");
    bench.send(1, "bob", "hi");
    let first = bench.take_sent().remove(0);
    let mut copies = 1;
    while bench.notices().is_empty() {
        bench.wait(SECOND);
        for envelope in bench.take_sent() {
            if envelope.body.kind() == MessageKind::Submit {
                assert_eq!(envelope, first);
                copies += 1;
            }
        }
    }
    assert_eq!(copies, 8);
    bench.wait(SECOND.times(59));
    assert!(bench.take_sent().iter().all(|it| it.body.kind() != MessageKind::Submit));
    bench.wait(SECOND.times(2));
    assert!(bench.take_sent().contains(&first), "the next burst begins after T_neg");
}

#[test]
fn without_a_session_the_user_hears_that_nothing_left() {
    let mut bench = bench();
    bench.meet("bob");
    bench.restart();
    bench.facts.clear();
    bench.send(1, "bob", "known");
    bench.send(2, "carol", "unknown");
    bench.wait(MINUTE.times(3));
    let notices = bench.notices();
    for draft in [1, 2] {
        assert!(notices.contains(&(draft, DraftStatus::Unsent)), "{notices:?}");
    }
    bench.sent.clear();
    bench.restart();
    bench.serve();
    assert_eq!(bench.notices().iter().filter(|(_, it)| *it == DraftStatus::Sent).count(), 2);
}

#[test]
fn what_waited_for_a_session_leaves_in_the_order_of_asking() {
    let mut bench = bench();
    bench.meet("bob");
    bench.restart();
    for n in 1..=9 {
        bench.send(n, "bob", "hi");
    }
    let hello = bench.take_sent().remove(0);
    bench.serve_one(hello);
    let attach = bench.take_sent().remove(0);
    bench.serve_one(attach);
    let seqs = bench.sent.iter().filter_map(|it| match &it.body {
        Message::Submit(submit) => Some(submit.header.seq.0),
        _ => None,
    });
    assert_eq!(seqs.collect::<Vec<_>>(), (2..=10).collect::<Vec<_>>());
}

#[test]
fn a_wiped_device_is_blank_and_says_nothing_more() {
    let mut bench = bench();
    bench.meet("bob");
    bench.send(1, "bob", "hi");
    bench.receive("carol", Letter::new(1), "waits for a key");
    bench.user(UserAction::Wipe);
    bench.sent.clear();
    bench.wait(HOUR);
    assert!(bench.sent.is_empty() && bench.device.pending().is_none());
    assert!(bench.store.keyring.is_empty() && bench.store.contacts.is_empty());
    bench.facts.clear();
    bench.send(2, "bob", "hi");
    assert_eq!(bench.notices(), [(2, DraftStatus::Failed)]);
    let _ = DraftId(2);
}
