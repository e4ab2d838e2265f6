//! The device: keys, table, drafts, inbox, approvals; a state machine behind `handle_input` and `poll_output`.
//!
//! Not here: the wire's octets (`wire`), primitives (`crypto`), latency and power (`sim`).
