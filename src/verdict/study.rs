//! What a swept campaign shows: for each combination of settings, every figure over all seeds.
//!
//! Not here: which settings there are (`scenario`), or how a study is printed and drawn (`report`).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::verdict::figures::{Estimate, Figure};
use crate::verdict::outcome::Outcome;

/// The points of a campaign, in the order in which they were made.
#[derive(Clone, Debug, Default)]
pub struct Study {
    points: Vec<Point>,
}

/// What a case has in the place where cases differ.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Setting {
    /// The parameter's name, or the path of the `--sweep` as it was typed.
    pub label: String,
    /// The value as it was written.
    pub value: String,
}

/// One scenario with one combination of settings.
#[derive(Clone, PartialEq, Debug)]
pub struct Point {
    /// The scenario's ID.
    pub scenario: String,
    /// The scenario's title.
    pub title: String,
    /// What it differs from other points in.
    pub settings: Vec<Setting>,
    values: BTreeMap<Figure, Vec<f64>>,
}

impl Study {
    /// Adds a run. Runs of one point must follow each other; each has a seed of its own.
    pub fn add(&mut self, scenario: &str, settings: &[Setting], outcome: &Outcome) {
        let same = |it: &Point| it.scenario == scenario && it.settings == settings;
        if !self.points.last().is_some_and(same) {
            self.points.push(Point {
                scenario: scenario.to_owned(),
                title: outcome.title.clone(),
                settings: settings.to_vec(),
                values: BTreeMap::new(),
            });
        }
        let Some(point) = self.points.last_mut() else { return };
        for figure in Figure::ALL {
            if let Some(value) = figure.of(outcome) {
                point.values.entry(figure).or_default().push(value);
            }
        }
    }

    /// All points.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The labels of all settings, each once, in the order in which they occur.
    #[must_use]
    pub fn labels(&self) -> Vec<&str> {
        let mut labels = Vec::new();
        for Setting { label, .. } in self.points.iter().flat_map(|point| &point.settings) {
            if !labels.contains(&label.as_str()) {
                labels.push(label);
            }
        }
        labels
    }
}

impl Point {
    /// The value of a setting; none where the scenario has no such setting.
    #[must_use]
    pub fn setting(&self, label: &str) -> Option<&str> {
        self.settings.iter().find(|it| it.label == label).map(|it| it.value.as_str())
    }

    /// What its runs say of a figure; none where no run could measure it.
    #[must_use]
    pub fn estimate(&self, figure: Figure) -> Option<Estimate> {
        Estimate::of(self.values.get(&figure)?)
    }
}
