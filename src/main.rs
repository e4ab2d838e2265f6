//! The program: parse, run, exit. Everything else is in the library.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    peadsim::cli::run(&peadsim::cli::args::Cli::parse()).into()
}
