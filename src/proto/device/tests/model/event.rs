//! What can happen to a device, drawn by weights and by the families that are on.
//!
//! Not here: carrying it out (`drive`), and what must follow (`reference`).

use crate::base::rng::Draw;
use crate::proto::swarm::{BUTTONS, Family, chance, index, pick};
use crate::proto::trial::{Setting, weighted};
use crate::trace::fact::Button;
use crate::wire::code::{NackCode, Report};

/// Peers of the device, two of them with names that begin alike; the directory does not know the last one from
/// the start.
pub(super) const PEERS: [&str; 4] = ["bob", "bob2", "carol", "erin"];

type Name = &'static str;

/// A step. Numbers called `nth` name something of before, counted from its newest.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Send {
        to: Name,
    },
    Deliver {
        from: Name,
        number: Number,
        epochs: (u64, u64),
        ask: Option<Ask>,
        twist: Twist,
    },
    Redeliver {
        nth: usize,
    },
    Answer {
        nth: usize,
        how: Answer,
    },
    Report {
        nth: usize,
        attempt: u64,
        report: Report,
    },
    RotatePeer {
        who: Name,
        revoke: bool,
    },
    Enroll {
        who: Name,
    },
    Hint {
        of: Name,
        above: u64,
    },
    Rotate {
        revoke: bool,
    },
    Compose {
        to: Name,
        ask: Ask,
    },
    Press {
        button: Button,
    },
    Noise {
        kind: usize,
    },
    Wait {
        millis: u64,
    },
    Restart,
    Snapshot,
    /// Power goes, and what comes back is the state of the last snapshot.
    Restore,
}

/// The number of a message among those of its sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Number {
    Next,
    /// So many are left out.
    Gap(u64),
    /// The least that was left out.
    Missing,
    /// An old one again with other content.
    Again,
}

/// A message asks for approval: the transaction, and for how many seconds it can be given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    pub(super) txn: u8,
    pub(super) life: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Twist {
    None,
    /// The tag does not hold.
    Altered,
    /// An epoch of the sender that is not there yet.
    FutureSender,
    /// An epoch of the receiver that is not there yet.
    FutureReceiver,
    /// It is for somebody else.
    Astray,
    /// It says that it is from the receiver.
    Reflected,
}

/// What a server answers to a request: some are for lookups only, and mean `Right` to others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    Right,
    Stale,
    Full,
    /// The number is taken, the least free one is higher by so much.
    Taken(u64),
    /// It is about something else.
    WrongName,
    WrongNumber,
    BadSignature,
    /// The newest key is no point.
    BadPoint,
    /// The records without the newest.
    Old,
}

#[derive(Clone, Copy)]
enum Kind {
    Send,
    Deliver,
    Redeliver,
    Answer,
    Report,
    RotatePeer,
    Enroll,
    Hint,
    Rotate,
    Compose,
    Press,
    Noise,
    Wait,
    Restart,
    Snapshot,
    Restore,
}

