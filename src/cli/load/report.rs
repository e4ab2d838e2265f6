//! Where what came of a load goes: the terminal, and files.
//!
//! Not here: what it came to (`load::result`), or how it is written (`report::load`).

use std::path::Path;

use crate::cli::args::Load;
use crate::cli::exit::{CliError, Exit};
use crate::cli::output;
use crate::cli::words::Format;
use crate::load::baseline::{self, Comparison};
use crate::report::load::{csv, html, terminal};
use crate::verdict::load::{Ending, LOAD_VERSION, LoadResults, LoadVerdict};

/// The files of a report.
pub const FILES: [&str; 4] = ["results.json", "seconds.csv", "load.hlog", "load.html"];

/// Makes sure that the report can be written, and the baseline read, before anything is done.
///
/// # Errors
/// When they cannot.
pub fn try_places(args: &Load) -> Result<(), CliError> {
    if let Some(file) = &args.baseline {
        read(file)?;
    }
    args.report.as_ref().map_or(Ok(()), |folder| output::folder(folder, &FILES))
}

/// Tells people and programs what came of a load.
///
/// # Errors
/// When something cannot be written, or the baseline is of another load.
pub fn tell(
    args: &Load,
    mut results: LoadResults,
    calibration: Option<&LoadResults>,
) -> Result<Exit, CliError> {
    let comparison = args.baseline.as_ref().map(|file| compare(&results, file, args.noise));
    let mut exit = exit(results.verdict);
    if let Some(Ok(comparison)) = &comparison
        && comparison.is_regression()
    {
        exit = exit.worst(Exit::Finding);
    }
    results.exit = exit.code();
    // First to the terminal: whatever becomes of the files, somebody has seen it.
    output::print(&match args.format {
        Format::Json => json(&results),
        Format::Human => {
            let mut text = terminal::write(&results, calibration);
            if let Some(Ok(comparison)) = &comparison {
                text += &terminal::comparison(&comparison.rows);
            }
            text
        }
    })?;
    if let Some(folder) = &args.report {
        write(folder, &results)?;
    }
    comparison.transpose()?;
    Ok(exit)
}

/// Writes all files of a report.
///
/// # Errors
/// When one of them cannot be written.
pub fn write(folder: &Path, results: &LoadResults) -> Result<(), CliError> {
    let log = crate::load::result::interval_log(results)
        .map_err(|why| CliError::Usage(format!("a histogram is damaged: {why}")))?;
    let texts = [json(results), csv::write(results), log, html::write(results)];
    FILES.iter().zip(texts).try_for_each(|(name, text)| output::write(&folder.join(name), &text))
}

/// Reads what another load came to: a file, or the folder of a report.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn read(place: &Path) -> Result<LoadResults, CliError> {
    let file = if place.is_dir() { place.join(FILES[0]) } else { place.to_owned() };
    let failed = CliError::io(format!("cannot read `{}`", file.display()));
    let text = std::fs::read_to_string(&file).map_err(failed)?;
    let wrong = |why: String| CliError::Usage(format!("`{}`: {why}", file.display()));
    let results: LoadResults = serde_json::from_str(&text)
        .map_err(|error| wrong(format!("it is no result of a load: {error}")))?;
    if results.version != LOAD_VERSION {
        let version = results.version;
        return Err(wrong(format!("it has format {version}, and this program {LOAD_VERSION}")));
    }
    Ok(results)
}

fn compare(results: &LoadResults, file: &Path, noise: u64) -> Result<Comparison, CliError> {
    let base = read(file)?;
    if [&base, results].into_iter().any(|it| !it.void.is_empty() || it.ending != Ending::Drained) {
        let why = "a load that is void, or that did not come to its end, is not compared with another one";
        return Err(CliError::Usage(why.to_owned()));
    }
    baseline::compare(&base, results, noise).map_err(|why| CliError::Usage(why.to_string()))
}

/// What a verdict leads to.
#[must_use]
pub const fn exit(verdict: LoadVerdict) -> Exit {
    match verdict {
        LoadVerdict::Pass => Exit::Success,
        LoadVerdict::Fail => Exit::Finding,
        LoadVerdict::Void => Exit::Void,
        LoadVerdict::Inconclusive => Exit::Inconclusive,
        LoadVerdict::ServerGone => Exit::Harness,
    }
}

/// As a program reads it.
#[must_use]
pub fn json(results: &LoadResults) -> String {
    format!("{:#}\n", serde_json::json!(results))
}
