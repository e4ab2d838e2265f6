//! What a scenario says of load on a real server, beside its traffic: connections, and when a run is void.
//!
//! Not here: traffic (`workload`), or what only the command line says: where the server is.

use std::net::Ipv4Addr;

use crate::base::time::Duration;
use crate::scenario::ast::forms::Some1;
use crate::scenario::fields::{leaf, table, words};
use crate::scenario::source::Spanned;

table! {
    /// Load on a real server: what the simulator has no use for.
    Load "load" {
        /// Whether devices have the keys of those whom they write to from the start.
        tables: Spanned<Tables> = "warm",
        /// Own addresses that connections come from, in turn; the system's choice unless given.
        sources: Option<Some1<Spanned<Network>>>,
        /// Operations of one device that may wait for their answers; one more waits for its turn.
        flight: Spanned<u64> = "64",
        /// The run is void when the generator itself was later than this with one operation in a hundred.
        lag: Spanned<Duration> = "10ms",
    }
}

words! {
    /// Tables of shared secrets when the load begins.
    Tables "tables" {
        /// The secrets of all pairs that will write to each other are there.
        Warm = "warm",
        /// Empty: the first message to a peer takes a lookup.
        Cold = "cold",
    }
}

/// A range of addresses: `127.0.1.0/24`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    /// Its first address.
    pub first: Ipv4Addr,
    /// How many there are.
    pub count: u32,
}

leaf!(
    Network,
    "range of addresses",
    "an IPv4 address or a range of at most 65 536 such as `127.0.1.0/24`",
    r"^[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?$",
    [],
    Network::parse
);

impl Network {
    /// Reads `127.0.1.7`, or `127.0.1.0/24` without bits beyond the prefix.
    fn parse(text: &str) -> Result<Self, String> {
        let (address, bits) = text.split_once('/').map_or((text, "32"), |parts| parts);
        let first: Ipv4Addr = address.parse().map_err(|_| String::new())?;
        let bits: u32 = bits.parse().map_err(|_| String::new())?;
        if !(16..=32).contains(&bits) {
            return Err("a prefix of 16 to 32 bits".to_owned());
        }
        let count = 1_u32 << (32 - bits);
        if first.to_bits() & (count - 1) != 0 {
            return Err("an address without bits beyond the prefix".to_owned());
        }
        Ok(Self { first, count })
    }

    /// Its addresses, in order.
    pub fn addresses(self) -> impl Iterator<Item = Ipv4Addr> {
        (0..self.count).map(move |n| Ipv4Addr::from_bits(self.first.to_bits() + n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_addresses_have_a_first_one_and_a_size() {
        let range = Network::parse("127.0.1.0/30").unwrap();
        let last = range.addresses().last().unwrap();
        assert_eq!((range.count, last), (4, Ipv4Addr::new(127, 0, 1, 3)));
        assert_eq!(Network::parse("127.0.0.1").unwrap().count, 1);
        for bad in ["127.0.1.1/24", "127.0.0.0/8", "127.0.0.1/33", "127.0.0", "::1", "a/b"] {
            assert!(Network::parse(bad).is_err(), "{bad}");
        }
    }
}
