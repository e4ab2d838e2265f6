//! `peadsim judge`: verdicts from what was kept: of a conformance run again, from its transcripts alone, and of
//! a reference server, from its history.
//!
//! Not here: judging (`conformance::judge`, `conformance::history`).

use std::path::Path;

use crate::cli::args::Judge;
use crate::cli::conformity;
use crate::cli::exit::{CliError, Exit};
use crate::cli::output;
use crate::cli::words::Format;
use crate::conformance::archive::{Archive, Unread, judge_file};
use crate::conformance::history::Chronicle;
use crate::conformance::judge::Judged;
use crate::report;
use crate::report::conformance::{json, terminal};
use crate::runtime::server::history::History;
use crate::verdict::finding::Severity;
use crate::verdict::results::Results;
use crate::verdict::trial::Trial;

/// Judges what the command line names.
///
/// # Errors
/// When something cannot be read, cannot be believed, or gives another verdict than it says.
pub fn run(args: &Judge) -> Result<Exit, CliError> {
    let mut worst = Exit::Success;
    for path in &args.paths {
        let exit = if History::is_in(path) {
            history(path, args.format)?
        } else if path.is_dir() {
            folder(path, args.format)?
        } else {
            file(path, args)?
        };
        worst = worst.worst(exit);
    }
    Ok(worst)
}

/// One transcript.
fn file(path: &Path, args: &Judge) -> Result<Exit, CliError> {
    let name = path.display().to_string();
    let judged = judge_file(path, &name).map_err(|why| doubt(&name, &why))?;
    check(&name, &judged)?;
    if args.format == Format::Human {
        output::print(&terminal::trial(&judged.now, &conformity::palette()))?;
    }
    let head = &judged.head;
    let subject = head.product.subject(head.role, &head.capabilities);
    let results = Results::of(&judged.head.program, subject, vec![judged.now], false);
    let (results, exit) = conformity::concluded(results);
    conformity::print(&results, exit, args.format)?;
    Ok(exit)
}

/// What a server has done, as it has kept it in the folder of its data.
fn history(path: &Path, format: Format) -> Result<Exit, CliError> {
    let shown = path.display().to_string();
    let verdict = History::open(path).and_then(Chronicle::of).and_then(|it| it.judge());
    let Some(verdict) = verdict.map_err(|error| CliError::Server(error.into()))? else {
        let why =
            format!("`{shown}` has no history: let the server keep one with `serve --history`");
        return Err(CliError::Usage(why));
    };
    let exit = match verdict.worst() {
        Some(Severity::Error) => Exit::Harness,
        Some(Severity::Fail) => Exit::Finding,
        Some(Severity::Inconclusive | Severity::Warning) | None if verdict.evaluated.is_empty() => {
            Exit::NothingVerified
        }
        Some(Severity::Inconclusive) => Exit::Inconclusive,
        Some(Severity::Warning) | None => Exit::Success,
    };
    match format {
        Format::Human => {
            let ending = format!("{} (exit {})", exit.text(), exit.code());
            output::print(&report::history::write(&shown, &verdict, &ending))?;
        }
        Format::Json => {
            let json = serde_json::to_string_pretty(&verdict).map_err(std::io::Error::other);
            output::print(&(json.map_err(CliError::io("cannot write JSON"))? + "\n"))?;
        }
    }
    Ok(exit)
}

/// All transcripts of a report, and with them the report itself.
fn folder(path: &Path, format: Format) -> Result<Exit, CliError> {
    if !conformity::is_in(path) {
        let shown = path.display();
        let why = format!("`{shown}` has neither results.json nor the data of a server");
        return Err(CliError::Usage(why));
    }
    let then = conformity::read(path)?;
    let archive = Archive::of(path).map_err(CliError::io("cannot read the transcripts"))?;
    let trials: Result<Vec<Trial>, CliError> =
        then.trials.iter().map(|trial| again(trial, &archive)).collect();
    let (program, subject) = (then.program.as_str(), then.subject.clone());
    let now = Results::of(program, subject, trials?, then.interrupted);
    let (now, exit) = conformity::concluded(now);
    if json::write(&now) != json::write(&then) {
        let shown = path.display();
        return Err(CliError::Usage(format!(
            "`{shown}`: the transcripts give other results than results.json says"
        )));
    }
    conformity::print(&now, exit, format)?;
    Ok(exit)
}

/// A test as its transcript gives it; one without is as it stands in the report.
fn again(then: &Trial, archive: &Archive) -> Result<Trial, CliError> {
    let Some(kept) = &then.transcript else { return Ok(then.clone()) };
    let judged = archive.judge(&kept.file).map_err(|why| doubt(&kept.file, &why))?;
    check(&kept.file, &judged)?;
    // What many makings of a test, profiles and expectations add is no matter of one transcript.
    let Trial { stability, profiles, expected, .. } = then.clone();
    let now = Trial { stability, profiles, expected, ..judged.now };
    Ok(now)
}

fn check(name: &str, judged: &Judged) -> Result<(), CliError> {
    if judged.is_same() {
        return Ok(());
    }
    let (then, now) = (&judged.then, &judged.now);
    Err(CliError::Usage(format!(
        "{name}: the verdict was {} ({}), the evidence gives {} ({})",
        then.mark, then.reason, now.mark, now.reason
    )))
}

fn doubt(name: &str, why: &Unread) -> CliError {
    CliError::Usage(format!("{name}: {why}"))
}
