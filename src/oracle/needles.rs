//! Finding secrets in octets: whole ones in any usual encoding, or any eight octets of one in a row.
//!
//! Only every few octets a piece is looked up among the pieces of what is looked for; a hit is compared in
//! full. The index holds no pieces, only which secret one of that bucket belongs to, so that octets of a
//! secret stand in no other place than a [`Secret`]. Not here: which secrets are looked for, and in what.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::crypto::suite::Secret;

/// Secrets to look for.
#[derive(Debug)]
pub struct Needles {
    secrets: Vec<(Secret, &'static str)>,
    /// By bucket: the secret, how it is written there, and where in that the piece begins.
    index: BTreeMap<u16, Vec<(u32, Form, u8)>>,
    /// A bit for each bucket that is in the index, to pass over most octets quickly.
    filter: Vec<u64>,
}

/// Octets in a row that are no coincidence (protocol 5).
pub const WINDOW: usize = 8;
/// Octets of a piece.
const PIECE: usize = 4;
/// From one look-up to the next, so that each run of [`WINDOW`] octets holds a piece that is looked up.
const STRIDE: usize = WINDOW - PIECE + 1;
/// Secrets looked for at most, so that a long run with many pairs keeps its speed; more are left out.
const SECRETS_MAX: usize = 4_096;

/// How a secret, or a part of it, may be written.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// [`WINDOW`] of its octets.
    Part,
    /// As it is: also inside DER.
    Raw,
    /// Two digits an octet.
    Hex { upper: bool },
    /// As it stands in a longer base64 text (a PEM body) when `shift` octets of a group come before it.
    Base64 { url: bool, shift: u8 },
}

impl Default for Needles {
    fn default() -> Self {
        let filter = vec![0; usize::from(u16::MAX >> 6) + 1];
        Self { secrets: Vec::new(), index: BTreeMap::new(), filter }
    }
}

impl Needles {
    /// Looks for the whole secret from now on, in every encoding.
    pub fn add_whole(&mut self, secret: &Secret, what: &'static str) {
        let both = [false, true];
        let base64 = |url| (0..3).map(move |shift| Form::Base64 { url, shift });
        let hex = both.map(|upper| Form::Hex { upper });
        let forms = [Form::Raw].into_iter().chain(hex).chain(both.into_iter().flat_map(base64));
        self.add(secret, what, forms);
    }

    /// Looks for every part of the secret from now on, as it is.
    pub fn add_parts(&mut self, secret: &Secret, what: &'static str) {
        self.add(secret, what, [Form::Part].into_iter());
    }

    fn add(&mut self, secret: &Secret, what: &'static str, forms: impl Iterator<Item = Form>) {
        let Ok(number) = u32::try_from(self.secrets.len()) else { return };
        if self.secrets.len() >= SECRETS_MAX {
            return;
        }
        self.secrets.push((secret.clone(), what));
        for form in forms {
            let text = form.write(secret);
            // A whole text holds all of its first pieces; a part may be any, and so its pieces too.
            let pieces = match form {
                Form::Part => text.len(),
                Form::Raw | Form::Hex { .. } | Form::Base64 { .. } => STRIDE,
            };
            for (at, piece) in (0_u8..).zip(text.windows(PIECE)).take(pieces) {
                let bucket = bucket(piece);
                self.filter[usize::from(bucket >> 6)] |= 1 << (bucket & 63);
                self.index.entry(bucket).or_default().push((number, form, at));
            }
        }
    }

    /// What of all that stands in the octets; line ends do not hide it.
    #[must_use]
    pub fn find(&self, octets: &[u8]) -> Option<&'static str> {
        let is_end = |octet: &u8| matches!(octet, b'\n' | b'\r');
        self.search(octets).or_else(|| {
            let joined = octets.iter().copied().filter(|octet| !is_end(octet));
            let joined = octets.contains(&b'\n').then(|| Zeroizing::new(joined.collect()));
            joined.and_then(|joined: Zeroizing<Vec<u8>>| self.search(&joined))
        })
    }

    fn search(&self, octets: &[u8]) -> Option<&'static str> {
        let mut place = 0;
        while let Some(piece) = octets.get(place..place + PIECE) {
            let bucket = bucket(piece);
            if self.filter[usize::from(bucket >> 6)] >> (bucket & 63) & 1 == 1
                && let Some(what) = self.compare(octets, place, bucket)
            {
                return Some(what);
            }
            place += STRIDE;
        }
        None
    }

    /// What stands around `place`, of everything with a piece in this bucket.
    fn compare(&self, octets: &[u8], place: usize, bucket: u16) -> Option<&'static str> {
        self.index.get(&bucket)?.iter().find_map(|(number, form, at)| {
            let (secret, what) = self.secrets.get(*number as usize)?;
            let (text, at) = (form.write(secret), usize::from(*at));
            let run = run(&octets[..place], &text[..at], true)
                + run(&octets[place..], &text[at..], false);
            let enough = match form {
                Form::Part => WINDOW,
                Form::Raw | Form::Hex { .. } | Form::Base64 { .. } => text.len(),
            };
            (run >= enough).then_some(*what)
        })
    }
}

/// How many octets are equal, from the front or from the back.
fn run(one: &[u8], other: &[u8], from_back: bool) -> usize {
    let is_same = |(one, other): &(&u8, &u8)| one == other;
    if from_back {
        one.iter().rev().zip(other.iter().rev()).take_while(is_same).count()
    } else {
        one.iter().zip(other).take_while(is_same).count()
    }
}

/// Where the index keeps a piece: many pieces share a bucket.
const fn bucket(piece: &[u8]) -> u16 {
    let [a, b, c, d, ..] = *piece else { return 0 };
    (u32::from_le_bytes([a, b, c, d]).wrapping_mul(0x9e37_79b1) >> 16) as u16
}

impl Form {
    fn write(self, secret: &Secret) -> Zeroizing<Vec<u8>> {
        let octets = secret.expose();
        Zeroizing::new(match self {
            Self::Part | Self::Raw => octets.to_vec(),
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
        needles.add_parts(&secret(), "a part");
        for at in 0..=24 {
            let mut frame = vec![7; at % 5];
            frame.extend_from_slice(&octets[at..at + WINDOW]);
            assert_eq!(needles.find(&frame), Some("a part"), "{at}");
            assert!(!whole(&frame), "{at}");
            frame.pop();
            assert_eq!(needles.find(&frame), None, "{at}");
        }
        assert_eq!(Needles::default().find(&octets), None);
    }
}
