//! The operating system's entropy: names that nobody can guess.
//!
//! The only place that asks for it. Not here: the luck of a run, which its seed decides (`base::rng`).

use std::io;

/// This many octets that nobody can guess.
///
/// # Errors
/// When the operating system has none.
pub fn octets<const N: usize>() -> io::Result<[u8; N]> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).map_err(io::Error::from)?;
    Ok(octets)
}
