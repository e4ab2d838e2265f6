//! Frames in flight: octets with what every observer may know of them.
//!
//! Not here: what happens to a frame on its way (`links`, `rules`), or what it does where it arrives.

use std::sync::Arc;

use crate::base::id::{Mid, NodeId};
use crate::network::link;
use crate::trace::fact::{About, FrameFact, FrameKind, Octets};
use crate::trace::record::RecordId;
use crate::wire::message::{Envelope, Message, MessageKind};

/// One frame on its way between a device and the server.
#[derive(Clone, Debug)]
pub struct Frame {
    /// As it was sent, or as it is after it was changed.
    pub octets: Arc<[u8]>,
    /// The user whose device it comes from or goes to.
    pub user: u32,
    /// The account that sent it or shall receive it.
    pub account: u32,
    /// True from the device to the server.
    pub up: bool,
    /// Its number on its link, from 1; 0 before its link has seen it.
    pub number: u64,
    /// 0 for the first copy.
    pub copy: u8,
    /// What it says it is; nothing when the octets are no frame.
    pub label: Option<Label>,
    /// The record of its transmission, or of what changed it last.
    pub cause: Option<RecordId>,
}

/// What a frame says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Name of the message.
    pub kind: FrameKind,
    /// The request that it is or answers.
    pub req: crate::base::id::ReqId,
    /// What it is about.
    pub about: About,
}

impl Label {
    /// The label of an envelope. An answer does not always say what it answers: `request` is the label
    /// of the frame that led to it.
    #[must_use]
    pub fn of(envelope: &Envelope, request: Option<&Self>) -> Self {
        let kind = frame_kind(envelope.body.kind());
        let about = match about(&envelope.body) {
            About::Nothing => request
                .filter(|request| request.req == envelope.req)
                .map_or(About::Nothing, |request| request.about.clone()),
            about @ (About::User(_) | About::Message(..) | About::Epoch(_)) => about,
        };
        Self { kind, req: envelope.req, about }
    }
}

impl Frame {
    /// What records say of it; `octets` only where the run keeps them.
    #[must_use]
    pub fn fact(&self, octets: bool) -> FrameFact {
        let label = self.label.clone();
        let (kind, req, about) = label.map_or((None, Default::default(), About::Nothing), |it| {
            (Some(it.kind), it.req, it.about)
        });
        FrameFact {
            number: self.number,
            copy: self.copy,
            up: self.up,
            kind,
            req,
            about,
            len: u32::try_from(self.octets.len()).unwrap_or(u32::MAX),
            octets: octets.then(|| Octets(Arc::clone(&self.octets))),
        }
    }

    /// Whose link it is on.
    #[must_use]
    pub const fn owner(&self) -> NodeId {
        NodeId::device(self.user)
    }

    /// Replaces the octets and reads anew what they say.
    pub fn alter(&mut self, octets: Vec<u8>) {
        self.label = Envelope::decode(&octets).ok().map(|it| Label::of(&it, self.label.as_ref()));
        self.octets = octets.into();
    }

    /// Flips one bit, counted from the first octet's highest; none beyond the end.
    pub fn flip(&mut self, bit: u64) {
        let mut octets = self.octets.to_vec();
        link::flip(&mut octets, bit);
        self.alter(octets);
    }
}

/// The name of a message in traces and frame addresses.
#[must_use]
pub const fn frame_kind(kind: MessageKind) -> FrameKind {
    match kind {
        MessageKind::Register => FrameKind::Register,
        MessageKind::RegisterAck => FrameKind::RegisterAck,
        MessageKind::LookupKey => FrameKind::LookupKey,
        MessageKind::KeyReply => FrameKind::KeyReply,
        MessageKind::Submit => FrameKind::Submit,
        MessageKind::SubmitAck => FrameKind::SubmitAck,
        MessageKind::Poll => FrameKind::Poll,
        MessageKind::Deliver => FrameKind::Deliver,
        MessageKind::PollEnd => FrameKind::PollEnd,
        MessageKind::DeliverAck => FrameKind::DeliverAck,
        MessageKind::DeliverNack => FrameKind::DeliverNack,
        MessageKind::RotateKey => FrameKind::RotateKey,
        MessageKind::RotateAck => FrameKind::RotateAck,
        MessageKind::KeyChanged => FrameKind::KeyChanged,
        MessageKind::StatusReport => FrameKind::StatusReport,
        MessageKind::Error => FrameKind::Error,
        MessageKind::Hello => FrameKind::Hello,
        MessageKind::Challenge => FrameKind::Challenge,
        MessageKind::Attach => FrameKind::Attach,
        MessageKind::Attached => FrameKind::Attached,
    }
}

/// What a message is about, as far as it says so itself. Only submissions and reports carry an attempt.
fn about(message: &Message) -> About {
    let mid = |mid: &Mid, attempt| About::message(mid.clone(), attempt);
    match message {
        Message::LookupKey { user, .. } | Message::KeyChanged { user, .. } => {
            About::User(user.clone())
        }
        Message::Submit(submit) => mid(&submit.header.mid(), submit.attempt),
        Message::SubmitAck { mid: it, .. }
        | Message::DeliverAck { mid: it, .. }
        | Message::DeliverNack { mid: it, .. } => mid(it, 0),
        Message::Deliver(deliver) => mid(&deliver.header.mid(), 0),
        Message::StatusReport { mid: it, attempt, .. } => mid(it, *attempt),
        Message::Register(register) | Message::RotateKey(register) => {
            About::Epoch(register.record.epoch)
        }
        Message::RegisterAck { .. }
        | Message::KeyReply { .. }
        | Message::Poll { .. }
        | Message::PollEnd { .. }
        | Message::RotateAck { .. }
        | Message::Error { .. }
        | Message::Hello { .. }
        | Message::Challenge { .. }
        | Message::Attach { .. }
        | Message::Attached { .. } => About::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{Epoch, Hash32, ReqId, UserId};

    fn envelope(req: u8, body: Message) -> Envelope {
        Envelope { req: ReqId([req; 8]), ticket: None, body }
    }

    #[test]
    fn an_answer_is_about_what_was_asked() {
        let alice = UserId::new("alice").unwrap();
        let lookup = Message::LookupKey { user: alice.clone(), want_epoch: None, have_hash: None };
        let asked = Label::of(&envelope(1, lookup), None);
        assert_eq!(asked.about, About::User(alice));
        let reply = Message::KeyReply { records: Vec::new(), more: false };
        let answer = Label::of(&envelope(1, reply.clone()), Some(&asked));
        assert_eq!((answer.kind, &answer.about), (FrameKind::KeyReply, &asked.about));
        assert_eq!(Label::of(&envelope(2, reply), Some(&asked)).about, About::Nothing);
    }

    #[test]
    fn flipped_octets_are_read_anew() {
        let ack = Message::RotateAck { record_hash: Hash32([1; 32]) };
        let octets: Arc<[u8]> = envelope(3, ack).encode().into();
        let mut frame = Frame {
            octets: Arc::clone(&octets),
            user: 0,
            account: 0,
            up: false,
            number: 1,
            copy: 0,
            label: Some(Label {
                kind: FrameKind::RotateAck,
                req: ReqId([3; 8]),
                about: About::Epoch(Epoch(2)),
            }),
            cause: None,
        };
        frame.flip(0);
        assert_eq!(frame.label, None, "not an array any more");
        frame.flip(0);
        assert_eq!(frame.octets, octets);
        frame.flip(octets.len() as u64 * 8 - 1);
        assert_eq!(frame.label.as_ref().map(|it| it.kind), Some(FrameKind::RotateAck));
    }
}
