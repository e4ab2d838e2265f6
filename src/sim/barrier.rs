//! Finds named points in the ordered stream of a node's outputs, at which a scenario may stop it.
//!
//! Not here: the list of points (`proto::barrier`), or what stopping means (`power`).

use crate::base::id::NodeId;
use crate::crypto::suite::Suite;
use crate::proto::barrier::Barrier;
use crate::proto::device::durable::DeviceWrite;
use crate::proto::port::Output;
use crate::proto::server::durable::AccountWrite;
use crate::sim::outbox::Outbox;
use crate::sim::world::{Event, World};
use crate::trace::fact::Fact;
use crate::trace::visible::is_seen;
use crate::wire::header::BodyKind;
use crate::wire::message::Message;

/// A stop that waits for its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Armed {
    /// The step that set it.
    pub step: u32,
    /// Where it stops the node.
    pub at: StopAt,
}

/// Where a node stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopAt {
    /// At a named point.
    Barrier(Barrier),
    /// When the next writes would have become durable.
    Sync,
    /// At the end of the turn in which so many more things have been seen of a device.
    Seen(u32),
}

/// On which side of an output a barrier is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// No barrier here.
    None,
    /// The node stops before this output leaves.
    Before,
    /// The node stops when this output has left.
    After,
}

impl<S: Suite> World<S> {
    /// What a device's barrier makes of what comes next: an output, or a sync.
    pub(super) fn device_side(&self, user: u32, output: Option<&Output<DeviceWrite>>) -> Side {
        let Some(barrier) = self.barrier(NodeId::device(user)) else { return Side::None };
        let outbox = &self.devices[user as usize].outbox;
        match (output, barrier) {
            (Some(output), barrier) => side(barrier, output),
            (None, Barrier::BeforeCommit) => {
                before(writes(outbox, |write| matches!(write, DeviceWrite::Inbox(_, _, Some(_)))))
            }
            (None, _) => Side::None,
        }
    }

    /// What an account's barrier makes of what comes next: an output, or a sync.
    pub(super) fn account_side(&self, user: u32, output: Option<&Output<AccountWrite>>) -> Side {
        let Some(barrier) = self.barrier(NodeId::account(user)) else { return Side::None };
        let outbox = &self.accounts[user as usize].outbox;
        match (output, barrier) {
            (Some(output), barrier) => side(barrier, output),
            (None, Barrier::BeforeStore) => {
                before(writes(outbox, |write| matches!(write, AccountWrite::Store { .. })))
            }
            (None, _) => Side::None,
        }
    }

    /// The barrier at which a node stops.
    fn barrier(&self, node: NodeId) -> Option<Barrier> {
        match self.armed.get(&node)?.at {
            StopAt::Barrier(barrier) => Some(barrier),
            StopAt::Sync | StopAt::Seen(_) => None,
        }
    }

    /// Counts what is seen of a device for the stop that waits for it. Power goes when everything that is
    /// under way at the device at this instant is done.
    pub(super) fn count_seen(&mut self, node: NodeId, fact: &Fact) {
        let now = self.now();
        let Some(Armed { step, at: StopAt::Seen(left) }) = self.armed.get_mut(&node) else {
            return;
        };
        if *left > 0 && is_seen(fact) {
            *left -= 1;
            let (left, step) = (*left, *step);
            if left == 0 {
                self.schedule(now, node, Event::Cut(step));
            }
        }
    }

    /// Everything that led to the last thing seen is done.
    pub(super) fn cut(&mut self, node: NodeId, step: u32) {
        if self.armed.get(&node) == Some(&Armed { step, at: StopAt::Seen(0) }) {
            self.trip(node);
        }
    }

    /// Whether the writes of a node that are done now fail.
    pub(super) fn fails(&self, node: NodeId) -> bool {
        self.armed.get(&node).is_some_and(|armed| armed.at == StopAt::Sync)
    }
}

fn before(here: bool) -> Side {
    if here { Side::Before } else { Side::None }
}

/// Whether the writes that start now contain such a one.
fn writes<W>(outbox: &Outbox<W>, is: impl Fn(&W) -> bool) -> bool {
    let batch = outbox.iter().map_while(|item| match &item.output {
        Output::Persist(_, writes) => Some(writes),
        Output::Transmit(..) | Output::Garbage(_) | Output::Internal(..) | Output::Fact(_) => None,
    });
    batch.flatten().any(is)
}

/// Where a barrier is, seen from an output that leaves now.
fn side<W>(barrier: Barrier, output: &Output<W>) -> Side {
    let message = match output {
        Output::Transmit(_, envelope) => &envelope.body,
        Output::Fact(Fact::Derive { .. }) if barrier == Barrier::BeforeRow => return Side::After,
        Output::Fact(_) | Output::Garbage(_) | Output::Internal(..) | Output::Persist(..) => {
            return Side::None;
        }
    };
    let (here, side) = match barrier {
        Barrier::BeforeAck => (is_ack(message), Side::Before),
        Barrier::AfterAck => (is_ack(message), Side::After),
        Barrier::BeforeSubmit => (matches!(message, Message::Submit(_)), Side::Before),
        Barrier::AfterSubmit => (matches!(message, Message::Submit(_)), Side::After),
        Barrier::BeforeApproval => (is_approval(message), Side::Before),
        Barrier::BeforeRotate => (matches!(message, Message::RotateKey(_)), Side::Before),
        Barrier::AfterRotate => (matches!(message, Message::RotateKey(_)), Side::After),
        Barrier::BeforeSubmitAck => (matches!(message, Message::SubmitAck { .. }), Side::Before),
        Barrier::AfterSubmitAck => (matches!(message, Message::SubmitAck { .. }), Side::After),
        Barrier::AfterDeliver => (matches!(message, Message::Deliver(_)), Side::After),
        Barrier::BeforeRotateAck => (matches!(message, Message::RotateAck { .. }), Side::Before),
        Barrier::AfterRotateAck => (matches!(message, Message::RotateAck { .. }), Side::After),
        // At writes and derivations, not at frames.
        Barrier::BeforeCommit | Barrier::BeforeRow | Barrier::BeforeStore => (false, Side::None),
    };
    if here { side } else { Side::None }
}

const fn is_ack(message: &Message) -> bool {
    matches!(message, Message::DeliverAck { .. })
}

fn is_approval(message: &Message) -> bool {
    matches!(message, Message::Submit(submit) if submit.header.kind == BodyKind::ApprovalReply)
}
