//! What every command does with results of conformance: reports in a folder, a summary, an exit code.
//!
//! Not here: what the reports look like (`report`), or how results come to be.

use std::fs;
use std::path::Path;

use crate::cli::exit::{CliError, Exit};
use crate::cli::load::around;
use crate::cli::output;
use crate::cli::words::Format;
use crate::report::conformance::{badge, html, json, junit, markdown, terminal};
use crate::report::human::Palette;
use crate::verdict::results::Results;

/// The reports of a folder: results for programs, for build servers, as a page, in short, and as a badge.
pub const REPORTS: [&str; 6] =
    ["results.json", "junit.xml", "index.html", "summary.md", "badge.json", "badge.svg"];

/// Writes all reports.
///
/// # Errors
/// When one of them cannot be written.
pub fn write(folder: &Path, results: &Results) -> Result<(), CliError> {
    let junit = junit::write(results).map_err(std::io::Error::other);
    let junit = junit.map_err(CliError::io("cannot make junit.xml"))?;
    let texts = [
        json::write(results),
        junit,
        html::write(results),
        markdown::write(results),
        badge::json(results),
        badge::svg(results),
    ];
    REPORTS.iter().zip(texts).try_for_each(|(name, text)| output::write(&folder.join(name), &text))
}

/// Whether there are results in this folder, of whatever.
#[must_use]
pub fn is_in(folder: &Path) -> bool {
    folder.join(REPORTS[0]).is_file()
}

/// Reads the results in a folder of reports.
///
/// # Errors
/// When there are none that can be read, or those of a load.
pub fn read(folder: &Path) -> Result<Results, CliError> {
    if around::is_load(folder) {
        let shown = folder.display();
        let why = format!("`{shown}` has no conformance results: it is the report of a load");
        return Err(CliError::Usage(why));
    }
    let place = folder.join(REPORTS[0]);
    let shown = place.display();
    let text = fs::read_to_string(&place)
        .map_err(|error| CliError::Usage(format!("cannot read `{shown}`: {error}")))?;
    json::read(&text).map_err(|error| CliError::Usage(format!("`{shown}`: {error}")))
}

/// Sets the exit code of results that are complete.
#[must_use]
pub fn concluded(results: Results) -> (Results, Exit) {
    let exit = Exit::of_conformance(&results);
    (Results { exit: exit.code(), ..results }, exit)
}

/// Prints the end of a report.
///
/// # Errors
/// When stdout cannot be written to.
pub fn print(results: &Results, exit: Exit, format: Format) -> Result<(), CliError> {
    match format {
        Format::Json => output::print(&json::write(results)),
        Format::Human => {
            let stopped = if results.interrupted { "interrupted, " } else { "" };
            let ending = format!("{stopped}{} (exit {})", exit.text(), exit.code());
            output::print(&terminal::summary(results, &palette(), &ending))
        }
    }
}

/// The styles that stdout shows.
#[must_use]
pub fn palette() -> Palette {
    if output::stdout_has_color() { Palette::colored() } else { Palette::plain() }
}
