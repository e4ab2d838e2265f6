//! `peadsim conform`: tests something that is attached from outside, and says what it conforms to.
//!
//! Not here: the tests (`conformance`), or the reports (`conformity`).

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::num::NonZeroU32;
use std::path::Path;

use crate::cli::args::{Conform, Selection};
use crate::cli::conformity::{self, REPORTS};
use crate::cli::device_file;
use crate::cli::exit::{CliError, Exit};
use crate::cli::files::{self, Loaded, Profiles};
use crate::cli::jobs;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::cli::setup;
use crate::cli::words::{Clock as ClockWord, Format};
use crate::conformance::archive::Archive;
use crate::conformance::attached::Clock;
use crate::conformance::bed::LinkBed;
use crate::conformance::campaign::{Bed, Campaign, Real, Settings, TakenUp};
use crate::conformance::expectation;
use crate::conformance::suite::{Choice, Setting, Suite, Test, Under};
use crate::report::conformance::terminal;
use crate::runtime::calendar;
use crate::runtime::clock::Stopwatch;
use crate::scenario::diagnostics::{Diagnostics, suggest};
use crate::scenario::known::{self, Known};
use crate::scenario::render::render;
use crate::scenario::source::Sources;
use crate::verdict::results::Results;
use crate::verdict::trial::{Mark, Trial};

/// Tests what the command line says.
///
/// # Errors
/// When there is nothing to test, nothing to test it with, or a result cannot be written.
pub fn run(args: &Conform) -> Result<Exit, CliError> {
    let (device, pace) = device_file::complete(&args.device)?;
    let (clock, time_scale) = (args.clock.or(pace.clock), args.time_scale.or(pace.scale));
    test(&Conform { device, clock, time_scale, ..args.clone() })
}

fn test(args: &Conform) -> Result<Exit, CliError> {
    let selection =
        Selection { paths: args.paths.clone(), set: args.set.clone(), ..Selection::default() };
    let loaded = setup::tests(&selection)?;
    let mut profiles = files::profiles(&args.paths)?;
    let mut suite = suite(args, &loaded, &mut profiles)?;
    let known = args.expectations.as_deref().map(|path| known_of(path, &suite)).transpose()?;
    choose(args, &mut suite, &profiles)?;
    if args.list {
        return list(&suite);
    }
    let folder = args.resume.as_deref().or(args.report.as_deref());
    let archive = folder.map(prepare).transpose()?;
    let fittings = args.device.fittings(clock(args))?;
    let rig = args.device.rig(clock(args))?;
    let mut bed = LinkBed::make(rig, real(args), fittings)?;
    let subject = bed.product().subject(bed.role(), bed.declared().as_map());
    let judge = |trials: &mut [Trial]| match &known {
        Some(known) => expectation::compare(trials, known, &calendar::today()),
        None => trials.iter_mut().for_each(|it| it.expected = expectation::unexpected(it)),
    };
    let (mut trials, interrupted) = make(args, &mut suite, archive.as_ref(), &mut bed, &judge)?;
    judge(&mut trials);
    let results = Results::of(env!("CARGO_PKG_VERSION"), subject, trials, interrupted);
    let (results, exit) = conformity::concluded(results);
    let exit = close(bed, exit);
    if let Some(folder) = folder {
        conformity::write(folder, &results)?;
    }
    conformity::print(&results, exit, args.format)?;
    Ok(exit)
}

/// Who moves the device's clock.
fn clock(args: &Conform) -> Clock {
    match args.clock.unwrap_or_default() {
        ClockWord::Virtual => Clock::Virtual,
        ClockWord::Real => Clock::Real(args.time_scale.unwrap_or(NonZeroU32::MIN)),
    }
}

fn real(args: &Conform) -> Option<Real> {
    match clock(args) {
        Clock::Virtual => None,
        Clock::Real(scale) => Some(Real { scale, budget: args.budget_case }),
    }
}

/// Ends the session with the device.
fn close(bed: LinkBed, exit: Exit) -> Exit {
    match bed.close() {
        Ok(()) => exit,
        Err(fault) => {
            output::note(&format!("after the last test: {fault}\n"));
            exit.worst(Exit::Finding)
        }
    }
}

/// The tests of the files.
fn suite<'a>(
    args: &Conform,
    loaded: &'a [Loaded],
    all: &mut Profiles,
) -> Result<Suite<'a>, CliError> {
    let seeds = match args.luck.seed {
        Some(seed) => Some(vec![seed]),
        None => args.luck.seeds.as_ref().map(jobs::within).transpose()?,
    };
    let under = match &args.role {
        Some(role) => Under::Device(role),
        None if args.device.server => Under::Server,
        None => Under::Devices,
    };
    let suite = setup::suite(loaded, all, &Setting { set: &args.set, seeds, under })?;
    if suite.0.is_empty() {
        return Err(CliError::Nothing("there is no test in these files".to_owned()));
    }
    Ok(suite)
}

