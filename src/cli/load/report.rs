//! Where what came of a load goes: the terminal, and files.
//!
//! Not here: what it came to (`load::result`), or how it is written (`report::load`).

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cli::args::Load;
use crate::cli::exit::{CliError, Exit};
use crate::cli::load::against::Baseline;
use crate::cli::output;
use crate::cli::words::Format;
use crate::load::scrape::{self, Sample};
use crate::report::load::{csv, html, search, terminal};
use crate::verdict::knee::KneeSearch;
use crate::verdict::load::{LOAD_VERSION, LoadResults, LoadVerdict};

/// The files of a report.
pub const FILES: [&str; 4] = ["results.json", "seconds.csv", "load.hlog", "load.html"];

/// The file of a search for a knee.
pub const KNEE: &str = "knee.json";
/// What the server said of itself.
const SCRAPED: &str = "server.csv";

/// Makes sure that the report can be written before anything is done.
///
/// # Errors
/// When it cannot.
pub fn try_places(args: &Load) -> Result<(), CliError> {
    let Some(folder) = &args.report else { return Ok(()) };
    output::folder(folder, &FILES)?;
    if args.knee { output::folder(folder, &[KNEE]) } else { Ok(()) }
}

/// Tells people and programs what came of a load.
///
/// # Errors
/// When something cannot be written.
pub fn tell(
    args: &Load,
    mut results: LoadResults,
    baseline: Option<&Baseline>,
) -> Result<Exit, CliError> {
    let compared = baseline.map(|baseline| baseline.compare(&results));
    let mut exit = exit(results.verdict);
    if let Some(Ok(comparison)) = &compared
        && comparison.is_regression()
    {
        exit = exit.worst(Exit::Finding);
    }
    results.exit = exit.code();
    let beside = compared.map_or_else(String::new, |compared| match compared {
        Ok(comparison) => terminal::comparison(&comparison.rows),
        Err(why) => format!("\nnot compared: this load {why}\n"),
    });
    // Whatever becomes of the one, the other is tried: somebody shall have seen it.
    let written = args.report.as_ref().map_or(Ok(()), |folder| write(folder, &results));
    let printed = match args.format {
        Format::Human => output::print(&(terminal::write(&results) + &beside)),
        Format::Json => {
            output::note(&beside);
            output::print(&json(&results))
        }
    };
    written.and(printed)?;
    Ok(exit)
}

/// Writes what the server said of itself.
///
/// # Errors
/// When it cannot be written.
pub fn samples(args: &Load, samples: Option<Vec<Sample>>) -> Result<(), CliError> {
    let (Some(samples), Some(folder)) = (samples, &args.report) else { return Ok(()) };
    output::write(&folder.join(SCRAPED), &scrape::csv(&samples))
}

/// Keeps how far a search for a knee is.
///
/// # Errors
/// When it cannot be written.
pub fn keep(args: &Load, found: &KneeSearch) -> Result<(), CliError> {
    let Some(folder) = &args.report else { return Ok(()) };
    output::write(&folder.join(KNEE), &json(found))
}

/// Tells people and programs of a search for a knee that no load followed.
///
/// # Errors
/// When it cannot be written.
pub fn tell_search(args: &Load, found: &KneeSearch) -> Result<(), CliError> {
    output::print(&match args.format {
        Format::Human => search::write(found),
        Format::Json => json(found),
    })
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

/// The number of a format.
#[derive(Deserialize)]
struct Version {
    #[serde(rename = "peadsim-load")]
    version: u32,
}

/// Reads what another load came to: a file, or the folder of a report.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn read(place: &Path) -> Result<LoadResults, CliError> {
    let file = if place.is_dir() { place.join(FILES[0]) } else { place.to_owned() };
    let wrong = |why: String| CliError::Usage(format!("`{}`: {why}", file.display()));
    let text = std::fs::read_to_string(&file)
        .map_err(|error| CliError::Usage(format!("cannot read `{}`: {error}", file.display())))?;
    let none = |error: serde_json::Error| wrong(format!("it is no result of a load: {error}"));
    // Another format has other names: its number is read before them.
    let Version { version } = serde_json::from_str(&text).map_err(none)?;
    if version != LOAD_VERSION {
        return Err(wrong(format!("it has format {version}, and this program {LOAD_VERSION}")));
    }
    serde_json::from_str(&text).map_err(none)
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
pub fn json(results: &impl Serialize) -> String {
    format!("{:#}\n", serde_json::json!(results))
}
