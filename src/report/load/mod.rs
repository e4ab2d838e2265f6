//! What came of a load on a server, as text, CSV and a page; `load.schema.json` describes it as JSON, and
//! `knee.schema.json` a search for a knee.
//!
//! Not here: how it came to be (`load`), or where reports are written (`cli`).

pub mod csv;
pub mod html;
pub mod search;
pub mod terminal;

/// The JSON Schema of results.
pub const SCHEMA: &str = include_str!("load.schema.json");

/// The JSON Schema of a search for a knee.
pub const KNEE_SCHEMA: &str = include_str!("knee.schema.json");
