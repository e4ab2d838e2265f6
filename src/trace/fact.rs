//! The one vocabulary of recorded facts: what devices, accounts, the network and the harness did.
//!
//! Machines state facts, the world stamps them into records (`record`), oracles judge them. Facts never
//! carry a secret: keys appear as fingerprints. Not here: time, node, cause, or any judgement.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strum::{EnumCount, EnumDiscriminants, EnumIter};

use crate::base::id::{DeliveryId, DraftId, Epoch, Hash32, Mid, ReqId, TxnId, UserId};
use crate::base::time::{Duration, Millis};

/// Version of the facts; a change of any name, field or meaning is a change of this number.
pub const TRACE_VERSION: u32 = 1;

/// A thing that happened at one node.
#[allow(missing_docs, reason = "the fields speak for themselves beside each variant's sentence")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, EnumCount, EnumDiscriminants)]
#[strum_discriminants(name(FactKind), derive(EnumIter), doc = "Which of the facts one is.")]
#[strum_discriminants(allow(missing_docs, reason = "as for the facts"))]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    // Power and identity of a device.
    /// A device (or account) starts with its durable state; `boot` counts the starts.
    PowerOn { boot: u64 },
    /// It stops without warning.
    PowerOff { why: StopCause },
    /// Its durable state is replaced by an older copy.
    Rolledback { snapshot: String },
    /// A key pair is in the device (protocol 4.2, KEYED).
    Provisioned { mode: ProvisionMode, epoch: Epoch, agree_kid: Hash32, sig_kid: Hash32 },
    /// Key material offered for download is refused (C12-R4).
    ProvisionRefused { why: String },
    /// The state of the device changes (protocol 4.2).
    State { to: DeviceState },
    /// A session with the server begins.
    Attached { expires: Millis },

    // Keys of others.
    /// A logical lookup begins; retransmissions are transmissions only.
    Lookup { peer: UserId, req: ReqId, want: Option<Epoch>, because: LookupCause },
    /// A lookup ends without a key.
    LookupFailed { peer: UserId, req: ReqId, why: LookupEnd },
    /// A KeyReply (or UNKNOWN_USER) arrives; `epochs` are those offered, newest last.
    KeyReply { peer: UserId, req: ReqId, epochs: Vec<Epoch>, result: ReplyResult },
    /// The highest accepted record of a peer changes.
    Pin { peer: UserId, generation: Hash32, epoch: Epoch, record: Hash32 },
    /// A table search for a message or draft.
    Select {
        mid: Option<Mid>,
        peer: UserId,
        own: Epoch,
        theirs: Epoch,
        way: Way,
        outcome: Selection,
    },
    /// A pair secret is computed; `secret` is its fingerprint.
    Derive {
        peer: UserId,
        own: Epoch,
        theirs: Epoch,
        own_kid: Hash32,
        their_kid: Hash32,
        secret: Hash32,
    },
    /// A slot proves right by an authenticated decryption.
    Confirm { peer: UserId, own: Epoch, theirs: Epoch },
    /// The table holds no secret of this peer any more.
    Evict { peer: UserId, why: EvictCause },

    // Messages out.
    /// The user (or the device for them) hands over something to send.
    Compose { draft: DraftId, to: UserId, kind: Content, plain: Hash32, len: u32 },
    /// A draft becomes octets; a retransmission does not come here again.
    Encrypt(Box<Sealing>),
    /// What the device tells its user about a draft.
    Notice { draft: DraftId, mid: Option<Mid>, status: DraftStatus },

    // Messages in.
    /// One attempt to open a message; `plain` is `None` when the tag does not hold.
    Decrypt(Box<Opening>),
    /// A message waits.
    Waiting { mid: Mid, why: WaitCause },
    /// Inbox item and replay window are one durable write.
    Commit { mid: Mid, generation: Hash32 },
    /// It was in the inbox already.
    Duplicate { mid: Mid },
    /// A message is not accepted.
    Reject { mid: Option<Mid>, why: RejectCause },
    /// The user sees a message. `late`: after its gap was released; `missing`: numbers left out before it.
    Display { mid: Mid, kind: Content, plain: Hash32, text: String, late: bool, missing: u64 },
    /// A body that is for the device and not for the user's eyes is dealt with (L-01).
    Processed { mid: Mid, kind: Content },
    /// The device warns its user.
    Alarm { peer: Option<UserId>, what: AlarmKind },
    /// A new identity of a peer needs the user's word.
    ConfirmAsked { peer: UserId, generation: Hash32 },
    /// The user's word.
    Confirmed { peer: UserId, generation: Hash32, accepted: bool },

    // Approvals.
    /// The screen shows a request.
    Prompt(Box<PromptShown>),
    /// The prompt reacts to buttons from now on.
    Armed { txn: TxnId },
    /// A button is pressed; `screen` is the request shown, `taken` whether the press counts.
    Button { button: Button, screen: Option<TxnId>, taken: bool },
    /// A signature is made.
    Sign { purpose: SignPurpose, epoch: Epoch, digest: Hash32, signature: Hash32 },
    /// A signed approval is in the log (durable before it is sent).
    Approved(Box<ApprovalMade>),
    /// A request leaves the screen or the queue without an approval.
    NotApproved { txn: TxnId, why: NoApproval },
    /// A requester receives an approval and checks it.
    ApprovalSeen { txn: TxnId, from: UserId, mid: Mid, valid: bool },
    /// A requester receives a refusal.
    DeclineSeen { txn: TxnId, from: UserId },

    // Own rotation.
    /// A new key pair is durable and about to be announced.
    RotateStart { epoch: Epoch, revoke: bool },
    /// The server recorded it; the epoch before is in grace.
    RotateDone { epoch: Epoch, record: Hash32 },
    /// The rotation is given up or must wait.
    RotateRefused { epoch: Epoch, code: String, retry_after: Duration },
    /// A private key is erased at the end of its grace.
    EpochErased { epoch: Epoch },

    // Server accounts.
    /// A key record is durable in the directory.
    Recorded { user: UserId, generation: Hash32, epoch: Epoch, record: Hash32, revoke: bool },
    /// The operator ends an identity (protocol 4.3, generations).
    Reset { user: UserId },
    /// A lookup is answered with these epochs.
    Served { user: UserId, by: UserId, epochs: Vec<Epoch>, current: Hash32 },
    /// A session begins.
    Session { user: UserId, expires: Millis },
    /// A message is durable in the mailbox; `known`: it was already (idempotency).
    Accept {
        mid: Mid,
        generation: Hash32,
        attempt: u64,
        content: Hash32,
        expires: Millis,
        known: bool,
    },
    /// A request is refused.
    Refuse { by: UserId, kind: String, code: String, mid: Option<Mid> },
    /// A message is leased and sent to its receiver.
    Offer {
        mid: Mid,
        generation: Hash32,
        attempt: u64,
        delivery: DeliveryId,
        to: UserId,
        content: Hash32,
        pushed: bool,
    },
    /// A lease ends without an answer, or the account restarts: the message is stored again.
    Restored { mid: Mid, generation: Hash32, delivery: DeliveryId },
    /// The receiver's acknowledgement ends the message's stay.
    Acked { mid: Mid, generation: Hash32, attempt: u64 },
    /// The receiver's refusal is noted.
    Nacked { mid: Mid, generation: Hash32, attempt: u64, code: String, counted: bool },
    /// Its time is over.
    Expire { mid: Mid, generation: Hash32, attempt: u64 },
    /// It goes back to its sender.
    Bounce { mid: Mid, generation: Hash32, attempt: u64, code: String },
    /// The sender's account holds a status report; `what` as on the wire.
    Report { mid: Mid, attempt: u64, what: String },
    /// The report's receiver acknowledged it, or its time is over.
    ReportDone { mid: Mid, attempt: u64 },
    /// A watcher's account forwards (or drops) a hint.
    Hint { user: UserId, epoch: Epoch, to: UserId, forwarded: bool },
    /// A poll is answered completely.
    Polled { user: UserId, count: u64 },

    // Network.
    /// A frame leaves a node.
    Tx(Box<FrameFact>),
    /// A frame arrives; its cause is the transmission.
    Rx(Box<FrameFact>),
    /// A frame, or one copy of it, ends here.
    Lost { frame: Box<FrameFact>, why: LossCause },
    /// A frame is changed, copied or kept back on its way.
    Meddled { frame: Box<FrameFact>, how: Meddling },

    // Harness.
    /// A step of the scenario acts.
    Step { name: String, verb: String },
    /// A fault begins.
    FaultStart { name: String, kind: String },
    /// A fault ends.
    FaultEnd { name: String },
    /// A fence is reached: every event up to here is processed.
    Fence { name: String },
    /// A phase begins.
    Phase(Phase),
    /// A limit of the harness or of a node is reached.
    Limit { what: String },
    /// A timer fires.
    Timer { reason: String },
}

