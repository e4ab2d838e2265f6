//! The order of the group P-256 as octets: the range of private keys and the halves of `s`.
//!
//! Not here: arithmetic on secrets; what is compared and negated here is public or checked by the suites.

/// The order n, big endian (SP 800-186, 3.2.1.3).
pub const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// Half of the order, rounded down: the greatest low `s`.
const HALF: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// Is it a private key: 1 <= d < n (C12-R4)?
#[must_use]
pub fn is_scalar(octets: &[u8; 32]) -> bool {
    *octets != [0; 32] && *octets < ORDER
}

/// Is it at most n / 2, as the profile wants of `s` in a signature?
#[must_use]
pub fn is_low(octets: &[u8; 32]) -> bool {
    *octets <= HALF
}

/// n - x, for x of 0..=n.
#[must_use]
pub fn negate(octets: &[u8; 32]) -> [u8; 32] {
    let mut difference = [0; 32];
    let mut borrow = false;
    for index in (0..32).rev() {
        let (octet, under) = ORDER[index].overflowing_sub(octets[index]);
        let (octet, again) = octet.overflowing_sub(u8::from(borrow));
        difference[index] = octet;
        borrow = under || again;
    }
    difference
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_private_keys_is_closed_below_and_open_above() {
        let mut one = [0; 32];
        one[31] = 1;
        assert!(is_scalar(&one));
        assert!(is_scalar(&negate(&one)));
        assert!(!is_scalar(&[0; 32]));
        assert!(!is_scalar(&ORDER));
        assert!(!is_scalar(&[0xff; 32]));
    }

    #[test]
    fn the_halves_meet_in_the_middle() {
        let above = negate(&HALF);
        assert!(is_low(&HALF) && !is_low(&above));
        assert_eq!(above[31], HALF[31] + 1, "n is odd: its halves differ by one");
        assert_eq!(negate(&above), HALF);
        assert_eq!(negate(&[0; 32]), ORDER);
    }
}
