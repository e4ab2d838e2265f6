//! `peadsim conform doctor`: whether a rig is fit to test a device or a server with.
//!
//! Not here: what is looked at (`conformance::doctor`).

use std::num::NonZeroU32;

use serde_json::json;

use crate::base::time::Duration;
use crate::cli::args::Selection;
use crate::cli::device_file;
use crate::cli::exit::{CliError, Exit};
use crate::cli::output;
use crate::cli::places::Doctor;
use crate::cli::setup;
use crate::cli::words::Format;
use crate::conformance::attached::Clock;
use crate::conformance::doctor::{Check, Report, State, Timing, examine};
use crate::conformance::timing::tightest;
use crate::explore::subject;
use crate::scenario::plan::{Plan, SuiteName};
use crate::scenario::read::{Extras, read_text};

/// A device and somebody to know; nothing happens between them.
const SCENARIO: &str = "peadsim: 1\nid: DOCTOR\ntitle: A device and a peer\nsuite: p256\n\
                        devices: {alice: {}, bob: {}}\n\
                        steps: [{poll: {by: alice, at: 1s}}]\nexpect: []\n";

/// How long a device may take to dial while somebody looks on.
const ARRIVAL: Duration = Duration::from_secs(5);

/// Looks at the rig and tells what it finds.
///
/// # Errors
/// When nobody can listen at the place, or the result cannot be written.
pub fn run(args: &Doctor) -> Result<Exit, CliError> {
    let (mut device, pace) = device_file::complete(&args.device)?;
    device.arrival = Some(device.arrival.unwrap_or(ARRIVAL).min(ARRIVAL));
    let scale = args.time_scale.or(pace.scale).unwrap_or(NonZeroU32::MIN);
    let timing = Timing { bounds: bounds(args)?, scale };
    let rig = device.rig(Clock::Virtual)?;
    let report = examine(&rig, &plan()?, &timing);
    let exit = if report.cause().is_some() { Exit::Harness } else { Exit::Success };
    output::print(&match args.format {
        Format::Human => text(&report),
        Format::Json => {
            let whole = json!({"checks": report.checks, "exit": exit.code()});
            format!("{whole:#}\n")
        }
    })?;
    Ok(exit)
}

/// The tightest bound of each case that is named; of none: of any that may come.
fn bounds(args: &Doctor) -> Result<Vec<(String, Duration, &'static str)>, CliError> {
    if args.paths.is_empty() {
        let (bound, oracle) = tightest(&plan()?);
        return Ok(vec![("any case".to_owned(), bound, oracle)]);
    }
    let loaded = setup::tests(&Selection { paths: args.paths.clone(), ..Selection::default() })?;
    let mut bounds = Vec::new();
    for it in &loaded {
        for case in &it.reading.cases {
            let plan = subject::plan(&it.reading, case, &case.id, 1).map_err(CliError::Usage)?;
            let (bound, oracle) = tightest(&plan);
            bounds.push((case.id.clone(), bound, oracle));
        }
    }
    Ok(bounds)
}

fn plan() -> Result<Plan, CliError> {
    let reading = read_text("doctor", SCENARIO, &Extras::default());
    let case = reading.cases.first();
    let case = case.ok_or_else(|| CliError::Usage(reading.render(false)))?;
    let plan = subject::plan(&reading, case, "doctor", 1).map_err(CliError::Usage)?;
    Ok(Plan { suite: SuiteName::P256, ..plan })
}

fn text(report: &Report) -> String {
    let mut text: String = report.checks.iter().map(line).collect();
    text.push_str(&match report.cause() {
        None => "the rig is fit\n".to_owned(),
        Some(cause) => format!("the rig is not fit: {}: {}\n", cause.check, cause.text),
    });
    text
}

fn line(it: &Check) -> String {
    let state = match it.state {
        State::Good => "good",
        State::Bad => "bad",
        State::Note => "note",
    };
    format!("{:<13} {state:<5} {}\n", it.check, it.text)
}
