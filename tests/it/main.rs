//! The integration tests, one binary.

mod crypto_known_answers;
mod crypto_points;
mod crypto_properties;
mod crypto_wycheproof;
