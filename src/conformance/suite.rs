//! The suite: the tests that scenarios and profiles make, each with a stable ID, and which of them are wanted.
//!
//! Not here: reading the files, or making the tests (`campaign`).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::UserId;
use crate::conformance::case::{Case, NoCase, devices, own_role};
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::profile::Profile;
use crate::scenario::read::{self, Reading};
use crate::scenario::source::Spanned;
use crate::verdict::requirement::{Class, Polarity, Requirement};
use crate::verdict::trial::{Mark, Shown, Trial};

/// A test that may be made.
#[derive(Clone, Debug)]
pub struct Test<'a> {
    /// The case, and what of it is under test.
    pub case: Case<'a>,
    /// The seed of all luck.
    pub seed: u64,
    /// As it is told before it is made, or why it is left out.
    pub trial: Trial,
}

impl Test<'_> {
    /// Whether it is to be made.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.trial.mark == Mark::NotRun
    }
}

/// All tests, in the order of their scenarios.
#[derive(Clone, Debug, Default)]
pub struct Suite<'a>(pub Vec<Test<'a>>);

/// What makes a suite of scenarios.
#[derive(Clone, Debug, Default)]
pub struct Setting<'a> {
    /// What the command line sets in every scenario.
    pub set: &'a [String],
    /// These seeds, and not those of the scenarios.
    pub seeds: Option<Vec<u64>>,
    /// What is under test.
    pub under: Under<'a>,
}

/// What is under test in the cases of a suite.
#[derive(Clone, Copy, Debug, Default)]
pub enum Under<'a> {
    /// The devices that profiles name; without profiles, the own one of each case.
    #[default]
    Devices,
    /// The device of this user in every case, whatever profiles say.
    Device(&'a UserId),
    /// The server, in the cases that profiles name without a device; without profiles, in every case.
    Server,
}

impl<'a> Suite<'a> {
    /// The tests that profiles name; without profiles, every case with its own role. What a profile names and
    /// nobody has is told in `sink`.
    ///
    /// # Errors
    /// When no case has a device of the name that was asked for.
    pub fn of(
        readings: &[&'a Reading],
        profiles: &[Profile],
        setting: &Setting<'_>,
        sink: &mut Diagnostics,
    ) -> Result<Self, NoCase> {
        let roles = Roles::of(readings, profiles, sink);
        let mut suite = Self::default();
        for reading in readings {
            for case in &reading.cases {
                for (device, profiles) in roles.of_case(case, setting, !profiles.is_empty()) {
                    suite.add(reading, case, device.as_ref(), &profiles, setting)?;
                }
            }
        }
        match setting.under {
            Under::Device(role) if suite.0.is_empty() => Err(NoCase::Nobody(role.clone())),
            Under::Devices | Under::Device(_) | Under::Server => Ok(suite),
        }
    }

    fn add(
        &mut self,
        reading: &'a Reading,
        case: &'a read::Case,
        device: Option<&UserId>,
        profiles: &BTreeSet<String>,
        setting: &Setting<'_>,
    ) -> Result<(), NoCase> {
        let own = Case::of(reading, &case.id, device)?;
        let seeds = setting.seeds.as_ref().unwrap_or(&case.scenario.seeds.value.0);
        for seed in seeds {
            let role = device.map_or("", UserId::as_str);
            let id = format!("{}@{role}#{seed}", case.id);
            let content = own.content(*seed, setting.set);
            let title = case.scenario.title.value.clone();
            let trial = Trial::planned(id, title, content);
            let profiles = profiles.iter().cloned().collect();
            let trial = Trial { profiles, shown: claims(case), ..trial };
            self.0.push(Test { case: own.clone(), seed: *seed, trial });
        }
        Ok(())
    }

    /// Leaves out what is not wanted.
    pub fn choose(&mut self, choice: &Choice) {
        for test in &mut self.0 {
            if let Some(why) = choice.leaves_out(test) {
                test.trial = test.trial.clone().left(Mark::Skipped, why);
            }
        }
    }

    /// Of these words that name a scenario, a case or a test, the first that names nothing here.
    #[must_use]
    pub fn unknown<'w>(&self, words: &'w [String]) -> Option<&'w str> {
        let mut words = words.iter();
        words.find(|word| !self.0.iter().any(|test| is_named(test, word))).map(String::as_str)
    }

    /// Every name by which a test can be asked for.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|test| {
            let scenario = test.case.case.scenario.id.value.0.as_str();
            [scenario, test.case.case.id.as_str(), test.trial.id.as_str()]
        })
    }
}

/// What a case is to show; nothing of it is shown yet.
fn claims(case: &read::Case) -> Vec<Shown> {
    let claim = |side| {
        move |it: &Spanned<Requirement>| Shown {
            requirement: it.value,
            side,
            count: 0,
            record: None,
        }
    };
    let listed = case.scenario.requirements.iter();
    let claims = listed.flat_map(|it| {
        let positive = it.positive.iter().map(claim(Polarity::Positive));
        positive.chain(it.negative.iter().map(claim(Polarity::Negative)))
    });
    claims.collect()
}

