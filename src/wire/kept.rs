//! Headers and records as a store keeps them: their octets, in a format for machines.
//!
//! Not here: the octets themselves (`encode`, `decode`), or a store.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::{ByteBuf, Bytes};

use crate::wire::header::Header;
use crate::wire::record::KeyRecord;

macro_rules! kept_as_octets {
    ($($name:ty),+) => {
        $(
            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    Bytes::new(&self.encode()).serialize(serializer)
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    Self::decode(&ByteBuf::deserialize(deserializer)?).map_err(D::Error::custom)
                }
            }
        )+
    };
}

kept_as_octets!(Header, KeyRecord);
