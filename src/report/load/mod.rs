//! What came of a load on a server, as text, CSV and a page.
//!
//! Not here: how it came to be (`load`), or where reports are written (`cli`).

pub mod csv;
pub mod html;
pub mod terminal;