/// An encryption, as far as it may be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealing {
    /// Which message.
    pub mid: Mid,
    /// From which draft.
    pub draft: DraftId,
    /// As it will be submitted.
    pub attempt: u64,
    /// What is inside.
    pub kind: Content,
    /// The sender's epoch.
    pub own: Epoch,
    /// The receiver's epoch.
    pub theirs: Epoch,
    /// Fingerprint of the direction key.
    pub key: Hash32,
    /// The nonce.
    pub nonce: [u8; 12],
    /// Digest of the header octets.
    pub header: Hash32,
    /// Digest of the ciphertext with its tag.
    pub ciphertext: Hash32,
    /// Digest of the plaintext.
    pub plain: Hash32,
}

/// A decryption, as far as it may be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Which message.
    pub mid: Mid,
    /// What the header says is inside.
    pub kind: Content,
    /// The receiver's epoch.
    pub own: Epoch,
    /// The sender's epoch.
    pub theirs: Epoch,
    /// Fingerprint of the direction key.
    pub key: Hash32,
    /// Digest of the header octets.
    pub header: Hash32,
    /// Digest of the ciphertext with its tag.
    pub ciphertext: Hash32,
    /// Digest of the plaintext; `None` when the tag does not hold.
    pub plain: Option<Hash32>,
}

