//! What goes into and comes out of the machines: frames, user actions, writes, facts.
//!
//! Not here: behavior, or the driver that carries these things out.

use serde::{Deserialize, Serialize};

use crate::base::id::{DeliveryId, DraftId, Epoch, Hash32, Mid, TxnId, UserId};
use crate::base::time::{Instant, Millis};
use crate::crypto::suite::Secret;
use crate::trace::fact::{Button, Fact};
use crate::wire::code::Report;
use crate::wire::message::Envelope;

/// The number of a batch of writes, from 1, plus one each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Token(pub u64);

/// What a machine asks of its driver. `W` is the machine's kind of durable write.
#[derive(Clone, Debug)]
pub enum Output<W> {
    /// Send this frame: to the server from a device, to the origin from an account.
    Transmit(To, Box<Envelope>),
    /// Sends octets that are no frame to the server; no machine of ours does.
    Garbage(Vec<u8>),
    /// Tell another account of the same server. It is not lost: once the writes before it are durable it
    /// leaves, even if power fails, and the other account hears it until its own writes are durable.
    Internal(UserId, AccountMessage),
    /// Make these writes durable, in order, then say `Persisted`. Later outputs wait for it.
    Persist(Token, Vec<W>),
    /// State a fact.
    Fact(Fact),
}

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum To {
    /// From a device to its server.
    Server,
    /// From an account to the link or connection with this number.
    Origin(Origin),
}

/// The link or connection that a frame came from; tickets are bound to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin(pub u64);

/// Why a machine wants to be called at a time.
pub type Wake = (Instant, &'static str);

/// What a device is told.
#[derive(Clone, Debug)]
pub enum DeviceInput {
    /// A frame from the server, decoded.
    Frame(Envelope),
    /// Octets that are no frame.
    Garbage(Vec<u8>),
    /// The writes up to this token are durable.
    Persisted(Token),
    /// What the user does.
    User(UserAction),
    /// Key material, over the local port.
    Provision(Provision),
}

/// What a user does with the device.
#[allow(missing_docs, reason = "the fields speak for themselves beside each variant's sentence")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserAction {
    /// Send this text.
    Send { draft: DraftId, to: UserId, text: String },
    /// Ask a user for approval.
    Request { draft: DraftId, to: UserId, txn: TxnId, request: RequestForm },
    /// Compose own data, have it shown, and send it approved (claim 4).
    Approve { draft: DraftId, to: UserId, txn: TxnId, request: RequestForm },
    /// Press a button.
    Press(Button),
    /// Scroll the screen to its end.
    Scroll,
    /// Accept or refuse the new identity of a peer.
    ConfirmIdentity { peer: UserId, accept: bool },
    /// Make a new key pair and announce it.
    Rotate { revoke: bool },
    /// Ask the server for mail now.
    Poll,
    /// Announce the present keys to the server (after provisioning).
    Register,
    /// Forget everything: back to BLANK (factory reset).
    Wipe,
}

/// What a request for approval says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestForm {
    /// The lines to show.
    pub lines: Vec<String>,
    /// Amount in minor units.
    pub amount: Option<u64>,
    /// Currency code.
    pub currency: Option<String>,
    /// Who is paid.
    pub payee: Option<String>,
    /// Until when it may be approved, counted from now by the device's own clock.
    pub expires: Millis,
}

/// How keys come into a device (claim 12).
#[allow(missing_docs, reason = "the fields speak for themselves beside each variant's sentence")]
#[derive(Clone, Debug)]
pub enum Provision {
    /// Made inside.
    Generate,
    /// From an authority that is not the server; checked before use (C12-R4).
    Download { agree: KeyMaterial, sign: KeyMaterial },
}

/// A key pair as an authority hands it over; any octets, so that bad ones can be offered.
#[derive(Clone, Debug)]
pub struct KeyMaterial {
    /// Should be 32 octets.
    pub secret: Vec<u8>,
    /// Should be 65 octets.
    pub public: Vec<u8>,
}

impl Drop for KeyMaterial {
    fn drop(&mut self) {
        use zeroize::Zeroize as _;
        self.secret.zeroize();
    }
}

/// What an account is told.
#[derive(Clone, Debug)]
pub enum AccountInput {
    /// A frame about this account's user, and where it came from.
    Frame(Origin, Envelope),
    /// From another account.
    Internal(AccountMessage),
    /// The writes up to this token are durable.
    Persisted(Token),
    /// The operator ends the user's identity.
    Reset,
    /// A connection is over: nothing more comes from there, and nothing can be pushed there.
    Closed(Origin),
}

/// What accounts tell each other.
#[allow(missing_docs, reason = "the fields speak for themselves beside each variant's sentence")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountMessage {
    /// To the sender's account: what became of a message.
    Status { mid: Mid, generation: Hash32, attempt: u64, report: Report },
    /// To a watcher's account: a user it fetched has a new record.
    KeyChanged { user: UserId, epoch: Epoch, record: Hash32 },
}

/// A device's own keys of one epoch, as durable state holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySlot {
    /// Private agreement key.
    pub agree: Secret,
    /// Private signature key.
    pub sign: Secret,
}

/// Something a lease can be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lease {
    /// Its number.
    pub delivery: DeliveryId,
    /// When it ends.
    pub until: Instant,
}
