//! What can happen to the accounts, drawn by weights and by the families that are on.
//!
//! Not here: carrying it out (`drive`), and what must follow (`reference`).

use crate::base::rng::Draw;
use crate::proto::swarm::{Family, chance, index, pick};
use crate::proto::trial::{Setting, weighted};
use crate::wire::code::NackCode;

type Name = &'static str;

/// A step. Numbers called `nth` name something of before, counted from its newest.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Submit { from: Name, to: Name, seq: u64, attempt: u64, life: u64, twist: Twist },
    Repeat { nth: usize },
    Poll { who: Name, max: u64 },
    Ack { nth: usize, altered: bool },
    Nack { nth: usize, altered: bool, code: NackCode, retry: u64 },
    Lookup { by: Name, of: Name, have: Option<usize> },
    Register { who: Name, fault: Option<Fault> },
    Rotate { who: Name, revoke: bool, fault: Option<Fault> },
    Attach { who: Name, how: Attaching },
    Noise { who: Name },
    Wait { seconds: u64 },
    Restart { who: Name },
    Reset { who: Name },
}

/// What is wrong with a submission, or special.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Twist {
    None,
    OtherContent,
    FirstEpoch,
    UnknownEpoch,
    TooBig,
    Dead,
    NoTicket,
    WrongOrigin,
    Impostor,
    Stranger,
    ToSelf,
    Far,
}

/// What is wrong with a record, or special.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// It was recorded before.
    Known,
    /// Its epoch is too high by one.
    Epoch,
    /// It does not follow the one before.
    Chain,
    /// Both its keys are the same.
    Keys,
    /// The proof of possession is another's.
    Proof,
    /// It belongs to an identity that ended.
    Ended,
}

/// How a user attaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Attaching {
    Right,
    Repeated,
    ChallengeAgain,
    WithoutHello,
    FirstEpoch,
    BadSignature,
}

#[derive(Clone, Copy)]
enum Kind {
    Submit,
    Repeat,
    Poll,
    Ack,
    Nack,
    Lookup,
    Register,
    Rotate,
    Attach,
    Noise,
    Wait,
    Restart,
    Reset,
}

pub(super) fn draw(setting: &Setting, draw: &mut Draw) -> Event {
    let if_on = |family, weight| if setting.has(family) { weight } else { 0 };
    let kind = weighted(
        draw,
        &[
            (10, Kind::Submit),
            (1 + if_on(Family::Duplication, 4), Kind::Repeat),
            (7, Kind::Poll),
            (5, Kind::Ack),
            (6, Kind::Nack),
            (3, Kind::Lookup),
            (1 + if_on(Family::Identity, 3), Kind::Register),
            (if_on(Family::Rotation, 3) + if_on(Family::Revoke, 2), Kind::Rotate),
            (2 + if_on(Family::Identity, 2), Kind::Attach),
            (1, Kind::Noise),
            (6, Kind::Wait),
            (if_on(Family::ServerCrash, 2), Kind::Restart),
            (if_on(Family::Identity, 2), Kind::Reset),
        ],
    );
    let who = setting.crowd.one(draw);
    match kind {
        Kind::Submit => submission(setting, draw, who),
        Kind::Repeat => Event::Repeat { nth: index(draw, 6) },
        Kind::Poll => Event::Poll { who, max: pick(draw, &[0, 1, 3, 100]) },
        Kind::Ack => Event::Ack { nth: index(draw, 8), altered: chance(draw, 8) },
        Kind::Nack => {
            // Some codes count only when they come again.
            const AGAIN: [NackCode; 2] = [NackCode::UnknownEpoch, NackCode::AuthFail];
            let (nth, altered) = (index(draw, 2), chance(draw, 8));
            let codes = if chance(draw, 2) { &AGAIN } else { NackCode::ALL };
            let (code, retry) = (pick(draw, codes), pick(draw, &[0, 1_000, 40_000]));
            Event::Nack { nth, altered, code, retry }
        }
        Kind::Lookup => {
            let (of, have) = (setting.crowd.other(who, draw), index(draw, 4));
            Event::Lookup { by: who, of, have: have.checked_sub(1) }
        }
        Kind::Register => Event::Register { who, fault: fault(setting, draw) },
        Kind::Rotate => {
            let revoke = setting.has(Family::Revoke) && chance(draw, 2);
            Event::Rotate { who, revoke, fault: fault(setting, draw) }
        }
        Kind::Attach => Event::Attach { who, how: attaching(setting, draw) },
        Kind::Noise => Event::Noise { who },
        Kind::Wait => {
            Event::Wait { seconds: pick(draw, &[0, 1, 1, 2, 5, 5, 9, 15, 29, 30, 60, 90, 300]) }
        }
        Kind::Restart => Event::Restart { who },
        Kind::Reset => Event::Reset { who },
    }
}

fn submission(setting: &Setting, draw: &mut Draw, from: Name) -> Event {
    const TWISTS: [Twist; 10] = [
        Twist::OtherContent,
        Twist::UnknownEpoch,
        Twist::TooBig,
        Twist::Dead,
        Twist::NoTicket,
        Twist::WrongOrigin,
        Twist::Impostor,
        Twist::Stranger,
        Twist::ToSelf,
        Twist::Far,
    ];
    let (to, seq) = (setting.crowd.other(from, draw), draw.between(1, 9));
    let attempt = pick(draw, &[1, 1, 1, 1, 2, 2, 3, 0]);
    let life = pick(draw, &[10, 100, 1_000, 1_000]);
    let twist = if setting.has(Family::Rotation) && chance(draw, 6) {
        Twist::FirstEpoch
    } else if chance(draw, 3) {
        pick(draw, &TWISTS)
    } else {
        Twist::None
    };
    Event::Submit { from, to, seq, attempt, life, twist }
}

fn fault(setting: &Setting, draw: &mut Draw) -> Option<Fault> {
    const FAULTS: [Fault; 6] =
        [Fault::Known, Fault::Epoch, Fault::Chain, Fault::Keys, Fault::Proof, Fault::Ended];
    let forged = if setting.has(Family::Forgery) { 2 } else { 4 };
    chance(draw, forged).then(|| pick(draw, &FAULTS))
}

fn attaching(setting: &Setting, draw: &mut Draw) -> Attaching {
    const OTHERS: [Attaching; 5] = [
        Attaching::Repeated,
        Attaching::ChallengeAgain,
        Attaching::WithoutHello,
        Attaching::FirstEpoch,
        Attaching::BadSignature,
    ];
    let replayed = if setting.has(Family::Replay) { 2 } else { 3 };
    if chance(draw, replayed) { pick(draw, &OTHERS) } else { Attaching::Right }
}
