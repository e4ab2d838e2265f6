//! What the arguments of `load` put on which server, as it stands in reports.
//!
//! Not here: how it is put there (`setting`), or what two offers must have in common (`verdict::offer`).

use std::net::Ipv4Addr;

use xxhash_rust::xxh3::xxh3_64;

use crate::cli::args::Load;
use crate::load::result::results;
use crate::load::run::{Planned, Run, Setting};
use crate::runtime::host;
use crate::runtime::null::Service;
use crate::scenario::tree::Node;
use crate::scenario::write::write;
use crate::verdict::load::LoadResults;
use crate::verdict::offer::{Generator, Offer, ServerKind, Terms};

/// What a scenario says beside who is connected, what they do and what the server is like: the words for it,
/// what is expected, and what an offer says by itself.
const BESIDE: [&str; 5] = ["id", "title", "seeds", "expect", "load"];

/// What came of a run that was put on a server so.
#[must_use]
pub fn results_of(args: &Load, scenario: &str, setting: &Setting, run: Run) -> LoadResults {
    let offer = offer(args, scenario, setting, &run.planned);
    results(env!("CARGO_PKG_VERSION"), &setting.plan, offer, run)
}

/// The hash of what a scenario puts on a server.
#[must_use]
pub fn hash(tree: &Node) -> String {
    let mut tree = tree.clone();
    for key in BESIDE {
        tree.remove(key);
    }
    format!("{:016x}", xxh3_64(write(&tree).as_bytes()))
}

/// What is put on which server.
#[must_use]
pub fn offer(args: &Load, scenario: &str, setting: &Setting, planned: &Planned) -> Offer {
    let plan = &setting.plan;
    let count = u32::try_from(plan.devices.len()).unwrap_or(u32::MAX);
    let (kind, server) = server(args);
    Offer {
        case: plan.case.clone(),
        title: plan.title.clone(),
        source: plan.source.clone(),
        scenario: scenario.to_owned(),
        seed: plan.seed,
        schedule: planned.hash.to_string(),
        whole: planned.whole.to_string(),
        operations: planned.operations,
        devices: (0..count).filter(|user| setting.share.holds(*user)).count() as u64,
        users: u64::from(count),
        namespace: setting.namespace.clone(),
        shard: args.shard.map(|shard| shard.to_string()),
        thinned: args.thin.map(|thin| thin.to_string()),
        pace: args.pace,
        server,
        kind,
        tls: args.tls_ca.is_some(),
        active: plan.active,
        terms: Terms {
            warm: plan.load.warm,
            flight: plan.load.flight as u64,
            sources: ranges(&plan.load.sources),
            lag: plan.load.lag,
        },
        generator: Generator {
            threads: setting.workers.get() as u64,
            pinned: !setting.cores.is_empty(),
            host: host::words(),
        },
    }
}

/// What kind of server the arguments mean, and the words for it.
#[must_use]
pub fn server(args: &Load) -> (ServerKind, String) {
    if let Some(place) = &args.server {
        return (ServerKind::Given, place.clone());
    }
    let (kind, what) = if args.null {
        (ServerKind::Null, "a server that does nothing")
    } else if args.ephemeral {
        (ServerKind::Ephemeral, "a reference server in memory")
    } else {
        (ServerKind::Durable, "a reference server with a durable store")
    };
    let takes = match args.null_service {
        None | Some(Service::Free) => String::new(),
        Some(Service::Constant(span)) => format!(", but takes {span} for a request"),
        Some(Service::Exponential(span)) => format!(", but takes {span} in the mean for a request"),
    };
    let stall = args.null_stall.map_or_else(String::new, |(at, span)| {
        format!(", and closes {at} after the first one for {span}")
    });
    (kind, format!("{what}{takes}{stall}, started for this load"))
}

/// The first and the last address of each range.
fn ranges(addresses: &[Ipv4Addr]) -> Vec<String> {
    let runs = addresses.chunk_by(|one, next| u32::from(*next) == u32::from(*one).wrapping_add(1));
    let ends = runs.filter_map(|run| Some((run.first()?, run.last()?)));
    ends.map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::read::{Extras, read_text};

    #[test]
    fn ranges_are_told_by_their_ends() {
        let addresses: Vec<Ipv4Addr> = ["127.0.0.255", "127.0.1.0", "127.0.1.1", "127.0.3.7"]
            .map(|it| it.parse().unwrap())
            .into();
        assert_eq!(ranges(&addresses), ["127.0.0.255-127.0.1.1", "127.0.3.7"]);
        assert_eq!(ranges(&[]), [""; 0]);
    }

    #[test]
    fn a_scenario_is_what_it_puts_on_a_server() {
        let hash_of = |more: &str| {
            let text = format!("peadsim: 1\nid: A\nfleets: {{desk: {{count: 4}}}}\n{more}");
            hash(&read_text("test", &text, &Extras::default()).cases[0].tree)
        };
        let own = hash_of("title: One\ntime: {active: 1s}\n");
        let same = "title: Other # words\nload: {lag: 1m}\nseeds: [7]\ntime: {active: 1s}\n";
        assert_eq!(own, hash_of(same));
        assert_ne!(own, hash_of("title: One\ntime: {active: 2s}\n"));
    }
}
