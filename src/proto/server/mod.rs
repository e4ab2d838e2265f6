//! The server, partitioned by user: an account holds one user's directory chain, session, mailbox and watchers.
//!
//! Not here: sockets, threads, the durable store; those belong to whoever drives an account.
//!
//! An [`account::Account`] is a machine under the law of calls of [`crate::proto`]. Its driver brings frames to
//! the account that [`route`] names, carries [`crate::proto::port::AccountMessage`]s between accounts, and
//! keeps an [`durable::AccountDurable`] on some medium by applying the writes. Facts are stated after the
//! write that makes them true.

pub mod account;
mod delivery;
mod desk;
pub mod directory;
pub mod durable;
mod lookup;
pub mod mailbox;
mod receipt;
mod registrar;
mod report;
mod row;
mod session;
mod submit;
#[cfg(test)]
mod tests;

use crate::base::id::UserId;
use crate::wire::message::{Envelope, Message};

/// The user whose account serves a frame that came from the device of `own` (design 3). When that user is
/// unknown to the driver, the account of `own` serves it: UNKNOWN_USER.
#[must_use]
pub fn route<'e>(envelope: &'e Envelope, own: &'e UserId) -> &'e UserId {
    match &envelope.body {
        Message::Submit(body) => &body.header.receiver,
        Message::LookupKey { user, .. }
        | Message::Hello { user, .. }
        | Message::Attach { user, .. } => user,
        Message::Register(body) => &body.record.user,
        Message::Poll { .. }
        | Message::DeliverAck { .. }
        | Message::DeliverNack { .. }
        | Message::RotateKey(_)
        | Message::RegisterAck { .. }
        | Message::KeyReply { .. }
        | Message::SubmitAck { .. }
        | Message::Deliver(_)
        | Message::PollEnd { .. }
        | Message::RotateAck { .. }
        | Message::KeyChanged { .. }
        | Message::StatusReport { .. }
        | Message::Error { .. }
        | Message::Challenge { .. }
        | Message::Attached { .. } => own,
    }
}
