//! The top level of a scenario as written.
//!
//! Not here: what reuse and parameters do to the text before it is read (`expand`).

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::proto::deviation::Deviation;
use crate::scenario::ast::device::{Device, Fleet, Server};
use crate::scenario::ast::expect::Expectation;
use crate::scenario::ast::forms::{Names, Raw, Some1};
use crate::scenario::ast::link::Network;
use crate::scenario::ast::load::Load;
use crate::scenario::ast::needs::Needs;
use crate::scenario::ast::step::Step;
use crate::scenario::ast::workload::Workload;
use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::fields::{Kind, Leaf, Read, table, words};
use crate::scenario::leaf::{MutantId, Name, ScenarioId};
use crate::scenario::source::Spanned;
use crate::scenario::tree::{Node, NodeKind};
use crate::verdict::requirement::Requirement;

table! {
    /// A scenario: a story with a world, steps and expectations.
    Scenario "scenario" {
        /// The version of the language: `1`. It comes first.
        peadsim: Spanned<u64>,
        /// The stable identity, unique over all scenarios; cases add their parameters: `ROT-R1[lead=20ms]`.
        id: Spanned<ScenarioId>,
        /// What it shows, in one sentence.
        title: Spanned<String>,
        /// The world that it is written for; `run` runs `run` scenarios of a folder.
        kind: Spanned<WorldKind> = "run",
        /// `large` scenarios run only when they are named.
        size: Spanned<SizeWord> = "small",
        /// Of a conformance test: its revision.
        rev: Option<Spanned<u64>>,
        /// Of a conformance test: its class.
        class: Option<Spanned<String>>,
        /// Of a conformance test: what the device must declare for it to apply.
        needs: Option<Spanned<Needs>>,
        /// Words to select scenarios by.
        tags: Vec<Spanned<Name>>,
        /// The requirements that it shows, each in at least one run of its cases and seeds.
        requirements: Option<Requirements>,
        /// The races (`R1` to `R13`) or coverage marks that must occur; otherwise the run is inconclusive.
        reaches: Vec<Spanned<Name>>,
        /// The deviations that it kills; `peadsim mutants` runs them.
        kills: Vec<Spanned<MutantId>>,
        /// The seeds of its luck: `7`, `1..20` or a list.
        seeds: Spanned<Seeds> = "1",
        /// The cryptography: the real profile, or a fast model without security.
        suite: Spanned<SuiteWord> = "p256",
        /// Libraries of templates and network profiles, by their paths from this file.
        libraries as "use": Vec<Spanned<String>>,
        /// Parameters: `$name` as a whole value stands for them. Every combination is a case.
        params: Names<Name, Raw>,
        /// Combinations of parameters that are no case.
        exclude: Vec<Raw>,
        /// Settings of devices by name, to be used by `like`.
        templates: Names<Name, Device>,
        /// The prelude: what has happened before time 0.
        given: Option<Given>,
        /// Devices by name; every device that is spoken of is declared here or in a fleet.
        devices: Names<UserId, Device>,
        /// Many devices of the same kind.
        fleets: Names<UserId, Fleet>,
        /// The server.
        server: Option<Server>,
        /// The network.
        network: Option<Network>,
        /// Traffic that recurs.
        workload: Vec<Workload>,
        /// What happens, in the order of the text unless they say when.
        steps: Vec<Step>,
        /// What must be seen, or not.
        expect: Vec<Expectation>,
        /// Invariants: all of them by default.
        invariants: Option<Invariants>,
        /// Behavior that breaks the specification on purpose: legal only with an expected
        /// `finding`. `server` is the server.
        deviations: Names<UserId, Vec<Spanned<Deviation>>>,
        /// How long.
        time: Option<Time>,
        /// Load on a real server: what the simulator has no use for.
        load: Option<Load>,
        /// What only one world has; its keys come on top there.
        worlds: Option<Worlds>,
    }
}

table! {
    /// The requirements that a scenario shows. One that is listed, and that none of its runs shows, makes the
    /// scenario inconclusive; where only a part of its cases or seeds ran, that is a warning.
    Requirements "requirements" {
        /// The required behavior is seen.
        positive: Vec<Spanned<Requirement>>,
        /// The provocation is made, and the forbidden behavior is absent.
        negative: Vec<Spanned<Requirement>>,
    }
}

