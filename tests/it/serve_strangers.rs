//! Strangers at the server: they are refused, what they take is bounded, and others do not notice.
//!
//! Not here: what accounts refuse whoever asks (`proto`), which has its own tests.

use peadsim::base::id::{DeliveryId, Epoch, Hash32};
use peadsim::base::time::Duration;
use peadsim::runtime::server::Server;
use peadsim::runtime::server::config::{Config, Limits};
use peadsim::wire::code::{AckOutcome, ErrorCode};
use peadsim::wire::message::{Envelope, Message};

use crate::stranger::{Keys, Line, hello};
use crate::town::{config, start, user, world};

const POLL: Message = Message::Poll { max: 10, cursor: DeliveryId(0) };

/// A server with these limits, and somebody who is attached.
async fn with_guest(limits: Limits) -> (Server, Line) {
    let server = start(Config { limits, ..config() });
    let guest = Line::attached(server.address(), &Keys::of("guest")).await.unwrap();
    (server, guest)
}

#[test]
fn nobody_acts_without_a_ticket_or_with_that_of_another_connection() {
    world().block_on(async {
        let (server, guest) = with_guest(Limits::default()).await;
        let mut other = Line::to(server.address()).await;
        assert_eq!(other.refused(POLL).await, ErrorCode::BadTicket);
        let lookup =
            || Message::LookupKey { user: user("guest"), want_epoch: None, have_hash: None };
        assert_eq!(other.refused(lookup()).await, ErrorCode::BadTicket);
        other.ticket = guest.ticket.clone();
        assert_eq!(other.refused(POLL).await, ErrorCode::BadTicket);
        assert_eq!(other.refused(lookup()).await, ErrorCode::BadTicket);
        let submit = || Message::Submit(Box::new(Keys::of("guest").submit("guest", 1, 64)));
        assert_eq!(other.refused(submit()).await, ErrorCode::BadTicket);
        let rotate = Message::RotateKey(Box::new(Keys::of("guest").registration()));
        assert_eq!(other.refused(rotate).await, ErrorCode::BadTicket);
        // The same for somebody who is attached as another user.
        let mallory = Keys::of("mallory");
        let mut line = Line::attached(server.address(), &mallory).await.unwrap();
        assert_eq!(line.refused(submit()).await, ErrorCode::BadTicket);
        let outcome = AckOutcome::Committed;
        let mid = mallory.submit("guest", 1, 64).header.mid();
        line.ticket = guest.ticket;
        let ack = Message::DeliverAck { delivery: DeliveryId(1), mid, outcome };
        assert_eq!(line.refused(ack).await, ErrorCode::BadTicket);
    });
}

#[test]
fn nobody_founds_an_identity_on_the_connection_of_another() {
    world().block_on(async {
        let (server, mut guest) = with_guest(Limits::default()).await;
        let register = |name| Message::Register(Box::new(Keys::of(name).registration()));
        assert_eq!(guest.refused(register("fresh")).await, ErrorCode::BadTicket);
        Line::attached(server.address(), &Keys::of("taken")).await.unwrap();
        // Within the same millisecond the user's own record would be a repetition.
        let mut mallory = Keys::of("mallory").registration();
        mallory.record.user = user("taken");
        let over = guest.refused(Message::Register(Box::new(mallory))).await;
        assert!([ErrorCode::IdTaken, ErrorCode::BadSig].contains(&over), "{over:?}");
        // Nothing has come of the first: the name is free.
        Line::attached(server.address(), &Keys::of("fresh")).await.unwrap();
    });
}

