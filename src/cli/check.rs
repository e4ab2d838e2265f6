//! `peadsim check`: everything that is wrong with scenario files, in one go.
//!
//! Not here: the rules (`scenario`).

use serde_json::{Value, json};

use crate::cli::args::Check;
use crate::cli::exit::{CliError, Exit};
use crate::cli::files::{self, Loaded, Wanted};
use crate::cli::output;
use crate::cli::words::{Format, World};
use crate::scenario::ast::scenario::WorldKind;
use crate::scenario::codes::Severity;
use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::render::to_json;
use crate::scenario::resolve::drawn::drawn;
use crate::scenario::resolve::resolve;
use crate::scenario::write::write;

/// Reads the files and tells what is wrong with them.
///
/// # Errors
/// When there is nothing to read.
pub fn run(args: &Check) -> Result<Exit, CliError> {
    let wanted = match args.world {
        None => Wanted::All,
        Some(World::Run) => Wanted::In(WorldKind::Run),
        Some(World::Conform | World::Native) => Wanted::In(WorldKind::Conform),
        Some(World::Load) => Wanted::In(WorldKind::Load),
    };
    let (mut loaded, skipped) = files::load(&args.selection, wanted)?;
    loaded.iter_mut().for_each(|it| it.reading.check());
    if args.world == Some(World::Native) {
        loaded.iter_mut().for_each(|it| it.reading.check_native());
    }
    if args.world == Some(World::Load) {
        loaded.iter_mut().for_each(|it| it.reading.check_load());
    }
    let same_id = files::same_id(&loaded);
    let has_errors = loaded.iter().any(|it| it.reading.diagnostics.has_errors());
    let exit = if has_errors || same_id.is_some() { Exit::Usage } else { Exit::Success };
    match args.format {
        Format::Json => {
            let files: Vec<Value> = loaded.iter().map(file_as_json).collect();
            output::print(&format!("{:#}\n", json!({"exit": exit.code(), "files": files})))?;
        }
        Format::Human if args.expand && exit == Exit::Success => {
            output::print(&expanded(&loaded, args.seed))?;
        }
        Format::Human => {
            let color = output::stderr_has_color();
            for it in &loaded {
                output::note(&it.reading.render(color));
            }
            for it in &skipped {
                output::note(&format!("skipped `{}`: {}\n", it.path.display(), it.why));
            }
            output::print(&summary(&loaded))?;
        }
    }
    if let Some(message) = same_id {
        return Err(CliError::Usage(message));
    }
    Ok(exit)
}

fn file_as_json(it: &Loaded) -> Value {
    let cases: Vec<&str> = it.reading.cases.iter().map(|case| case.id.as_str()).collect();
    json!({
        "file": it.path.display().to_string(),
        "cases": cases,
        "findings": to_json(&it.reading.diagnostics, &it.reading.sources),
    })
}

/// Every case as a YAML document of its own, with its ranges drawn.
fn expanded(loaded: &[Loaded], seed: Option<u64>) -> String {
    let cases: Vec<String> = loaded
        .iter()
        .flat_map(|it| &it.reading.cases)
        .filter_map(|case| {
            let first = case.scenario.seeds.value.0.first().copied();
            let seed = seed.or(first).unwrap_or(1);
            // What is wrong with the case was told before.
            let plan = resolve(case, seed, "", &mut Diagnostics::default())?;
            Some(format!("# {}\n{}", case.id, write(&drawn(&case.tree, &plan))))
        })
        .collect();
    cases.join("---\n")
}

/// `12 files, 40 cases, no errors, 2 warnings`.
fn summary(loaded: &[Loaded]) -> String {
    let count = |severity| {
        let all = loaded.iter().flat_map(|it| it.reading.diagnostics.sorted());
        all.filter(|it| it.code.severity() == severity).count()
    };
    let counted = |n: usize, noun: &str| match n {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun}"),
        n => format!("{n} {noun}s"),
    };
    let cases = loaded.iter().map(|it| it.reading.cases.len()).sum();
    format!(
        "{}, {}, {}, {}\n",
        counted(loaded.len(), "file"),
        counted(cases, "case"),
        counted(count(Severity::Error), "error"),
        counted(count(Severity::Warning), "warning"),
    )
}