/// What a screen shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptShown {
    /// The transaction.
    pub txn: TxnId,
    /// Who asks (for own data: to whom it goes).
    pub requester: UserId,
    /// The message that carried the request; none for own data (claim 4).
    pub request: Option<Mid>,
    /// The lines, exactly as shown.
    pub lines: Vec<String>,
    /// Digest of the octets sent to the display.
    pub display: Hash32,
    /// Digest of the request body.
    pub body: Hash32,
    /// When it can no longer be approved.
    pub expires: Millis,
}

/// A signed approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalMade {
    /// The transaction.
    pub txn: TxnId,
    /// Who asked.
    pub requester: UserId,
    /// The draft that carries it.
    pub draft: DraftId,
    /// Digest of the request body that the signature covers.
    pub body: Hash32,
    /// Digest of the display octets that the signature covers.
    pub display: Hash32,
    /// The device's own strictly increasing number.
    pub counter: u64,
    /// Expiry that the signature covers.
    pub expires: Millis,
    /// The approver's own time.
    pub signed_at: Millis,
    /// Digest of the COSE_Sign1.
    pub statement: Hash32,
}

/// A frame as far as every observer may know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameFact {
    /// Number of the frame on the link of the device that it comes from or goes to.
    pub number: u64,
    /// 0 for the first copy.
    pub copy: u8,
    /// True from the device to the server.
    pub up: bool,
    /// Name of the message, or nothing when the octets are no frame.
    pub kind: Option<FrameKind>,
    /// The request that it is or answers.
    pub req: ReqId,
    /// What it is about.
    pub about: About,
    /// Octets.
    pub len: u32,
    /// The octets themselves; absent where a trace leaves them out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub octets: Option<Octets>,
}

/// Shared octets, hex for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Octets(pub Arc<[u8]>);

/// What a frame is about, for its address (`m1.submit`, `bob.lookup(alice)`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// The device itself.
    Nothing,
    /// A user: the one looked up, or whose key changed.
    User(UserId),
    /// A message.
    Message(Mid, u64),
    /// An epoch of the sender's own.
    Epoch(Epoch),
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
        )]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word in traces, scenarios and reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

words! {
    /// The message types as traces and frame addresses name them (protocol 4.3).
    FrameKind {
        /// 1.
        Register = "register",
        /// 2.
        RegisterAck = "register-ack",
        /// 3.
        LookupKey = "lookup",
        /// 4.
        KeyReply = "key-reply",
        /// 5.
        Submit = "submit",
        /// 6.
        SubmitAck = "submit-ack",
        /// 7.
        Poll = "poll",
        /// 8.
        Deliver = "deliver",
        /// 9.
        PollEnd = "poll-end",
        /// 10.
        DeliverAck = "deliver-ack",
        /// 11.
        DeliverNack = "deliver-nack",
        /// 12.
        RotateKey = "request",
        /// 13.
        RotateAck = "ack",
        /// 14.
        KeyChanged = "notice",
        /// 15.
        StatusReport = "report",
        /// 16.
        Error = "error",
        /// 17.
        Hello = "hello",
        /// 18.
        Challenge = "challenge",
        /// 19.
        Attach = "attach",
        /// 20.
        Attached = "attached",
    }
}

