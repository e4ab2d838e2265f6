//! What the reference device and the reference server say alike: how a line becomes a method, and what came
//! of it a line.
//!
//! Not here: what either does (`adapter`, `server_adapter`), or what the line runs over (`serve`).

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use strum::VariantNames;

use crate::base::time::{Instant, Millis, Now};
use crate::conformance::message::{
    Hello, Moment, Product, Refusal, RefusalCode, ReplyLine, RequestLine, VERSION,
};
use crate::proto::deviation::Deviations;
use crate::scenario::plan::SuiteName;

/// What kind of device or server it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nature {
    /// The rules that it breaks; none for the reference.
    pub deviations: Deviations,
    /// Whether it tells nothing of its inside, as a product does.
    pub opaque: bool,
    /// Whether it is a device that connects to its server by itself.
    pub native: bool,
}

/// What came of a request, or why nothing did.
pub(super) type Outcome<T> = Result<T, Refusal>;

/// What is said to one line by what carries methods out, and whether the session is over.
pub(super) fn answer<M: DeserializeOwned + VariantNames>(
    line: &[u8],
    carry_out: impl FnOnce(u64, M, &mut Vec<String>) -> Outcome<Value>,
) -> (Vec<String>, bool) {
    let Ok(request) = serde_json::from_slice::<RequestLine>(line) else {
        let refusal = Refusal::new(RefusalCode::BadRequest, "the line is no request");
        return (vec![reply(0, Err(refusal))], false);
    };
    let (id, ends) = (request.id, request.m == "shutdown");
    let mut lines = Vec::new();
    let result = request.method().and_then(|method| carry_out(id, method, &mut lines));
    let over = ends && result.is_ok();
    lines.push(reply(id, result));
    (lines, over)
}

/// One of ours.
pub(super) fn product(model: &str) -> Product {
    Product {
        vendor: "peadsim".to_owned(),
        model: model.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Whether the harness speaks the version of this, a device or a server.
pub(super) fn agree(hello: &Hello, what: &str) -> Outcome<()> {
    let [least, most] = hello.proto;
    if (least..=most).contains(&VERSION) {
        return Ok(());
    }
    let text = format!("this {what} speaks version {VERSION}");
    Err(Refusal::new(RefusalCode::BadRequest, text))
}

/// The suite of this name.
pub(super) fn suite_of(name: &str) -> Outcome<SuiteName> {
    let unknown = || format!("there is no suite {name}");
    let suite = SuiteName::find(name);
    suite.ok_or_else(|| Refusal::new(RefusalCode::UnsupportedCapability, unknown()))
}

/// The answer that says no more than that it is done.
pub(super) fn nothing() -> Value {
    Value::Object(Default::default())
}

pub(super) fn now(moment: Moment) -> Now {
    Now { at: Instant::from_nanos(moment.now_ns), wall: Millis(moment.wall_ms) }
}

fn reply(re: u64, result: Outcome<Value>) -> String {
    let (ok, err) = match result {
        Ok(ok) => (Some(ok), None),
        Err(err) => (None, Some(err)),
    };
    text(&ReplyLine { v: VERSION, re, ok, err })
}

pub(super) fn value(what: &impl Serialize) -> Value {
    serde_json::to_value(what).expect("messages are JSON")
}

pub(super) fn text(what: &impl Serialize) -> String {
    serde_json::to_string(what).expect("messages are JSON")
}
