//! `peadsim verify`: the determinism certificate of scenarios, and the digests stored with their files.
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
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::cli::setup;
use crate::cli::subjects::{Name, Subjects};
use crate::cli::words::Format;
use crate::explore::golden::{self, Book, Change, Comparison};
use crate::explore::verify::{self, Certificate, Failure, Runs, Settings, Tally, Way};
use crate::runtime::clock::Stopwatch;
use crate::scenario::plan::Plan;
use crate::sim::run::Backend;

/// The JSON Schema of the certificate as JSON.
pub const SCHEMA: &str = include_str!("verify.schema.json");

/// Changes of stored digests that are told one by one.
const CHANGES_SHOWN: usize = 20;

/// What came of the comparison with the stored digests, or why there was none.
type Stored = Result<Comparison, String>;

/// The plan of the run at a position.
type Plans<'a> = &'a dyn Fn(usize) -> Result<Arc<Plan>, String>;

/// Makes the runs that the command line selects in every way.
///
/// # Errors
/// When nothing can be run, or stored digests may not be replaced.
pub fn run(args: &Verify) -> Result<Exit, CliError> {
    let written = args.explore.is_none();
    let book = if written { stored()? } else { None };
    let loaded = if written { setup::scenarios(&args.selection)? } else { Vec::new() };
    let subjects = Subjects::of(args, &loaded)?;
    if subjects.count() == 0 {
        return Err(CliError::Nothing("no run is left to be made".to_owned()));
    }
    let interrupt = setup::interrupt()?;
    let plan = |run: usize| subjects.plan(run).map(Arc::new);
    let runs = Runs { count: subjects.count(), plan: &plan };
    let threads = setup::threads(args.threads);
    let settings = Settings {
        ways: Way::all(threads),
        threads,
        trails: args.bless || book.is_some(),
        stopped: &|| interrupt.is_raised(),
    };
    let clock = Stopwatch::start();
    let progress = Progress::new(verify::count(&runs, &settings));
    let certificate = verify::verify(&runs, &settings, |case| progress.done(case));
    drop(progress);
    let stored = compare(book.as_ref(), &certificate, args);
    let as_stored = stored.as_ref().map_or(true, |it| it.changed.is_empty());
    let exit = match (&certificate.failure, certificate.mismatches.is_empty() && as_stored) {
        (Some(Failure::NoPlan(text)), _) if written => return Err(CliError::Usage(text.clone())),
        (Some(Failure::NoPlan(_) | Failure::Broke(_)), _) => Exit::Harness,
        (None, false) => Exit::Finding,
        (None, true) if interrupt.is_raised() => Exit::Inconclusive,
        (None, true) => Exit::Success,
    };
    output::print(&match args.format {
        Format::Human => {
            let changed = stored.as_ref().map_or(&[][..], |it| &it.changed[..]);
            let changes = describe(changed, &certificate, &plan);
            human(&certificate, &subjects, (&stored, &changes), exit, clock.elapsed())
        }
        Format::Json => as_json(&certificate, &subjects, &stored, exit),
    })?;
    if args.bless && exit == Exit::Success {
        bless(&book.unwrap_or_default(), &certificate, &plan)?;
    }
    Ok(exit)
}

/// What is stored now; nothing if there is no file.
fn stored() -> Result<Option<Book>, CliError> {
    match fs::read_to_string(golden::FILE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CliError::io(format!("cannot read `{}`", golden::FILE))(error)),
        Ok(text) => {
            let bad = |bad| CliError::Usage(format!("{}: {bad}", golden::FILE));
            text.parse().map(Some).map_err(bad)
        }
    }
}

/// Compares the runs with the stored ones, unless there is a reason not to.
fn compare(book: Option<&Book>, certificate: &Certificate, args: &Verify) -> Stored {
    let changed = !(args.selection.set.is_empty() && args.selection.sweep.is_empty());
    match book {
        _ if args.explore.is_some() => Err("none is stored of generated scenarios".to_owned()),
        _ if args.bless => Err("they are to be replaced".to_owned()),
        _ if changed => Err("the scenarios are changed by --set or --sweep".to_owned()),
        None => Err(format!("there is no {}", golden::FILE)),
        Some(book) => book.compare(&Book::of(&certificate.firsts)),
    }
}

