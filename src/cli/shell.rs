//! `peadsim completions` and `peadsim man`: what shells and readers of manuals want.
//!
//! Not here: the command line that both are made from (`args`).

use clap::CommandFactory as _;

use crate::cli::args::{Cli, Completions};
use crate::cli::exit::{CliError, Exit};
use crate::cli::output;

/// Prints completions for a shell.
///
/// # Errors
/// When stdout cannot be written to.
pub fn completions(args: &Completions) -> Result<Exit, CliError> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "peadsim", &mut text);
    output::print(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Success)
}

/// Prints the manual page, one section for each subcommand.
///
/// # Errors
/// When stdout cannot be written to.
pub fn man() -> Result<Exit, CliError> {
    let mut command = Cli::command();
    command.build();
    let mut text = Vec::new();
    let render = |command: clap::Command, text: &mut Vec<u8>| {
        clap_mangen::Man::new(command).render(text).map_err(CliError::io("cannot make the page"))
    };
    render(command.clone(), &mut text)?;
    for subcommand in command.get_subcommands().filter(|it| it.get_name() != "help") {
        render(subcommand.clone(), &mut text)?;
    }
    output::print(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Success)
}
