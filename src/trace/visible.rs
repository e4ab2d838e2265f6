//! The black-box view of a record: what an observer outside of the devices can see of it.
//!
//! A device in the simulator and the same device behind a cable give equal views, so causes, record numbers,
//! devices' own clocks and request numbers are left out. Not here: hashing (`digest`).

use serde::Serialize;

use crate::base::id::NodeId;
use crate::base::time::Instant;
use crate::trace::fact::{About, Fact, FrameFact, FrameKind, LossCause, Meddling};
use crate::trace::record::Record;

/// A record without what only the inside knows.
#[derive(Serialize, Debug)]
pub(super) struct Visible<'a> {
    node: NodeId,
    at: Instant,
    what: What<'a>,
}

#[derive(Serialize, Debug)]
enum What<'a> {
    Tx(Frame<'a>),
    Rx(Frame<'a>),
    Lost(Frame<'a>, LossCause),
    Meddled(Frame<'a>, Meddling),
    Other(&'a Fact),
}

#[derive(Serialize, Debug)]
struct Frame<'a> {
    number: u64,
    copy: u8,
    up: bool,
    kind: Option<FrameKind>,
    about: &'a About,
    len: u32,
}

/// Whether somebody outside of the devices can see that this happened.
#[must_use]
pub fn is_visible(fact: &Fact) -> bool {
    What::of(fact).is_some()
}

/// Whether this is something that anybody beside a device sees of it: a frame on its link, or what its screen
/// and its buttons do.
#[must_use]
pub const fn is_seen(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Tx(_)
            | Fact::Rx(_)
            | Fact::Display { .. }
            | Fact::Prompt(_)
            | Fact::Notice { .. }
            | Fact::Alarm { .. }
            | Fact::ConfirmAsked { .. }
            | Fact::Button { .. }
    )
}

impl<'a> Visible<'a> {
    /// The view, or nothing when the record is the inside's own business.
    pub(super) fn of(record: &'a Record) -> Option<Self> {
        let what = What::of(&record.fact)?;
        Some(Self { node: record.id.node, at: record.at, what })
    }
}

impl<'a> What<'a> {
    fn of(fact: &'a Fact) -> Option<Self> {
        match fact {
            Fact::Tx(frame) => Some(Self::Tx(Frame::of(frame))),
            Fact::Rx(frame) => Some(Self::Rx(Frame::of(frame))),
            Fact::Lost { frame, why } => Some(Self::Lost(Frame::of(frame), *why)),
            Fact::Meddled { frame, how } => Some(Self::Meddled(Frame::of(frame), *how)),
            // Power, as the harness switches it.
            Fact::PowerOn { .. }
            | Fact::PowerOff { .. }
            | Fact::Rolledback { .. }
            // The user interface.
            | Fact::Compose { .. }
            | Fact::Notice { .. }
            | Fact::Display { .. }
            | Fact::Alarm { .. }
            | Fact::ConfirmAsked { .. }
            | Fact::Confirmed { .. }
            | Fact::Prompt(_)
            | Fact::Button { .. }
            // The server, which the harness owns.
            | Fact::Recorded { .. }
            | Fact::Reset { .. }
            | Fact::Served { .. }
            | Fact::Session { .. }
            | Fact::Accept { .. }
            | Fact::Refuse { .. }
            | Fact::Offer { .. }
            | Fact::Restored { .. }
            | Fact::Acked { .. }
            | Fact::Nacked { .. }
            | Fact::Expire { .. }
            | Fact::Bounce { .. }
            | Fact::Report { .. }
            | Fact::ReportDone { .. }
            | Fact::Hint { .. }
            | Fact::Polled { .. }
            // The harness.
            | Fact::Step { .. }
            | Fact::FaultStart { .. }
            | Fact::FaultEnd { .. }
            | Fact::Fence { .. }
            | Fact::Phase(_) => Some(Self::Other(fact)),
            Fact::Provisioned { .. }
            | Fact::ProvisionRefused { .. }
            | Fact::State { .. }
            | Fact::Attached { .. }
            | Fact::Lookup { .. }
            | Fact::LookupFailed { .. }
            | Fact::KeyReply { .. }
            | Fact::Pin { .. }
            | Fact::Select { .. }
            | Fact::Derive { .. }
            | Fact::Confirm { .. }
            | Fact::Evict { .. }
            | Fact::Encrypt(_)
            | Fact::Decrypt(_)
            | Fact::Waiting { .. }
            | Fact::Commit { .. }
            | Fact::Duplicate { .. }
            | Fact::Reject { .. }
            | Fact::Processed { .. }
            | Fact::Armed { .. }
            | Fact::Sign { .. }
            | Fact::Approved(_)
            | Fact::NotApproved { .. }
            | Fact::ApprovalSeen { .. }
            | Fact::DeclineSeen { .. }
            | Fact::RotateStart { .. }
            | Fact::RotateDone { .. }
            | Fact::RotateRefused { .. }
            | Fact::EpochErased { .. }
            | Fact::Limit { .. }
            | Fact::Timer { .. } => None,
        }
    }
}

impl<'a> Frame<'a> {
    fn of(frame: &'a FrameFact) -> Self {
        let FrameFact { number, copy, up, kind, req: _, about, len, octets: _ } = frame;
        Self { number: *number, copy: *copy, up: *up, kind: *kind, about, len: *len }
    }
}