/// Changes in words, as many as are told.
fn describe(
    changes: &[(String, Change)],
    certificate: &Certificate,
    plan: Plans<'_>,
) -> Vec<String> {
    let one = |(key, change): &(String, Change)| {
        let of = |run: &verify::First| golden::key(&run.case, run.seed) == *key;
        let plan = certificate.firsts.iter().position(of).and_then(|run| plan(run).ok());
        golden::describe(key, *change, plan.as_ref())
    };
    let mut lines: Vec<String> = changes.iter().take(CHANGES_SHOWN).map(one).collect();
    if changes.len() > CHANGES_SHOWN {
        lines.push(format!("and {} more", changes.len() - CHANGES_SHOWN));
    }
    lines
}

/// Replaces the stored digests, if there is a reason.
fn bless(stored: &Book, certificate: &Certificate, plan: Plans<'_>) -> Result<(), CliError> {
    let now = Book::of(&certificate.firsts);
    let changes = stored.changes(&now);
    let mut lines = describe(&changes, certificate, plan);
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

fn human(
    certificate: &Certificate,
    subjects: &Subjects<'_>,
    (stored, changes): (&Stored, &[String]),
    exit: Exit,
    real: Duration,
) -> String {
    let mut text = String::new();
    for mismatch in &certificate.mismatches {
        let verify::Mismatch { run, way, against, form, parting } = mismatch;
        let name = subjects.name(*run);
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "✗ {} seed {}: {way} not as {against} ({} digest)",
            name.case.escape_debug(),
            name.seed,
            form.name()
        );
        let place = parting.as_ref().map(|parting| parting.to_string());
        let place = place.unwrap_or_else(|| "where they part was not found\n".to_owned());
        place.lines().for_each(|line| {
            let _ = writeln!(text, "    {line}");
        });
        let _ = writeln!(text, "    {}", name.again());
    }
    for change in changes {
        let _ = writeln!(text, "✗ not as stored: {}", change);
    }
    let mut sum = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<20} {value}");
    };
    sum("runs", &certificate.firsts.len().to_string());
    for Tally { way, equal, different, spread } in &certificate.tallies {
        let mut counted = format!("{equal} equal");
        if *different > 0 {
            counted += &format!(", {different} different");
        }
        if let Way::Threads(_) = way {
            counted += &format!(", {spread} in shards");
        }
        sum(&way.to_string(), &counted);
    }
    if !Backend::DIFFER {
        sum(&Way::Pure.to_string(), "as all others: built without fast-crypto");
    }
    sum("stored digests", &told(stored));
    if let Some(Failure::NoPlan(why) | Failure::Broke(why)) = &certificate.failure {
        sum("broken", why);
    }
    sum("took", &format!("{:.2}s", real.as_nanos() as f64 / 1e9));
    sum("result", &format!("{} (exit {})", exit.text(), exit.code()));
    text
}

/// The comparison with the stored digests on one line.
fn told(stored: &Stored) -> String {
    match stored {
        Err(why) => format!("not compared: {why}"),
        Ok(Comparison { equal, changed, unknown }) => {
            let mut text = format!("{equal} equal");
            for (count, what) in [(changed.len(), "different"), (*unknown, "not stored")] {
                if count > 0 {
                    text += &format!(", {count} {what}");
                }
            }
            text
        }
    }
}

fn stored_as_json(stored: &Stored) -> Value {
    match stored {
        Err(why) => json!({"not_compared": why}),
        Ok(Comparison { equal, changed, unknown }) => {
            let changed = changed.iter().map(|(key, change)| {
                let from = if let Change::Changed(from) = change { *from } else { None };
                json!({"run": key, "from_record": from})
            });
            let changed: Vec<Value> = changed.collect();
            json!({"equal": equal, "different": changed, "unknown": unknown})
        }
    }
}

