//! The sizes that every reader and writer of frames keeps to.
//!
//! Not here: limits that a device or a plan declares (table rows, mailbox, display).

/// Most octets of an encoded envelope: what a small device can hold in one buffer (protocol 4.6).
pub const FRAME_MAX: usize = 65_536;

/// Most octets of a message's text, and of an approval request (protocol 4.5): a quarter of a
/// frame, so that a reply that quotes a request whole always fits.
pub const TEXT_MAX: usize = 16_384;

/// Most records of one KeyReply (protocol 4.3): 64 records of at most 430 octets are under half a
/// frame.
pub const RECORDS_MAX: u64 = 64;

/// Most versions or suites that a Hello offers: more than there will ever be, far below a frame.
pub const OFFERS_MAX: u64 = 16;
