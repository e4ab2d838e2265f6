//! From the arguments of `load` to a plan, a server and how the one is put on the other.
//!
//! Not here: doing it.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::base::time::{Duration, Millis};
use crate::cli::args::{Load, Selection};
use crate::cli::exit::CliError;
use crate::cli::files::{self, Wanted};
use crate::cli::load::{offer, spawn};
use crate::cli::serve::resolve;
use crate::cli::{output, setup};
use crate::load::error::LoadError;
use crate::load::run::Setting;
use crate::load::schedule::Share;
use crate::runtime::client::channel::Endpoint;
use crate::runtime::clock::wall;
use crate::runtime::cores;
use crate::runtime::entropy;
use crate::runtime::null::{Manner, NullServer};
use crate::runtime::tls::Trust;
use crate::scenario::ast::scenario::WorldKind;
use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::plan::{Arrivals, Plan};
use crate::scenario::read::Case;
use crate::scenario::render::render;
use crate::scenario::resolve::resolve as plan_of;

/// The server that the load is put on; one that was started for it ends with this.
pub enum Server {
    /// Somebody else's.
    Theirs(Endpoint),
    /// A reference server.
    Spawned(spawn::Server),
    /// One that does nothing.
    Null(NullServer),
}

impl Server {
    /// The one that the arguments mean.
    ///
    /// # Errors
    /// When there is none there, or it does not start.
    pub fn of(args: &Load, plan: &Plan) -> Result<Self, CliError> {
        let (_, others) = cores(args);
        if args.spawn {
            return cores::on(&others, || spawn::server(plan, args.ephemeral)).map(Self::Spawned);
        }
        if args.null {
            let service = args.null_service.unwrap_or_default();
            let manner = Manner { service, stall: args.null_stall };
            return cores::on(&others, || null(manner)).map(Self::Null);
        }
        endpoint(args).map(Self::Theirs)
    }

    /// Where it tells its metrics, as far as one knows.
    #[must_use]
    pub fn metrics(&self) -> Option<String> {
        match self {
            Self::Spawned(server) => server.metrics().map(|it| format!("http://{it}/metrics")),
            Self::Theirs(_) | Self::Null(_) => None,
        }
    }

    /// The memory that it has taken at the worst so far, in octets, if it was started for the load.
    #[must_use]
    pub fn peak_memory(&self) -> Option<u64> {
        match self {
            Self::Spawned(server) => server.peak_memory(),
            Self::Theirs(_) | Self::Null(_) => None,
        }
    }

