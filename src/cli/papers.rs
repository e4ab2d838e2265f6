//! What a campaign leaves behind beside its results: where they come from, and what its sweep shows.
//!
//! Not here: the results themselves (`run`), or what the papers look like (`report`).

use std::collections::BTreeSet;

use crate::base::rng::RNG_VERSION;
use crate::cli::args::Run;
use crate::cli::exit::CliError;
use crate::cli::files::Loaded;
use crate::cli::jobs::{self, Job};
use crate::cli::output::{self, Draft};
use crate::report::provenance::{CaseRuns, InputFile, Provenance, Versions};
use crate::report::study;
use crate::report::svg::chart;
use crate::sim::world::WORLD_VERSION;
use crate::trace::fact::TRACE_VERSION;
use crate::verdict::outcome::{Digests, Outcome};
use crate::verdict::study::Study;

/// Where results come from, in the folder of reports.
const PROVENANCE: &str = "provenance.json";
/// What a sweep shows, in the folder of reports.
const SWEEP: &str = "sweep.csv";

/// Collects what the papers need of each run.
#[derive(Debug)]
pub struct Papers<'a> {
    args: &'a Run,
    study: Study,
    files: BTreeSet<InputFile>,
    cases: Vec<CaseRuns>,
    /// The file of the last run.
    last: Option<&'a Loaded>,
    csv: Option<Draft>,
    figure: Option<Draft>,
}

impl<'a> Papers<'a> {
    /// Tries every place to write to.
    ///
    /// # Errors
    /// When one of them cannot be written, or is meant for two things.
    pub fn prepare(args: &'a Run) -> Result<Self, CliError> {
        let places = [("--csv", &args.csv), ("--figure", &args.figure), ("--trace", &args.trace)];
        for (at, (flag, place)) in places.iter().enumerate() {
            let same = places[..at].iter().find(|(_, other)| place.is_some() && other == place);
            if let Some((other, _)) = same {
                return Err(CliError::Usage(format!("{other} and {flag} name one file")));
            }
        }
        if let Some(folder) = &args.report {
            let sweep = (!args.selection.sweep.is_empty()).then_some(SWEEP);
            let names: Vec<&str> = [PROVENANCE].into_iter().chain(sweep).collect();
            output::folder(folder, &names)?;
        }
        let draft = |place: &Option<_>| place.as_deref().map(Draft::create).transpose();
        Ok(Self {
            args,
            study: Study::default(),
            files: BTreeSet::new(),
            cases: Vec::new(),
            last: None,
            csv: draft(&args.csv)?,
            figure: draft(&args.figure)?,
        })
    }

    /// Adds a run. Runs of one case must follow each other.
    pub fn add(&mut self, job: &Job<'a>, outcome: &Outcome) {
        let settings = &job.case.settings;
        if !self.args.selection.sweep.is_empty() {
            self.study.add(&job.case.scenario.id.value.0, settings, outcome);
        }
        if self.args.report.is_some() {
            CaseRuns::add(&mut self.cases, settings, outcome);
            if !self.last.is_some_and(|last| std::ptr::eq(last, job.file)) {
                let files = job.file.reading.files();
                self.files.extend(files.map(|it| InputFile::new(&it.name, &it.text)));
                self.last = Some(job.file);
            }
        }
    }

    /// Writes all of them, each whole or not at all; `digest` is over all runs.
    ///
    /// # Errors
    /// When one of them cannot be written.
    pub fn publish(self, digest: Digests, interrupted: bool) -> Result<(), CliError> {
        let table = study::csv(&self.study);
        if let Some(draft) = self.csv {
            draft.finish(&table)?;
        }
        let first = self.args.selection.sweep.first();
        let across = first.and_then(|text| text.split_once('=')).map_or("", |(path, _)| path);
        if let Some(draft) = self.figure {
            draft.finish(&chart::draw(&self.study, across))?;
        }
        let Some(folder) = &self.args.report else { return Ok(()) };
        if first.is_some() {
            output::write(&folder.join(SWEEP), &table)?;
        }
        let provenance = Provenance {
            versions: Versions {
                program: env!("CARGO_PKG_VERSION").to_owned(),
                trace_version: TRACE_VERSION,
                rng_version: RNG_VERSION,
                world_version: WORLD_VERSION,
            },
            command: jobs::command(self.args),
            files: self.files.into_iter().collect(),
            set: self.args.selection.set.clone(),
            sweep: self.args.selection.sweep.clone(),
            cases: self.cases,
            interrupted,
            digest,
        };
        output::write(&folder.join(PROVENANCE), &provenance.json())
    }
}
