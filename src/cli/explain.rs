//! `peadsim explain`: what an ID stands for, what judges it, and which scenarios are about it.
//!
//! Not here: the texts, which stand in the tables of their rooms.

use std::fmt::Write as _;
use std::path::Path;

use crate::cli::args::{Explain, Selection};
use crate::cli::exit::{CliError, Exit};
use crate::cli::files::{self, Loaded, Wanted};
use crate::cli::output;
use crate::explore::golden::{VERSIONS, Version};
use crate::proto::deviation::Deviation;
use crate::report::requirements;
use crate::scenario::ast::scenario::Scenario;
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::suggest;
use crate::verdict::catalog::{self, ORACLES, RACES};
use crate::verdict::requirement::{Info, Requirement};

/// Prints what is known of an ID.
///
/// # Errors
/// When nothing has this ID.
pub fn run(args: &Explain) -> Result<Exit, CliError> {
    let id = args.id.trim().to_uppercase();
    let text = if id == REQUIREMENTS {
        requirements::markdown()
    } else if let Some(info) = Requirement::parse(&id).and_then(Requirement::info) {
        requirement(info)
    } else if let Some(entry) = catalog::find(&id) {
        judge_or_race(&entry)
    } else if let Some(deviation) = Deviation::ALL.iter().find(|it| it.id() == id) {
        deviation_text(*deviation)
    } else if let Some(version) = VERSIONS.iter().find(|it| it.name.eq_ignore_ascii_case(&id)) {
        let Version { name, now, text } = version;
        format!("{name} version {now}\n\n  {text}\n\n  {WHEN_DIGESTS_CHANGE}\n")
    } else if let Some(code) = Code::find(args.id.trim()) {
        format!("{}\n\n  {}\n", code.title(), code.explain())
    } else {
        return Err(unknown(&id));
    };
    output::print(&text)?;
    Ok(Exit::Success)
}

/// In place of an ID: all requirements, as Markdown.
const REQUIREMENTS: &str = "REQUIREMENTS";

/// What the versions are for.
const WHEN_DIGESTS_CHANGE: &str =
    "`peadsim verify --bless` replaces a stored digest by another one only if a version was raised";

fn unknown(id: &str) -> CliError {
    let requirements: Vec<String> = Requirement::all().map(|it| it.to_string()).collect();
    let names = requirements
        .iter()
        .map(String::as_str)
        .chain(ORACLES.iter().chain(RACES).map(|entry| entry.id))
        .chain(Deviation::ALL.iter().map(|it| it.id()))
        .chain(Code::ALL.iter().flat_map(|code| [code.id(), code.name()]));
    let hint = match suggest(id, names) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "IDs look like C05-R2, S-03, M39, R1 or E101".to_owned(),
    };
    CliError::Usage(format!("nothing has the ID `{id}`\n  {hint}"))
}

fn requirement(info: &Info) -> String {
    let mut text = format!("{}\n\n  {}\n\n", info.id, info.text);
    row(&mut text, "origin", &join(info.origin.iter().map(|it| format!("{it:?}"))));
    row(&mut text, "seen from", &join(info.seen.iter().map(|it| format!("{it:?}"))));
    row(
        &mut text,
        "classes",
        &join(info.classes.iter().map(|it| format!("{it:?}").to_uppercase())),
    );
    for judge in info.judges {
        row(&mut text, "judged by", &named(judge));
    }
    kills(&mut text, &info.id.to_string());
    scenarios(&mut text, |scenario| {
        scenario.requirements.as_ref().is_some_and(|it| {
            it.positive.iter().chain(&it.negative).any(|one| one.value == info.id)
        })
    });
    text
}

fn judge_or_race(entry: &catalog::Entry) -> String {
    let mut text = format!("{}\n\n  {}\n\n", entry.id, entry.text);
    let judged = Requirement::all()
        .filter_map(Requirement::info)
        .filter(|info| info.judges.contains(&entry.id))
        .map(|info| info.id.to_string());
    row(&mut text, "judges", &join(judged));
    kills(&mut text, entry.id);
    scenarios(&mut text, |it| it.reaches.iter().any(|one| one.value.0 == entry.id));
    text
}

fn deviation_text(deviation: Deviation) -> String {
    let id = deviation.id();
    let mut text = format!("{id}\n\n  {}\n\n", deviation.text());
    for killer in catalog::killers(id) {
        row(&mut text, "killed by", &named(killer));
    }
    scenarios(&mut text, |it| it.kills.iter().any(|one| one.value.0 == id));
    text
}

/// The deviations that something should kill.
fn kills(text: &mut String, id: &str) {
    for deviation in Deviation::ALL.iter().filter(|it| catalog::killers(it.id()).contains(&id)) {
        row(text, "kills", &format!("{deviation} {}", deviation.text()));
    }
}

/// The scenarios of the default folder, if there is one, that are about it.
fn scenarios(text: &mut String, is_about: impl Fn(&Scenario) -> bool) {
    let folder = Path::new("scenarios");
    let selection = Selection { paths: vec![folder.to_owned()], ..Selection::default() };
    let Some((loaded, _)) =
        folder.is_dir().then(|| files::load(&selection, Wanted::All).ok()).flatten()
    else {
        return;
    };
    for Loaded { path, reading } in &loaded {
        if let Some(case) = reading.cases.first().filter(|case| is_about(&case.scenario)) {
            row(text, "scenario", &format!("{} {}", case.scenario.id.value.0, path.display()));
        }
    }
}

/// An oracle or requirement with its sentence.
fn named(id: &str) -> String {
    let sentence = catalog::find(id)
        .map(|entry| entry.text)
        .or_else(|| Requirement::parse(id).and_then(Requirement::info).map(|info| info.text));
    format!("{id} {}", sentence.unwrap_or_default())
}

fn row(text: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "  {name:<10} {value}");
    }
}

fn join(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" ")
}
