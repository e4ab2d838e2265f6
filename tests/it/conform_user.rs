//! Somebody else than the adapter acts for the user: an HTTP actuator, a command, a person who is not there.
//!
//! The device here is the reference device in this process, with a finger beside its line. Not here: what an
//! answer of an actuator means in detail (`conformance::actuator`).

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use peadsim::conformance::adapter::Adapter;
use peadsim::conformance::reference::Nature;
use peadsim::conformance::serve::Serve as _;
use serde_json::{Value, json};

use crate::cli::{Done, Place};

/// A device that can be pressed beside its line: what comes of that is said with the next answer.
struct Device {
    adapter: Adapter,
    held: Vec<String>,
    now_ns: u64,
    wall_ms: u64,
}

type Shared = Arc<Mutex<Device>>;

impl Device {
    fn at(path: &Path) -> Shared {
        let adapter = Adapter::new(Nature::default());
        let device =
            Arc::new(Mutex::new(Self { adapter, held: Vec::new(), now_ns: 0, wall_ms: 0 }));
        let (listener, own) = (UnixListener::bind(path).unwrap(), Arc::clone(&device));
        thread::spawn(move || {
            for stream in listener.incoming() {
                serve(&own, &stream.unwrap());
            }
        });
        device
    }

    fn answer(&mut self, line: &str) -> Vec<String> {
        let request: Value = serde_json::from_str(line).unwrap();
        if let (Some(now), Some(wall)) =
            (request["p"]["now_ns"].as_u64(), request["p"]["wall_ms"].as_u64())
        {
            (self.now_ns, self.wall_ms) = (now, wall);
        }
        let mut lines = std::mem::take(&mut self.held);
        lines.extend(self.adapter.answer(line.as_bytes()).0);
        lines
    }

    /// What a finger does, in the words of `user.act`.
    fn touch(&mut self, mut act: Value) {
        act["now_ns"] = self.now_ns.into();
        act["wall_ms"] = self.wall_ms.into();
        let request = json!({"v": 1, "id": 0, "m": "user.act", "p": act});
        let (mut lines, _) = self.adapter.answer(request.to_string().as_bytes());
        let reply: Value = serde_json::from_str(&lines.pop().unwrap()).unwrap();
        assert!(reply.get("ok").is_some(), "{reply}");
        self.held.extend(lines);
    }
}

