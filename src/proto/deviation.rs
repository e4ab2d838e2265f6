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

            /// What it does wrong, after the side that does it.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

/// Who deviates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Devices.
    Device,
    /// The server.
    Server,
}

impl Deviation {
    /// Who deviates, as its text says first.
    #[must_use]
    pub fn side(self) -> Side {
        if self.text().starts_with("server: ") { Side::Server } else { Side::Device }
    }
}

deviations! {
    M01 = "device: never caches a secret";
    M02 = "device: caches under its own ID instead of the peer's";
    M03 = "device: the table is searched by the first letters of an ID";
    M04 = "device: one slot for all peers, the last one's secret";
    M05 = "device: believes a negative answer for ever";
    M06 = "device: looks up on every message although the secret is cached";
    M07 = "device: two lookups on a miss";
    M08 = "device: lookups are not single flight";
    M09 = "device: drops the message that caused the miss";
    M10 = "device: sends plaintext when a lookup fails";
    M11 = "device: encrypts with a key of zeros when a lookup fails";
    M12 = "device: derives with its own public key instead of the peer's";
    M13 = "device: encrypts with the old own key after a rotation";
    M14 = "device: the raw agreement is the secret and the key";
    M15 = "device: the agreement loses its leading zeros";
    M16 = "device: the key schedule leaves out the user IDs";
    M17 = "device: the key schedule leaves out epochs and kids";
    M18 = "device: one key for both directions, and no IDs in the associated data";
    M19 = "device: the header is not in the associated data";
    M20 = "device: number and epochs are not in the associated data";
    M21 = "device: compares eight octets of the tag";
    M22 = "device: ignores the tag and shows what comes out";
    M23 = "device: hangs after a tag that does not hold";
    M24 = "device: constant nonce";
    M25 = "device: no boot salt, and the nonce counter starts again at boot";
    M26 = "device: no boot salt, and the nonce counter is stored after its use";
    M27 = "device: sends edited content again under the same nonce";
    M28 = "device: no replay check";
    M29 = "device: the replay window does not survive a restart";
    M30 = "device: a number counts as seen before its message is authenticated";
    M31 = "device: the replay window starts anew with each epoch of the sender";
    M32 = "device: takes numbers below the replay window for new";
    M33 = "device: a long jump of the numbers loses the replay window";
    M34 = "device: never updates a key, neither by hint nor by time";
    M35 = "device: updates keys by hints only, never by time";
    M36 = "device: believes the epoch in a hint without asking the directory";
    M37 = "device: accepts a lower epoch";
    M38 = "device: forgets the pin with the row";
    M39 = "device: old own key erased at RotateAck";
    M40 = "device: old own keys are held for ever";
    M41 = "device: slots exist only for (new, new) and (old, old) epochs";
    M42 = "device: an own rotation reaches only the row used last";
    M43 = "device: looks up again for ever on persistent authentication failure";
    M44 = "device: encrypts again to a new key that nobody authorized";
    M45 = "device: takes points off the curve";
    M46 = "device: takes the identity for a public key";
    M47 = "device: takes other encodings of a public key";
    M48 = "device: ignores the user ID in a key reply";
    M49 = "device: takes a key reply under any request ID";
    M50 = "device: the most recently used row makes room";
    M51 = "device: a full table drops the message";
    M52 = "device: a row made while another is evicted keeps the other's secrets";
    M53 = "device: signs when it shows, before the press";
    M54 = "device: approves on time-out without a press";
    M55 = "device: one press approves all queued requests";
    M56 = "device: a press approves the request that came last, not the one shown";
    M57 = "device: the display is truncated, the signature is not";
    M58 = "device: the signature leaves out user information and expiry";
    M59 = "device: approves an expired request";
    M60 = "device: a duplicate request prompts and is approved again";
    M61 = "device: a rejection approves";
    M62 = "device: sends approvals in clear";
    M63 = "device: signatures with a high s";
    M64 = "device: acknowledges before the durable commit";
    M65 = "device: acknowledges what it cannot read";
    M66 = "device: polls only once";
    M67 = "device: what is pushed skips the checks of receiver and replay";
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
    M79 = "device: takes a downloaded private key of 31 octets, or with another's public half";
    M80 = "device: shows messages as they come, out of order";
    M81 = "device: no limit on lookups";
    M82 = "device: takes frames with octets after their end";
    M83 = "device: keys that nobody verified replace those of a row";
    M84 = "server: a used number with other content passes for a repetition";
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
    M95 = "device: refuses mail of an evicted slot without a lookup";
    M96 = "server: takes a retired receiver epoch until the end of grace";
    M97 = "device: announces a rotation before its keys are written";
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_says_who_deviates() {
        for deviation in Deviation::ALL {
            let side = match deviation.side() {
                Side::Device => "device: ",
                Side::Server => "server: ",
            };
            assert!(deviation.text().starts_with(side), "{deviation}");
        }
        assert_eq!(Deviation::M39.side(), Side::Device);
        assert_eq!(Deviation::M68.side(), Side::Server);
    }

    #[test]
    fn all_of_them_fit_into_a_set() {
        let all: Deviations = Deviation::ALL.iter().copied().collect();
        assert!(Deviation::ALL.iter().all(|it| all.has(*it)));
        assert!(Deviation::ALL.iter().all(|it| !Deviations::default().has(*it)));
    }
}
