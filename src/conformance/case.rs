//! A case of a scenario with the one of its devices that is under test, and the plan that it is run by.
//!
//! The same texts, case, seed and declaration always give the same plan: a transcript is judged by it again.
//! Not here: whether a device can take part (`applies`), or the tests of a suite (`suite`).

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::base::id::UserId;
use crate::base::units::hex;
use crate::conformance::opaque::make_opaque;
use crate::conformance::transcript::Text;
use crate::oracle::spec::UnderTest;
use crate::scenario::ast::device::Body;
use crate::scenario::ast::scenario::WorldKind;
use crate::scenario::plan::{Plan, SuiteName};
use crate::scenario::read::{self, Extras, Reading};
use crate::scenario::render::render;
use crate::scenario::resolve::resolve;

/// A case with what is under test in it.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    reading: &'a Reading,
    /// The case as it was read.
    pub case: &'a read::Case,
    /// The device that is under test; none: the server.
    pub device: Option<UserId>,
}

/// Why there is no such case, or no plan of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCase {
    /// The texts have no case of that name.
    #[error("the scenario has no case `{0}`")]
    Unknown(String),
    /// The case has no device of that name.
    #[error("the case `{case}` has no device `{device}`")]
    NoDevice {
        /// The case.
        case: String,
        /// The name.
        device: UserId,
    },
    /// No case has a device of that name.
    #[error("no case has a device `{0}`")]
    Nobody(UserId),
    /// This seed draws something impossible.
    #[error("{0}")]
    NoPlan(String),
}

impl<'a> Case<'a> {
    /// What a scenario is read with for a test of something outside.
    #[must_use]
    pub fn extras() -> Extras {
        Extras { world: Some(WorldKind::Conform), ..Extras::default() }
    }

    /// The case of this name.
    ///
    /// # Errors
    /// When there is no such case, or no such device in it.
    pub fn of(reading: &'a Reading, name: &str, device: Option<&UserId>) -> Result<Self, NoCase> {
        let case = reading.cases.iter().find(|case| case.id == name);
        let case = case.ok_or_else(|| NoCase::Unknown(name.to_owned()))?;
        if let Some(device) = device
            && !devices(case).any(|it| it == device)
        {
            return Err(NoCase::NoDevice { case: name.to_owned(), device: device.clone() });
        }
        Ok(Self { reading, case, device: device.cloned() })
    }

    /// The plan of the case for something that declares this, and the number of the device under test.
    ///
    /// # Errors
    /// When the seed draws something impossible.
    pub fn plan(
        &self,
        seed: u64,
        suite: Option<&str>,
        declared: &BTreeMap<String, bool>,
    ) -> Result<(Arc<Plan>, Option<u32>), NoCase> {
        let mut diagnostics = self.reading.diagnostics.clone();
        let plan = resolve(self.case, seed, self.source(), &mut diagnostics);
        let mut plan =
            plan.ok_or_else(|| NoCase::NoPlan(render(&diagnostics, &self.reading.sources, false)))?;
        if let Some(suite) = suite.and_then(SuiteName::find) {
            plan.suite = suite;
        }
        let user = self.device.as_ref().and_then(|device| plan.spec.index(device));
        put_under_test(&mut plan, user, declared.get("facts").copied().unwrap_or_default());
        Ok((Arc::new(plan), user))
    }

    /// The name of the scenario's file.
    #[must_use]
    pub fn source(&self) -> &str {
        self.reading.files().next().map_or("", |source| source.name.as_str())
    }

    /// The texts that it is made of.
    #[must_use]
    pub fn texts(&self) -> Vec<Text> {
        let text = |source: &crate::scenario::source::Source| Text {
            name: source.name.clone(),
            text: source.text.clone(),
        };
        let mut texts: Vec<Text> = Vec::new();
        for source in self.reading.files() {
            if !texts.iter().any(|it| it.name == source.name) {
                texts.push(text(source));
            }
        }
        texts
    }

    /// A hash over everything that the case is made of.
    #[must_use]
    pub fn content(&self, seed: u64, set: &[String]) -> String {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        };
        part(&self.case.id);
        part(self.device.as_ref().map_or("", UserId::as_str));
        part(&seed.to_string());
        set.iter().for_each(|it| part(it));
        for Text { text, .. } in self.texts() {
            part(&text);
        }
        hex(&hash.finalize())
    }
}

/// Has a plan's run judged by what it shows of this user's device; of no user: of the server. One without
/// `facts` tells nothing of its inside.
pub fn put_under_test(plan: &mut Plan, user: Option<u32>, facts: bool) {
    // What is under test computes for itself.
    plan.share_agreements = false;
    let what = user.map_or(UnderTest::Server, UnderTest::Device);
    Arc::make_mut(&mut plan.spec).under_test = Some(what);
    if let Some(user) = user.filter(|_| !facts) {
        make_opaque(plan, user);
    }
}

/// The devices that a case declares by name.
pub fn devices(case: &read::Case) -> impl Iterator<Item = &UserId> {
    case.scenario.devices.0.iter().map(|device| &device.name.value)
}

/// The device that is under test unless somebody says otherwise: the one that is marked, else the first.
#[must_use]
pub fn own_role(case: &read::Case) -> Option<&UserId> {
    let devices = &case.scenario.devices.0;
    let marked = devices.iter().find(|it| it.value.body.value == Body::UnderTest);
    marked.or_else(|| devices.first()).map(|device| &device.name.value)
}
