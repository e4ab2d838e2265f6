//! `peadsim run`: scenario files in virtual time, in parallel, with results in a fixed order.
//!
//! Everything that can be wrong with files, flags and places to write is found before the first run. Not
//! here: the simulator (`sim`), or what reports look like (`report`).

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::base::lock::lock;
use crate::base::rng::RNG_VERSION;
use crate::base::time::{Duration, Instant};
use crate::cli::args::Run;
use crate::cli::exit::{CliError, Exit};
use crate::cli::jobs::{Job, jobs};
use crate::cli::output::{self, Draft};
use crate::cli::papers::Papers;
use crate::cli::progress::Progress;
use crate::cli::setup;
use crate::cli::words::Format;
use crate::explore::attempt::attempt;
use crate::explore::campaign;
use crate::explore::relations::attempt_related;
use crate::oracle::panel;
use crate::oracle::spec::{Named, NamedThing};
use crate::report::coverage::Scope;
use crate::report::human::{Cost, Layout, Palette};
use crate::report::json::{self, Manifest};
use crate::report::junit;
use crate::report::summary::Summary;
use crate::runtime::clock::Stopwatch;
use crate::runtime::memory;
use crate::scenario::ast::scenario::SizeWord;
use crate::scenario::plan::Plan;
use crate::sim::run::RunOptions;
use crate::sim::shards::{USERS_MIN, Whole};
use crate::trace::digest::Forms;
use crate::trace::fact::TRACE_VERSION;
use crate::trace::sink::{Header, Jsonl, MessageName, Sink};
use crate::verdict::finding::{Finding, Severity};
use crate::verdict::outcome::{Outcome, Verdict};
use crate::verdict::requirement::Requirement;

/// All results, in the folder of reports.
const RESULTS: &str = "results.json";
/// The same for test runners.
const JUNIT: &str = "junit.xml";

/// Runs what the command line selects.
///
/// # Errors
/// When nothing can be run, or a result cannot be written.
pub fn run(args: &Run) -> Result<Exit, CliError> {
    let loaded = setup::scenarios(&args.selection)?;
    let jobs = jobs(&loaded, args)?;
    if jobs.is_empty() {
        return Err(CliError::Nothing("no run is left to be made".to_owned()));
    }
    let (papers, trace) = prepare(args, jobs.len())?;
    let interrupt = setup::interrupt()?;
    let clock = Stopwatch::start();
    let mut session = Session::new(args, &jobs, papers);
    let trace = Mutex::new(trace);
    let all = setup::threads(args.threads);
    // Threads that no other run needs are for the inside of each.
    let threads = all.get() / jobs.len().min(all.get());
    campaign::in_order(
        &jobs,
        all,
        || interrupt.is_raised(),
        |job| {
            let trace = lock(&trace).take();
            execute(job, args, threads, trace)
        },
        |job, result| session.take(job, result),
    );
    session.finish(interrupt.is_raised(), clock.elapsed())
}

/// Tries every place to write to before the work begins.
fn prepare(args: &Run, runs: usize) -> Result<(Papers<'_>, Option<Draft>), CliError> {
    if args.trace.is_some() && runs != 1 {
        return Err(CliError::Usage(format!(
            "--trace writes the records of one run, these are {runs}\n  \
             narrow them with --case and --seed"
        )));
    }
    if let Some(folder) = &args.report {
        output::folder(folder, &[RESULTS, JUNIT])?;
    }
    let papers = Papers::prepare(args)?;
    let trace = args.trace.as_deref().map(Draft::create).transpose()?;
    Ok((papers, trace))
}

/// What came of a job, or why nothing did.
type Executed = Result<Done, CliError>;

/// What came of a job.
struct Done {
    outcome: Outcome,
    /// Why it was not spread over the threads that were asked for, if that is worth telling.
    whole: Option<Whole>,
}

