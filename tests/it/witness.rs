//! What those on the connections of a server have seen, and how it goes with the history that the server keeps.
//!
//! The server's history is judged together with what others know that it has promised: what was acknowledged is
//! accepted before, and whoever was registered stays so. Not here: who they are (`ledger`, `stranger`).

use std::path::Path;
use std::sync::{Arc, Mutex};

use peadsim::base::id::{NodeId, UserId};
use peadsim::base::time::{Duration, Instant, Millis};
use peadsim::conformance::history::{Chronicle, JUDGES};
use peadsim::oracle::judge::Docket;
use peadsim::oracle::jury::Jury;
use peadsim::runtime::clock::wall;
use peadsim::runtime::server::history::History;
use peadsim::trace::fact::{About, Fact, FrameFact, FrameKind, LookupCause, ReplyResult};
use peadsim::trace::record::{Record, RecordId};
use peadsim::wire::message::{Envelope, Message};

/// What was seen so far; clones see together.
#[derive(Clone, Default)]
pub struct Witness(Arc<Mutex<Vec<Seen>>>);

/// Something that was seen at this time.
struct Seen {
    wall: Millis,
    order: Order,
    place: Place,
    fact: Fact,
}

/// What comes first within one millisecond: whatever was sent may have led to what the server did, and that to
/// what was received.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Sent,
    Done,
    Received,
}

/// Whose fact it is.
enum Place {
    Device(UserId),
    Account(UserId),
}

impl Witness {
    /// A user sends this.
    pub fn sends(&self, user: &UserId, envelope: &Envelope) {
        let (place, fact) = match &envelope.body {
            Message::Submit(submit) => {
                let mid = submit.header.mid();
                let place = Place::Account(mid.receiver.clone());
                (place, Fact::Rx(frame(FrameKind::Submit, envelope, About::message(mid, 1))))
            }
            Message::Register(_) => {
                let frame = frame(FrameKind::Register, envelope, About::Nothing);
                (Place::Device(user.clone()), Fact::Tx(frame))
            }
            Message::LookupKey { user: peer, want_epoch: want, .. } => {
                let (peer, because) = (peer.clone(), LookupCause::Refresh);
                let fact = Fact::Lookup { peer, req: envelope.req, want: *want, because };
                (Place::Device(user.clone()), fact)
            }
            _ => return,
        };
        self.see(Order::Sent, place, fact);
    }

    /// A user receives this.
    pub fn receives(&self, user: &UserId, envelope: &Envelope) {
        let (place, fact) = match &envelope.body {
            Message::SubmitAck { mid, .. } => {
                let about = About::message(mid.clone(), 0);
                let place = Place::Account(mid.receiver.clone());
                (place, Fact::Tx(frame(FrameKind::SubmitAck, envelope, about)))
            }
            Message::RegisterAck { .. } => {
                let frame = frame(FrameKind::RegisterAck, envelope, About::Nothing);
                (Place::Device(user.clone()), Fact::Rx(frame))
            }
            Message::KeyReply { records, .. } => {
                let Some(last) = records.last() else { return };
                let (peer, req, result) = (last.user.clone(), envelope.req, ReplyResult::Accepted);
                let epochs = records.iter().map(|record| record.epoch).collect();
                (Place::Device(user.clone()), Fact::KeyReply { peer, req, epochs, result })
            }
            _ => return,
        };
        self.see(Order::Received, place, fact);
    }

    fn see(&self, order: Order, place: Place, fact: Fact) {
        self.0.lock().unwrap().push(Seen { wall: wall(), order, place, fact });
    }

    /// What the oracles make of it and of the history in this folder, of a server that has ended.
    pub fn judge(&self, folder: &Path) -> Docket {
        let chronicle = Chronicle::of(History::open(folder).unwrap()).unwrap();
        let (mut records, mut last) = (Vec::new(), Millis(0));
        let take = |record: Record| {
            last = last.max(record.wall);
            records.push((last, Order::Done, record));
        };
        chronicle.records(take).unwrap();
        let mut users = chronicle.users.clone();
        let mut number = |user: &UserId| {
            let place = users.iter().position(|it| it == user).unwrap_or_else(|| {
                users.push(user.clone());
                users.len() - 1
            });
            u32::try_from(place).unwrap()
        };
        for (seq, seen) in (1 << 40..).zip(&*self.0.lock().unwrap()) {
            let node = match &seen.place {
                Place::Device(user) => NodeId::device(number(user)),
                Place::Account(user) => NodeId::account(number(user)),
            };
            let (id, at, fact) = (RecordId { node, seq }, Instant::START, seen.fact.clone());
            let record = Record { id, at, wall: seen.wall, cause: None, fact };
            records.push((seen.wall, seen.order, record));
        }
        records.sort_by_key(|(wall, order, _)| (*wall, *order));
        let spec = chronicle.spec(users).expect("the server keeps a history");
        let mut jury = Jury::of(&JUDGES, &spec);
        for (wall, _, record) in records {
            let at = Instant::START + Duration::from_millis(wall.0);
            jury.take(&Record { at, ..record });
        }
        jury.conclude()
    }
}

fn frame(kind: FrameKind, envelope: &Envelope, about: About) -> FrameFact {
    let (kind, req) = (Some(kind), envelope.req);
    FrameFact { number: 0, copy: 0, up: false, kind, req, about, len: 0, octets: None }
}
