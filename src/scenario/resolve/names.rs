//! Names of steps and workloads: what they stand for, and which points their lives have.
//!
//! Not here: devices (`people`).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::base::id::{DraftId, TxnId};
use crate::base::rng::{Luck, Purpose};
use crate::oracle::spec::{Moment, NameId, Named, NamedThing, Point, PointRef, Traffic};
use crate::scenario::address;
use crate::scenario::ast::scenario::Scenario;
use crate::scenario::ast::step::{Step, Verb};
use crate::scenario::ast::workload::{Recurring, Workload};
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::leaf::Name;
use crate::scenario::resolve::draws::entity;
use crate::scenario::resolve::people::People;
use crate::scenario::resolve::workload::members;
use crate::scenario::source::{Span, Spanned};

/// Draft numbers of one workload on one device: more than it can send.
const WORKLOAD_DRAFTS: u64 = 1 << 32;

/// All names of a scenario. The step with index i has the number i; workloads come after.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// What each number stands for.
    pub list: Vec<Named>,
    by_name: BTreeMap<String, (NameId, Span)>,
}

impl Names {
    /// Numbers the steps and workloads of a scenario.
    pub fn of(scenario: &Scenario, people: &People<'_>, seed: u64, sink: &mut Diagnostics) -> Self {
        let mut names = Self::default();
        for (index, step) in scenario.steps.iter().enumerate() {
            let number = index as u64 + 1;
            let draft = DraftId(number);
            let what = thing(&step.verb, draft, (scenario, seed), people);
            let what = what.unwrap_or(NamedThing::Step);
            let otherwise = format!("{}#{number}", step.verb.key());
            names.add(step.anchor.name.as_ref(), otherwise, what, people, sink);
        }
        for (index, workload) in scenario.workload.iter().enumerate() {
            let number = index as u64 + 1;
            let first = DraftId(number * WORKLOAD_DRAFTS);
            let of = traffic(index, &scenario.workload, people);
            let what = NamedThing::Workload { first, count: WORKLOAD_DRAFTS, of };
            let otherwise = format!("workload#{number}");
            names.add(workload.season.name.as_ref(), otherwise, what, people, sink);
        }
        names
    }

    fn add(
        &mut self,
        name: Option<&Spanned<Name>>,
        otherwise: String,
        what: NamedThing,
        people: &People<'_>,
        sink: &mut Diagnostics,
    ) {
        let id = NameId(u32::try_from(self.list.len()).expect("limits keep steps few"));
        if let Some(name) = name {
            let taken = crate::base::id::UserId::new(&name.value.0)
                .is_ok_and(|user| people.is_known(&user));
            if taken {
                sink.name_of_a_device(name);
            }
            match self.by_name.get(&name.value.0) {
                Some((_, first)) => sink.name_twice(name, *first),
                None => {
                    self.by_name.insert(name.value.0.clone(), (id, name.span));
                }
            }
        }
        let name = name.map_or(otherwise, |name| name.value.0.clone());
        self.list.push(Named { name, what });
    }

    /// What a number stands for.
    #[must_use]
    pub fn thing(&self, id: NameId) -> &NamedThing {
        &self.list[id.0 as usize].what
    }

    /// The number of a name.
    pub fn find(&self, name: &str, span: Span, sink: &mut Diagnostics) -> Option<NameId> {
        let found = self.by_name.get(name).map(|(id, _)| *id);
        if found.is_none() && !sink.is_broken(name) {
            sink.unknown_name(name, span, self.by_name.keys().map(String::as_str));
        }
        found
    }

    /// The number of a name that stands for one of the wanted things.
    pub fn find_thing(
        &self,
        name: &Spanned<Name>,
        wanted: &str,
        fits: impl Fn(&NamedThing) -> bool,
        sink: &mut Diagnostics,
    ) -> Option<NameId> {
        let id = self.find(&name.value.0, name.span, sink)?;
        if fits(self.thing(id)) {
            return Some(id);
        }
        sink.wrong_thing(name, wanted, self.thing(id));
        None
    }