fn as_json(
    certificate: &Certificate,
    subjects: &Subjects<'_>,
    stored: &Stored,
    exit: Exit,
) -> String {
    let tallies = certificate.tallies.iter().map(|Tally { way, equal, different, spread }| {
        json!({"way": way.to_string(), "equal": equal, "different": different, "spread": spread})
    });
    let mismatches = certificate.mismatches.iter().map(|it| {
        let Name { file, case, seed } = subjects.name(it.run);
        json!({
            "file": file,
            "case": case,
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
        Some(Failure::NoPlan(why) | Failure::Broke(why)) => Some(why.as_str()),
        None => None,
    };
    let document = json!({
        "peadsim-verify": 1,
        "exit": exit.code(),
        "runs": certificate.firsts.len(),
        "two_backends": Backend::DIFFER,
        "ways": tallies.collect::<Vec<Value>>(),
        "mismatches": mismatches.collect::<Vec<Value>>(),
        "stored": stored_as_json(stored),
        "broken": broken,
    });
    format!("{document:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::NodeId;
    use crate::base::time::{Instant, Millis};
    use crate::cli::files::Loaded;
    use crate::cli::jobs::Job;
    use crate::explore::bisect::Parting;
    use crate::scenario::read::{Extras, read_text};
    use crate::trace::checkpoint::Form;
    use crate::trace::diff::Difference;
    use crate::trace::fact::Fact;
    use crate::trace::record::{Record, RecordId};

    fn fence(name: &str) -> Record {
        let id = RecordId { node: NodeId::HARNESS, seq: 0 };
        let (at, wall, fact) = (Instant::START, Millis(0), Fact::Fence { name: name.to_owned() });
        Record { id, at, wall, cause: None, fact }
    }

    /// The certificate of a run of a file that differs, and is not as it is stored.
    fn example(stored: &Stored) -> Value {
        let text = "peadsim: 1\nid: A\ntitle: t\ndevices: {alice: {}}\n";
        let reading = read_text("a.yaml", text, &Extras::default());
        let file = Loaded { path: "a.yaml".into(), reading };
        let job = Job { file: &file, case: &file.reading.cases[0], seed: u64::MAX };
        example_of(&Subjects::Written(vec![job]), stored)
    }

    fn example_of(subjects: &Subjects<'_>, stored: &Stored) -> Value {
        let (left, right) = (vec![fence("f1")], vec![fence("f2")]);
        let difference = Difference { index: 7, before: Vec::new(), left, right };
        let parting = Some(Parting { difference, causes: [None, Some(fence("f0"))] });
        let mismatch = |parting| verify::Mismatch {
            run: 0,
            way: Way::Again,
            against: Way::First,
            form: Form::Full,
            parting,
        };
        let tallies = vec![Tally { way: Way::Again, equal: 0, different: 1, spread: 0 }];
        let mismatches = vec![mismatch(parting), mismatch(None)];
        let failure = Some(Failure::Broke("why".to_owned()));
        let certificate = Certificate { firsts: Vec::new(), tallies, mismatches, failure };
        serde_json::from_str(&as_json(&certificate, subjects, stored, Exit::Finding)).unwrap()
    }

    fn compared() -> Stored {
        let changed = [Some(7), None].map(|from| ("A 1".to_owned(), Change::Changed(from)));
        Ok(Comparison { equal: 3, changed: changed.to_vec(), unknown: 1 })
    }

    fn validator() -> jsonschema::Validator {
        jsonschema::draft202012::new(&serde_json::from_str(SCHEMA).unwrap()).unwrap()
    }

    #[test]
    fn the_certificate_keeps_to_the_schema() {
        let not_compared = Err("there is none".to_owned());
        let generated = example_of(&Subjects::Generated(vec![u64::MAX]), &not_compared);
        assert_eq!(generated["mismatches"][0]["file"], Value::Null);
        for example in [example(&compared()), example(&not_compared), generated] {
            let errors: Vec<String> = validator()
                .iter_errors(&example)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{errors:#?}");
            assert_eq!(example["mismatches"][0]["first_difference"]["record"], 7);
        }
    }

    #[test]
    fn the_schema_refuses_what_is_missing_or_unknown() {
        let spoil: [fn(&mut Value); 7] = [
            |v| v["peadsim-verify"] = 2.into(),
            |v| v["ways"][0]["equal"] = (-1).into(),
            |v| v["mismatches"][0]["form"] = "short".into(),
            |v| v["mismatches"][0]["first_difference"]["left"][0]["extra"] = 1.into(),
            |v| v["stored"]["not_compared"] = "and yet it was".into(),
            |v| v["stored"]["different"][0]["from_record"] = "7".into(),
            |v| drop(v.as_object_mut().unwrap().remove("broken")),
        ];
        for (n, spoil) in spoil.iter().enumerate() {
            let mut example = example(&compared());
            spoil(&mut example);
            assert!(!validator().is_valid(&example), "change {n}");
        }
    }
}