table! {
    /// The prelude, performed by real exchanges on links without loss.
    GivenMap "given" {
        /// Pairs that have exchanged one text each way, displayed and acknowledged.
        warm: Vec<Spanned<Vec<Spanned<UserId>>>>,
        /// Users that have rotated up to this epoch, all graces over.
        rotated: Names<UserId, Spanned<u64>>,
        /// Users whose links are down until an `online` step.
        offline: Some1Or,
    }
}

/// The prelude: the word `cold` (registered and attached, tables empty), or what came before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Given {
    /// Nothing beyond the default.
    Cold,
    /// What came before.
    Map(GivenMap),
}

words! {
    /// The prelude in a word.
    GivenWord "prelude" {
        /// Registered and attached, tables empty: the default.
        Cold = "cold",
    }
}

impl Read for Given {
    const KIND: Kind = Kind::Either(&GivenWord::KIND, &GivenMap::KIND);

    fn read(node: &Node, sink: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            NodeKind::Scalar { .. } => GivenWord::read(node, sink).map(|_| Self::Cold),
            NodeKind::Map(_) | NodeKind::Null | NodeKind::Broken | NodeKind::Seq(_) => {
                GivenMap::read(node, sink).map(Self::Map)
            }
        }
    }
}

/// Names of users: none, one or several.
pub type Some1Or = Option<Some1<Spanned<UserId>>>;

table! {
    /// Invariants that do not hold here.
    Invariants "invariants" {
        /// Invariants left out, each with the reason.
        except: Names<crate::scenario::leaf::OracleId, Spanned<String>>,
    }
}

table! {
    /// How long the phases of a run may last.
    Time "time" {
        /// Steps and faults may act; until everything heals.
        active: Spanned<Duration> = "1m",
        /// Everything is healed, and must converge.
        settle: Spanned<Duration> = "5m",
        /// The budget with real hardware, by the clock on the wall.
        real: Option<Spanned<Duration>>,
    }
}

table! {
    /// What only one world has: keys of a scenario that come on top there.
    Worlds "worlds" {
        /// In the simulator.
        run: Option<Raw>,
        /// With hardware in the loop.
        conform: Option<Raw>,
        /// As load on a real server.
        load: Option<Raw>,
    }
}

words! {
    /// The worlds.
    WorldKind "kind" {
        /// The simulator.
        Run = "run",
        /// A conformance test.
        Conform = "conform",
        /// Load on a real server.
        Load = "load",
    }
}

words! {
    /// How much a scenario takes.
    SizeWord "size" {
        /// Seconds.
        Small = "small",
        /// More: runs only when it is named.
        Large = "large",
    }
}

words! {
    /// The cryptographic suites.
    SuiteWord "suite" {
        /// The real profile.
        P256 = "p256",
        /// Same interface, no security, fast.
        Model = "model",
    }
}

/// The seeds of a scenario, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seeds(pub Vec<u64>);

/// Most seeds of one scenario in one run: more is a campaign of several.
const SEEDS_MAX: u64 = 100_000;

const SEEDS: Leaf = Leaf {
    name: "seed or range of seeds",
    expected: "a number, a range such as `1..20`, or a list of numbers",
    pattern: r"^[0-9][0-9_]*(\.\.[0-9][0-9_]*)?$",
    json: &["integer"],
};

impl Read for Seeds {
    const KIND: Kind = Kind::Either(&Kind::Leaf(&SEEDS), &Vec::<u64>::KIND);

    fn read(node: &Node, sink: &mut Diagnostics) -> Option<Self> {
        use crate::scenario::fields::Scalar as _;
        use crate::scenario::range::Drawn;
        if let NodeKind::Seq(_) = node.kind {
            return Vec::read(node, sink).map(Self);
        }
        let Some(text) = node.text() else {
            sink.wrong_type(node, SEEDS.expected);
            return None;
        };
        match Drawn::<u64>::parse(text) {
            Ok(range) if range.high - range.low < SEEDS_MAX => {
                Some(Self((range.low..=range.high).collect()))
            }
            Ok(_) => {
                sink.bad_value(node, &SEEDS, &format!("at most {SEEDS_MAX} seeds in one run"));
                None
            }
            Err(why) => {
                sink.bad_value(node, &SEEDS, &why);
                None
            }
        }
    }
}
