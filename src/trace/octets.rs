//! Records as octets, for hashes: appended to a buffer that is used again.
//!
//! Not here: what is hashed (`digest`, `checkpoint`), or traces for others (`sink`).

use postcard::ser_flavors::Flavor;
use serde::Serialize;

/// A buffer that is appended to.
struct Buffer(Vec<u8>);

impl Flavor for Buffer {
    type Output = Vec<u8>;

    fn try_push(&mut self, octet: u8) -> postcard::Result<()> {
        self.0.push(octet);
        Ok(())
    }

    /// Most of what comes is a number of a few octets that were just written one by one: to copy them at once
    /// would wait until they have reached the cache.
    fn try_extend(&mut self, octets: &[u8]) -> postcard::Result<()> {
        if octets.len() > NUMBER_MAX {
            self.0.extend_from_slice(octets);
        } else {
            octets.iter().for_each(|octet| self.0.push(*octet));
        }
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// Most octets of a number.
const NUMBER_MAX: usize = 10;

/// Appends a record, or what can be seen of it.
///
/// # Panics
/// When it is something that has no length of its own; records have.
pub(super) fn append(what: &impl Serialize, octets: &mut Vec<u8>) {
    let buffer = Buffer(std::mem::take(octets));
    *octets = postcard::serialize_with_flavor(what, buffer).expect("a buffer takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_those_of_postcard() {
        let what = (7_u8, 300_u64, "text", Some([1_u8, 2]), vec![5_u32; 3]);
        let mut octets = vec![9];
        append(&what, &mut octets);
        assert_eq!(octets[1..], postcard::to_stdvec(&what).unwrap());
        assert_eq!(octets[0], 9);
    }
}
