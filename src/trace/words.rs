//! The closed sets of words that facts are told in: kinds, causes, states and results.
//!
//! Each word is one in traces, scenarios and reports. Not here: the facts themselves (`fact`).

use serde::{Deserialize, Serialize};

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
