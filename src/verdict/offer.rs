//! What was put on which server: what two loads must have in common to be parts of one, or to be compared.
//!
//! Not here: what came of it (`verdict::load`), or how it is carried out (`load`).

use serde::{Deserialize, Serialize};

use crate::base::time::Duration;

/// What was put on which server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// The case.
    pub case: String,
    /// Its title.
    pub title: String,
    /// The file.
    pub source: String,
    /// The hash of what the scenario says of devices, traffic and the server, in hex.
    pub scenario: String,
    /// The seed of the schedule.
    pub seed: u64,
    /// The hash of the schedule, in hex: those of shards add up to that of the whole.
    pub schedule: String,
    /// The hash of the schedule of the whole load, of which this may be a shard.
    pub whole: String,
    /// Operations on the schedule.
    pub operations: u64,
    /// Devices, each with a connection of its own.
    pub devices: u64,
    /// Devices of the whole load.
    pub users: u64,
    /// What all users' names begin with.
    pub namespace: String,
    /// `1/4` of a load in shards.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shard: Option<String>,
    /// `1/100` of a thinned population.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub thinned: Option<String>,
    /// How much faster than written everything recurs, in percent.
    pub pace: u64,
    /// Where the server was.
    pub server: String,
    /// What kind of server it was.
    pub kind: ServerKind,
    /// Whether it was spoken to by TLS.
    pub tls: bool,
    /// For how long operations were due.
    pub active: Duration,
    /// What the scenario says of loads on a real server.
    pub terms: Terms,
    /// What made the load.
    pub generator: Generator,
}

/// Whose server a load was put on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerKind {
    /// Somebody's.
    Given,
    /// A reference server with a durable store, started for the load.
    Durable,
    /// A reference server in memory, started for the load.
    Ephemeral,
    /// One that does nothing.
    Null,
}

/// What the map `load` of a scenario says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Whether devices had the keys of those whom they write to from the start.
    pub warm: bool,
    /// Operations of a device that could be open.
    pub flight: u64,
    /// Own addresses that connections came from: the first and the last of each range; none: the system's.
    pub sources: Vec<String>,
    /// The generator may be so late with one operation in a hundred.
    pub lag: Duration,
}

/// What a load was made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generator {
    /// Threads.
    pub threads: u64,
    /// Whether each was kept to a core of its own.
    pub pinned: bool,
    /// The machine: its kind, its system, its processor and how many cores of it.
    pub host: String,
}

impl ServerKind {
    /// As it stands in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Durable => "durable",
            Self::Ephemeral => "ephemeral",
            Self::Null => "null",
        }
    }
}

/// Something that is said of an offer, with its name.
pub type Term = (&'static str, String);

impl Offer {
    /// What two loads have in common that are parts of one, or that are compared. What a difference is due to
    /// stands before what it leads to.
    #[must_use]
    pub fn common(&self) -> Vec<Term> {
        let Terms { warm, flight, .. } = &self.terms;
        let thinned = self.thinned.as_deref().unwrap_or("not thinned");
        vec![
            ("the case", self.case.clone()),
            ("the pace", self.pace.to_string()),
            ("the population", thinned.to_owned()),
            ("the number of devices", self.users.to_string()),
            ("the time", self.active.to_string()),
            ("the state of the tables", if *warm { "warm" } else { "cold" }.to_owned()),
            ("the flight", flight.to_string()),
            ("the kind of server", self.kind.word().to_owned()),
            ("the transport", if self.tls { "TLS" } else { "TCP" }.to_owned()),
            ("the schedule", self.whole.clone()),
            ("the scenario", self.scenario.clone()),
        ]
    }

    /// What shards have in common beside that: they mean the same people on the same server. Each comes from
    /// addresses of its own machine.
    #[must_use]
    pub fn of_shards(&self) -> Vec<Term> {
        let own = [
            ("the seed", self.seed.to_string()),
            ("the namespace", self.namespace.clone()),
            ("the server", self.server.clone()),
            ("the lag that is allowed", self.terms.lag.to_string()),
        ];
        own.into_iter().chain(self.common()).collect()
    }

    /// What loads that are compared have in common beside that: the same generator made them on the same
    /// machine. The server may be another one of its kind; that is what is compared.
    #[must_use]
    pub fn of_comparison(&self) -> Vec<Term> {
        let Generator { threads, pinned, host } = &self.generator;
        let sources = &self.terms.sources;
        let any = || "the system's".to_owned();
        let mut all = self.common();
        all.extend([
            ("the sources", if sources.is_empty() { any() } else { sources.join(", ") }),
            ("the share", self.shard.clone().unwrap_or_else(|| "the whole".to_owned())),
            ("the number of threads", threads.to_string()),
            ("the place of threads", if *pinned { "own cores" } else { "any core" }.to_owned()),
            ("the machine", host.clone()),
        ]);
        all
    }
}
