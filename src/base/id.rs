//! Identifiers: users, nodes, epochs, generations and messages, each a type of its own.
//!
//! Not here: keys and key records (`crypto`, `wire`), or names of scenario steps (`scenario`).

use std::fmt;
use std::num::NonZeroU32;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// A registered user's name: 1 to 64 octets of `[a-z0-9._-]`, compared octet by octet.
///
/// No case folding and no Unicode, which removes a class of wrong-index bugs (protocol 3.3, C01-R6).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct UserId(CompactString);

/// Why a text is no [`UserId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserIdError {
    /// The text has no octets.
    #[error("a user ID needs at least one octet")]
    Empty,
    /// The text is longer than [`UserId::LEN_MAX`] octets.
    #[error("a user ID has at most 64 octets, got {0}")]
    TooLong(usize),
    /// An octet outside `[a-z0-9._-]`.
    #[error("a user ID is made of a-z, 0-9, '.', '_' and '-', got {0:?}")]
    BadOctet(char),
}

impl UserId {
    /// Most octets of a user ID.
    pub const LEN_MAX: usize = 64;

    /// Reads a user ID.
    ///
    /// # Errors
    /// The first rule that the text breaks.
    pub fn new(text: &str) -> Result<Self, UserIdError> {
        if text.is_empty() {
            return Err(UserIdError::Empty);
        }
        if text.len() > Self::LEN_MAX {
            return Err(UserIdError::TooLong(text.len()));
        }
        // Octet by octet: what is no ASCII is not allowed, whatever it is a part of.
        let allowed = |octet: u8| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        match text.bytes().position(|octet| !allowed(octet)) {
            Some(at) => Err(UserIdError::BadOctet(text[at..].chars().next().unwrap_or_default())),
            None => Ok(Self(CompactString::new(text))),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = CompactString::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// Users from which on what is kept of them fits no cache, so that reading ahead is worth its while.
pub const FLEET: usize = 4_096;

/// A node of the world: the device of a user, the server-side account of a user, or the harness.
///
/// The order (used for event keys) is by user, device before account; the harness comes last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "u32", into = "u32")]
pub struct NodeId(
    /// One more than the number, so that a place for a node takes no more room than a node.
    NonZeroU32,
);

impl NodeId {
    /// The harness: steps, faults and phases act as this node.
    pub const HARNESS: Self = Self(NonZeroU32::MAX);
    /// Most users of one world.
    pub const USERS_MAX: u32 = (1 << 31) - 2;

    /// The device of the user with this index in the plan.
    #[must_use]
    pub const fn device(user: u32) -> Self {
        Self::of(user << 1)
    }

    /// The server account of the user with this index in the plan.
    #[must_use]
    pub const fn account(user: u32) -> Self {
        Self::of((user << 1) | 1)
    }

    const fn of(number: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(number))
    }

    /// The index of the user whose device or account this is; `None` for the harness.
    #[must_use]
    pub const fn user(self) -> Option<u32> {
        if self.is_harness() { None } else { Some((self.0.get() - 1) >> 1) }
    }

    /// Is it a device?
    #[must_use]
    pub const fn is_device(self) -> bool {
        !self.is_harness() && self.0.get() & 1 == 1
    }

    /// Is it a server account?
    #[must_use]
    pub const fn is_account(self) -> bool {
        !self.is_harness() && self.0.get() & 1 == 0
    }

    const fn is_harness(self) -> bool {
        self.0.get() == u32::MAX
    }

    /// The number behind it, for keyed randomness.
    #[must_use]
    pub const fn raw(self) -> u32 {
        if self.is_harness() { u32::MAX } else { self.0.get() - 1 }
    }
}

impl From<u32> for NodeId {
    fn from(number: u32) -> Self {
        Self::of(number)
    }
}

impl From<NodeId> for u32 {
    fn from(node: NodeId) -> Self {
        node.raw()
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.user() {
            None => f.write_str("harness"),
            Some(user) if self.is_device() => write!(f, "d{user}"),
            Some(user) => write!(f, "s{user}"),
        }
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

number!(
    /// The number of a user's key pair, from 1, plus one at each rotation (protocol 4.3).
    Epoch,
    "e"
);
number!(
    /// The number of a message among those of one ordered pair of users, from 1 (protocol 3.3).
    Seq,
    "#"
);
number!(
    /// The number of a lease on a mailbox item, unique per account (protocol 4.3, Deliver).
    DeliveryId,
    "l"
);
number!(
    /// The draft's number on its device, given by whoever composed it; never on the wire.
    DraftId,
    "w"
);

impl Epoch {
    /// The epoch of a first key pair.
    pub const FIRST: Self = Self(1);

    /// The epoch after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

macro_rules! octets {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().take(4).try_for_each(|octet| write!(f, "{octet:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                crate::base::units::serialize_hex(&self.0, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::base::units::deserialize_hex(deserializer).map(Self)
            }
        }
    };
}

octets!(
    /// SHA-256 of something named by the context, or another 32-octet value made from it.
    Hash32,
    32
);
octets!(
    /// The number of a request, unique per sender, the same on every retransmission (protocol 4.3).
    ReqId,
    8
);
octets!(
    /// The number of a transaction that asks for approval (protocol 3.6).
    TxnId,
    16
);

impl Hash32 {
    /// 32 zero octets: "none yet" in chains.
    pub const ZERO: Self = Self([0; 32]);
}

/// A message's identity, stable across re-encryption (protocol 3.3).
///
/// The sender's identity generation is not in it; oracles that need it add it (protocol 4.3).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mid {
    /// Who wrote it.
    pub sender: UserId,
    /// For whom it is.
    pub receiver: UserId,
    /// Its number among those from `sender` to `receiver`.
    pub seq: Seq,
}

impl fmt::Display for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}>{}{}", self.sender, self.receiver, self.seq)
    }
}

impl fmt::Debug for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_ids_keep_to_their_alphabet() {
        for good in ["a", "bob", "bo.b", "a-1_2", &"x".repeat(64)] {
            assert_eq!(UserId::new(good).map(|u| u.to_string()), Ok(good.to_owned()));
        }
        assert_eq!(UserId::new(""), Err(UserIdError::Empty));
        assert_eq!(UserId::new(&"x".repeat(65)), Err(UserIdError::TooLong(65)));
        assert_eq!(UserId::new("Bob"), Err(UserIdError::BadOctet('B')));
        assert_eq!(UserId::new("bób"), Err(UserIdError::BadOctet('ó')));
    }

    #[test]
    fn nodes_are_ordered_by_user_and_the_harness_is_last() {
        assert!(NodeId::device(0) < NodeId::account(0));
        assert!(NodeId::account(0) < NodeId::device(1));
        assert!(NodeId::account(NodeId::USERS_MAX) < NodeId::HARNESS);
        assert_eq!(NodeId::account(7).user(), Some(7));
        assert_eq!(NodeId::HARNESS.user(), None);
    }
}
