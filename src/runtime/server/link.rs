//! One connection as the rest of the server knows it: where to send, how much is unread, whether it is over.
//!
//! Not here: its socket (`connection`), or how many there may be (`gate`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, OwnedSemaphorePermit};

use crate::proto::port::Origin;
use crate::runtime::server::config::Limits;
use crate::wire::frame::write_frame;
use crate::wire::message::{Envelope, Message};

/// Octets that any peer may leave unread, however much all of them do.
const SHARE: usize = 256 << 10;

/// What a frame takes until it is served, and until its answer is read.
#[derive(Debug)]
pub struct Load {
    /// One of the frames that its connection may have under way; until the answer is written.
    pub permit: Arc<OwnedSemaphorePermit>,
    /// Its octets, of those that all connections may have under way; until it is served.
    #[allow(dead_code, reason = "it is held, and given back when this is dropped")]
    pub octets: OwnedSemaphorePermit,
}

/// What goes to a peer.
#[derive(Debug)]
pub enum Outgoing {
    /// A frame with its length, and the permit of the request that it answers.
    Frame(Vec<u8>, Option<Arc<OwnedSemaphorePermit>>),
    /// Nothing more.
    End,
}

/// One connection.
#[derive(Debug)]
pub struct Link {
    /// Its number, which no other has, not even after a restart: tickets are bound to it.
    pub origin: Origin,
    outgoing: UnboundedSender<Outgoing>,
    unread: AtomicUsize,
    /// Of all connections together.
    unread_in_all: Arc<AtomicUsize>,
    attached: AtomicBool,
    cut: AtomicBool,
    cutting: Notify,
}

impl Link {
    /// A connection, and what is to be written to its socket.
    #[must_use]
    pub fn new(
        origin: Origin,
        unread_in_all: Arc<AtomicUsize>,
    ) -> (Arc<Self>, UnboundedReceiver<Outgoing>) {
        let (outgoing, receiver) = unbounded_channel();
        let link = Self {
            origin,
            outgoing,
            unread: AtomicUsize::new(0),
            unread_in_all,
            attached: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            cutting: Notify::new(),
        };
        (Arc::new(link), receiver)
    }

    /// Sends a frame; a peer that leaves too much unread is cut off instead.
    pub fn send(
        &self,
        envelope: &Envelope,
        permit: Option<Arc<OwnedSemaphorePermit>>,
        limits: &Limits,
    ) {
        if matches!(envelope.body, Message::Attached { .. }) {
            self.attached.store(true, Ordering::Relaxed);
        }
        let encoded = envelope.encode();
        let mut octets = Vec::with_capacity(encoded.len() + 4);
        write_frame(&encoded, &mut octets);
        let own = self.unread.fetch_add(octets.len(), Ordering::Relaxed) + octets.len();
        let all = self.unread_in_all.fetch_add(octets.len(), Ordering::Relaxed) + octets.len();
        if own > limits.unread || (all > limits.unread_in_all && own > SHARE) {
            self.cut();
        }
        // A connection that is over has nobody who reads; what it left unread is settled with it.
        let _ = self.outgoing.send(Outgoing::Frame(octets, permit));
    }

    /// Says that nothing more will be sent.
    pub fn end(&self) {
        let _ = self.outgoing.send(Outgoing::End);
    }

    /// So many octets are with the operating system now.
    pub fn written(&self, octets: usize) {
        self.unread.fetch_sub(octets, Ordering::Relaxed);
        self.unread_in_all.fetch_sub(octets, Ordering::Relaxed);
    }

    /// Ends the connection at once.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
        self.cutting.notify_one();
    }

    /// Waits until it is cut.
    pub async fn until_cut(&self) {
        while !self.cut.load(Ordering::Relaxed) {
            self.cutting.notified().await;
        }
    }

    /// Whether its user has proved who it is.
    #[must_use]
    pub fn is_attached(&self) -> bool {
        self.attached.load(Ordering::Relaxed)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let unread = self.unread.load(Ordering::Relaxed);
        self.unread_in_all.fetch_sub(unread, Ordering::Relaxed);
    }
}