words! {
    /// What is inside a message.
    Content {
        /// Text for the user.
        Text = "text",
        /// A request for approval.
        Request = "request",
        /// A signed approval.
        Approval = "approval",
        /// A complaint that a message could not be opened.
        Nack = "nack",
        /// A refusal.
        Declined = "declined",
    }
}

words! {
    /// Why a node stops.
    StopCause {
        /// A crash at a time.
        Crash = "crash",
        /// A crash at a named point.
        Barrier = "barrier",
        /// Replaced by a snapshot.
        Restore = "restore",
        /// Its durable store failed.
        Store = "store",
    }
}

words! {
    /// How a key pair came into the device (protocol 1, claim 12).
    ProvisionMode {
        /// Made inside.
        Generated = "generated",
        /// Delivered by a provisioning authority.
        Downloaded = "downloaded",
        /// Made inside for a rotation.
        Rotation = "rotation",
    }
}

words! {
    /// The device's states (protocol 4.2).
    DeviceState {
        /// No keys.
        Blank = "blank",
        /// Keys, not registered.
        Keyed = "keyed",
        /// In service.
        Ready = "ready",
        /// Own rotation under way.
        Rotating = "rotating",
        /// Needs local recovery.
        Locked = "locked",
    }
}

words! {
    /// Why a device looks a user up; S-06 and S-07 depend on it.
    LookupCause {
        /// A received message needs a key.
        Message = "message",
        /// A draft needs a key.
        Draft = "draft",
        /// Periodic refresh (C17-R2).
        Refresh = "refresh",
        /// A KeyChanged hint above the pin (C17-R8).
        Hint = "hint",
        /// The entry is older than T_max_stale.
        Stale = "stale",
        /// A bounce or refusal asks for new epochs.
        Bounce = "bounce",
        /// Own record, to finish or abandon a rotation (R7).
        Own = "own",
        /// A request's sender before the prompt (C04-R6).
        Request = "request",
    }
}

words! {
    /// How a lookup ends without a key.
    LookupEnd {
        /// The burst of tries is over.
        TimedOut = "timed-out",
        /// A definite answer: no such user.
        UnknownUser = "unknown-user",
    }
}

words! {
    /// What a device makes of a key reply.
    ReplyResult {
        /// Verified, and newer than or equal to the pin.
        Accepted = "accepted",
        /// Nobody asked, or not under this number.
        Unsolicited = "unsolicited",
        /// About another user than the one asked for.
        WrongUser = "wrong-user",
        /// A key that is no valid point.
        InvalidKey = "invalid-key",
        /// A record whose own signature fails.
        BadSignature = "bad-signature",
        /// Not authorized by the pinned record.
        BrokenChain = "broken-chain",
        /// Below the pin.
        Rollback = "rollback",
        /// Another identity generation: the user must confirm.
        NewIdentity = "new-identity",
        /// No such user.
        UnknownUser = "unknown-user",
    }
}

words! {
    /// The way of a message.
    Way {
        /// Being sent.
        Out = "out",
        /// Being received.
        In = "in",
    }
}

words! {
    /// Outcome of a table search (protocol 4.2).
    Selection {
        /// A slot for exactly these epochs and kids.
        Hit = "hit",
        /// No row.
        Miss = "miss",
        /// The header's epoch is above the known ones.
        Ahead = "ahead",
        /// The header's epoch is below the current one and its slot is gone.
        Behind = "behind",
        /// Epochs equal, kids differ.
        KidMismatch = "kid-mismatch",
        /// The entry is too old to encrypt with.
        Stale = "stale",
    }
}

words! {
    /// Why a row leaves the table.
    EvictCause {
        /// The least recently used row makes room.
        Capacity = "capacity",
        /// Own rotation or provisioning.
        OwnKey = "own-key",
        /// The peer's epoch is over.
        PeerKey = "peer-key",
        /// The table does not survive a restart.
        Restart = "restart",
        /// A new identity of the peer was confirmed.
        NewIdentity = "new-identity",
    }
}

