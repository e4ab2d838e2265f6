//! Loads on servers over loopback sockets: what is written arrives, and what is measured is what happened.
//!
//! No test asserts how long something took, but what it took at least. Not here: the command line (`load_cli`),
//! or schedules, objectives and searches by themselves (unit tests of `load`).

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use peadsim::base::time::{Duration, Millis};
use peadsim::load::baseline::hindrance;
use peadsim::load::error::LoadError;
use peadsim::load::merge::{MergeError, merge};
use peadsim::load::progress::Snapshot;
use peadsim::load::result::results;
use peadsim::load::run::{Setting, Watch, run};
use peadsim::load::schedule::Share;
use peadsim::proto::config::ServerConfig;
use peadsim::runtime::client::channel::Endpoint;
use peadsim::runtime::clock::wall;
use peadsim::runtime::null::{Manner, NullServer, Service};
use peadsim::runtime::server::config::Config;
use peadsim::scenario::ast::scenario::WorldKind;
use peadsim::scenario::plan::Plan;
use peadsim::scenario::read::{Extras, read_text};
use peadsim::scenario::resolve::resolve;
use peadsim::verdict::load::{Ending, LoadResults, LoadVerdict};
use peadsim::verdict::offer::{Generator, Offer, ServerKind, Terms};

use crate::town;

/// Devices that do everything, for three seconds.
const EVERYTHING: &str = "
fleets:
  desk: {count: 12, receive: {push: true}, user: {after: 20ms, approves: 50%}, approve: {arm: 1ms}}
workload:
  - send:
      as: chat
      from: {fleet: [desk]}
      to: {contacts: 3, among: [desk]}
      size: 1B..300B
      arrivals: {poisson: {rate: 4/s, per: device}}
  - request:
      as: pay
      from: {fleet: [desk]}
      to: {contacts: 3, among: [desk]}
      lines: [Pay, now]
      arrivals: {poisson: {rate: 3/s, per: workload}}
  - compose:
      as: own
      from: {fleet: [desk]}
      to: {contacts: 3, among: [desk]}
      lines: [mine]
      arrivals: {poisson: {rate: 2/s, per: workload}}
  - poll: {as: look, by: {fleet: [desk]}, arrivals: {constant: {rate: 1/s, per: device}}}
  - rotate: {as: renew, by: {fleet: [desk]}, every: 23s, spread: 5%}
  - reconnect: {as: churn, by: {fleet: [desk]}, arrivals: {poisson: {rate: 2/s, per: workload}}}
server: {mailbox: {ttl: 20s}, directory: {grace: 22s}}
expect:
  - lost: {message: chat, count: 0}
time: {active: 3s, settle: 40s}
";

/// Nobody watches; somebody may stop it.
#[derive(Default)]
struct Nobody {
    stopped: AtomicBool,
    at_second: Option<Box<dyn FnMut()>>,
}

impl Watch for Nobody {
    fn look(&mut self, _: Duration, _: &Snapshot) {
        if let Some(act) = &mut self.at_second {
            act();
        }
    }

