//! `peadsim schema`: the JSON Schema of scenario files, for editors.
//!
//! Not here: the schema (`scenario::schema`).

use crate::cli::exit::{CliError, Exit};
use crate::cli::output;
use crate::scenario::schema::schema;

/// Prints it.
///
/// # Errors
/// When stdout cannot be written to.
pub fn run() -> Result<Exit, CliError> {
    output::print(&format!("{:#}\n", schema()))?;
    Ok(Exit::Success)
}