words! {
    /// What a user is told about a draft.
    DraftStatus {
        /// Waiting: no key, no server, or no room yet.
        Unsent = "unsent",
        /// SubmitAck seen (S-20).
        Sent = "sent",
        /// StatusReport DELIVERED seen.
        Delivered = "delivered",
        /// Its time ran out.
        Expired = "expired",
        /// Given up for a definite reason.
        Failed = "failed",
        /// Waits for the user to confirm a new identity.
        NeedsConfirm = "needs-confirm",
    }
}

words! {
    /// Why a received message waits.
    WaitCause {
        /// For a key.
        Key = "key",
        /// For the user's confirmation of an identity.
        Confirm = "confirm",
        /// For room.
        Room = "room",
    }
}

words! {
    /// Why a message is not accepted.
    RejectCause {
        /// The frame does not decode, or its version or suite is unknown.
        Malformed = "malformed",
        /// Not for this device.
        WrongReceiver = "wrong-receiver",
        /// The tag does not hold.
        AuthFail = "auth-fail",
        /// The plaintext is no valid body.
        BadBody = "bad-body",
        /// Below the replay window.
        TooOld = "too-old",
        /// The sender's epoch cannot be learned.
        UnknownEpoch = "unknown-epoch",
        /// The epoch is over.
        StaleEpoch = "stale-epoch",
        /// No such sender.
        UnknownSender = "unknown-sender",
        /// From itself.
        SelfMessage = "self-message",
        /// The device has no room.
        Busy = "busy",
    }
}

words! {
    /// What a device warns of.
    AlarmKind {
        /// A record below the pinned one was offered (C17-R6).
        Rollback = "rollback",
        /// A record not authorized by the one before (C17-R7).
        BrokenChain = "broken-chain",
        /// Another identity under a known name.
        NewIdentity = "new-identity",
        /// The same transaction with another content (S-15).
        TxnConflict = "txn-conflict",
        /// A key that is no valid point.
        InvalidKey = "invalid-key",
        /// The own record in the directory is not ours.
        OwnRecord = "own-record",
        /// The own identity is not registered any more.
        NotRegistered = "not-registered",
        /// The sender's messages do not authenticate.
        AuthFail = "auth-fail",
    }
}

words! {
    /// The buttons.
    Button {
        /// Approve what is on the screen.
        Approve = "approve",
        /// Reject what is on the screen.
        Reject = "reject",
    }
}

words! {
    /// What a signature is for.
    SignPurpose {
        /// An approval.
        Approval = "approval",
        /// A key record.
        Record = "record",
        /// Proof of possession.
        Possession = "possession",
        /// Attaching to the server.
        Attach = "attach",
    }
}

words! {
    /// Why a request ends without an approval.
    NoApproval {
        /// The user rejected it.
        Rejected = "rejected",
        /// Its time is over.
        Expired = "expired",
        /// Not displayable: too large or forbidden characters.
        Undisplayable = "undisplayable",
        /// Power went before the press.
        PowerLoss = "power-loss",
        /// The signed approval could not be sent in time (C04-R4).
        Unsent = "unsent",
        /// Answered before: the stored reply is enough (C03-R6).
        Answered = "answered",
        /// The same transaction with another content.
        Conflict = "conflict",
    }
}

words! {
    /// Why a frame ended.
    LossCause {
        /// Independent loss.
        Loss = "loss",
        /// A burst of loss.
        Burst = "burst",
        /// The link's queue is full.
        QueueFull = "queue-full",
        /// Larger than the link takes.
        TooBig = "too-big",
        /// The link is down.
        LinkDown = "link-down",
        /// A partition.
        Partition = "partition",
        /// A `drop` step.
        Step = "step",
        /// The node is off.
        NodeOff = "node-off",
        /// The octets are no frame.
        Undecodable = "undecodable",
        /// The directory is offline.
        DirectoryOffline = "directory-offline",
        /// The node's input queue is full.
        InputFull = "input-full",
    }
}

words! {
    /// What was done to a frame.
    Meddling {
        /// A bit was flipped by the link.
        Corrupted = "corrupted",
        /// A second copy was made.
        Duplicated = "duplicated",
        /// It came late behind later ones.
        Reordered = "reordered",
        /// It is kept until something happens.
        Held = "held",
        /// It goes on.
        Released = "released",
        /// It is made slower by a step.
        Delayed = "delayed",
        /// The adversary changed its octets.
        Altered = "altered",
        /// The adversary sent a captured frame again.
        Replayed = "replayed",
        /// The adversary made it.
        Forged = "forged",
        /// The adversary exchanged it with another.
        Swapped = "swapped",
    }
}

