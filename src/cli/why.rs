//! `peadsim why`: what led to a finding, or what became of a message, in a run made now or recorded before.
//!
//! Not here: the slice (`explore`), or how it is drawn (`report`).

use std::fs::{self, File};
use std::io::{self, BufReader, Read as _};
use std::path::Path;
use std::sync::Arc;

use crate::cli::args::{self, Selection, Why};
use crate::cli::exit::{CliError, Exit};
use crate::cli::files::{self, Wanted};
use crate::cli::jobs::{Job, jobs};
use crate::cli::output;
use crate::cli::run::{header, safely};
use crate::cli::setup::check;
use crate::cli::words::Drawing;
use crate::explore::why::{NoMessage, READABLE_LINES, Why as Asked};
use crate::report::human::Palette;
use crate::report::{mermaid, perfetto, svg, why_text};
use crate::scenario::diagnostics::suggest;
use crate::sim::run::RunOptions;
use crate::trace::read::{ReadError, Reader};
use crate::trace::record::Record;
use crate::trace::sink::{Header, Sink};
use crate::trace::slice::Slice;
use crate::verdict::finding::Finding;
use crate::verdict::outcome::{Outcome, Verdict};

/// Most records that are kept in memory: some gigabytes.
const RECORDS_MAX: usize = 5_000_000;

/// Names listed where one is not known.
const NAMES_SHOWN: usize = 10;

/// Prints the slice that the command line asks for.
///
/// # Errors
/// When the file cannot be read or run, or nothing in it is what was asked for.
pub fn run(args: &Why) -> Result<Exit, CliError> {
    let known = if is_trace(&args.file)? { recorded(args)? } else { made(args)? };
    let limit = if args.format == Drawing::Perfetto { usize::MAX } else { READABLE_LINES };
    let asked = Asked::new(&known.header, &known.records, limit);
    let slice = match &args.message {
        Some(name) => asked.message(name).map_err(|error| no_message(&error))?,
        None => asked.finding(known.finding(args, &asked)?),
    };
    output::print(&draw(&slice, args.format))?;
    Ok(Exit::Success)
}

fn draw(slice: &Slice, drawing: Drawing) -> String {
    match drawing {
        Drawing::Text if output::stdout_has_color() => why_text::draw(slice, &Palette::colored()),
        Drawing::Text => why_text::draw(slice, &Palette::plain()),
        Drawing::Mermaid => mermaid::draw(slice),
        Drawing::Svg => svg::slice::draw(slice),
        Drawing::Perfetto => perfetto::draw(slice),
    }
}

/// A run with all its records.
struct Known {
    header: Header,
    records: Vec<Record>,
    /// What was found in it; a recorded run does not say.
    outcome: Option<Outcome>,
}

impl Known {
    /// The finding asked for, or else the worst, and of those the first that points at records.
    fn finding(&self, args: &Why, asked: &Asked<'_>) -> Result<&Finding, CliError> {
        let names = listed(&asked.names());
        let Some(outcome) = &self.outcome else {
            return Err(CliError::Usage(format!(
                "a trace holds what happened and not what was expected\n  \
                 ask for a message: --message NAME, one of {names}"
            )));
        };
        let findings = outcome.findings.iter();
        let fits = |it: &&Finding| args.finding.as_ref().is_none_or(|oracle| it.oracle == *oracle);
        let worst =
            findings.filter(fits).rev().max_by_key(|it| (it.severity, !it.records.is_empty()));
        worst.ok_or_else(|| match &args.finding {
            Some(oracle) => {
                let found: Vec<_> = outcome.findings.iter().map(|it| it.oracle.clone()).collect();
                CliError::Nothing(format!(
                    "{} found nothing in {} with seed {}{}",
                    oracle,
                    outcome.case,
                    outcome.seed,
                    if found.is_empty() {
                        String::new()
                    } else {
                        format!(", but {}", listed(&found))
                    }
                ))
            }
            None => CliError::Nothing(format!(
                "no run has a finding\n  ask for a message: --message NAME, one of {names}"
            )),
        })
    }
}

fn listed(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES_SHOWN).map(String::as_str).collect();
    let more = if names.len() > NAMES_SHOWN { ", ..." } else { "" };
    format!("{}{more}", shown.join(", "))
}

fn no_message(error: &NoMessage) -> CliError {
    let hint = match suggest(&error.name, error.known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if error.known.is_empty() => "the run has no messages".to_owned(),
        None => format!("there are {}", listed(&error.known)),
    };
    CliError::Usage(format!("{error}\n  {hint}"))
}