/// Leaves out what the command line does not want.
fn choose(args: &Conform, suite: &mut Suite<'_>, all: &Profiles) -> Result<(), CliError> {
    let unknown = |what: &str, name: &str, near: Option<&str>| {
        let near = near.map_or_else(String::new, |near| format!("\n  did you mean `{near}`?"));
        Err(CliError::Usage(format!("no {what} has the name `{name}`{near}")))
    };
    if let Some(name) = suite.unknown(&args.only) {
        return unknown("test", name, suggest(name, suite.names()));
    }
    let names = || all.profiles.iter().map(|it| it.id.value.0.as_str());
    if let Some(name) = args.profiles.iter().find(|it| !names().any(|name| name == *it)) {
        return unknown("profile", name, suggest(name, names()));
    }
    let again = args.last_failed.as_deref().map(conformity::read).transpose()?;
    let again = again.map(|results| -> BTreeSet<String> {
        let bad = |trial: &Trial| trial.mark.is_judged() && trial.mark != Mark::Pass;
        results.trials.into_iter().filter(bad).map(|trial| trial.id).collect()
    });
    suite.choose(&Choice {
        only: args.only.clone(),
        classes: args.classes.clone(),
        profiles: args.profiles.clone(),
        again,
    });
    if let Some(shard) = args.shard {
        let mut place = 0..;
        suite.0.retain(|_| place.next().is_some_and(|place| shard.holds(place)));
    }
    if !suite.0.iter().any(Test::is_wanted) {
        return Err(CliError::Nothing("no test is left to be made".to_owned()));
    }
    Ok(())
}

/// Prints the tests that are wanted.
fn list(suite: &Suite<'_>) -> Result<Exit, CliError> {
    let mut text = String::new();
    for test in suite.0.iter().filter(|test| test.is_wanted()) {
        let profiles = test.trial.profiles.join(",");
        text.push_str(&format!("{}\t{profiles}\t{}\n", test.trial.id, test.trial.title));
    }
    output::print(&text)?;
    Ok(Exit::Success)
}

/// Reads a file of expectations.
pub(super) fn expectations(path: &Path) -> Result<(Known, Sources), CliError> {
    files::read_alone(path, known::read, "the expectations are invalid; nothing was run")
}

/// What is known of tests of a suite.
fn known_of(path: &Path, suite: &Suite<'_>) -> Result<Known, CliError> {
    let (known, sources) = expectations(path)?;
    let ids: Vec<&str> = suite.0.iter().map(|test| test.trial.id.as_str()).collect();
    let mut sink = Diagnostics::default();
    expectation::check(&known, &ids, &mut sink);
    output::note(&render(&sink, &sources, output::stderr_has_color()));
    if sink.has_errors() {
        return Err(CliError::Usage("the expectations name tests that there are not".to_owned()));
    }
    Ok(known)
}

/// Makes the folder of the report, and tries to write there.
fn prepare(folder: &Path) -> Result<Archive, CliError> {
    output::folder(folder, &REPORTS)?;
    let failed = CliError::io(format!("cannot make a folder in `{}`", folder.display()));
    Archive::of(folder).map_err(failed)
}

/// Tells what of an earlier run need not be made again.
fn tell(taken: &TakenUp) {
    for (name, why) in &taken.unread {
        output::note(&format!("not taken up: {name}: {why}\n"));
    }
    output::note(&format!("taken up: {} tests\n", taken.tests));
}

/// Makes the tests; tells whether somebody stopped them.
fn make(
    args: &Conform,
    suite: &mut Suite<'_>,
    archive: Option<&Archive>,
    bed: &mut LinkBed,
    judge: &dyn Fn(&mut [Trial]),
) -> Result<(Vec<Trial>, bool), CliError> {
    let interrupt = setup::interrupt()?;
    let clock = Stopwatch::start();
    let progress = Progress::new(suite.0.len());
    let palette = conformity::palette();
    let stop = || {
        if interrupt.is_raised() {
            return Some("the run was interrupted".to_owned());
        }
        let over = args.budget.is_some_and(|budget| clock.elapsed() >= budget);
        over.then(|| "the time for all tests was over".to_owned())
    };
    let failed: RefCell<Option<CliError>> = RefCell::new(None);
    let mut told = |trial: &Trial| {
        progress.done(&trial.id);
        if args.format == Format::Json || trial.mark == Mark::Skipped {
            return Ok(());
        }
        let mut own = trial.clone();
        judge(std::slice::from_mut(&mut own));
        let text = terminal::trial(&own, &palette);
        progress.aside(|| output::print(&text)).map_err(|error| {
            let text = error.to_string();
            *failed.borrow_mut() = Some(error);
            io::Error::other(text)
        })
    };
    let settings = Settings {
        program: env!("CARGO_PKG_VERSION").to_owned(),
        set: args.set.clone(),
        suite: args.luck.suite.map(|suite| jobs::suite_name(suite).word().to_owned()),
        real: real(args),
        repeat: args.repeat.get(),
        command: command(args),
    };
    let mut campaign = Campaign { bed, archive, settings };
    if args.resume.is_some() {
        tell(&campaign.take_up(suite).map_err(CliError::io("cannot read the transcripts"))?);
    }
    let made = campaign.make(suite, &stop, &mut told);
    let made = made.map_err(|error| {
        let own = failed.borrow_mut().take();
        own.unwrap_or_else(|| CliError::io("cannot write a transcript")(error))
    })?;
    Ok((made, interrupt.is_raised()))
}

/// The command that makes a test again, up to its ID.
fn command(args: &Conform) -> String {
    let mut words = vec!["peadsim conform".to_owned()];
    if args.device.server {
        words.push("--server".to_owned());
    }
    let mut option = |flag: &str, value: &str| {
        words.extend([flag.to_owned(), jobs::quoted(value)]);
    };
    for (flag, value) in args.device.words() {
        option(flag, &value);
    }
    if let Some(Real { scale, budget }) = real(args) {
        option("--clock", "real");
        option("--time-scale", &scale.to_string());
        option("--budget-case", &budget.to_string());
    }
    if let Some(suite) = args.luck.suite {
        option("--suite", jobs::suite_name(suite).word());
    }
    if let Some(role) = &args.role {
        option("--as", role.as_str());
    }
    for set in &args.set {
        option("--set", set);
    }
    words.extend(args.paths.iter().map(|path| jobs::path(path)));
    words.join(" ")
}
