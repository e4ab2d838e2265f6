//! Finding secrets in octets: whole ones in any usual encoding, or any eight octets of one in a row.
//!
//! The index holds hashes, so that octets of a secret stand in no other place than a [`Secret`]. Not here:
//! which secrets are looked for, and in what.

use std::collections::BTreeSet;

use xxhash_rust::xxh3::xxh3_64;
use zeroize::Zeroizing;

use crate::crypto::suite::Secret;

/// Secrets to look for.
#[derive(Debug)]
pub struct Needles {
    secrets: Vec<(Secret, &'static str)>,
    /// Hashes of the first octets of each form, and whose form it is.
    index: BTreeSet<(u64, u32, Form)>,
    /// The upper bits of those hashes, to pass over most octets quickly.
    filter: Vec<u64>,
}

/// Octets in a row that are no coincidence (protocol 5).
pub const WINDOW: usize = 8;
/// Secrets looked for at most, so that a long run with many pairs keeps its speed; more are left out.
const SECRETS_MAX: usize = 4_096;
const FILTER_BITS: u32 = 16;

/// How a secret, or a part of it, may be written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Form {
    /// [`WINDOW`] octets from this one on.
    Window(u8),
    /// As it is: also inside DER.
    Raw,
    /// Two digits an octet.
    Hex { upper: bool },
    /// As it stands in a longer base64 text (a PEM body) when `shift` octets of a group come before it.
    Base64 { url: bool, shift: u8 },
}

impl Default for Needles {
    fn default() -> Self {
        let filter = vec![0; 1 << (FILTER_BITS - 6)];
        Self { secrets: Vec::new(), index: BTreeSet::new(), filter }
    }
}

impl Needles {
    /// Looks for the whole secret from now on, in every encoding.
    pub fn add_whole(&mut self, secret: &Secret, what: &'static str) {
        let base64 = [false, true]
            .into_iter()
            .flat_map(|url| (0..3).map(move |shift| Form::Base64 { url, shift }));
        let hex = [false, true].map(|upper| Form::Hex { upper });
        self.add(secret, what, [Form::Raw].into_iter().chain(hex).chain(base64));
    }

    /// Looks for every part of the secret from now on, as it is.
    pub fn add_windows(&mut self, secret: &Secret, what: &'static str) {
        let last = secret.expose().len() - WINDOW;
        self.add(secret, what, (0..=last).filter_map(|at| Some(Form::Window(at.try_into().ok()?))));
    }

    fn add(&mut self, secret: &Secret, what: &'static str, forms: impl Iterator<Item = Form>) {
        if self.secrets.len() >= SECRETS_MAX {
            return;
        }
        let Ok(number) = u32::try_from(self.secrets.len()) else { return };
        self.secrets.push((secret.clone(), what));
        for form in forms {
            let hash = xxh3_64(&form.write(secret)[..WINDOW]);
            let (word, bit) = place(hash);
            self.filter[word] |= bit;
            self.index.insert((hash, number, form));
        }
    }

    /// What of all that stands in the octets; line ends do not hide it.
    #[must_use]
    pub fn find(&self, octets: &[u8]) -> Option<&'static str> {
        let is_end = |octet: &u8| matches!(octet, b'\n' | b'\r');
        self.search(octets).or_else(|| {
            let joined = octets.iter().copied().filter(|octet| !is_end(octet));
            let joined = octets.iter().any(is_end).then(|| Zeroizing::new(joined.collect()));
            joined.and_then(|joined: Zeroizing<Vec<u8>>| self.search(&joined))
        })
    }

    fn search(&self, octets: &[u8]) -> Option<&'static str> {
        if self.secrets.is_empty() {
            return None;
        }
        octets.windows(WINDOW).enumerate().find_map(|(at, window)| {
            let hash = xxh3_64(window);
            let (word, bit) = place(hash);
            if self.filter[word] & bit == 0 {
                return None;
            }
            let from = (hash, 0, Form::Window(0));
            let same = self.index.range(from..).take_while(|(other, ..)| *other == hash);
            same.into_iter().find_map(|(_, number, form)| {
                let (secret, what) = &self.secrets[*number as usize];
                octets[at..].starts_with(&form.write(secret)).then_some(*what)
            })
        })
    }
}