    fn tell(&mut self, _: &str) {}

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

fn plan(text: &str) -> Arc<Plan> {
    let head = "peadsim: 1\nid: LOAD-test\ntitle: A test\nkind: load\n";
    let extras = Extras { world: Some(WorldKind::Load), ..Extras::default() };
    let mut reading = read_text("test", &format!("{head}{text}"), &extras);
    reading.check();
    reading.check_load();
    assert!(!reading.diagnostics.has_errors(), "{}", reading.render(false));
    Arc::new(resolve(&reading.cases[0], 1, "test", &mut reading.diagnostics).unwrap())
}

fn setting(plan: &Arc<Plan>, address: SocketAddr) -> Setting {
    Setting {
        plan: Arc::clone(plan),
        endpoint: Endpoint::plain(address),
        share: Share::WHOLE,
        workers: NonZeroUsize::new(2).unwrap(),
        cores: Vec::new(),
        namespace: "t-".to_owned(),
        registers: true,
        start_at: None,
        trusting: false,
    }
}

fn put_watched(setting: &Setting, shard: Option<&str>, watch: &mut Nobody) -> LoadResults {
    let plan = &setting.plan;
    let run = run(setting, watch).unwrap();
    let offer = Offer {
        case: plan.case.clone(),
        title: plan.title.clone(),
        source: plan.source.clone(),
        scenario: "0".repeat(16),
        seed: plan.seed,
        schedule: run.planned.hash.to_string(),
        whole: run.planned.whole.to_string(),
        operations: run.planned.operations,
        devices: plan.devices.len() as u64,
        users: plan.devices.len() as u64,
        namespace: setting.namespace.clone(),
        shard: shard.map(str::to_owned),
        thinned: None,
        pace: 100,
        server: "a test's".to_owned(),
        kind: ServerKind::Given,
        tls: false,
        active: plan.active,
        // The machine that tests run on is as slow as it likes.
        terms: Terms { warm: true, flight: 64, sources: Vec::new(), lag: Duration::from_secs(60) },
        generator: Generator { threads: 2, pinned: false, host: "any".to_owned() },
    };
    results("0", plan, offer, run)
}

fn put(setting: &Setting) -> LoadResults {
    put_watched(setting, None, &mut Nobody::default())
}

/// On a server that does nothing but answer, in this manner.
fn put_on_null(plan: &Arc<Plan>, manner: Manner) -> LoadResults {
    let server = NullServer::start(manner).unwrap();
    put(&Setting { trusting: true, ..setting(plan, server.address()) })
}

fn server(plan: &Plan) -> peadsim::runtime::server::Server {
    let server = ServerConfig { server: town::user("server"), ..(*plan.server).clone() };
    town::start(Config { partitions: 2, ..Config::new(server) })
}

fn count(results: &LoadResults, metric: &str) -> u64 {
    results.metrics.get(metric).map_or(0, |figures| figures.count)
}

#[test]
fn what_is_written_arrives_and_is_measured() {
    let plan = plan(EVERYTHING);
    let server = server(&plan);
    let results = put(&setting(&plan, server.address()));
    assert_eq!(results.verdict, LoadVerdict::Pass, "{results:#?}");
    assert_eq!(results.ending, Ending::Drained);
    assert_eq!(results.count("done"), results.offer.operations);
    assert_eq!(results.count("failed"), 0);
    assert!(results.mail.accepted > 50 && results.mail.missing.is_empty());
    let chats = count(&results, "chat.response");
    assert!(chats > 40);
    assert_eq!(count(&results, "chat.delivery"), chats, "each says how long it took");
    let requests = count(&results, "pay.response");
    assert!(requests > 0);
    assert_eq!(count(&results, "pay.answer"), requests, "each was approved or rejected");
    assert!(count(&results, "own.response") > 0, "approved and sent, or rejected");
    assert_eq!(count(&results, "look.response"), 36);
    let renewals = count(&results, "renew.response");
    assert!(renewals > 0 && count(&results, "wire.rotate") == renewals);
    assert!(count(&results, "churn.response") > 0 && count(&results, "wire.attach") > 0);
    assert!(results.count("table-hits") > 0);
    assert_eq!(results.findings, []);
    for judge in ["S-02", "S-03", "S-12", "S-13", "S-14", "S-27"] {
        assert!(results.judged.evaluated.contains_key(judge), "{judge}: {:?}", results.judged);
    }
}

#[test]
fn cold_tables_ask_the_directory() {
    let text = EVERYTHING.to_owned() + "load: {tables: cold, sources: 127.0.3.0/30}\n";
    let plan = plan(&text.replace("user:", "limits: {lookups: 6000, burst: 100}, user:"));
    let server = server(&plan);
    let results = put(&setting(&plan, server.address()));
    assert_eq!(results.verdict, LoadVerdict::Pass, "{results:#?}");
    assert!(results.count("table-misses") > 0 && count(&results, "wire.lookup") > 0);
}

#[test]
fn devices_out_of_reach_come_back_to_their_mail() {
    let plan = plan("
fleets:
  desk: {count: 4, receive: {push: true}}
  away: {count: 6, receive: {push: true}, rto: 300ms, backoff: 1s}
workload:
  - send: {as: mail, from: {fleet: [desk]}, to: away, arrivals: {constant: {rate: 10/s, per: device}}}
steps:
  - partition: {as: gone, at: 300ms, between: [away, server], for: 1s}
expect:
  - healed: {fault: gone, within: 1h}
  - slo: {metric: mail.delivery, quantile: 100%, below: 1h, since: gone.end}
  - lost: {message: mail, count: 0}
time: {active: 4s, settle: 60s}
");
    let server = server(&plan);
    let results = put(&setting(&plan, server.address()));
    assert_eq!(results.verdict, LoadVerdict::Pass, "{results:#?}");
    assert!(results.count("connections-lost") >= 6);
    let longest = results.metrics["mail.delivery"].max;
    assert!(longest >= Duration::from_millis(900), "some mail waited for them: {longest}");
}

/// At a constant rate a server that is closed for a second holds up a fifth of five seconds of requests, each
/// for what is left of that second when it is due: the slowest tenth of all for half a second at least, and
/// one in a hundred for 950 ms. What it takes for each of them is no longer than ever.
#[test]
fn a_stall_is_in_the_responses_and_not_in_the_service() {
    let plan = plan(
        "
fleets: {desk: {count: 4, receive: {push: true}}}
workload:
  - poll: {as: look, by: {fleet: [desk]}, arrivals: {constant: {rate: 50/s, per: device}}}
load: {flight: 1}
time: {active: 5s, settle: 60s}
",
    );
    let stall = Some((Duration::from_secs(2), Duration::from_secs(1)));
    let results = put_on_null(&plan, Manner { service: Service::Free, stall });
    assert_eq!(results.ending, Ending::Drained);
    let [response, service] =
        ["look.response", "look.service"].map(|metric| results.metrics[metric].clone());
    assert_eq!(response.count, 1_000);
    assert!(response.p90 >= Duration::from_millis(480), "{}", response.p90);
    assert!(response.p99 >= Duration::from_millis(930), "{}", response.p99);
    assert!(service.p99 < response.p90, "{} and {}", service.p99, response.p90);
    let queue = &results.metrics["look.queue"];
    assert!(queue.p99 >= Duration::from_millis(900), "they waited for their turn: {}", queue.p99);
}

/// A device polls one poll at a time, however many may be open: a second one would be lost in the first.
#[test]
fn each_poll_has_its_own_answer() {
    let plan = plan(
        "
fleets: {desk: {count: 2, receive: {poll: 300ms}}}
workload:
  - poll: {as: look, by: {fleet: [desk]}, arrivals: {constant: {rate: 100/s, per: device}}}
time: {active: 2s, settle: 60s}
",
    );
    let service = Service::Constant(Duration::from_millis(8));
    let results = put_on_null(&plan, Manner { service, stall: None });
    assert_eq!((results.ending, results.count("done")), (Ending::Drained, 400));
    assert!(count(&results, "wire.poll") >= 400, "{}", count(&results, "wire.poll"));
    // One after the other they take 3.2 s of a server that takes 8 ms for each.
    let last = results.metrics["look.response"].max;
    assert!(last >= Duration::from_millis(1_100), "{last}");
}

/// A poll that is repeated while its answer is under way is answered twice: only the first answer ends it.
#[test]
fn a_second_answer_ends_no_other_poll() {
    let plan = plan(
        "
fleets: {desk: {count: 1, rto: 50ms, receive: {push: true, poll: 1h}}}
workload:
  - poll: {as: look, by: {fleet: [desk]}, arrivals: {constant: {rate: 10/s, per: device}}}
time: {active: 1s, settle: 60s}
",
    );
    let service = Service::Constant(Duration::from_millis(200));
    let results = put_on_null(&plan, Manner { service, stall: None });
    assert_eq!((results.ending, results.count("done")), (Ending::Drained, 10));
    assert!(results.count("frames-repeated") > 0, "{:?}", results.counts);
    let service = &results.metrics["look.service"];
    assert!(service.p50 >= Duration::from_millis(190), "{}", service.p50);
    assert_eq!(count(&results, "lag"), 10, "one of each operation");
}

/// A change of what shards have in common.
type Change = fn(&mut LoadResults);

/// What shards have in common, each with a change of it.
const TERMS: [(&str, Change); 15] = [
    ("the time", |it| it.offer.active = Duration::ZERO),
    ("the transport", |it| it.offer.tls = true),
    ("the scenario", |it| it.offer.scenario += "x"),
    ("the program", |it| it.program = "1".to_owned()),
    ("the case", |it| it.offer.case += "x"),
    ("the seed", |it| it.offer.seed = 2),
    ("the namespace", |it| it.offer.namespace += "x"),
    ("the server", |it| it.offer.server += "x"),
    ("the number of devices", |it| it.offer.users += 1),
    ("the pace", |it| it.offer.pace += 1),
    ("the population", |it| it.offer.thinned = Some("1/2".to_owned())),
    ("the state of the tables", |it| it.offer.terms.warm = false),
    ("the flight", |it| it.offer.terms.flight = 1),
    ("the lag that is allowed", |it| it.offer.terms.lag = Duration::ZERO),
    ("the schedule", |it| it.offer.whole = "0".repeat(16)),
];

#[test]
fn two_shards_are_one_load() {
    let plan = plan("
fleets: {desk: {count: 8, receive: {push: true}}}
workload:
  - send: {as: chat, from: {fleet: [desk]}, to: {contacts: 3, among: [desk]}, arrivals: {poisson: {rate: 4/s, per: device}}}
expect:
  - lost: {message: chat, count: 0}
time: {active: 2s, settle: 40s}
");
    let server = server(&plan);
    // Both know everybody: whoever comes first registers.
    let start = Some(Millis(wall().0 + 4_000));
    let shards: Vec<LoadResults> = std::thread::scope(|scope| {
        let shard = |index: u32| {
            let share = Share { index, of: 2 };
            let setting = Setting { share, start_at: start, ..setting(&plan, server.address()) };
            let name = format!("{}/2", index + 1);
            scope.spawn(move || put_watched(&setting, Some(&name), &mut Nobody::default()))
        };
        [shard(0), shard(1)].map(|it| it.join().unwrap()).into()
    });
    let merged = merge(&shards).unwrap();
    assert!(merged.mail.missing.is_empty(), "what one sent the other received");
    assert_eq!((merged.findings.len(), merged.verdict), (0, LoadVerdict::Pass), "{merged:#?}");
    let whole = put(&setting(&plan, server.address()));
    assert_eq!(merged.offer.schedule, whole.offer.schedule);
    assert_eq!(merged.offer.operations, whole.offer.operations);
    assert_eq!(merged.count("done"), merged.offer.operations);
    assert_eq!(count(&merged, "chat.delivery"), merged.offer.operations);
    assert_eq!(merged.slos[0].holds, Some(true));

    let unlike = |change: fn(&mut LoadResults)| {
        let mut shards = shards.clone();
        change(&mut shards[1]);
        merge(&shards).unwrap_err()
    };
    for (what, change) in TERMS {
        assert_eq!(unlike(change), MergeError::Unlike(what));
    }
    let false_parts = unlike(|it| it.offer.schedule = "0".repeat(16));
    assert!(matches!(false_parts, MergeError::Parts { .. }), "{false_parts}");
    let joined = merged.joined.unwrap();
    let names: Vec<_> = joined.shards.iter().map(|it| (it.shard.as_str(), it.began)).collect();
    assert_eq!(names, [("1/2", shards[0].began), ("2/2", shards[1].began)]);
    assert_eq!(
        unlike(|it| it.began = it.began + Duration::from_secs(1))
            .to_string()
            .split(" apart")
            .count(),
        2
    );
    let twice = unlike(|it| it.offer.shard = Some("1/2".to_owned()));
    assert_eq!(twice, MergeError::Incomplete { of: 2, found: "1/2, 1/2".to_owned() });
    assert_eq!(unlike(|it| it.offer.shard = None), MergeError::Whole(2));
    assert_eq!(unlike(|it| it.offer.kind = ServerKind::Ephemeral), MergeError::Alone(2));
    assert!(matches!(
        unlike(|it| {
            it.metrics.get_mut("lag").unwrap().hdr = "AAAA".to_owned();
        }),
        MergeError::Damaged { .. }
    ));
    assert_eq!(merge(&[]), Err(MergeError::Nothing));
}

/// The server ends after a second; with a short time to settle that is all the time there is to notice it.
fn check_server_gone(time: &str) {
    let plan = plan(&format!(
        "
fleets: {{desk: {{count: 3, receive: {{push: true}}}}}}
workload:
  - poll: {{as: look, by: {{fleet: [desk]}}, arrivals: {{constant: {{rate: 20/s, per: device}}}}}}
time: {time}
"
    ));
    let server = server(&plan);
    let setting = setting(&plan, server.address());
    let mut server = Some(server);
    let at_second = Some(Box::new(move || drop(server.take())) as Box<dyn FnMut()>);
    let mut watch = Nobody { at_second, ..Nobody::default() };
    let results = put_watched(&setting, None, &mut watch);
    let end = (results.ending, results.verdict);
    assert_eq!(end, (Ending::ServerGone, LoadVerdict::ServerGone), "{time}");
    assert!(results.count("done") > 0 && count(&results, "look.response") > 0);
    assert_eq!(hindrance(&results), Some("lost its server"), "it is not compared");
}

#[test]
fn a_server_that_is_gone_ends_the_load_with_what_was_measured() {
    check_server_gone("{active: 5m, settle: 1m}");
    check_server_gone("{active: 3s, settle: 1s}");
}

#[test]
fn what_cannot_begin_says_why() {
    let plan = plan(
        "
fleets: {desk: {count: 2}}
workload:
  - poll: {by: {fleet: [desk]}, arrivals: {constant: {rate: 1/s, per: device}}}
time: {active: 2s, settle: 1s}
",
    );
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let why = |setting: Setting| run(&setting, &mut Nobody::default()).unwrap_err();
    assert!(matches!(why(setting(&plan, nobody)), LoadError::Unreachable { .. }));
    let server = server(&plan);
    let fine = setting(&plan, server.address());
    let long = Setting { namespace: "x".repeat(70), ..fine.clone() };
    assert!(matches!(why(long), LoadError::Namespace { .. }));
    let late = Setting { start_at: Some(Millis(1)), ..fine.clone() };
    assert!(matches!(why(late), LoadError::TooLate(_)));
    let stopped = Nobody { stopped: AtomicBool::new(true), at_second: None };
    let mut stopped = stopped;
    assert!(matches!(run(&fine, &mut stopped), Err(LoadError::Stopped)));
}