fn execute(job: &Job<'_>, args: &Run, threads: usize, trace: Option<Draft>) -> Executed {
    tracing::info!(case = job.case.id, seed = job.seed, "running");
    let plan = job.plan(args.luck.suite).map_err(|findings| {
        CliError::Usage(format!("{} cannot run with seed {}\n{findings}", job.case.id, job.seed))
    })?;
    let plan = Arc::new(plan);
    let mut sink = match (trace, &args.trace) {
        (Some(draft), Some(place)) => {
            let sink = Jsonl::new(draft, &header(&plan)).map_err(trace_failed(place))?;
            Some((sink, place))
        }
        (Some(_) | None, _) => None,
    };
    let mut options = RunOptions { fail_fast: args.fail_fast, threads, ..RunOptions::default() };
    // The other forms cost as much as the full one: large worlds do without.
    let small = job.case.scenario.size.value == SizeWord::Small;
    options.forms = Forms { masked: small, black_box: small };
    options.sinks.extend(sink.as_mut().map(|(sink, _)| sink as &mut dyn Sink));
    let asked = args.threads.is_some() && plan.devices.len() >= USERS_MIN;
    let whole = options.whole(&plan).filter(|_| asked);
    let mut outcome = if args.relations {
        attempt_related(&plan, options).unwrap_or_else(|text| broken(&plan, &text))
    } else {
        safely(&plan, options)
    };
    if let Some((sink, place)) = sink {
        sink.finish().map_err(trace_failed(place))?.publish()?;
    }
    outcome.repro = job.repro(args);
    Ok(Done { outcome, whole })
}

/// Runs a plan; a simulator that breaks down is an outcome too.
pub(super) fn safely(plan: &Arc<Plan>, options: RunOptions<'_>) -> Outcome {
    attempt(plan, options).unwrap_or_else(|text| broken(plan, &text))
}

fn trace_failed(place: &Path) -> impl FnOnce(io::Error) -> CliError {
    CliError::io(format!("cannot write `{}`", place.display()))
}

/// What the records of a run are of.
pub(super) fn header(plan: &Plan) -> Header {
    let message = |it: &Named| {
        let (NamedThing::Message { by, draft, .. } | NamedThing::Request { by, draft, .. }) =
            &it.what
        else {
            return None;
        };
        Some(MessageName { name: it.name.clone(), by: *by, draft: *draft })
    };
    Header {
        version: TRACE_VERSION,
        rng: RNG_VERSION,
        case: plan.case.clone(),
        seed: plan.seed,
        suite: plan.suite.word().to_owned(),
        users: plan.spec.users.clone(),
        messages: plan.spec.names.iter().filter_map(message).collect(),
    }
}

/// The outcome of a run in which the simulator itself broke down.
fn broken(plan: &Plan, text: &str) -> Outcome {
    let finding = Finding {
        severity: Severity::Error,
        oracle: "harness".to_owned(),
        requirements: Vec::new(),
        at: Instant::START,
        message: format!("the simulator broke down: {text}"),
        records: Vec::new(),
    };
    Outcome {
        case: plan.case.clone(),
        title: plan.title.clone(),
        seed: plan.seed,
        suite: plan.suite.word().to_owned(),
        verdict: Verdict::Error,
        verified: 0,
        findings: vec![finding],
        evidence: Default::default(),
        evaluated: Default::default(),
        claimed: plan.claimed.clone(),
        reached: Vec::new(),
        metrics: Default::default(),
        events: 0,
        records: 0,
        virtual_time: Duration::ZERO,
        digest: Default::default(),
        repro: String::new(),
    }
}

/// The scenario whose runs are being added.
struct Under<'a> {
    id: &'a str,
    /// Runs of its own cases and seeds that are not added yet.
    due: usize,
}

impl<'a> Under<'a> {
    fn new(job: &Job<'a>) -> Self {
        let cases = job.file.reading.cases.iter();
        let due = cases.map(|case| case.scenario.seeds.value.0.len()).sum();
        Self { id: job.case.scenario.id.value.0.as_str(), due }
    }
}

/// Takes results in order, prints what is complete and keeps what reports need.
struct Session<'a> {
    args: &'a Run,
    layout: Layout,
    progress: Progress,
    scope: Scope,
    summary: Summary,
    /// Runs of the case that is not complete yet.
    case: Vec<Outcome>,
    scenario: Option<Under<'a>>,
    /// Every run, if somebody wants them.
    kept: Vec<Outcome>,
    papers: Papers<'a>,
    /// The devices of the only run, if it is one of a fleet.
    devices: Option<u64>,
    /// Cases that were not spread over threads, and why.
    whole: BTreeMap<String, Whole>,
    failed: Option<CliError>,
}

/// Devices from which on a process's memory is theirs.
const FLEET: u64 = 1_000;