/// Whether a file is a trace, by its name or its beginning; whatever else it is, it is read as a scenario.
fn is_trace(path: &Path) -> Result<bool, CliError> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(CliError::Usage(format!("no such file: `{}`", path.display())));
        }
        result => result.map_err(unreadable(path))?,
    };
    if metadata.is_dir() {
        return Err(CliError::Usage(format!("`{}` is a folder: name one file", path.display())));
    }
    let mut start = Vec::new();
    let file = File::open(path).map_err(unreadable(path))?;
    file.take(TRACE_START.len() as u64).read_to_end(&mut start).map_err(unreadable(path))?;
    Ok(start == TRACE_START || path.extension().is_some_and(|it| it == "jsonl"))
}

/// How a header begins as it is written.
const TRACE_START: &[u8] = b"{\"peadsim-trace\"";

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> CliError {
    CliError::io(format!("cannot read `{}`", path.display()))
}

/// The run of a trace file.
fn recorded(args: &Why) -> Result<Known, CliError> {
    let path = &args.file;
    let flags = [
        ("--seed", args.seed.is_some()),
        ("--case", args.case.is_some()),
        ("--set", !args.set.is_empty()),
        ("--sweep", !args.sweep.is_empty()),
        ("--suite", args.suite.is_some()),
    ];
    if let Some((flag, _)) = flags.iter().find(|(_, given)| *given) {
        return Err(CliError::Usage(format!(
            "{flag} changes a run, and a trace is a run made before"
        )));
    }
    let file = File::open(path).map_err(unreadable(path))?;
    let failed = |error: ReadError| {
        if let ReadError::Io { source, .. } = error {
            return unreadable(path)(source);
        }
        CliError::Usage(format!("{}: {error}", path.display()))
    };
    let mut reader = Reader::new(BufReader::new(file)).map_err(failed)?;
    let mut kept = Kept::default();
    for record in reader.by_ref() {
        kept.take(&record.map_err(failed)?);
    }
    Ok(Known { header: reader.header().clone(), records: kept.all()?, outcome: None })
}

/// The first run of a scenario that fails; without one, and asked for a message, the first run.
fn made(args: &Why) -> Result<Known, CliError> {
    let selection = Selection {
        paths: vec![args.file.clone()],
        set: args.set.clone(),
        sweep: args.sweep.clone(),
    };
    let (mut loaded, _) = files::load(&selection, Wanted::All)?;
    check(&mut loaded)?;
    let wanted = args::Run {
        luck: args::Luck { seed: args.seed, suite: args.suite, ..args::Luck::default() },
        case: args.case.clone(),
        selection,
        ..args::Run::default()
    };
    let mut best: Option<Known> = None;
    for job in jobs(&loaded, &wanted)? {
        let known = make(&job, args)?;
        let verdict = |known: &Known| known.outcome.as_ref().map(|it| it.verdict);
        if best.as_ref().is_none_or(|best| verdict(best) < verdict(&known)) {
            best = Some(known);
        }
        if best.as_ref().and_then(verdict) >= Some(Verdict::Fail) {
            break;
        }
    }
    best.ok_or_else(|| CliError::Nothing("no run is left to be made".to_owned()))
}

fn make(job: &Job<'_>, args: &Why) -> Result<Known, CliError> {
    let plan = Arc::new(job.plan(args.suite).map_err(|findings| {
        CliError::Usage(format!("{} cannot run with seed {}\n{findings}", job.case.id, job.seed))
    })?);
    let mut kept = Kept::default();
    let options = RunOptions { sinks: vec![&mut kept], ..RunOptions::default() };
    let outcome = safely(&plan, options);
    Ok(Known { header: header(&plan), records: kept.all()?, outcome: Some(outcome) })
}

/// Keeps all records of a run that fits into memory.
#[derive(Default)]
struct Kept {
    records: Vec<Record>,
    beyond: bool,
}

impl Kept {
    fn all(self) -> Result<Vec<Record>, CliError> {
        if self.beyond {
            return Err(CliError::Usage(format!(
                "the run has more than {RECORDS_MAX} records: take a smaller one"
            )));
        }
        Ok(self.records)
    }
}

impl Sink for Kept {
    fn take(&mut self, record: &Record) {
        if self.records.len() < RECORDS_MAX {
            self.records.push(record.clone());
        } else {
            self.beyond = true;
        }
    }
}