pub(super) fn draw(setting: &Setting, draw: &mut Draw) -> Event {
    let if_on = |family, weight| if setting.has(family) { weight } else { 0 };
    let kind = weighted(
        draw,
        &[
            (6, Kind::Send),
            (10, Kind::Deliver),
            (1 + if_on(Family::Duplication, 3), Kind::Redeliver),
            (12, Kind::Answer),
            (5, Kind::Report),
            (if_on(Family::Rotation, 3) + if_on(Family::Revoke, 2), Kind::RotatePeer),
            (1, Kind::Enroll),
            (1 + if_on(Family::Forgery, 1), Kind::Hint),
            (if_on(Family::Rotation, 2), Kind::Rotate),
            (if_on(Family::OwnData, 4), Kind::Compose),
            (if_on(Family::Approval, 5) + if_on(Family::OwnData, 5), Kind::Press),
            (1, Kind::Noise),
            (6, Kind::Wait),
            (if_on(Family::Crash, 2), Kind::Restart),
            (if_on(Family::Restore, 2), Kind::Snapshot),
            (if_on(Family::Restore, 2), Kind::Restore),
        ],
    );
    let who = setting.crowd.one(draw);
    match kind {
        Kind::Send => Event::Send { to: who },
        Kind::Deliver => delivery(setting, draw, who),
        Kind::Redeliver => Event::Redeliver { nth: index(draw, 5) },
        Kind::Answer => Event::Answer { nth: index(draw, 3), how: answer(setting, draw) },
        Kind::Report => {
            let bounce = Report::Bounced(pick(draw, NackCode::ALL));
            let report = pick(draw, &[Report::Delivered, Report::Expired, bounce, bounce]);
            Event::Report { nth: index(draw, 3), attempt: pick(draw, &[0, 0, 0, 1]), report }
        }
        Kind::RotatePeer => {
            let revoke = setting.has(Family::Revoke) && chance(draw, 2);
            Event::RotatePeer { who, revoke }
        }
        Kind::Enroll => Event::Enroll { who },
        Kind::Hint => Event::Hint { of: who, above: pick(draw, &[0, 0, 1]) },
        Kind::Rotate => Event::Rotate { revoke: setting.has(Family::Revoke) && chance(draw, 2) },
        Kind::Press => {
            let approve = pick(draw, &BUTTONS) == BUTTONS[0];
            Event::Press { button: if approve { Button::Approve } else { Button::Reject } }
        }
        Kind::Wait => {
            let millis = pick(draw, &[1, 300, 600, 1_000, 6_000, 30_000, 61_000, 61_000, 301_000]);
            Event::Wait { millis }
        }
        Kind::Compose => Event::Compose { to: who, ask: asking(draw) },
        Kind::Noise => Event::Noise { kind: index(draw, 5) },
        Kind::Restart => Event::Restart,
        Kind::Snapshot => Event::Snapshot,
        Kind::Restore => Event::Restore,
    }
}

fn delivery(setting: &Setting, draw: &mut Draw, from: Name) -> Event {
    let gap = Number::Gap(pick(draw, &[1, 2, 1_100]));
    let number = if setting.has(Family::Reorder) {
        pick(draw, &[Number::Next, Number::Next, gap, Number::Missing, Number::Missing])
    } else if chance(draw, 10) {
        Number::Again
    } else {
        Number::Next
    };
    // Counted from the newest of each.
    let epochs = (pick(draw, &[0, 0, 1]), pick(draw, &[0, 0, 1]));
    let ask = asking(draw);
    let ask = (setting.has(Family::Approval) && chance(draw, 2)).then_some(ask);
    const TWISTS: [Twist; 5] = [
        Twist::Altered,
        Twist::FutureSender,
        Twist::FutureReceiver,
        Twist::Astray,
        Twist::Reflected,
    ];
    let often = if setting.has(Family::Flood) || setting.has(Family::Corruption) { 2 } else { 6 };
    let twist = if chance(draw, often) { pick(draw, &TWISTS) } else { Twist::None };
    Event::Deliver { from, number, epochs, ask, twist }
}

fn asking(draw: &mut Draw) -> Ask {
    Ask { txn: pick(draw, &[1, 2, 3, 4, 5, 6]), life: pick(draw, &[10, 60, 120]) }
}

fn answer(setting: &Setting, draw: &mut Draw) -> Answer {
    const OTHERS: [Answer; 8] = [
        Answer::Stale,
        Answer::Full,
        Answer::Taken(3),
        Answer::WrongName,
        Answer::WrongNumber,
        Answer::BadSignature,
        Answer::BadPoint,
        Answer::Old,
    ];
    if setting.has(Family::Rotation) && chance(draw, 4) {
        return Answer::Stale;
    }
    let often = if setting.has(Family::Forgery) { 2 } else { 4 };
    if chance(draw, often) { pick(draw, &OTHERS) } else { Answer::Right }
}
