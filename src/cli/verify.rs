//! `peadsim verify`: the determinism certificate of scenario files, and the digests stored with them.
//!
//! Not here: making and comparing the runs (`explore`).

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::base::time::Duration;
use crate::cli::args::Verify;
use crate::cli::exit::{CliError, Exit};
use crate::cli::files::Loaded;
use crate::cli::jobs::{Job, seeds};
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::cli::setup;
use crate::cli::words::Format;
use crate::explore::golden::{self, Book, Change};
use crate::explore::verify::{self, Certificate, Failure, Runs, Settings, Tally, Way};
use crate::runtime::clock::Stopwatch;
use crate::sim::run::Backend;

/// Changes of stored digests that are told one by one.
const CHANGES_SHOWN: usize = 20;

/// Makes the runs that the command line selects in every way.
///
/// # Errors
/// When nothing can be run, or stored digests may not be replaced.
pub fn run(args: &Verify) -> Result<Exit, CliError> {
    let stored = if args.bless { Some(stored()?) } else { None };
    let loaded = setup::scenarios(&args.selection)?;
    let jobs = jobs(&loaded, args)?;
    if jobs.is_empty() {
        return Err(CliError::Nothing("no run is left to be made".to_owned()));
    }
    let interrupt = setup::interrupt()?;
    let plan = |run: usize| jobs[run].plan(None).map(Arc::new);
    let runs = Runs { count: jobs.len(), plan: &plan };
    let threads = setup::threads(args.threads);
    let settings = Settings {
        ways: Way::all(threads),
        threads,
        devices_max: usize::MAX,
        trails: args.bless,
        stopped: &|| interrupt.is_raised(),
    };
    let clock = Stopwatch::start();
    let progress = Progress::new(verify::count(&runs, &settings));
    let certificate = verify::verify(&runs, &settings, |case| progress.done(case));
    drop(progress);
    let exit = match (&certificate.failure, certificate.mismatches.is_empty()) {
        (Some(Failure::NoPlan(text)), _) => return Err(CliError::Usage(text.clone())),
        (Some(Failure::Broke(_)), _) => Exit::Harness,
        (None, false) => Exit::Finding,
        (None, true) if interrupt.is_raised() => Exit::Inconclusive,
        (None, true) => Exit::Success,
    };
    output::print(&match args.format {
        Format::Human => human(&certificate, &jobs, exit, clock.elapsed()),
        Format::Json => as_json(&certificate, &jobs, exit),
    })?;
    if let (Some(stored), Exit::Success) = (stored, exit) {
        bless(&stored, &certificate, &plan)?;
    }
    Ok(exit)
}

/// What is stored now; nothing if there is no file yet.
fn stored() -> Result<Book, CliError> {
    match fs::read_to_string(golden::FILE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Book::default()),
        Err(error) => Err(CliError::io(format!("cannot read `{}`", golden::FILE))(error)),
        Ok(text) => text.parse().map_err(|bad| CliError::Usage(format!("{}: {bad}", golden::FILE))),
    }
}

/// Every case with its seeds; the stored digests are of the first one.
fn jobs<'a>(loaded: &'a [Loaded], args: &Verify) -> Result<Vec<Job<'a>>, CliError> {
    let mut jobs = Vec::new();
    for file in loaded {
        for case in &file.reading.cases {
            let mut seeds = seeds(case, args.seeds.as_ref())?;
            seeds.truncate(if args.bless { 1 } else { seeds.len() });
            jobs.extend(seeds.into_iter().map(|seed| Job { file, case, seed }));
        }
    }
    Ok(jobs)
}

