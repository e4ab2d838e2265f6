//! What facts say of a frame: its place on its link, its name, what it is about.
//!
//! Kept small, since most records of a run are of frames. Not here: frames themselves (`sim`), or their octets
//! (`wire`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::id::{Epoch, Mid, ReqId, UserId};
use crate::trace::words::FrameKind;

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

/// What a frame is about, for its address (`m1.submit`, `bob.lookup(alice)`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// The device itself.
    Nothing,
    /// A user: the one looked up, or whose key changed.
    User(UserId),
    /// A message, and which attempt to send it.
    Message(Arc<Mid>, u64),
    /// An epoch of the sender's own.
    Epoch(Epoch),
}

impl About {
    /// A message, and which attempt to send it.
    #[must_use]
    pub fn message(mid: Mid, attempt: u64) -> Self {
        Self::Message(Arc::new(mid), attempt)
    }
}