    /// A point of a named thing; without a point the only one that a fence or fault can mean.
    pub fn point(
        &self,
        at: &address::PointAt,
        span: Span,
        sink: &mut Diagnostics,
    ) -> Option<PointRef> {
        let name = self.find(&at.name, span, sink)?;
        let thing = self.thing(name);
        let points = points_of(thing);
        if points.is_empty() {
            sink.no_points(&at.name, span, thing);
            return None;
        }
        let point = match (at.point, thing) {
            (Some(point), _) => point,
            (None, NamedThing::Fence { .. }) => Point::Reached,
            (None, NamedThing::Step | NamedThing::Press { .. }) => Point::Start,
            (
                None,
                NamedThing::Message { .. }
                | NamedThing::Request { .. }
                | NamedThing::Rotation { .. }
                | NamedThing::Workload { .. },
            ) => {
                sink.which_point(&at.name, span, points);
                return None;
            }
        };
        if !points.contains(&point) {
            sink.no_such_point(at, point, span, points);
            return None;
        }
        Some(PointRef { name, point })
    }

    /// An end of an interval.
    pub fn moment(&self, at: &Spanned<address::Moment>, sink: &mut Diagnostics) -> Option<Moment> {
        match &at.value {
            address::Moment::Time(time) => Some(Moment::At(*time)),
            address::Moment::Point(point) => {
                let point = self.point(point, at.span, sink)?;
                Some(Moment::Point(point, crate::base::time::Duration::ZERO))
            }
        }
    }
}

const MESSAGE: &[Point] = &[
    Point::Sent,
    Point::Encrypted,
    Point::Submitted,
    Point::Stored,
    Point::Accepted,
    Point::Forwarded,
    Point::Committed,
    Point::Displayed,
    Point::Acked,
    Point::Reported,
    Point::Expired,
    Point::Bounced,
    Point::Failed,
    Point::Shown,
    Point::Armed,
    Point::Pressed,
    Point::Answered,
];
/// Points that only requests have, at the end of [`MESSAGE`].
const OF_REQUESTS: usize = 4;

/// The points that a thing's life can have.
#[must_use]
pub fn points_of(thing: &NamedThing) -> &'static [Point] {
    match thing {
        NamedThing::Request { .. }
        | NamedThing::Workload { of: Traffic::Requests | Traffic::OwnData(_), .. } => MESSAGE,
        NamedThing::Message { .. }
        | NamedThing::Workload { of: Traffic::Texts | Traffic::MixedOwnData, .. } => {
            &MESSAGE[..MESSAGE.len() - OF_REQUESTS]
        }
        NamedThing::Workload { of: Traffic::Nothing, .. } => &[],
        NamedThing::Rotation { .. } => {
            &[Point::Requested, Point::Recorded, Point::Acked, Point::Graced]
        }
        NamedThing::Press { .. } => &[Point::Start, Point::Pressed],
        NamedThing::Fence { .. } => &[Point::Reached],
        NamedThing::Step => &[Point::Start, Point::End],
    }
}

/// What a step is, for those who speak of it. Unknown users are reported with the step itself.
fn thing(
    verb: &Verb,
    draft: DraftId,
    (scenario, seed): (&Scenario, u64),
    people: &People<'_>,
) -> Option<NamedThing> {
    let user = |name: &Spanned<crate::base::id::UserId>| people.by_name.get(&name.value).copied();
    let request = |from: &Spanned<_>, to: &Spanned<crate::base::id::UserId>, of: DraftId| {
        let txn = transaction(seed, of);
        Some(NamedThing::Request { by: user(from)?, draft, to: to.value.clone(), txn })
    };
    if let Verb::Send(send) = verb {
        let to = send.to.value.clone();
        Some(NamedThing::Message { by: user(&send.from)?, draft, to })
    } else if let Verb::Request(asked) = verb {
        let other = asked.txn.as_ref().and_then(|other| named_draft(&scenario.steps, other));
        request(&asked.from, &asked.to, other.unwrap_or(draft))
    } else if let Verb::Compose(own) = verb {
        if own.approve.value {
            request(&own.from, &own.to, draft)
        } else {
            let to = own.to.value.clone();
            Some(NamedThing::Message { by: user(&own.from)?, draft, to })
        }
    } else if let Verb::Rotate(rotate) = verb {
        Some(NamedThing::Rotation { by: user(&rotate.by)? })
    } else if let Verb::Press(press) = verb {
        Some(NamedThing::Press { by: user(&press.by)? })
    } else if let Verb::Fence(fence) = verb {
        Some(NamedThing::Fence { by: user(&fence.by)? })
    } else {
        None
    }
}

