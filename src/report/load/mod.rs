//! What came of a load on a server, as text, CSV and a page; `load.schema.json` describes it as JSON.
//!
//! Not here: how it came to be (`load`), or where reports are written (`cli`).

pub mod csv;
pub mod html;
pub mod terminal;

/// The JSON Schema of results.
pub const SCHEMA: &str = include_str!("load.schema.json");
