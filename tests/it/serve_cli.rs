//! `peadsim serve` as its operator sees it: what it says, what it refuses, how it ends.
//!
//! Not here: what it serves (`serve`), or what it survives (`serve_kill`).

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use redb::{Database, TableDefinition};

use crate::cli::{Place, Running};

const ARGS: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--data", "data"];

/// A server process, its first line, and what asks it to end.
fn spawn(place: &Place, more: &[&str]) -> (Running, String) {
    let mut command = place.command(&[&ARGS, more].concat());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut child = Running(child);
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim().to_owned())
}

/// Ends it; its exit code and its log.
fn end(mut server: Running) -> (Option<i32>, String) {
    server.ask_to_end();
    let mut log = String::new();
    server.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    (server.0.wait().unwrap().code(), log)
}

#[test]
fn it_tells_where_it_listens_logs_and_ends_in_order() {
    let place = Place::new();
    let (server, line) = spawn(&place, &["--log", "json"]);
    let port = line.strip_prefix("listening at 127.0.0.1:").expect(&line);
    assert!(port.parse::<u16>().unwrap() > 0);
    let (exit, log) = end(server);
    assert_eq!(exit, Some(0), "{log}");
    let last: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!(last["fields"]["message"], "ended");
    assert_eq!(place.names("data"), ["peadsim.redb"]);
    let (server, _) = spawn(&place, &[]);
    let (exit, log) = end(server);
    assert_eq!(exit, Some(0));
    assert!(log.contains("INFO") && log.contains("listening"), "{log}");
}

#[test]
fn data_and_addresses_belong_to_one_server() {
    let place = Place::new();
    let (server, line) = spawn(&place, &[]);
    let taken = place.run(&ARGS);
    assert_eq!(taken.exit, 4);
    assert!(taken.err.contains("in use by another process"), "{}", taken.err);
    let address = line.strip_prefix("listening at ").unwrap();
    let taken = place.run(&["serve", "--listen", address, "--ephemeral"]);
    assert_eq!(taken.exit, 4);
    assert!(taken.err.contains(&format!("cannot listen at {address}")), "{}", taken.err);
    assert_eq!(end(server).0, Some(0));
}

#[test]
fn what_is_not_its_own_is_left_alone() {
    let place = Place::new();
    std::fs::create_dir(place.path("data")).unwrap();
    let file = place.path("data/peadsim.redb");
    let database = Database::create(&file).unwrap();
    let writing = database.begin_write().unwrap();
    let meta = TableDefinition::<&str, u64>::new("meta");
    writing.open_table(meta).unwrap().insert("format", 99).unwrap();
    writing.commit().unwrap();
    drop(database);
    let newer = place.run(&ARGS);
    assert_eq!(newer.exit, 4);
    assert!(newer.err.contains("the store has format 99"), "{}", newer.err);
    for octets in [&b"no store at all, but a text"[..], &[0x5a; 1 << 20]] {
        std::fs::write(&file, octets).unwrap();
        let other = place.run(&ARGS);
        assert_eq!(other.exit, 4);
        assert!(other.err.contains("is none of this program"), "{}", other.err);
        assert_eq!(std::fs::read(&file).unwrap(), octets);
    }
    let place = Place::new().with("data", "a file");
    let no_folder = place.run(&ARGS);
    assert_eq!(no_folder.exit, 4);
    assert!(no_folder.err.contains("cannot use the folder `data`"), "{}", no_folder.err);
}

#[test]
fn nobody_asks_for_a_server_that_serves_nobody() {
    let place = Place::new();
    for bound in [
        "--connections=0", "--users=0", "--unattached=0", "--rate=0", "--in-flight=0",
        "--mailbox-messages=0", "--mailbox-octets=0", "--attach-within=0s", "--frame-within=0s",
        "--idle=0s", "--lease=0s",
    ] {
        let refused = place.run(&["serve", "--ephemeral", "--listen", "127.0.0.1:0", bound]);
        assert_eq!(refused.exit, 2, "{bound}");
        let words = ["invalid value '0", "zero"];
        assert!(words.iter().all(|it| refused.err.contains(it)), "{bound}: {}", refused.err);
    }
}

#[test]
fn what_is_asked_wrongly_is_refused() {
    let place = Place::new().with("empty.pem", "");
    for (args, words) in [
        (&["serve", "--ephemeral", "--listen", "0.0.0.0:0"][..], "--allow-remote is needed"),
        (&["serve", "--ephemeral", "--listen", "here"], "is no HOST:PORT"),
        (&["serve", "--ephemeral", "--ttl", "8d"], "--grace is to be at least"),
        (&["serve", "--ephemeral", "--ttl", "0s"], "cannot be zero"),
        (&["serve", "--ephemeral", "--idle", "61m"], "--idle is to be at least 63m: the life of"),
        (&["serve", "--ephemeral", "--data", "x"], "cannot be used with"),
        (&["serve", "--tls-cert", "empty.pem"], "--tls-key"),
        (
            &["serve", "--ephemeral", "--tls-cert", "empty.pem", "--tls-key", "empty.pem"],
            "holds no certificate",
        ),
    ] {
        let refused = place.run(args);
        assert_eq!(refused.exit, 2, "{args:?}");
        assert!(refused.err.contains(words), "{args:?}: {}", refused.err);
    }
    assert!(place.run(&["serve", "--help"]).out.contains("Exit code 4"));
}
