//! Behavior that breaks the specification on purpose, to prove that the oracles see it (protocol 6).
//!
//! A closed set, empty by default, consulted in single-line checks at the decision that it breaks.
//! Not here: what kills a deviation, which is the catalog's business (`verdict`).

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! deviations {
    ($($variant:ident = $text:literal;)+) => {
        /// A known-bad behavior, named after the catalog of mutants.
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
        )]
        #[repr(u8)]
        pub enum Deviation {
            $(#[doc = $text] $variant,)+
        }

        impl Deviation {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The identifier, `M01` and so on.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)+ }
            }

            /// What it does wrong.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

deviations! {
    M01 = "device: never caches a secret";
    M02 = "device: caches under its own ID instead of the peer's";
    M05 = "device: believes a negative answer for ever";
    M06 = "device: looks up on every message although the secret is cached";
    M07 = "device: two lookups on a miss";
    M08 = "device: lookups are not single flight";
    M09 = "device: drops the message that caused the miss";
    M13 = "device: encrypts with the old own key after a rotation";
    M14 = "device: the raw agreement is the secret and the key";
    M15 = "device: the agreement loses its leading zeros";
    M16 = "device: the key schedule leaves out the user IDs";
    M17 = "device: the key schedule leaves out epochs and kids";
    M22 = "device: ignores the tag and shows what comes out";
    M24 = "device: constant nonce";
    M28 = "device: no replay check";
    M34 = "device: never updates a key, neither by hint nor by time";
    M35 = "device: updates keys by hints only, never by time";
    M37 = "device: accepts a lower epoch";
    M39 = "device: old own key erased at RotateAck";
    M40 = "device: old own keys are held for ever";
    M41 = "device: slots exist only for (new, new) and (old, old) epochs";
    M43 = "device: looks up again for ever on persistent authentication failure";
    M44 = "device: encrypts again to a new key that nobody authorized";
    M48 = "device: ignores the user ID in a key reply";
    M49 = "device: takes a key reply under any request ID";
    M51 = "device: a full table drops the message";
    M54 = "device: approves on time-out without a press";
    M55 = "device: one press approves all queued requests";
    M57 = "device: the display is truncated, the signature is not";
    M59 = "device: approves an expired request";
    M60 = "device: a duplicate request prompts and is approved again";
    M61 = "device: a rejection approves";
    M64 = "device: acknowledges before the durable commit";
    M66 = "device: polls only once";
    M68 = "server: acknowledges a submission before the write";
    M69 = "server: drops the oldest message when the mailbox is full";
    M70 = "server: delivers to another user";
    M71 = "server: deletes a message when it is sent";
    M72 = "server: stores a repeated submission again";
    M73 = "server: lookups see the record before for a while after a rotation";
    M74 = "server: registers a used ID again";
    M75 = "server: takes a record of any epoch";
    M76 = "server: expiry removes silently";
    M77 = "server: a lease never ends";
    M78 = "device: its private key is in what it sends to attach";
    M80 = "device: shows messages as they come, out of order";
    M81 = "device: no limit on lookups";
    M85 = "server: a key reply carries only the current record";
    M86 = "device: uses its new epoch before RotateAck";
    M87 = "server: a second rotation inside grace";
    M88 = "device: the replay window survives the confirmation of a new identity";
    M89 = "device: a lookup sent before a message came decides about it";
    M90 = "device: the attempt grows after a refusal at Submit";
    M91 = "device: encrypting again ignores the own rotation";
    M92 = "server: a late refusal of an earlier attempt counts";
    M93 = "device: a message below the window is acknowledged as a duplicate";
    M94 = "server: the receiver's epoch is checked before idempotency";
    M96 = "server: takes a retired receiver epoch until the end of grace";
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// A set of deviations; empty unless a scenario says otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Deviations(u128);

impl Deviations {
    /// Whether `deviation` is in the set.
    #[must_use]
    pub const fn has(self, deviation: Deviation) -> bool {
        self.0 & (1 << deviation as u8) != 0
    }

    /// Adds one.
    #[must_use]
    pub const fn with(self, deviation: Deviation) -> Self {
        Self(self.0 | 1 << deviation as u8)
    }

    /// Whether behavior is by the book.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Deviation> for Deviations {
    fn from_iter<I: IntoIterator<Item = Deviation>>(iter: I) -> Self {
        iter.into_iter().fold(Self::default(), Self::with)
    }
}