/// Whether a word names a test: its scenario or its case, alone or with who is under test, or all of its ID.
fn is_named(test: &Test<'_>, word: &str) -> bool {
    let case = &test.case.case;
    let [scenario, case] = [case.scenario.id.value.0.as_str(), case.id.as_str()];
    let role = test.case.device.as_ref().map_or("", UserId::as_str);
    let with_role =
        |name: &str| word.strip_prefix(name).and_then(|it| it.strip_prefix('@')) == Some(role);
    [scenario, case, test.trial.id.as_str()].contains(&word)
        || with_role(scenario)
        || with_role(case)
}

/// Which tests are wanted; an empty choice wants all of them.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Those of these scenarios, cases and tests.
    pub only: Vec<String>,
    /// Those that show a requirement of one of these classes.
    pub classes: Vec<Class>,
    /// Those of these profiles.
    pub profiles: Vec<String>,
    /// Those that did not pass the last time.
    pub again: Option<BTreeSet<String>>,
}

impl Choice {
    /// Why a test is not wanted.
    fn leaves_out(&self, test: &Test<'_>) -> Option<&'static str> {
        let within = |profile: &String| self.profiles.contains(profile);
        if !self.profiles.is_empty() && !test.trial.profiles.iter().any(within) {
            return Some("it is of no profile that was asked for");
        }
        if !self.classes.is_empty() && !self.classes.iter().any(|class| shows(test, *class)) {
            return Some("it shows nothing of the classes that were asked for");
        }
        if !self.only.is_empty() && !self.only.iter().any(|word| is_named(test, word)) {
            return Some("others were asked for");
        }
        let passed = self.again.as_ref().is_some_and(|again| !again.contains(&test.trial.id));
        passed.then_some("it passed the last time")
    }
}

fn shows(test: &Test<'_>, class: Class) -> bool {
    let mut infos = test.trial.requirements().filter_map(Requirement::info);
    infos.any(|info| info.classes.contains(&class))
}

/// Which devices of which scenarios are under test, and in which profiles.
#[derive(Default)]
struct Roles(BTreeMap<String, BTreeMap<Option<UserId>, BTreeSet<String>>>);

impl Roles {
    fn of(readings: &[&Reading], profiles: &[Profile], sink: &mut Diagnostics) -> Self {
        let cases = || readings.iter().flat_map(|reading| &reading.cases);
        let known: BTreeMap<&str, &read::Case> =
            cases().map(|case| (case.scenario.id.value.0.as_str(), case)).collect();
        let mut roles = Self::default();
        for profile in profiles {
            let name = &profile.id.value.0;
            for test in &profile.tests.0 {
                let id = &test.name.value.0;
                let Some(case) = known.get(id.as_str()) else {
                    let message = format!("no scenario has the ID `{id}`");
                    let finding = Diagnostic::new(Code::UnknownTest, test.name.span, message);
                    sink.add(finding.suggest(id, known.keys().copied()));
                    continue;
                };
                let of_scenario = roles.0.entry(id.clone()).or_default();
                if test.value.is_empty() {
                    of_scenario.entry(None).or_default().insert(name.clone());
                }
                for role in &test.value {
                    if devices(case).any(|it| *it == role.value) {
                        let role = Some(role.value.clone());
                        of_scenario.entry(role).or_default().insert(name.clone());
                    } else {
                        let message = format!("`{id}` has no device `{}`", role.value);
                        let finding = Diagnostic::new(Code::UnknownDevice, role.span, message);
                        sink.add(
                            finding.suggest(role.value.as_str(), devices(case).map(UserId::as_str)),
                        );
                    }
                }
            }
        }
        roles
    }

    /// What is under test in a case, one at a time, and the profiles that say so.
    fn of_case(
        &self,
        case: &read::Case,
        setting: &Setting<'_>,
        has_profiles: bool,
    ) -> Vec<(Option<UserId>, BTreeSet<String>)> {
        let alone = |device: Option<&UserId>| {
            device.map(|it| (Some(it.clone()), BTreeSet::new())).into_iter().collect()
        };
        let named = self.0.get(&case.scenario.id.value.0);
        match (setting.under, has_profiles) {
            (Under::Device(role), _) => alone(devices(case).find(|it| *it == role)),
            (Under::Devices, false) => alone(own_role(case)),
            (Under::Devices, true) => {
                named.map(|it| it.clone().into_iter().collect()).unwrap_or_default()
            }
            (Under::Server, false) => vec![(None, BTreeSet::new())],
            (Under::Server, true) => {
                let profiles = named.and_then(|it| it.get(&None)).cloned();
                profiles.map(|it| (None, it)).into_iter().collect()
            }
        }
    }
}
