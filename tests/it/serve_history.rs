//! What a server keeps of all that it does is judged, and so is what others say beside it.
//!
//! Not here: a server that is killed meanwhile (`serve_kill`).

use peadsim::base::id::{Epoch, Mid, ReqId, Seq};
use peadsim::proto::config::ServerConfig;
use peadsim::proto::deviation::{Deviation, Deviations};
use peadsim::runtime::server::Server;
use peadsim::runtime::server::config::{Config, Storage};
use peadsim::wire::message::{Envelope, Message};
use peadsim::wire::record::KeyRecord;

use crate::cli::Place;
use crate::stranger::{Keys, Line};
use crate::town::{config, settings, start, user, world};
use crate::witness::Witness;

/// A server with this mistake that keeps a history in `data`.
fn serve(place: &Place, deviations: &[Deviation]) -> Server {
    let deviations = deviations.iter().copied().collect::<Deviations>();
    let server = ServerConfig { deviations, mailbox_messages: 2, ..settings() };
    let storage = Storage::Folder(place.path("data"));
    start(Config { server, storage, history: true, ..config() })
}

/// Anna sends three messages, where there is room for two, the first one twice; Bob fetches them.
fn talk(server: Server, witness: &Witness) {
    let address = server.address();
    world().block_on(async {
        let (anna, bob) = (Keys::of("anna").seen_by(witness), Keys::of("bob").seen_by(witness));
        let mut bobs = Line::attached(address, &bob).await.unwrap();
        let mut annas = Line::attached(address, &anna).await.unwrap();
        for seq in [1, 1, 2, 3] {
            let submit = anna.submit("bob", seq, 64);
            annas.ask(Message::Submit(Box::new(submit))).await.unwrap();
        }
        while !bobs.fetch().await.unwrap().is_empty() {}
    });
    server.stop().unwrap();
}

fn check(deviations: &[Deviation], exit: i32, expected: &str) {
    let place = Place::new();
    talk(serve(&place, deviations), &Witness::default());
    let judged = place.run(&["judge", "data"]);
    assert_eq!((judged.exit, judged.err.as_str()), (exit, ""), "{deviations:?}: {}", judged.out);
    assert!(judged.out.contains(expected), "{deviations:?}: {}", judged.out);
    let json = place.run(&["judge", "data", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["findings"].as_array().unwrap().is_empty(), exit == 0, "{json}");
}

#[test]
fn mistakes_are_found_in_what_a_server_has_kept() {
    check(&[], 0, "1 start, 2 accounts");
    check(&[Deviation::M72], 1, "anna>bob#1 attempt 1 is stored although attempt 1 is stored");
    check(&[Deviation::M69], 1, "anna>bob#1 was accepted and never offered, but later mail was");
}

/// What the oracles find when this was seen beside what was true.
fn found(seen: impl FnOnce(&Witness)) -> Vec<String> {
    let (place, witness) = (Place::new(), Witness::default());
    talk(serve(&place, &[]), &witness);
    seen(&witness);
    let docket = witness.judge(&place.path("data"));
    docket.findings.into_iter().map(|finding| finding.message).collect()
}

#[test]
fn what_others_were_told_is_judged_beside_it() {
    assert_eq!(found(|_| ()), [""; 0]);
    let (anna, bob) = (user("anna"), user("bob"));
    let frame = |body| Envelope { req: ReqId([9; 8]), ticket: None, body };
    let mid = Mid { sender: anna.clone(), receiver: bob.clone(), seq: Seq(7) };
    let acknowledged = frame(Message::SubmitAck { mid, duplicate: false });
    assert_eq!(
        found(|witness| witness.receives(&anna, &acknowledged)),
        ["SubmitAck of anna>bob#7 before it is stored"]
    );
    let record = KeyRecord { epoch: Epoch(2), ..Keys::of("anna").registration().record };
    let lookup = Message::LookupKey { user: anna, want_epoch: None, have_hash: None };
    let (lookup, reply) = (frame(lookup), Message::KeyReply { records: vec![record], more: false });
    let found = found(|witness| {
        witness.sends(&bob, &lookup);
        witness.receives(&bob, &frame(reply));
    });
    assert_eq!(found, ["a lookup of anna is told an old epoch"]);
}

#[test]
fn only_the_data_of_a_server_that_has_ended_have_a_history() {
    let place = Place::new();
    let server = serve(&place, &[]);
    let judged = place.run(&["judge", "data"]);
    assert_eq!(judged.exit, 4);
    assert!(judged.err.contains("in use by another process"), "{}", judged.err);
    server.stop().unwrap();
    // It has started, and nobody has come.
    assert_eq!(place.run(&["judge", "data"]).exit, 5);
    let place = Place::new();
    let storage = Storage::Folder(place.path("data"));
    start(Config { storage, ..config() }).stop().unwrap();
    let judged = place.run(&["judge", "data"]);
    assert_eq!(judged.exit, 2);
    assert!(judged.err.contains("`data` has no history"), "{}", judged.err);
}

#[test]
fn what_happened_without_a_history_is_missed() {
    let place = Place::new();
    talk(serve(&place, &[Deviation::M72]), &Witness::default());
    let judged = place.run(&["judge", "data"]);
    assert_eq!((judged.exit, judged.out.contains("missing")), (1, false), "{}", judged.out);
    let storage = || Storage::Folder(place.path("data"));
    start(Config { storage: storage(), ..config() }).stop().unwrap();
    // Whatever was wrong may have been put right in between.
    let judged = place.run(&["judge", "data"]);
    assert_eq!(judged.exit, 3, "{}", judged.out);
    for words in ["missing       1 start", "inconclusive  S-18 at", "attempt 1 is stored although"]
    {
        assert!(judged.out.contains(words), "{words} is not in {}", judged.out);
    }
    let place = Place::new();
    let storage = || Storage::Folder(place.path("data"));
    start(Config { storage: storage(), ..config() }).stop().unwrap();
    start(Config { storage: storage(), ..config() }).stop().unwrap();
    talk(serve(&place, &[]), &Witness::default());
    let judged = place.run(&["judge", "data", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&judged.out).unwrap();
    assert_eq!((judged.exit, &json["starts"], &json["missing"]), (3, &1.into(), &2.into()));
    assert_eq!(json["findings"], serde_json::json!([]));
}