#[test]
fn attaching_needs_the_key_and_a_fresh_challenge() {
    world().block_on(async {
        let (server, mut guest) = with_guest(Limits::default()).await;
        let (keys, wrong) = (Keys::of("guest"), Keys::of("mallory"));
        let mut line = Line::to(server.address()).await;
        assert_eq!(line.refused(keys.attach(&Hash32([1; 32]))).await, ErrorCode::StaleChallenge);
        let Ok(Message::Challenge { nonce, .. }) = line.ask(hello(&keys.user)).await else {
            panic!("a challenge is expected");
        };
        // Mallory signs for the guest.
        let Message::Attach { sig, nonce: own, .. } = wrong.attach(&nonce) else { panic!() };
        let forged =
            Message::Attach { user: keys.user.clone(), sig_epoch: Epoch(1), nonce: own, sig };
        assert_eq!(line.refused(forged).await, ErrorCode::BadSig);
        let answer = keys.attach(&nonce);
        assert!(matches!(line.ask(answer.clone()).await, Ok(Message::Attached { .. })));
        // The same answer again, here and elsewhere.
        assert_eq!(line.refused(answer.clone()).await, ErrorCode::StaleChallenge);
        let mut other = Line::to(server.address()).await;
        assert_eq!(other.refused(answer.clone()).await, ErrorCode::StaleChallenge);
        other.ask(hello(&keys.user)).await.unwrap();
        assert_eq!(other.refused(answer).await, ErrorCode::BadSig);
        // Nor may anybody register over a user, or speak for two on one connection.
        let mut over = Keys::of("mallory").registration();
        over.record.user = keys.user.clone();
        let mut line = Line::to(server.address()).await;
        let refused = line.refused(Message::Register(Box::new(over))).await;
        assert_eq!(refused, ErrorCode::IdTaken);
        let unknown = hello(&user("nobody"));
        let mut line = Line::to(server.address()).await;
        assert_eq!(line.refused(unknown).await, ErrorCode::UnknownUser);
        line.send(hello(&keys.user)).await.unwrap();
        line.until_closed().await;
        // The guest was attached elsewhere meanwhile, and its ticket still holds here.
        assert!(guest.is_served().await);
    });
}

#[test]
fn frames_that_are_none_end_their_connection_only() {
    world().block_on(async {
        let (server, mut guest) = with_guest(Limits::default()).await;
        for octets in [
            vec![0xff; 8],
            vec![0, 1, 0, 1],
            vec![0; 4],
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            [0, 0, 0, 1, 0xff].repeat(9),
        ] {
            let mut line = Line::to(server.address()).await;
            line.send_octets(&octets).await.unwrap();
            line.until_closed().await;
        }
        // A few are forgiven, in between frames that are.
        guest.send_octets(&[0, 0, 0, 1, 0xff]).await.unwrap();
        let trailing = Envelope { req: peadsim::base::id::ReqId([0; 8]), ticket: None, body: POLL };
        let mut octets = trailing.encode();
        octets.push(0);
        let mut frame = Vec::new();
        peadsim::wire::frame::write_frame(&octets, &mut frame);
        guest.send_octets(&frame).await.unwrap();
        assert!(guest.is_served().await);
    });
}

