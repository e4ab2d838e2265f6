//! `peadsim expect`: keeps the file that says which tests are known not to pass.
//!
//! Not here: what an expectation is (`scenario::known`), or comparing (`conformance::expectation`).

use crate::cli::args::{Expect, ExpectCommand};
use crate::cli::conform::expectations;
use crate::cli::conformity;
use crate::cli::exit::{CliError, Exit};
use crate::cli::output;
use crate::conformance::expectation::{check_update, update};

/// Does what the command line says.
///
/// # Errors
/// When the report cannot be read, says nothing of what was tested, or the file cannot be written.
pub fn run(args: &Expect) -> Result<Exit, CliError> {
    let ExpectCommand::Update { report, file } = &args.command;
    let results = conformity::read(report)?;
    check_update(&results.trials).map_err(|trial| {
        CliError::Usage(format!(
            "`{}` is {}: that says nothing of what was tested, and nobody can expect it",
            trial.id, trial.mark
        ))
    })?;
    let earlier = if file.exists() { Some(expectations(file)?.0) } else { None };
    output::write(file, &update(&results.trials, earlier.as_ref()))?;
    Ok(Exit::Success)
}
