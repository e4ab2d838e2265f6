//! The integration tests, one binary.

mod crypto_known_answers;
