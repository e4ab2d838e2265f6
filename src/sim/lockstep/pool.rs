//! Things that are kept once each, by a number.
//!
//! Not here: what they are.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Write};

use xxhash_rust::xxh3::Xxh3Default;

/// Things that differ in what `Debug` says of them. Machines say everything but their secrets, and each
/// of those is named by a key ID or an epoch that they do say.
#[derive(Debug)]
pub(super) struct Pool<T> {
    things: Vec<T>,
    numbers: BTreeMap<u128, u32>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { things: Vec::new(), numbers: BTreeMap::new() }
    }
}

impl<T: Debug> Pool<T> {
    /// The number of a thing, old or new.
    pub fn keep(&mut self, thing: T) -> u32 {
        let next = u32::try_from(self.things.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(print(&thing)).or_insert(next);
        if number == next {
            self.things.push(thing);
        }
        number
    }

    /// The thing with a number.
    pub fn get(&self, number: u32) -> &T {
        &self.things[number as usize]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.things.len()
    }
}

/// A fingerprint of what `Debug` says of a thing.
pub(super) fn print(thing: &impl Debug) -> u128 {
    struct Sponge(Xxh3Default);
    impl Write for Sponge {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.update(text.as_bytes());
            Ok(())
        }
    }
    let mut sponge = Sponge(Xxh3Default::new());
    // A sponge takes everything.
    let _ = write!(sponge, "{thing:?}");
    sponge.0.digest128()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_kept_once() {
        let mut pool = Pool::default();
        let numbers = ["one", "two", "one"].map(|it| pool.keep(it));
        assert_eq!((numbers, pool.len()), ([0, 1, 0], 2));
        assert_eq!(*pool.get(1), "two");
    }
}