/// Where the filter keeps a hash.
const fn place(hash: u64) -> (usize, u64) {
    let bits = hash >> (u64::BITS - FILTER_BITS);
    ((bits >> 6) as usize, 1 << (bits & 63))
}

impl Form {
    fn write(self, secret: &Secret) -> Zeroizing<Vec<u8>> {
        let octets = secret.expose();
        Zeroizing::new(match self {
            Self::Window(at) => octets[usize::from(at)..][..WINDOW].to_vec(),
            Self::Raw => octets.to_vec(),
            Self::Hex { upper } => {
                let digits = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
                let both = |octet: &u8| [octet >> 4, octet & 15].map(|it| digits[usize::from(it)]);
                octets.iter().flat_map(both).collect()
            }
            Self::Base64 { url, shift } => base64(octets, url, usize::from(shift)),
        })
    }
}

/// The characters that depend on nothing but these octets when `shift` others come before them.
fn base64(octets: &[u8], url: bool, shift: usize) -> Vec<u8> {
    let bit = |at: usize| octets[at / 8] >> (7 - at % 8) & 1;
    let (first, end) = ((8 * shift).div_ceil(6), 8 * (shift + octets.len()) / 6);
    (first..end)
        .map(|character| 6 * character - 8 * shift)
        .map(|from| (from..from + 6).fold(0, |value, at| value << 1 | bit(at)))
        .map(|value| match (value, url) {
            (0..=25, _) => b'A' + value,
            (26..=51, _) => b'a' + value - 26,
            (52..=61, _) => b'0' + value - 52,
            (62, false) => b'+',
            (62, true) => b'-',
            (_, false) => b'/',
            (_, true) => b'_',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        let mut octets = [0; 32];
        (0_u8..).zip(&mut octets).for_each(|(n, octet)| *octet = n.wrapping_mul(37) ^ 0xa5);
        Secret::new(octets)
    }

    fn whole(octets: &[u8]) -> bool {
        let mut needles = Needles::default();
        needles.add_whole(&secret(), "it");
        needles.find(octets) == Some("it")
    }

    /// Base64 as RFC 4648 defines it, to test against: groups of three octets, padded.
    fn rfc4648(octets: &[u8], url: bool) -> Vec<u8> {
        let mut padded = octets.to_vec();
        padded.resize(octets.len().next_multiple_of(3), 0);
        let mut text = base64(&padded, url, 0);
        text.truncate((octets.len() * 4).div_ceil(3));
        text.resize(text.len().next_multiple_of(4), b'=');
        text
    }

    #[test]
    fn the_reference_is_base64() {
        for (octets, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foobar", "Zm9vYmFy")] {
            assert_eq!(rfc4648(octets.as_bytes(), false), text.as_bytes(), "{octets}");
        }
        assert_eq!(rfc4648(&[0xfb, 0xff], true), b"-_8=");
        assert_eq!(rfc4648(&[0xfb, 0xff], false), b"+/8=");
    }

    #[test]
    fn a_whole_secret_is_found_in_every_encoding_and_place() {
        for before in 0..7 {
            let mut octets = vec![0x30; before];
            octets.extend_from_slice(secret().expose());
            octets.extend_from_slice(&[7; 5]);
            assert!(whole(&octets), "raw after {before}");
            for url in [false, true] {
                let mut text = rfc4648(&octets, url);
                assert!(whole(&text), "base64 after {before}");
                text.insert(text.len() / 2, b'\n');
                assert!(whole(&text), "two lines, after {before}");
            }
            let hex = crate::base::units::hex(&octets);
            assert!(whole(hex.as_bytes()) && whole(hex.to_uppercase().as_bytes()), "hex");
        }
    }

    #[test]
    fn parts_are_found_only_where_parts_are_looked_for() {
        let octets = *secret().expose();
        let mut needles = Needles::default();
        needles.add_windows(&secret(), "a part");
        for at in [0, 11, 24] {
            let mut frame = vec![1, 2, 3];
            frame.extend_from_slice(&octets[at..at + WINDOW]);
            assert_eq!(needles.find(&frame), Some("a part"), "{at}");
            assert!(!whole(&frame), "{at}");
            frame.pop();
            assert_eq!(needles.find(&frame), None, "{at}");
        }
        assert_eq!(Needles::default().find(&octets), None);
    }
}