/// What the workload with this index makes. Unknown users are reported with the workload itself.
fn traffic(index: usize, workloads: &[Workload], people: &People<'_>) -> Traffic {
    let writers = |it: &Workload| match &it.what {
        Recurring::Compose(own) => people.ranges(members(&own.from), &mut Diagnostics::default()),
        Recurring::Send(_)
        | Recurring::Request(_)
        | Recurring::Poll(_)
        | Recurring::Rotate(_)
        | Recurring::Reconnect(_) => Vec::new(),
    };
    match &workloads[index].what {
        Recurring::Send(_) => Traffic::Texts,
        Recurring::Request(_) => Traffic::Requests,
        Recurring::Poll(_) | Recurring::Rotate(_) | Recurring::Reconnect(_) => Traffic::Nothing,
        Recurring::Compose(_) => {
            let own = writers(&workloads[index]);
            let others = workloads.iter().enumerate().filter(|(other, _)| *other != index);
            let mut others = others.flat_map(|(_, it)| writers(it));
            if others.any(|other| own.iter().any(|range| overlap(range, &other))) {
                Traffic::MixedOwnData
            } else {
                Traffic::OwnData(own)
            }
        }
    }
}

fn overlap(one: &RangeInclusive<u32>, other: &RangeInclusive<u32>) -> bool {
    one.start() <= other.end() && other.start() <= one.end()
}

/// The draft of the step with this name.
fn named_draft(steps: &[Step], name: &Spanned<Name>) -> Option<DraftId> {
    let is_it = |it: &Step| it.anchor.name.as_ref().is_some_and(|named| named.value == name.value);
    steps.iter().position(is_it).map(|index| DraftId(index as u64 + 1))
}

/// The transaction of a request: random, the same under the same seed.
#[must_use]
pub fn transaction(seed: u64, draft: DraftId) -> TxnId {
    TxnId(Luck::new(seed, Purpose::Setting, entity("transaction")).at(draft.0).octets())
}

/// What a thing is, in words.
fn describe(thing: &NamedThing) -> &'static str {
    match thing {
        NamedThing::Message { .. } => "a message",
        NamedThing::Request { .. } => "a request",
        NamedThing::Rotation { .. } => "a rotation",
        NamedThing::Press { .. } => "a press of a button",
        NamedThing::Step => "another step",
        NamedThing::Fence { .. } => "a fence",
        NamedThing::Workload { of, .. } => match of {
            Traffic::Texts => "a workload of texts",
            Traffic::Requests => "a workload of requests",
            Traffic::OwnData(_) => "a workload of own data",
            Traffic::MixedOwnData => "one of several workloads of own data on the same devices",
            Traffic::Nothing => "a workload without messages",
        },
    }
}

fn list(points: &[Point]) -> String {
    let points: Vec<_> = points.iter().map(|point| point.name()).collect();
    points.join(", ")
}

impl Diagnostics {
    fn unknown_name<'n>(&mut self, name: &str, span: Span, names: impl Iterator<Item = &'n str>) {
        let message = format!("nothing is called `{name}`");
        self.add(
            Diagnostic::new(Code::UnknownName, span, message)
                .suggest(name, names)
                .help("a step or workload gets its name by `as`"),
        );
    }

    fn wrong_thing(&mut self, name: &Spanned<Name>, wanted: &str, thing: &NamedThing) {
        let message = format!("`{}` is {}, not {wanted}", name.value.0, describe(thing));
        self.add(Diagnostic::new(Code::WrongThing, name.span, message));
    }

    fn no_points(&mut self, name: &str, span: Span, thing: &NamedThing) {
        let message = format!("`{name}` is {}: it has no points", describe(thing));
        self.add(Diagnostic::new(Code::NoSuchPoint, span, message));
    }

    fn which_point(&mut self, name: &str, span: Span, points: &[Point]) {
        let message = format!("`{name}` has several points: which one?");
        self.add(
            Diagnostic::new(Code::NoSuchPoint, span, message)
                .label(format!("such as `{name}.{}`", points[0].name()))
                .help(format!("its points are: {}", list(points))),
        );
    }

    fn no_such_point(&mut self, at: &address::PointAt, point: Point, span: Span, points: &[Point]) {
        let message = format!("`{}` has no point `{}`", at.name, point.name());
        self.add(
            Diagnostic::new(Code::NoSuchPoint, span, message)
                .suggest(point.name(), points.iter().map(|point| point.name()))
                .help(format!("its points are: {}", list(points))),
        );
    }

    fn name_twice(&mut self, name: &Spanned<Name>, first: Span) {
        let message = format!("two things are called `{}`", name.value.0);
        self.add(
            Diagnostic::new(Code::DefinedTwice, name.span, message).related(first, "the first one"),
        );
    }

    fn name_of_a_device(&mut self, name: &Spanned<Name>) {
        let message = format!("`{}` is the name of a device already", name.value.0);
        self.add(Diagnostic::new(Code::DefinedTwice, name.span, message));
    }
}