fn fleet(jobs: &[Job<'_>]) -> Option<u64> {
    let [job] = jobs else { return None };
    let scenario = &job.case.scenario;
    let fleets = scenario.fleets.0.iter().map(|fleet| fleet.value.own.count.value);
    Some(scenario.devices.0.len() as u64 + fleets.sum::<u64>()).filter(|it| *it >= FLEET)
}

impl<'a> Session<'a> {
    fn new(args: &'a Run, jobs: &[Job<'_>], papers: Papers<'a>) -> Self {
        let color = output::stdout_has_color();
        let palette = if color { Palette::colored() } else { Palette::plain() };
        Self {
            args,
            layout: Layout::new(palette, jobs.iter().map(|job| job.case.id.as_str())),
            progress: Progress::new(jobs.len()),
            scope: Scope { requirements: Requirement::all().collect(), oracles: panel::ids() },
            summary: Summary::default(),
            case: Vec::new(),
            scenario: None,
            kept: Vec::new(),
            papers,
            devices: fleet(jobs),
            whole: BTreeMap::new(),
            failed: None,
        }
    }

    fn take(&mut self, job: &Job<'a>, result: Executed) -> ControlFlow<()> {
        self.progress.done(&job.case.id);
        let taken = result.and_then(|Done { outcome, whole }| {
            self.whole.extend(whole.map(|why| (job.case.id.clone(), why)));
            self.add(job, outcome)
        });
        match taken {
            Ok(flow) => flow,
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn add(&mut self, job: &Job<'a>, outcome: Outcome) -> Result<ControlFlow<()>, CliError> {
        if self.case.first().is_some_and(|first| first.case != outcome.case) {
            self.print_case()?;
        }
        let scenario = &job.case.scenario;
        if self.scenario.as_ref().is_none_or(|under| under.id != scenario.id.value.0.as_str()) {
            self.end_scenario()?;
            self.scenario = Some(Under::new(job));
        }
        if let Some(under) = &mut self.scenario {
            let own = scenario.seeds.value.0.contains(&job.seed);
            under.due = under.due.saturating_sub(usize::from(own));
        }
        self.summary.add(&outcome);
        self.papers.add(job, &outcome);
        let stop = self.args.fail_fast && outcome.verdict >= Verdict::Fail;
        self.case.push(outcome);
        Ok(if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// The case is complete: prints its line, and keeps its runs if a report wants them.
    fn print_case(&mut self) -> Result<(), CliError> {
        let runs = std::mem::take(&mut self.case);
        if self.args.format == Format::Human {
            let text = self.layout.case(&runs);
            self.progress.aside(|| output::print(&text))?;
        }
        if self.args.report.is_some() || self.args.format == Format::Json {
            self.kept.extend(runs);
        }
        Ok(())
    }

    /// All runs of the scenario are added: tells which of its claims they did not show.
    fn end_scenario(&mut self) -> Result<(), CliError> {
        let Some(under) = self.scenario.take() else { return Ok(()) };
        let text = self.layout.unshown(self.summary.end_scenario(under.id, under.due == 0));
        if self.args.format == Format::Human {
            self.progress.aside(|| output::print(&text))?;
        }
        Ok(())
    }

    fn finish(mut self, interrupted: bool, real: Duration) -> Result<Exit, CliError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.print_case()?;
        self.end_scenario()?;
        let exit = Exit::of(&self.summary.totals, interrupted);
        let manifest = Manifest {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            trace_version: TRACE_VERSION,
            rng_version: RNG_VERSION,
            exit: exit.code(),
            interrupted,
        };
        let results = || json::results(&manifest, &self.summary, &self.kept, &self.scope);
        if let Some(folder) = &self.args.report {
            output::write(&folder.join(RESULTS), &results())?;
            let junit = junit::report(&self.kept, &self.summary.unshown).map_err(io::Error::other);
            let junit = junit.map_err(CliError::io("cannot make junit.xml"))?;
            output::write(&folder.join(JUNIT), &junit)?;
        }
        self.papers.publish(self.summary.digests(), interrupted)?;
        let text = match self.args.format {
            Format::Json => results(),
            Format::Human => {
                let ending = match (interrupted, exit.code()) {
                    (true, code) => format!("interrupted, {} (exit {code})", exit.text()),
                    (false, code) => format!("{} (exit {code})", exit.text()),
                };
                let (memory, devices) = (memory::peak(), self.devices);
                let cost = Cost { real, memory, devices };
                self.layout.summary(&self.summary, &self.scope, cost, &ending)
            }
        };
        self.progress.aside(|| output::print(&text))?;
        for (case, why) in &self.whole {
            output::note(&format!("{} ran on one thread: {why}\n", case.escape_debug()));
        }
        Ok(exit)
    }
}
