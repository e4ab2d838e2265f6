//! What every command that runs scenarios does first: checked files, threads, an ear for Ctrl-C.
//!
//! Not here: what is run (`jobs`), or what comes of it.

use std::num::NonZeroUsize;

use crate::cli::args::Selection;
use crate::cli::exit::{CliError, Exit};
use crate::cli::files::{self, Loaded, Profiles, Skipped, Wanted};
use crate::cli::output;
use crate::conformance::suite::{Setting, Suite, Under};
use crate::runtime::interrupt::Interrupt;
use crate::scenario::render::render;

/// The scenarios that are selected. Tells what is wrong with them and what is left out.
///
/// # Errors
/// When there are none, or one of them is invalid.
pub fn scenarios(selection: &Selection) -> Result<Vec<Loaded>, CliError> {
    selected(selection, Wanted::SmallRuns)
}

/// The tests that are selected: scenarios that something outside can take part in.
///
/// # Errors
/// As [`scenarios`].
pub fn tests(selection: &Selection) -> Result<Vec<Loaded>, CliError> {
    selected(selection, Wanted::Tests)
}

fn selected(selection: &Selection, wanted: Wanted) -> Result<Vec<Loaded>, CliError> {
    let (mut loaded, skipped) = files::load(selection, wanted)?;
    check(&mut loaded)?;
    note_skipped(&skipped);
    Ok(loaded)
}

/// The tests of the files, as these profiles have it. Tells what is wrong with the profiles.
///
/// # Errors
/// When one of them is invalid, or nobody is under test.
pub fn suite<'a>(
    loaded: &'a [Loaded],
    all: &mut Profiles,
    setting: &Setting<'_>,
) -> Result<Suite<'a>, CliError> {
    let readings: Vec<_> = loaded.iter().map(|it| &it.reading).collect();
    let Profiles { profiles, sink, sources } = all;
    // A device that is asked for takes the place of those of the profiles.
    let own: &[_] = if let Under::Device(_) = setting.under { &[] } else { profiles };
    let suite = Suite::of(&readings, own, setting, sink)
        .map_err(|error| CliError::Usage(error.to_string()))?;
    output::note(&render(sink, sources, output::stderr_has_color()));
    if sink.has_errors() {
        return Err(CliError::Usage("a profile is invalid; nothing was run".to_owned()));
    }
    Ok(suite)
}

/// Tells what is wrong with the files; warnings do not keep them from running.
///
/// # Errors
/// When one of them is invalid, or two have one ID.
pub fn check(loaded: &mut [Loaded]) -> Result<(), CliError> {
    let color = output::stderr_has_color();
    for it in loaded.iter_mut() {
        it.reading.check();
        output::note(&it.reading.render(color));
    }
    if let Some(message) = files::same_id(loaded) {
        return Err(CliError::Usage(message));
    }
    match loaded.iter().filter(|it| it.reading.diagnostics.has_errors()).count() {
        0 => Ok(()),
        1 => Err(CliError::Usage("a scenario is invalid; nothing was run".to_owned())),
        n => Err(CliError::Usage(format!("{n} scenarios are invalid; nothing was run"))),
    }
}

fn note_skipped(skipped: &[Skipped]) {
    let missed = |it: &&Skipped| ![files::A_LIBRARY, files::A_PROFILE].contains(&it.why);
    for it in skipped.iter().filter(missed) {
        output::note(&format!("skipped {}: {}\n", it.path.display(), it.why));
    }
}

/// Listens for Ctrl-C from now on.
///
/// # Errors
/// When the operating system does not let it.
pub fn interrupt() -> Result<Interrupt, CliError> {
    let first =
        || output::note("\ninterrupted: finishing what is under way (again: end at once)\n");
    Interrupt::watch(first, end_at_once).map_err(CliError::io("cannot watch for Ctrl-C"))
}

/// What a second Ctrl-C does.
pub fn end_at_once() {
    std::process::exit(i32::from(Exit::Inconclusive.code()));
}

/// As many threads as are wanted, or as the machine has cores.
#[must_use]
pub fn threads(wanted: Option<NonZeroUsize>) -> NonZeroUsize {
    wanted.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}