#[test]
fn a_slow_peer_is_cut_off() {
    world().block_on(async {
        let short = Duration::from_secs(2);
        let limits = Limits { attach_within: short, frame_within: short, ..Limits::default() };
        let (server, mut guest) = with_guest(limits).await;
        // One octet after another, and never a whole frame.
        let mut loris = Line::to(server.address()).await;
        let crawl = async {
            for octet in [0_u8, 0, 1, 0].into_iter().chain(std::iter::repeat(0x85)) {
                if loris.send_octets(&[octet]).await.is_err() {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(crate::town::PATIENCE, crawl).await.expect("it is cut off");
        let mut silent = Line::to(server.address()).await;
        silent.until_closed().await;
        assert!(guest.is_served().await, "who is attached may be silent");
        guest.send_octets(&[0, 0, 1, 0, 0x85]).await.unwrap();
        guest.until_closed().await;
    });
}

#[test]
fn who_says_nothing_for_long_is_forgotten() {
    world().block_on(async {
        let limits = Limits { idle: Duration::from_millis(200), ..Limits::default() };
        let (_server, mut guest) = with_guest(limits).await;
        guest.until_closed().await;
    });
}

#[test]
fn thousands_of_half_open_connections_take_nobodys_place() {
    world().block_on(async {
        let limits = Limits { unattached: 32, ..Limits::default() };
        let (server, mut guest) = with_guest(limits).await;
        let mut crowd = Vec::new();
        for _ in 0..2_000 {
            let Ok(stream) = tokio::net::TcpStream::connect(server.address()).await else { break };
            crowd.push(stream);
        }
        assert_eq!(crowd.len(), 2_000);
        assert!(guest.is_served().await);
        let newcomer = Line::attached(server.address(), &Keys::of("newcomer")).await;
        assert!(newcomer.is_ok(), "who means it finds a place");
    });
}

#[test]
fn more_connections_than_there_may_be_are_closed() {
    world().block_on(async {
        let limits = Limits { connections: 2, ..Limits::default() };
        let (server, mut guest) = with_guest(limits).await;
        let mut second = Line::attached(server.address(), &Keys::of("second")).await.unwrap();
        let mut third = Line::to(server.address()).await;
        third.until_closed().await;
        assert!(guest.is_served().await && second.is_served().await);
        drop(second);
        let mut again = Err(peadsim::runtime::client::channel::ChannelError::Closed);
        for _ in 0..200 {
            again = Line::attached(server.address(), &Keys::of("second")).await;
            if again.is_ok() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert!(again.is_ok(), "who leaves makes room");
    });
}

#[test]
fn who_reads_nothing_is_cut_off_and_who_is_fast_waits() {
    world().block_on(async {
        let limits = Limits {
            rate: 100,
            burst: 10,
            write_within: Duration::from_millis(500),
            ..Limits::default()
        };
        let (server, mut guest) = with_guest(limits).await;
        // Everything is answered, in its time.
        let mut fast = Line::attached(server.address(), &Keys::of("fast")).await.unwrap();
        for _ in 0..50 {
            fast.send(POLL).await.unwrap();
        }
        for _ in 0..50 {
            assert!(matches!(fast.receive().await.unwrap().body, Message::PollEnd { .. }));
        }
        drop(server);
        guest.until_closed().await;
    });
    world().block_on(async {
        let limits = Limits {
            rate: 1_000_000,
            burst: 1_000_000,
            write_within: Duration::from_millis(500),
            ..Limits::default()
        };
        let (server, mut guest) = with_guest(limits).await;
        let mut deaf = Line::attached(server.address(), &Keys::of("deaf")).await.unwrap();
        let lookup =
            || Message::LookupKey { user: user("guest"), want_epoch: None, have_hash: None };
        // It asks and never reads: at last its own requests find no way.
        let flood = async { while deaf.send(lookup()).await.is_ok() {} };
        tokio::time::timeout(crate::town::PATIENCE, flood).await.expect("it is cut off");
        assert!(guest.is_served().await);
    });
}

#[test]
fn a_full_mailbox_and_a_full_directory_are_told() {
    world().block_on(async {
        let mut server = crate::town::settings();
        server.mailbox_messages = 3;
        let limits = Limits { users: 2, ..Limits::default() };
        let server = start(Config { limits, server, ..config() });
        let (alice, bob) = (Keys::of("alice"), Keys::of("bob"));
        let mut line = Line::attached(server.address(), &alice).await.unwrap();
        let _bob = Line::attached(server.address(), &bob).await.unwrap();
        for seq in 1..=3 {
            let submit = Message::Submit(Box::new(alice.submit("bob", seq, 64)));
            assert!(matches!(line.ask(submit).await, Ok(Message::SubmitAck { .. })));
        }
        let submit = Message::Submit(Box::new(alice.submit("bob", 4, 64)));
        assert_eq!(line.refused(submit).await, ErrorCode::QueueFull);
        let submit = Message::Submit(Box::new(alice.submit("bob", 5, 32 << 10)));
        assert_eq!(line.refused(submit).await, ErrorCode::TooBig);
        let mut third = Line::to(server.address()).await;
        let register = Message::Register(Box::new(Keys::of("third").registration()));
        assert_eq!(third.refused(register).await, ErrorCode::QueueFull);
    });
}
