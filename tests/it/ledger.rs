//! What senders and a receiver know of their messages, and whether the server has kept its word.
//!
//! A message that was acknowledged is delivered, whatever happened meanwhile; none is delivered twice in one
//! life of the server, nor after its sender was told of its delivery; and every sender is told. Not here: what
//! happens to the server (`serve_faults`, `serve_kill`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use peadsim::base::id::Mid;
use peadsim::runtime::client::channel::ChannelError;
use peadsim::wire::code::{ErrorCode, Report};
use peadsim::wire::message::Message;

use crate::stranger::{Keys, Line};
use crate::town::PATIENCE;

/// Who receives everything.
const RECEIVER: &str = "bob";
/// Messages of a sender that are not acknowledged yet.
const WINDOW: usize = 8;
/// Octets of a message.
const OCTETS: usize = 256;

/// What all know together.
#[derive(Default)]
pub struct Ledger {
    /// Acknowledged by the server.
    pub acknowledged: BTreeSet<Mid>,
    /// Delivered to the receiver, and how often.
    pub delivered: BTreeMap<Mid, usize>,
    /// Of which the sender was told that they were delivered.
    pub reported: BTreeSet<Mid>,
    /// Refused because there was no room.
    pub refused: usize,
}

/// One sender.
pub struct Sender {
    keys: Keys,
    next: u64,
    /// Sent and not acknowledged.
    open: BTreeSet<u64>,
    acknowledged: Vec<Mid>,
    reported: Vec<Mid>,
    refused: usize,
}

impl Sender {
    /// A sender with these keys.
    pub fn new(keys: Keys) -> Self {
        Self {
            keys,
            next: 0,
            open: BTreeSet::new(),
            acknowledged: Vec::new(),
            reported: Vec::new(),
            refused: 0,
        }
    }

    /// Sends until the connection is gone or so many more are sent and acknowledged: first what was not
    /// acknowledged before.
    pub async fn flood(&mut self, address: SocketAddr, most: u64) -> Result<(), ChannelError> {
        let mut line = Line::attached(address, &self.keys).await?;
        let end = self.next.saturating_add(most);
        for seq in self.open.clone() {
            line.send(self.message(seq)).await?;
        }
        loop {
            while self.open.len() < WINDOW && self.next < end {
                self.next += 1;
                self.open.insert(self.next);
                line.send(self.message(self.next)).await?;
            }
            if self.open.is_empty() {
                return Ok(());
            }
            self.note(&mut line).await?;
        }
    }

    fn message(&self, seq: u64) -> Message {
        Message::Submit(Box::new(self.keys.submit(RECEIVER, seq, OCTETS)))
    }

    async fn note(&mut self, line: &mut Line) -> Result<(), ChannelError> {
        match line.receive().await?.body {
            Message::SubmitAck { mid, .. } => {
                self.open.remove(&mid.seq.0);
                self.acknowledged.push(mid);
            }
            Message::Error { code: ErrorCode::QueueFull, .. } => self.refused += 1,
            Message::Error { code, .. } => panic!("{code}"),
            _ => {}
        }
        Ok(())
    }

    /// Fetches reports until there are none.
    pub async fn read_reports(&mut self, address: SocketAddr) -> Result<(), ChannelError> {
        let mut line = Line::attached(address, &self.keys).await?;
        loop {
            let found = line.fetch().await?;
            if found.is_empty() {
                return Ok(());
            }
            for message in found {
                if let Message::StatusReport { mid, report: Report::Delivered, .. } = message {
                    self.reported.push(mid);
                }
            }
        }
    }

    /// Whether everything that it has sent was acknowledged.
    pub fn is_done(&self) -> bool {
        self.open.is_empty()
    }
}

/// Fetches and acknowledges mail; until there is none, or for ever.
pub async fn receive(
    address: SocketAddr,
    found: &mut Vec<Mid>,
    for_ever: bool,
) -> Result<(), ChannelError> {
    let mut line = Line::attached(address, &Keys::of(RECEIVER)).await?;
    loop {
        let mail = line.fetch().await?;
        if mail.is_empty() && !for_ever {
            return Ok(());
        }
        found.extend(mail.iter().filter_map(crate::stranger::mid));
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

impl Ledger {
    /// Takes over what a sender knows.
    pub fn note(&mut self, sender: &mut Sender) {
        self.acknowledged.extend(sender.acknowledged.drain(..));
        self.reported.extend(sender.reported.drain(..));
        self.refused += std::mem::take(&mut sender.refused);
    }

    /// Takes over what was delivered in one life of the server.
    pub fn note_life(&mut self, delivered: Vec<Mid>) {
        let mut once = BTreeSet::new();
        for mid in delivered {
            assert!(once.insert(mid.clone()), "{mid} is delivered twice in one life");
            assert!(!self.reported.contains(&mid), "{mid} comes after its report");
            *self.delivered.entry(mid).or_default() += 1;
        }
    }

    /// After everything was fetched: nothing that was acknowledged is missing.
    pub fn check_mail(&self) {
        let missing: Vec<_> =
            self.acknowledged.iter().filter(|mid| !self.delivered.contains_key(mid)).collect();
        assert!(missing.is_empty(), "acknowledged and lost: {missing:?}");
    }

    /// Reads reports until there is one of everything that was delivered, or none has come for long.
    pub async fn read_reports(&mut self, senders: &mut [Sender], address: SocketAddr) {
        let read = async {
            while self.reported.len() < self.delivered.len() {
                for sender in &mut *senders {
                    sender.read_reports(address).await.unwrap();
                    self.note(sender);
                }
            }
        };
        let _ = tokio::time::timeout(PATIENCE, read).await;
    }

    /// After all reports were fetched: every sender was told of everything that was delivered.
    pub fn check_reports(&self) {
        let delivered: BTreeSet<&Mid> = self.delivered.keys().collect();
        let reported: BTreeSet<&Mid> = self.reported.iter().collect();
        assert_eq!(delivered, reported, "delivered and reported");
    }
}
