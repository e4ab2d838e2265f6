//! What may be left of a load on a server: mail that nobody fetches. It is fetched and dropped.
//!
//! Users stay: a registration is for ever. Not here: preparing them (`people`).

use std::time::Duration as Span;

use tokio::time::timeout;

use crate::base::id::{DeliveryId, Epoch, Hash32, ReqId, UserId};
use crate::crypto::p256::P256;
use crate::crypto::suite::Suite as _;
use crate::load::error::LoadError;
use crate::load::people::Person;
use crate::runtime::client::channel::{Channel, ChannelError, Endpoint};
use crate::wire::code::AckOutcome;
use crate::wire::message::{Envelope, Message, Ticket};
use crate::wire::signed::attach_octets;

/// How long a server may take for all mail of a user.
const PATIENCE: Span = Span::from_secs(60);
/// Items that are asked for at once.
const AT_ONCE: u64 = 256;

/// A connection, and what is known on it.
struct Line {
    channel: Channel,
    asked: u64,
    ticket: Option<Ticket>,
}

impl Line {
    async fn send(&mut self, body: Message) -> Result<ReqId, ChannelError> {
        self.asked += 1;
        let req = ReqId(self.asked.to_be_bytes());
        self.channel.send(&[Envelope { req, ticket: self.ticket.clone(), body }]).await?;
        Ok(req)
    }

    async fn ask(&mut self, body: Message) -> Result<Message, ChannelError> {
        let req = self.send(body).await?;
        loop {
            let envelope = self.channel.receive().await?;
            if envelope.req == req {
                return Ok(envelope.body);
            }
        }
    }

    /// Fetches everything and acknowledges it; how many items that were.
    #[allow(clippy::wildcard_enum_match_arm, reason = "four of twenty")]
    async fn fetch(&mut self) -> Result<u64, ChannelError> {
        let mut dropped = 0;
        loop {
            let req = self.send(Message::Poll { max: AT_ONCE, cursor: DeliveryId(0) }).await?;
            let mut found = Vec::new();
            loop {
                let envelope = self.channel.receive().await?;
                match envelope.body {
                    Message::Deliver(it) => found.push((it.delivery, it.header.mid())),
                    Message::StatusReport { delivery, mid, .. } => found.push((delivery, mid)),
                    Message::PollEnd { .. } if envelope.req == req => break,
                    Message::Error { .. } if envelope.req == req => {
                        return Err(ChannelError::Closed);
                    }
                    _ => {}
                }
            }
            if found.is_empty() {
                return Ok(dropped);
            }
            dropped += found.len() as u64;
            for (delivery, mid) in found {
                let outcome = AckOutcome::Committed;
                self.send(Message::DeliverAck { delivery, mid, outcome }).await?;
            }
        }
    }
}

/// Drops the mail of a user on a server with this name; how many items that were.
///
/// # Errors
/// When the server cannot be reached, or does not let the user in.
pub async fn clean(
    person: &Person,
    endpoint: &Endpoint,
    server: &UserId,
) -> Result<u64, LoadError> {
    let refused = |why: String| LoadError::Register { user: person.user.clone(), why };
    let work = async {
        let channel = Channel::dial(endpoint).await.map_err(ChannelError::from)?;
        let mut line = Line { channel, asked: 0, ticket: None };
        let user = person.user.clone();
        let hello = Message::Hello { user: user.clone(), versions: vec![1], suites: vec![1] };
        let Message::Challenge { nonce, .. } = line.ask(hello).await? else { return Ok(None) };
        // What binds the answer to this challenge is the server's nonce; the own one need not be secret.
        let own = Hash32([1; 32]);
        let octets = attach_octets(server, &user, Epoch::FIRST, &nonce, &own);
        let sig = P256::sign(person.signing_key(), &octets);
        let attach = Message::Attach { user, sig_epoch: Epoch::FIRST, nonce: own, sig };
        let Message::Attached { ticket } = line.ask(attach).await? else { return Ok(None) };
        line.ticket = Some(ticket);
        line.fetch().await.map(Some)
    };
    match timeout(PATIENCE, work).await {
        Ok(Ok(Some(dropped))) => Ok(dropped),
        Ok(Ok(None)) => Err(refused("it does not let them in".to_owned())),
        Ok(Err(error)) => Err(refused(ChannelError::to_string(&error))),
        Err(_) => Err(refused(format!("no end within {} s", PATIENCE.as_secs()))),
    }
}