    /// Ends one that was started for the load; what it says if it had ended already.
    ///
    /// # Errors
    /// That.
    pub fn stop(self) -> Result<(), String> {
        match self {
            Self::Spawned(mut server) => server.stop(),
            Self::Theirs(_) | Self::Null(_) => Ok(()),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        match self {
            Self::Theirs(endpoint) => endpoint.clone(),
            Self::Spawned(server) => Endpoint::plain(server.address()),
            Self::Null(server) => Endpoint::plain(server.address()),
        }
    }
}

/// A server that does nothing.
///
/// # Errors
/// When the operating system refuses what it needs.
pub fn null(manner: Manner) -> Result<NullServer, CliError> {
    NullServer::start(manner).map_err(CliError::io("cannot start a server that does nothing"))
}

/// What the arguments mean to put on a server.
#[derive(Clone)]
pub struct Chosen {
    /// The run.
    pub plan: Plan,
    /// The hash of what the scenario says of it.
    pub scenario: String,
}

/// The only run of the scenario, as its file and the arguments have it.
///
/// # Errors
/// When it is invalid, or there are several and none is chosen.
pub fn choose(args: &Load) -> Result<Chosen, CliError> {
    let (paths, set) = (vec![args.file.clone()], args.set.clone());
    let selection = Selection { paths, set, sweep: Vec::new() };
    let (mut loaded, _) = files::load(&selection, Wanted::In(WorldKind::Load))?;
    setup::check(&mut loaded)?;
    for it in &mut loaded {
        it.reading.check_load();
        if it.reading.diagnostics.has_errors() {
            output::note(&it.reading.render(output::stderr_has_color()));
            return Err(CliError::Usage(
                "the scenario is none of a load; nothing was run".to_owned(),
            ));
        }
    }
    let all = || loaded.iter().flat_map(|it| it.reading.cases.iter().map(move |case| (it, case)));
    let chosen = match &args.case {
        Some(name) => all().find(|(_, case)| case.id == *name),
        None => all().next().filter(|_| all().count() == 1),
    };
    let names: Vec<_> = all().map(|(_, case)| case.id.as_str()).collect();
    let unclear = || CliError::Usage(format!("which case? --case takes {}", names.join(", ")));
    let (file, case) = chosen.ok_or_else(unclear)?;
    let scenario = offer::hash(&case.tree);
    let first = case.scenario.seeds.value.0.first().copied().unwrap_or(1);
    let seed = args.seed.unwrap_or(first);
    let resolved = |case: &Case| {
        let mut sink = Diagnostics::default();
        let plan = plan_of(case, seed, &args.file.display().to_string(), &mut sink);
        plan.ok_or_else(|| {
            output::note(&render(&sink, &file.reading.sources, output::stderr_has_color()));
            let why = "the scenario makes no plan with this seed and thinning; nothing was run";
            CliError::Usage(why.to_owned())
        })
    };
    let plan = match args.thin {
        None => resolved(case)?,
        Some(thin) => as_before(resolved(&thinned(case, thin))?, &resolved(case)?)?,
    };
    Ok(Chosen { plan, scenario })
}

/// The case with a part of its fleets' devices.
fn thinned(case: &Case, thin: Thin) -> Case {
    let mut case = case.clone();
    for fleet in &mut case.scenario.fleets.0 {
        let count = &mut fleet.value.own.count.value;
        *count = thin.of(*count);
    }
    case
}

/// A thinned plan in which each device does as much as in the whole one, also where all of them share a rate.
fn as_before(mut thinned: Plan, whole: &Plan) -> Result<Plan, CliError> {
    for (workload, before) in thinned.workloads.iter_mut().zip(&whole.workloads) {
        if let Arrivals::Trace { everybody: false, .. } = before.arrivals {
            let why =
                "a trace that all devices share cannot be thinned: its instants are those of all";
            return Err(CliError::Usage(why.to_owned()));
        }
        workload.arrivals = before.arrivals.clone();
    }
    Ok(thinned)
}

fn endpoint(args: &Load) -> Result<Endpoint, CliError> {
    let place = args.server.as_deref().unwrap_or_default();
    let address: SocketAddr = resolve(place)?;
    if !address.ip().is_loopback() && !args.allow_remote {
        let why = format!("{address} is not on the loopback interface: --allow-remote is needed");
        return Err(CliError::Usage(why));
    }
    let endpoint = Endpoint::plain(address);
    let Some(authorities) = &args.tls_ca else { return Ok(endpoint) };
    let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
    let name = args.tls_name.as_deref().unwrap_or(host);
    let trust = Trust::read(authorities);
    let endpoint = trust.and_then(|trust| endpoint.with_tls(trust, name));
    endpoint.map_err(|error| CliError::Usage(error.to_string()))
}

/// Threads of the generator.
fn workers(args: &Load) -> NonZeroUsize {
    let half = NonZeroUsize::new(setup::threads(None).get().div_ceil(2));
    args.threads.or(half).unwrap_or(NonZeroUsize::MIN)
}

/// Cores for the generator, and for a server that it starts: they would wait for each other on one. None of
/// either where there are too few, or the user wants none.
fn cores(args: &Load) -> (Vec<usize>, Vec<usize>) {
    let mut own = cores::own();
    let workers = workers(args).get();
    if args.no_pin || own.len() <= workers {
        return (Vec::new(), Vec::new());
    }
    let others = own.split_off(workers);
    (own, others)
}

/// How the plan is put on the server.
///
/// # Errors
/// When the operating system has no entropy.
pub fn setting(args: &Load, plan: Arc<Plan>, endpoint: Endpoint) -> Result<Setting, CliError> {
    let namespace = match &args.namespace {
        Some(name) => format!("{name}-"),
        None => {
            let luck: [u8; 4] = entropy::octets().map_err(LoadError::System)?;
            format!("l{:08x}-", u32::from_le_bytes(luck))
        }
    };
    if let (Some(_), Some(StartAt::In(_))) = (args.shard, args.start_at) {
        let why =
            "shards begin together: --start-at takes the same seconds since 1970 for all of them";
        return Err(CliError::Usage(why.to_owned()));
    }
    Ok(Setting {
        plan,
        endpoint,
        share: args.shard.map_or(Share::WHOLE, |shard| shard.share()),
        workers: workers(args),
        cores: cores(args).0,
        namespace,
        registers: !args.prepared,
        start_at: args.start_at.map(|at| at.millis(wall())),
        trusting: args.null,
    })
}

/// `1/100`: every so many devices one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thin(u64);

impl Thin {
    /// So many of a fleet of this size; never none.
    #[must_use]
    pub fn of(self, count: u64) -> u64 {
        count.div_ceil(self.0).max(1).min(count)
    }
}

impl std::fmt::Display for Thin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "1/{}", self.0)
    }
}

impl std::str::FromStr for Thin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let of = text.strip_prefix("1/").and_then(|of| of.parse().ok()).filter(|of| *of > 0);
        of.map(Self).ok_or_else(|| "expected 1/N with N above 0, such as 1/100".to_owned())
    }
}

/// When a load begins: seconds since 1970, or from now on with a `+`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// By the wall clock.
    At(Millis),
    /// From now on.
    In(Duration),
}

impl StartAt {
    /// By the wall clock.
    #[must_use]
    pub fn millis(self, now: Millis) -> Millis {
        match self {
            Self::At(at) => at,
            Self::In(wait) => now + wait,
        }
    }
}

impl std::str::FromStr for StartAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "expected seconds since 1970, or a wait such as +30s".to_owned();
        match text.strip_prefix('+') {
            Some(wait) => crate::cli::words::duration(wait).map(Self::In).map_err(|_| wrong()),
            None => {
                let millis = text.parse::<f64>().ok().filter(|it| (0.0..1e12).contains(it));
                let exact = |seconds: f64| format!("{:.0}", seconds * 1_000.0).parse().ok();
                millis.and_then(exact).map(|it| Self::At(Millis(it))).ok_or_else(wrong)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fleets_are_thinned_to_at_least_one_device() {
        let thin: Thin = "1/100".parse().unwrap();
        assert_eq!([0, 1, 99, 100, 101, 50_000].map(|it| thin.of(it)), [0, 1, 1, 1, 2, 500]);
        for bad in ["1/0", "2/3", "100", "1/x", ""] {
            assert!(bad.parse::<Thin>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_start_is_at_a_time_or_after_one() {
        let now = Millis(5_000);
        for (text, at) in [("+30s", 35_000), ("1795761479.25", 1_795_761_479_250), ("0", 0)] {
            assert_eq!(text.parse::<StartAt>().unwrap().millis(now), Millis(at), "{text}");
        }
        for bad in ["", "+", "+5", "-1", "NaN", "soon"] {
            assert!(bad.parse::<StartAt>().is_err(), "{bad}");
        }
    }
}