/// Replaces the stored digests, if there is a reason.
fn bless(
    stored: &Book,
    certificate: &Certificate,
    plan: &dyn Fn(usize) -> Result<Arc<crate::scenario::plan::Plan>, String>,
) -> Result<(), CliError> {
    let now = Book::of(&certificate.firsts);
    let changes = stored.changes(&now);
    let describe = |(key, change): &(String, Change)| {
        let of = |run: &verify::First| golden::key(&run.case, run.seed) == *key;
        let plan = certificate.firsts.iter().position(of).and_then(|run| plan(run).ok());
        golden::describe(key, *change, plan.as_ref())
    };
    let mut lines: Vec<String> = changes.iter().take(CHANGES_SHOWN).map(describe).collect();
    if changes.len() > CHANGES_SHOWN {
        lines.push(format!("and {} more", changes.len() - CHANGES_SHOWN));
    }
    if let Err(why) = stored.may_become(&now) {
        let reasons = golden::VERSIONS.iter().map(|version| format!("  {}\n", version.text));
        let reasons: String = reasons.collect();
        let lines = lines.join("\n  ");
        return Err(CliError::Usage(format!(
            "{why}\n  {lines}\nif this is meant, raise the version that says why:\n{reasons}"
        )));
    }
    output::write(Path::new(golden::FILE), &now.to_string())?;
    lines.push(format!("{} is written: {} changes", golden::FILE, changes.len()));
    output::note(&format!("{}\n", lines.join("\n")));
    Ok(())
}

fn human(certificate: &Certificate, jobs: &[Job<'_>], exit: Exit, real: Duration) -> String {
    let mut text = String::new();
    for mismatch in &certificate.mismatches {
        let verify::Mismatch { run, way, against, form, parting } = mismatch;
        let Job { file, case, seed } = &jobs[*run];
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "✗ {} seed {seed}: {way} not as {against} ({} digest)",
            case.id.escape_debug(),
            form.name()
        );
        let place = parting.as_ref().map(|parting| parting.to_string());
        let place = place.unwrap_or_else(|| "where they part was not found\n".to_owned());
        place.lines().for_each(|line| {
            let _ = writeln!(text, "    {line}");
        });
        let path = file.path.display();
        let _ = writeln!(text, "    peadsim verify {path} --seeds {seed}..{seed}");
    }
    let mut sum = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<20} {value}");
    };
    sum("runs", &certificate.firsts.len().to_string());
    for Tally { way, equal, different } in &certificate.tallies {
        let different = match different {
            0 => String::new(),
            n => format!(", {n} different"),
        };
        sum(&way.to_string(), &format!("{equal} equal{different}"));
    }
    if !Backend::DIFFER {
        sum(&Way::Pure.to_string(), "as all others: built without fast-crypto");
    }
    if let Some(Failure::Broke(why)) = &certificate.failure {
        sum("broken", why);
    }
    sum("took", &format!("{:.2}s", real.as_nanos() as f64 / 1e9));
    sum("result", &format!("{} (exit {})", exit.text(), exit.code()));
    text
}

fn as_json(certificate: &Certificate, jobs: &[Job<'_>], exit: Exit) -> String {
    let tallies = certificate.tallies.iter().map(|Tally { way, equal, different }| {
        json!({"way": way.to_string(), "equal": equal, "different": different})
    });
    let mismatches = certificate.mismatches.iter().map(|it| {
        let Job { file, case, seed } = &jobs[it.run];
        json!({
            "file": file.path.display().to_string(),
            "case": case.id,
            "seed": seed,
            "way": it.way.to_string(),
            "against": it.against.to_string(),
            "form": it.form.name(),
            "first_difference": it.parting.as_ref().map(|parting| json!({
                "record": parting.difference.index,
                "fields": parting.difference.fields(),
                "before": parting.difference.before,
                "left": parting.difference.left,
                "right": parting.difference.right,
                "causes": parting.causes,
            })),
        })
    });
    let broken = match &certificate.failure {
        Some(Failure::Broke(why)) => Some(why.as_str()),
        Some(Failure::NoPlan(_)) | None => None,
    };
    let document = json!({
        "peadsim-verify": 1,
        "exit": exit.code(),
        "runs": certificate.firsts.len(),
        "two_backends": Backend::DIFFER,
        "ways": tallies.collect::<Vec<Value>>(),
        "mismatches": mismatches.collect::<Vec<Value>>(),
        "broken": broken,
    });
    format!("{document:#}\n")
}