words! {
    /// The phases of a run.
    Phase {
        /// Preparing the world by real exchanges on clean links.
        Given = "given",
        /// Steps and faults may act.
        Active = "active",
        /// Faults are healed, everything pending must finish.
        Settle = "settle",
        /// Over.
        End = "end",
    }
}

impl Fact {
    /// The frame that this is about, if it is about one.
    #[must_use]
    pub const fn frame(&self) -> Option<&FrameFact> {
        if let Self::Tx(frame)
        | Self::Rx(frame)
        | Self::Lost { frame, .. }
        | Self::Meddled { frame, .. } = self
        {
            Some(frame)
        } else {
            None
        }
    }

    /// Blanks every octet string computed from key material, so that two suites give the same records
    /// (design 5): sizes and nonces stay.
    pub fn mask(&mut self) {
        match self {
            Self::Provisioned { agree_kid, sig_kid, .. } => blank([agree_kid, sig_kid]),
            Self::Pin { generation, record, .. } => blank([generation, record]),
            Self::Derive { own_kid, their_kid, secret, .. } => {
                blank([own_kid, their_kid]);
                blank([secret]);
            }
            Self::Encrypt(it) => {
                blank([&mut it.key, &mut it.header, &mut it.ciphertext, &mut it.plain]);
            }
            Self::Decrypt(it) => {
                blank([&mut it.key, &mut it.header, &mut it.ciphertext]);
                blank(it.plain.as_mut());
            }
            Self::Compose { plain, .. } | Self::Display { plain, .. } => blank([plain]),
            Self::Commit { generation, .. }
            | Self::ConfirmAsked { generation, .. }
            | Self::Confirmed { generation, .. }
            | Self::Acked { generation, .. }
            | Self::Expire { generation, .. }
            | Self::Bounce { generation, .. }
            | Self::Restored { generation, .. }
            | Self::Nacked { generation, .. } => blank([generation]),
            Self::Prompt(it) => blank([&mut it.display, &mut it.body]),
            Self::Sign { digest, signature, .. } => blank([digest, signature]),
            Self::Approved(it) => blank([&mut it.body, &mut it.display, &mut it.statement]),
            Self::RotateDone { record, .. } => blank([record]),
            Self::Recorded { generation, record, .. } => blank([generation, record]),
            Self::Served { current, .. } => blank([current]),
            Self::Accept { generation, content, .. } => blank([generation, content]),
            Self::Offer { generation, content, .. } => blank([generation, content]),
            Self::Tx(frame)
            | Self::Rx(frame)
            | Self::Lost { frame, .. }
            | Self::Meddled { frame, .. } => frame.octets = None,
            Self::PowerOn { .. }
            | Self::PowerOff { .. }
            | Self::Rolledback { .. }
            | Self::ProvisionRefused { .. }
            | Self::State { .. }
            | Self::Attached { .. }
            | Self::Lookup { .. }
            | Self::LookupFailed { .. }
            | Self::KeyReply { .. }
            | Self::Select { .. }
            | Self::Confirm { .. }
            | Self::Evict { .. }
            | Self::Notice { .. }
            | Self::Waiting { .. }
            | Self::Duplicate { .. }
            | Self::Reject { .. }
            | Self::Processed { .. }
            | Self::Alarm { .. }
            | Self::Armed { .. }
            | Self::Button { .. }
            | Self::NotApproved { .. }
            | Self::ApprovalSeen { .. }
            | Self::DeclineSeen { .. }
            | Self::RotateStart { .. }
            | Self::RotateRefused { .. }
            | Self::EpochErased { .. }
            | Self::Reset { .. }
            | Self::Session { .. }
            | Self::Refuse { .. }
            | Self::Report { .. }
            | Self::ReportDone { .. }
            | Self::Hint { .. }
            | Self::Polled { .. }
            | Self::Step { .. }
            | Self::FaultStart { .. }
            | Self::FaultEnd { .. }
            | Self::Fence { .. }
            | Self::Phase(_)
            | Self::Limit { .. }
            | Self::Timer { .. } => {}
        }
    }
}

fn blank<'a>(hashes: impl IntoIterator<Item = &'a mut Hash32>) {
    for hash in hashes {
        *hash = Hash32::ZERO;
    }
}

impl Serialize for Octets {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::base::units::serialize_hex(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let octets = crate::base::units::parse_hex(&text).map_err(serde::de::Error::custom)?;
        Ok(Self(octets.into()))
    }
}
