//! Points in handwritten runs. Not here: what is expected of them (`expect`).

use super::*;
use crate::base::id::Hash32;
use crate::oracle::tests_support::{Story, txn};
use crate::trace::fact::Button;

/// The points of a story in order, `name.point`.
fn points(story: &Story) -> Vec<String> {
    let mut tracker = Tracker::new(&story.spec);
    let mut all = Vec::new();
    for record in &story.records {
        for one in tracker.observe(record) {
            let name = &story.spec.names[one.of.name.0 as usize].name;
            all.push(format!("{name}.{}", one.of.point.name()));
        }
    }
    all
}

fn step(name: &str) -> Fact {
    Fact::Step { name: name.to_owned(), verb: "step".to_owned() }
}

#[test]
fn a_message_is_followed_from_hand_to_eye() {
    let mut story = Story::new(&["alice", "bob"]);
    let to = story.user(1);
    story.name("m1", NamedThing::Message { by: 0, draft: DraftId(7), to });
    story.sends(0, 1, 7, "hello");
    let about = About::message(story.mid(0, 1, 7), 1);
    let submit = story.frame(FrameKind::Submit, true, about.clone());
    story.device(0, Fact::Tx(submit.clone()));
    story.device(0, Fact::Tx(submit));
    story.accepts(0, 1, 7);
    let ack = story.frame(FrameKind::SubmitAck, false, about);
    story.device(0, Fact::Rx(ack));
    story.displays(1, 0, 7, "hello");
    assert_eq!(
        points(&story),
        ["m1.sent", "m1.encrypted", "m1.submitted", "m1.stored", "m1.accepted", "m1.displayed"]
    );
}

#[test]
fn a_rotation_is_bound_to_its_step_and_not_to_another_one() {
    let mut story = Story::new(&["alice"]);
    story.name("r1", NamedThing::Rotation { by: 0 });
    story.name("r2", NamedThing::Rotation { by: 0 });
    let rotation = |epoch| Fact::RotateStart { epoch: Epoch(epoch), revoke: false };
    story.device(0, step("r1"));
    let second = story.device(0, step("r2"));
    story.push(crate::base::id::NodeId::device(0), Some(second), rotation(2));
    story.device(0, Fact::RotateDone { epoch: Epoch(2), record: Hash32::ZERO });
    story.device(0, Fact::EpochErased { epoch: Epoch(1) });
    story.device(0, rotation(3));
    let seen = ["r1.start", "r2.start", "r2.requested", "r2.acked", "r2.graced", "r1.requested"];
    assert_eq!(points(&story), seen);
}

#[test]
fn a_press_is_a_point_of_itself_and_of_what_is_on_the_screen() {
    let mut story = Story::new(&["alice", "shop"]);
    let to = story.user(0);
    story.name("q1", NamedThing::Request { by: 1, draft: DraftId(1), to, txn: txn(1) });
    story.name("p1", NamedThing::Press { by: 0 });
    story.device(0, Fact::Armed { txn: txn(1) });
    story.device(0, step("p1"));
    let screen = Some(txn(1));
    story.device(0, Fact::Button { button: Button::Reject, screen, taken: true });
    story.device(0, Fact::NotApproved { txn: txn(1), why: NoApproval::Rejected });
    let seen = ["q1.armed", "p1.start", "p1.pressed", "q1.pressed", "q1.answered"];
    assert_eq!(points(&story), seen);
}

#[test]
fn messages_of_a_workload_are_followed_only_where_something_is_expected_of_them() {
    let mut story = Story::new(&["alice", "bob"]);
    let chat = workload(&mut story, "chat", 100, Traffic::Texts);
    story.sends(0, 1, 105, "hello");
    assert!(points(&story).is_empty());
    let mut waits = Tracker::awaiting(&story.spec, &[PointRef { name: chat, point: Point::Sent }]);
    assert!(!waits.observe(&story.records[0]).is_empty());
    assert_eq!(Tracker::new(&story.spec).draft(0, DraftId(105)), Some(chat));
    assert_eq!(Tracker::new(&story.spec).draft(0, DraftId(110)), None);
    let check = Check::Reaches { of: chat, point: Point::Sent };
    story.expect(check, 1..=1);
    assert_eq!(points(&story), ["chat.sent", "chat.encrypted"]);
}

#[test]
fn requests_of_a_workload_are_known_by_their_messages_and_own_data_by_its_writer() {
    let mut story = Story::new(&["shop", "alice"]);
    let pay = workload(&mut story, "pay", 100, Traffic::Requests);
    let own = workload(&mut story, "own", 200, Traffic::OwnData(vec![1..=1]));
    story.expect(Check::Prompted { request: pay }, 1..=1);
    story.expect(Check::Prompted { request: own }, 1..=1);
    story.sends(0, 1, 105, "pay");
    let asked = Some(story.mid(0, 1, 105));
    for (at, n, request) in [(1, 1, asked), (1, 2, None), (0, 3, None)] {
        story.prompts(at, 0, n);
        if let Some(Fact::Prompt(it)) = story.records.last_mut().map(|it| &mut it.fact) {
            it.request = request;
        }
        story.device(at, Fact::NotApproved { txn: txn(n), why: NoApproval::Rejected });
    }
    let seen = [
        "pay.sent", "pay.encrypted", "pay.displayed", "pay.shown", "pay.answered", "own.shown",
        "own.answered",
    ];
    assert_eq!(points(&story), seen);
}

fn workload(story: &mut Story, name: &str, first: u64, of: Traffic) -> NameId {
    story.name(name, NamedThing::Workload { first: DraftId(first), count: 10, of })
}
