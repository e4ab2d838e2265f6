//! Why octets are not what the protocol sends: the field, its offset, and the rule that it breaks.
//!
//! Not here: what a device or server does about it (`proto`).

use crate::base::cbor::CborReason;
use crate::base::id::UserIdError;

/// The peer's octets break a rule of the wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("octet {offset}, {field}: {rule}")]
pub struct DecodeError {
    /// Offset of the item at fault from the start of the outermost input.
    pub offset: usize,
    /// The field as `wire.cddl` names it.
    pub field: &'static str,
    /// The rule that it breaks.
    pub rule: Rule,
}

/// A rule of the wire format (protocol 4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// A rule of the strict encoding.
    #[error(transparent)]
    Cbor(CborReason),
    /// The input is longer than this kind of input may be.
    #[error("at most {max} octets are allowed, got {got}")]
    TooBig {
        /// Octets allowed.
        max: usize,
        /// Octets given.
        got: usize,
    },
    /// A list has more items than allowed.
    #[error("at most {max} items are allowed, got {got}")]
    TooMany {
        /// Items allowed.
        max: u64,
        /// Items announced.
        got: u64,
    },
    /// A name that is no user ID.
    #[error(transparent)]
    User(UserIdError),
    /// A number that must be another one.
    #[error("expected {expected}, got {got}")]
    Constant {
        /// The number required.
        expected: u64,
        /// The number given.
        got: u64,
    },
    /// A number outside a closed set.
    #[error("{0} is not assigned")]
    Unassigned(u64),
    /// A string that has one value only.
    #[error("expected the constant {0}")]
    Exactly(&'static str),
    /// A string of a length that the place does not take.
    #[error("a signature has 64 octets or none, got {0}")]
    SignatureLength(usize),
    /// A reason without a bounce, or a bounce without its reason.
    #[error("a code belongs to a bounce, and to nothing else")]
    CodeWithoutBounce,
    /// Raw text that is not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
}
