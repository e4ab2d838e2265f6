//! Floor 6: the command line.
//!
//! `args` is what can be typed, then comes one file for each subcommand. Not here: anything that a
//! program using the library would need.

pub mod args;
mod check;
mod compare;
mod conform;
mod conformity;
mod decode;
mod device;
mod device_file;
mod doctor;
mod exhaustive;
pub mod exit;
mod expect;
mod explain;
mod explore;
mod files;
mod jobs;
mod judge;
pub mod load;
mod merge;
mod mutants;
mod new;
mod output;
mod papers;
pub mod places;
mod progress;
mod run;
mod schema;
mod serve;
mod setup;
mod shell;
mod shrink;
mod subjects;
mod terminal;
mod vectors;
pub mod verify;
mod why;
pub mod words;

use tracing_subscriber::filter::LevelFilter;

use crate::cli::args::{Cli, Command, LogFormat, OtherConform};
use crate::cli::exit::Exit;

/// Does what the command line says.
#[must_use]
pub fn run(cli: &Cli) -> Exit {
    if let Command::Serve(args) = &cli.command {
        log_of_a_server(cli.verbose, args.log);
    } else {
        log_to_stderr(cli.verbose);
    }
    let result = match &cli.command {
        Command::Run(args) => run::run(args),
        Command::Check(args) => check::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Conform(args) => match &args.other {
            Some(OtherConform::Doctor(args)) => doctor::run(args),
            None => conform::run(args),
        },
        Command::Device(args) => device::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Load(args) => load::run(args),
        Command::Expect(args) => expect::run(args),
        Command::Judge(args) => judge::run(args),
        Command::Merge(args) => merge::run(args),
        Command::Schema(args) => schema::run(*args),
        Command::New(args) => new::run(args),
        Command::Why(args) => why::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Decode(args) => decode::run(args),
        Command::Vectors(args) => vectors::run(args),
        Command::Explore(args) => explore::run(args),
        Command::Shrink(args) => shrink::run(args),
        Command::Mutants(args) => mutants::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Completions(args) => shell::completions(args),
        Command::Man => shell::man(),
    };
    result.unwrap_or_else(|error| {
        output::note(&format!("error: {error}\n"));
        error.exit()
    })
}

/// `-v` tells what is done, `-vv` how, `-vvv` everything.
fn log_to_stderr(verbose: u8) {
    let Some(level) = level(verbose) else { return };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(output::stderr_has_color())
        .without_time()
        .init();
}

/// A server always tells what is done, and when.
fn log_of_a_server(verbose: u8, format: LogFormat) {
    let log = tracing_subscriber::fmt()
        .with_max_level(level(verbose.saturating_add(1)).unwrap_or(LevelFilter::INFO))
        .with_writer(std::io::stderr)
        .with_ansi(output::stderr_has_color());
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}

/// What is told, if anything is.
const fn level(verbose: u8) -> Option<LevelFilter> {
    match verbose {
        0 => None,
        1 => Some(LevelFilter::INFO),
        2 => Some(LevelFilter::DEBUG),
        3.. => Some(LevelFilter::TRACE),
    }
}
