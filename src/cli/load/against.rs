//! The earlier load that a load is compared with: read and looked at before the load begins.
//!
//! Not here: the comparison (`load::baseline`).

use crate::cli::args::Load;
use crate::cli::exit::CliError;
use crate::cli::load::report;
use crate::load::baseline::{self, Comparison};
use crate::verdict::load::LoadResults;
use crate::verdict::offer::Offer;

/// An earlier load.
#[derive(Debug)]
pub struct Baseline {
    results: LoadResults,
    /// Differences up to so many percent are noise.
    noise: u64,
}

impl Baseline {
    /// The one that the arguments name, if they do.
    ///
    /// # Errors
    /// When it cannot be read, or nothing can be compared with it.
    pub fn of(args: &Load) -> Result<Option<Self>, CliError> {
        let Some(place) = &args.baseline else { return Ok(None) };
        let results = report::read(place)?;
        if let Some(why) = baseline::hindrance(&results) {
            let place = place.display();
            let why = format!("nothing is compared with `{place}`: it is of a load that {why}");
            return Err(CliError::Usage(why));
        }
        Ok(Some(Self { results, noise: args.noise }))
    }

    /// Whether a load that has not begun can be compared with it.
    ///
    /// # Errors
    /// When it is of another load.
    pub fn check(&self, offer: &Offer) -> Result<(), CliError> {
        baseline::check(&self.results.offer, offer)
            .map_err(|why| CliError::Usage(format!("{why}; nothing was run")))
    }

    /// How a load stands to it.
    ///
    /// # Errors
    /// Why nothing can be said of that.
    pub fn compare(&self, results: &LoadResults) -> Result<Comparison, &'static str> {
        match baseline::hindrance(results) {
            Some(why) => Err(why),
            None => Ok(baseline::compare(&self.results, results, self.noise)),
        }
    }
}
