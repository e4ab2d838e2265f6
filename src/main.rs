//! The program: parse, run, exit. Everything else is in the library.

use std::process::ExitCode;

use clap::Parser as _;

/// Records are made on one thread and dropped on another, which this allocator takes lightly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    peadsim::cli::run(&peadsim::cli::args::Cli::parse()).into()
}
