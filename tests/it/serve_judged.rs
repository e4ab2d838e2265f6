//! The oracles of the simulator judge what devices and accounts state over real sockets.
//!
//! Not here: processes that are killed (`serve_kill`), or what a server keeps of itself (`serve_history`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use peadsim::base::id::{Epoch, NodeId, UserId};
use peadsim::base::time::{Instant, Now};
use peadsim::oracle::judge::Docket;
use peadsim::oracle::jury::Jury;
use peadsim::oracle::spec::Spec;
use peadsim::proto::port::UserAction;
use peadsim::runtime::server::Server;
use peadsim::runtime::server::config::{Config, FactSink, Statement, Storage};
use peadsim::trace::fact::{DraftStatus, Fact, StopCause};
use peadsim::trace::record::{Record, RecordId};

use crate::sim_plan::Draft;
use crate::town::{Person, config, device, plain, stamp, start, user, world};

const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];
/// Those that need neither octets on links nor the keys of devices.
const JUDGES: [&str; 7] = ["S-02", "S-03", "S-04", "S-18", "S-25", "S-26", "S-27"];
/// Those that must have had something to judge.
const CALLED: [&str; 6] = ["S-02", "S-03", "S-04", "S-18", "S-25", "S-26"];

/// What was stated, with its place in the order of all.
type Stated = (u64, NodeId, Now, Fact);
type Log = Arc<Mutex<Vec<Stated>>>;

fn number(name: &UserId) -> u32 {
    let place = PEOPLE.iter().position(|person| *person == name.as_str()).unwrap();
    u32::try_from(place).unwrap()
}

/// A server whose accounts are heard.
fn heard(log: &Log, folder: &std::path::Path, listen: std::net::SocketAddr) -> Server {
    let log = Arc::clone(log);
    let hear = move |it: Statement<'_>| {
        let mut log = log.lock().unwrap();
        log.push((stamp(), NodeId::account(number(it.user)), it.now, it.fact.clone()));
    };
    let facts: Option<FactSink> = Some(Arc::new(hear));
    let storage = Storage::Folder(folder.to_owned());
    start(Config { storage, facts, listen, ..config() })
}

/// Everything in its order, as records.
fn records(mut stated: Vec<Stated>) -> Vec<Record> {
    stated.sort_by_key(|(place, ..)| *place);
    let (mut counts, mut last) = (BTreeMap::<NodeId, u64>::new(), Instant::START);
    let record = |(_, node, now, fact): Stated| {
        let count = counts.entry(node).or_default();
        let id = RecordId { node, seq: *count };
        *count += 1;
        // Clocks of two nodes may differ by less than the way between them.
        last = last.max(now.at);
        Record { id, at: last, wall: now.wall, cause: None, fact }
    };
    stated.into_iter().map(record).collect()
}

fn judge(records: &[Record], spec: &Spec) -> Docket {
    let mut jury = Jury::of(&JUDGES, spec);
    records.iter().for_each(|record| jury.take(record));
    jury.conclude()
}

/// Nobody is told that a message is on its way before its account has it (S-19, S-20). One whose
/// acknowledgement was lost in the restart may be delivered before its sender hears that it was sent.
fn check_acknowledgements(records: &[Record]) {
    let (mut accepted, mut told) = (BTreeSet::new(), BTreeSet::new());
    for record in records {
        match &record.fact {
            Fact::Accept { mid, .. } => {
                accepted.insert(mid.clone());
            }
            Fact::Notice {
                mid: Some(mid),
                status: DraftStatus::Sent | DraftStatus::Delivered,
                ..
            } => {
                assert!(accepted.contains(mid), "{mid}");
                told.insert(mid.clone());
            }
            _ => {}
        }
    }
    assert_eq!(told.len(), 96, "all were sent");
}

#[test]
fn talk_rotation_and_a_restart_pass_the_oracles() {
    let (world, folder) = (world(), tempfile::tempdir().unwrap());
    let (log, anywhere) = (Log::default(), std::net::SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = heard(&log, folder.path(), anywhere);
    let place = server.address();
    let people = PEOPLE.map(|name| Person::new(&world, name, plain(place), device()));
    people.iter().for_each(Person::wait_until_ready);
    let say = |from: u64| {
        for (n, person) in (from..from + 8).flat_map(|n| people.iter().map(move |it| (n, it))) {
            let others = PEOPLE.iter().filter(|it| **it != person.name.as_str());
            for (to, offset) in others.zip([0, 1_000]) {
                person.say(n + offset, to, &format!("{n} from {}", person.name));
            }
        }
    };
    say(0);
    people[0].act(UserAction::Rotate { revoke: false });
    let rotated = |fact: &Fact| matches!(fact, Fact::RotateDone { epoch: Epoch(2), .. });
    people[0].wait("its second key", |facts| facts.iter().any(rotated));
    server.stop().unwrap();
    for person in &PEOPLE {
        let (at, node) = (stamp(), NodeId::account(number(&user(person))));
        let now = log.lock().unwrap().last().unwrap().2;
        log.lock().unwrap().push((at, node, now, Fact::PowerOff { why: StopCause::Crash }));
    }
    let server = heard(&log, folder.path(), place);
    say(8);
    for person in &people {
        person.wait_for("15 from alice".replace("alice", other(person)).as_str());
        person.wait_until_delivered(32);
    }
    server.stop().unwrap();

    let mut stated = log.lock().unwrap().clone();
    for person in &people {
        let node = NodeId::device(number(&person.name));
        stated.extend(person.stamped().into_iter().map(|(n, now, fact)| (n, node, now, fact)));
    }
    let records = records(stated);
    check_acknowledgements(&records);
    let docket = judge(&records, &Draft::new(&PEOPLE).spec);
    assert!(docket.findings.is_empty(), "{:#?}", docket.findings);
    for judge in CALLED {
        assert!(docket.evaluated.contains_key(judge), "{judge}: {:?}", docket.evaluated);
    }
}

/// Somebody else.
fn other(person: &Person) -> &'static str {
    PEOPLE.into_iter().find(|name| *name != person.name.as_str()).unwrap()
}
