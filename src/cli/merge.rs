//! `peadsim merge`: the reports of a run's shards as one report.
//!
//! Not here: what tests come to (`verdict`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::args::Merge;
use crate::cli::conformity::{self, REPORTS};
use crate::cli::exit::{CliError, Exit};
use crate::cli::load::around;
use crate::cli::output;
use crate::conformance::archive::Archive;
use crate::verdict::results::Results;
use crate::verdict::trial::Trial;

/// Joins what the command line names.
///
/// # Errors
/// When a report cannot be read, or two of them are not of one run.
pub fn run(args: &Merge) -> Result<Exit, CliError> {
    if args.folders.first().is_some_and(|folder| around::is_load(folder)) {
        return around::merge(args);
    }
    let shards: Result<Vec<(&PathBuf, Results)>, CliError> =
        args.folders.iter().map(|folder| Ok((folder, conformity::read(folder)?))).collect();
    let shards = shards?;
    let Some((first, one)) = shards.first() else {
        return Err(CliError::Usage("there is nothing to merge".to_owned()));
    };
    let mut trials: BTreeMap<String, (Trial, &PathBuf)> = BTreeMap::new();
    for (folder, results) in &shards {
        if results.subject != one.subject || results.program != one.program {
            let (first, other) = (first.display(), folder.display());
            return Err(CliError::Usage(format!(
                "`{first}` and `{other}` are of different devices, or of different programs"
            )));
        }
        for trial in &results.trials {
            if let Some((_, other)) = trials.insert(trial.id.clone(), (trial.clone(), folder)) {
                let (one, two) = (other.display(), folder.display());
                return Err(CliError::Usage(format!(
                    "`{}` is in `{one}` and in `{two}`",
                    trial.id
                )));
            }
        }
    }
    output::folder(&args.report, &REPORTS)?;
    Archive::of(&args.report).map_err(CliError::io("cannot make the folder of transcripts"))?;
    for (trial, folder) in trials.values() {
        copy(trial, folder, &args.report)?;
    }
    let interrupted = shards.iter().any(|(_, results)| results.interrupted);
    let trials = trials.into_values().map(|(trial, _)| trial).collect();
    let merged = Results::of(&one.program, one.subject.clone(), trials, interrupted);
    let (merged, exit) = conformity::concluded(merged);
    conformity::write(&args.report, &merged)?;
    conformity::print(&merged, exit, args.format)?;
    Ok(exit)
}

/// Copies the transcript of a test, and the keys beside it.
fn copy(trial: &Trial, from: &Path, to: &Path) -> Result<(), CliError> {
    let Some(kept) = &trial.transcript else { return Ok(()) };
    if !Archive::is_name(&kept.file) {
        return Err(CliError::Usage(format!("`{}` is no name of a transcript", kept.file)));
    }
    for name in [kept.file.clone(), Archive::keys_of(&kept.file)] {
        let failed = CliError::io(format!("cannot copy `{}`", from.join(&name).display()));
        fs::copy(from.join(&name), to.join(&name)).map_err(failed)?;
    }
    Ok(())
}