fn serve(device: &Shared, stream: &UnixStream) {
    let mut to = stream;
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        for said in device.lock().unwrap().answer(&line) {
            if to.write_all(format!("{said}\n").as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// How the reference actuator answers, each in turn and the last for ever.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Works,
    Busy,
    Knows(&'static str),
    Broken,
    Sleeps,
}

/// The requests that an actuator got: path and body.
type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// The reference actuator: presses the device, and says so when it is done.
fn actuator(device: Shared, moods: &'static [Mood]) -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/rig", listener.local_addr().unwrap());
    let asked = Asked::default();
    let own = Arc::clone(&asked);
    thread::spawn(move || {
        for (count, stream) in listener.incoming().enumerate() {
            let mood = moods[count.min(moods.len() - 1)];
            attend(&mut stream.unwrap(), &device, mood, &own);
        }
    });
    (url, asked)
}

fn attend(stream: &mut TcpStream, device: &Shared, mood: Mood, asked: &Asked) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        let line = line.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    // A harness that waits no longer has gone again.
    let Some(path) = first.split(' ').nth(1).map(str::to_owned) else { return };
    let body: Value = serde_json::from_slice(&body).unwrap();
    asked.lock().unwrap().push((path.clone(), body.clone()));
    let known = ["/rig/conformance/userpresence", "/rig/conformance/deny"].contains(&path.as_str());
    let status = match mood {
        Mood::Works if !known => "404 Not Found",
        Mood::Knows(only) if path != only => "501 Not Implemented",
        Mood::Busy => "503 Service Unavailable\r\nRetry-After: 0",
        Mood::Broken => "500 Internal Server Error",
        Mood::Sleeps => {
            thread::park_timeout(std::time::Duration::from_secs(5));
            return;
        }
        Mood::Works | Mood::Knows(_) => {
            let mut act = body;
            act.as_object_mut().unwrap().remove("prompt");
            device.lock().unwrap().touch(act);
            "204 No Content"
        }
    };
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    // A harness that waits no longer is gone.
    let _ = stream.write_all(answer.as_bytes());
}

const APPROVE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/claims/claim-03-approve.yaml");
const REJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/approval/reject.yaml");

fn conform(place: &Place, more: &[&str]) -> Done {
    let args = ["conform", "--format", "json", "--unix", "rig.sock"];
    place.run(&[args.as_slice(), more].concat())
}

fn results(done: &Done) -> Value {
    serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{}\n{}", done.out, done.err))
}

#[test]
fn an_actuator_presses_at_the_time_at_which_the_adapter_would() {
    let place = Place::new();
    let (url, asked) = actuator(Device::at(&place.path("rig.sock")), &[Mood::Works]);
    let cases = [APPROVE, REJECT];
    let pressed = conform(&place, &["--user", &url, "--report", "out", cases[0], cases[1]]);
    let told = conform(&place, &cases);
    for (pressed, told) in [0, 1]
        .map(|n| (results(&pressed)["trials"][n].clone(), results(&told)["trials"][n].clone()))
    {
        assert_eq!(pressed["mark"], "pass", "{pressed}");
        assert_eq!(pressed["black_box"], told["black_box"]);
    }
    let asked = asked.lock().unwrap();
    let of = |path: &str| {
        let path = format!("/rig/conformance/{path}");
        asked.iter().filter(|it| it.0 == path).map(|it| it.1.clone()).collect::<Vec<_>>()
    };
    let (presence, denials) = (of("userpresence"), of("deny"));
    assert_eq!(presence[0]["prompt"]["number"], 1, "{presence:?}");
    assert_eq!(presence[0]["prompt"]["lines"], json!(["Pay 12.50 EUR", "to: Shop"]));
    assert_eq!((presence[0]["act"].as_str(), denials.len()), (Some("press"), 1));
    assert!(of("powercycle").iter().any(|it| it["act"] == "power-on"));
    let transcript = place.transcript("out");
    assert!(transcript.contains(r#""by":"user","line":"{\"begin\":"#), "{transcript}");
    assert!(transcript.contains("took_ns"));
    let judged = place.run(&["judge", "out"]);
    assert_eq!(judged.exit, 0, "{}{}", judged.out, judged.err);
}

/// What comes of a press by an actuator in these moods.
fn check(moods: &'static [Mood], mark: &str, part: &str) {
    let place = Place::new();
    let (url, _) = actuator(Device::at(&place.path("rig.sock")), moods);
    let done = conform(&place, &["--user-time", "1s", "--user", &url, APPROVE]);
    told(&done, mark, part);
}

fn told(done: &Done, mark: &str, part: &str) {
    let results = results(done);
    let trial = &results["trials"][0];
    assert_eq!(trial["mark"], mark, "{trial}");
    assert!(trial["reason"].as_str().unwrap().contains(part), "{trial}");
}

#[test]
fn an_actuator_may_be_busy_know_little_or_break() {
    check(&[Mood::Busy, Mood::Busy, Mood::Works], "pass", "");
    check(&[Mood::Knows("/rig/conformance/deny")], "pass", "");
    check(
        &[Mood::Knows("/none"), Mood::Busy],
        "inconclusive",
        "within 1s: whoever does it is busy",
    );
    check(
        &[Mood::Knows("/none"), Mood::Broken],
        "error",
        "cannot do `poll`: the actuator answers 500",
    );
    check(&[Mood::Knows("/none"), Mood::Sleeps], "inconclusive", "it is not done within 1s");
}

/// A finger that finds out what to do in a file, and removes it when it is done.
fn finger(device: Shared, folder: &Path) {
    let order = folder.join("order");
    thread::spawn(move || {
        while order.parent().unwrap().exists() {
            if let Ok(text) = std::fs::read_to_string(&order)
                && let Some(button) = text.strip_suffix(" 1\n")
            {
                device.lock().unwrap().touch(json!({"act": "press", "button": button}));
                std::fs::remove_file(&order).unwrap();
            }
            thread::park_timeout(std::time::Duration::from_millis(2));
        }
    });
}

#[test]
fn a_command_presses_or_says_why_not() {
    let place = Place::new().with(
        "press.sh",
        "[ $PEAD_ACT = press ] || exit 69\n\
         [ \"$PEAD_DISPLAY\" = 'Pay 12.50 EUR\nto: Shop' ] || exit 1\n\
         echo $PEAD_BUTTON $PEAD_PROMPT > new && mv new order\n\
         while [ -e order ]; do sleep 0.01; done\n",
    );
    finger(Device::at(&place.path("rig.sock")), &place.path("."));
    told(&conform(&place, &["--user", "cmd:sh press.sh", APPROVE]), "pass", "");
    let only_press = |rest: &str| format!("cmd:[ $PEAD_ACT = press ] || exit 69; {rest}");
    for (command, mark, part) in [
        ("exit 75", "inconclusive", "within 1s: whoever does it is busy"),
        ("echo no finger >&2; exit 3", "error", "ends with 3: no finger"),
        ("kill -9 $$", "error", "SIGKILL"),
        ("sleep 60", "inconclusive", "it is not done within 1s"),
        ("exit 69", "pass", ""),
    ] {
        let user = only_press(command);
        told(&conform(&place, &["--user-time", "1s", "--user", &user, APPROVE]), mark, part);
    }
}

#[test]
fn a_person_who_is_not_there_says_nothing_of_the_device() {
    let place = Place::new();
    let device = format!("{} device", env!("CARGO_BIN_EXE_peadsim"));
    let args = ["conform", "--format", "json", "--exec", &device, "--user", "terminal", APPROVE];
    let real = ["--clock", "real", "--time-scale", "50", "--user-time", "300ms"];
    let mut command = place.command(&[args.as_slice(), &real].concat());
    // Somebody has the terminal, and does nothing.
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let _terminal = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(
        err.contains("  | Pay 12.50 EUR\n")
            && err.contains("page to the end of what is shown on the device"),
        "{err}"
    );
    told(
        &Done { exit: 3, out, err },
        "inconclusive",
        "nobody did `scroll`: it is not done within 300ms",
    );
    assert_eq!(output.status.code(), Some(5));
    let done = place.run(&args);
    assert!(done.exit == 2 && done.err.contains("--clock real is needed"), "{}", done.err);
}

#[test]
fn actors_that_are_none_are_told_apart() {
    let place = Place::new();
    for (user, part) in [
        ("https://127.0.0.1:1", "expected `adapter`"),
        ("cmd:", "expected `adapter`"),
        ("http://192.0.2.1:80", "--allow-remote is needed"),
        ("http://?", "no actuator is at `http://?`"),
    ] {
        let done = place.run(&["conform", "--exec", "true", "--user", user, APPROVE]);
        assert!(done.exit == 2 && done.err.contains(part), "{user}: {}", done.err);
    }
}
