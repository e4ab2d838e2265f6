//! Cryptography as symbols: what somebody who sees everything, and has some keys, can compute (Dolev and Yao).
//!
//! Primitives are perfect here: nobody inverts, guesses or finds collisions. What octets of a run stand for
//! which term is the judge's business (`safety::texts_are_not_derivable`). Not here: octets.

pub(super) mod intruder;
mod knowledge;
pub(super) mod paper;
mod terms;
