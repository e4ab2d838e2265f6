//! The closed sets of codes that the wire carries, with their numbers.
//!
//! Not here: what a machine does on receiving one (`proto`).

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$vdoc:meta])* $variant:ident = $number:literal, $text:literal;)+
    }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
        )]
        #[cfg_attr(any(test, feature = "arbitrary"), derive(arbitrary::Arbitrary))]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The number on the wire.
            #[must_use]
            pub const fn number(self) -> u64 {
                match self { $(Self::$variant => $number,)+ }
            }

            /// The code with this number.
            #[must_use]
            pub const fn from_number(number: u64) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }

            /// The name in traces, scenarios and reports.
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

codes! {
    /// Why the server refuses a request (protocol 4.3).
    ErrorCode {
        /// The ID is registered and the present key did not authorize this.
        IdTaken = 1, "ID_TAKEN";
        /// A point or record is not valid.
        BadKey = 2, "BAD_KEY";
        /// The proof of possession does not verify.
        BadPop = 3, "BAD_POP";
        /// Nobody is registered under this name.
        UnknownUser = 4, "UNKNOWN_USER";
        /// The ticket is missing, expired, forged or of another origin.
        BadTicket = 5, "BAD_TICKET";
        /// The message's time is over.
        Expired = 6, "EXPIRED";
        /// The mailbox is full; try again later.
        QueueFull = 7, "QUEUE_FULL";
        /// The same mid with other content; `arg` is the least free seq.
        SeqConflict = 8, "SEQ_CONFLICT";
        /// Larger than the server takes.
        TooBig = 9, "TOO_BIG";
        /// The epoch is retired for too long.
        StaleEpoch = 10, "STALE_EPOCH";
        /// The record's epoch is not the current one plus one.
        EpochConflict = 11, "EPOCH_CONFLICT";
        /// The record does not continue the chain.
        BadChain = 12, "BAD_CHAIN";
        /// A rotation before the grace of the last one is over; `arg` is how long to wait in ms.
        InGrace = 13, "IN_GRACE";
        /// The signature does not verify.
        BadSig = 14, "BAD_SIG";
        /// The challenge was used, is too old or was never given.
        StaleChallenge = 15, "STALE_CHALLENGE";
        /// No common version or suite.
        Unsupported = 16, "UNSUPPORTED";
    }
}

codes! {
    /// Why a device does not accept a delivered message now, or ever (protocol 4.3).
    NackCode {
        /// Not now; offered again after `retry_after`.
        Busy = 1, "BUSY";
        /// The sender's epoch is not known (yet).
        UnknownEpoch = 2, "UNKNOWN_EPOCH";
        /// The epoch is over.
        StaleEpoch = 3, "STALE_EPOCH";
        /// The ciphertext does not authenticate.
        AuthFail = 4, "AUTH_FAIL";
        /// Below the replay window.
        TooOld = 5, "TOO_OLD";
    }
}

codes! {
    /// How a delivery was accepted.
    AckOutcome {
        /// In the inbox by one durable write with the replay window.
        Committed = 1, "COMMITTED";
        /// It was there already.
        Duplicate = 2, "DUPLICATE";
    }
}

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(any(test, feature = "arbitrary"), derive(arbitrary::Arbitrary))]
pub enum Report {
    /// The receiver committed it.
    Delivered,
    /// Its time ran out in the mailbox.
    Expired,
    /// The receiver could not accept it, for this reason.
    Bounced(NackCode),
}
