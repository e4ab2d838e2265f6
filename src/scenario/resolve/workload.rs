//! Workloads: who acts how often, as the plan has it.
//!
//! Not here: the schedule of arrivals, which is drawn while a run goes on (`sim`).

use std::ops::RangeInclusive;

use crate::base::id::{DraftId, UserId};
use crate::base::time::Duration;
use crate::base::units::{Rate, Ratio};
use crate::oracle::spec::{NameId, NamedThing};
use crate::proto::config::TEXT_MAX;
use crate::scenario::ast::forms::{Or, Some1};
use crate::scenario::ast::workload::{
    self, Arrivals, AskOften, Group, Per, Recurring, RotateOften, SendOften, SineOf, SizeLuck,
    TraceOf, Whom,
};
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::leaf::Octets;
use crate::scenario::plan::{self, Contacts, RequestPlan, Swing, Workload, WorkloadKind};
use crate::scenario::range::Drawn;
use crate::scenario::resolve::Context;
use crate::scenario::resolve::draws::{Draws, Setting};
use crate::scenario::resolve::settings::check_share;
use crate::scenario::source::{Span, Spanned};

/// Most instants of a trace: as many as a long day of one a second.
const INSTANTS_MAX: usize = 100_000;

/// The workload with this index.
pub fn workload(
    written: &workload::Workload,
    index: usize,
    cx: &mut Context<'_>,
) -> Option<Workload> {
    let name = NameId(u32::try_from(cx.steps.len() + index).ok()?);
    let parts = match &written.what {
        Recurring::Send(send) => messages(send, name, cx),
        Recurring::Request(asked) => approvals(asked, false, name, cx),
        Recurring::Compose(own) => approvals(own, true, name, cx),
        Recurring::Poll(poll) => {
            let by = group(&poll.by, cx);
            let arrivals = arrivals(&poll.arrivals, &by, cx);
            Some((WorkloadKind::Poll, by, arrivals))
        }
        Recurring::Rotate(rotate) => rotations(rotate, cx),
        Recurring::Reconnect(it) => {
            let by = group(&it.by, cx);
            let arrivals = arrivals(&it.arrivals, &by, cx);
            Some((WorkloadKind::Reconnect, by, arrivals))
        }
    };
    let season = &written.season;
    let mut shape = Vec::with_capacity(season.shape.len());
    for stage in &season.shape {
        if shape.last().is_some_and(|(last, _)| *last >= stage.start.value) {
            cx.sink.stages_out_of_order(stage.start.span);
        }
        shape.push((stage.start.value, stage.rate.value));
    }
    if let (Some(Arrivals::Trace(_)), Some(stage)) = (written.arrivals(), season.shape.first()) {
        cx.sink.shape_of_a_trace(stage.start.span);
    }
    let until = season.until.as_ref().map_or(cx.active, |until| until.value.min(cx.active));
    let (what, by, arrivals) = parts?;
    Some(Workload { name, what, by, arrivals, shape, from: season.since.value, until })
}

type Parts = (WorkloadKind, Vec<RangeInclusive<u32>>, plan::Arrivals);

fn messages(send: &SendOften, name: NameId, cx: &mut Context<'_>) -> Option<Parts> {
    let by = group(&send.from, cx);
    let to = whom(&send.to, cx);
    let arrivals = arrivals(&send.arrivals, &by, cx);
    let first = first_draft(name, cx)?;
    let size = size(send, cx)?;
    Some((WorkloadKind::Send { to, size, first }, by, arrivals))
}

fn approvals(asked: &AskOften, own: bool, name: NameId, cx: &mut Context<'_>) -> Option<Parts> {
    let by = group(&asked.from, cx);
    let to = whom(&asked.to, cx);
    let form = RequestPlan {
        lines: asked.lines.value.iter().map(|line| line.value.clone()).collect(),
        amount: asked.amount.as_ref().map(|amount| amount.value),
        currency: asked.currency.as_ref().map(|currency| currency.value.clone()),
        payee: asked.payee.as_ref().map(|payee| payee.value.clone()),
        expires: asked.expires.value,
    };
    let arrivals = arrivals(&asked.arrivals, &by, cx);
    let first = first_draft(name, cx)?;
    Some((WorkloadKind::Ask { to, form, own, first }, by, arrivals))
}

fn first_draft(name: NameId, cx: &Context<'_>) -> Option<DraftId> {
    let NamedThing::Workload { first, .. } = cx.names.thing(name) else { return None };
    Some(*first)
}

fn whom(written: &Whom, cx: &mut Context<'_>) -> Contacts {
    match &written.value {
        Or::Single(users) => Contacts::OneOf(cx.people.indexes(users, cx.sink)),
        Or::Map(list) => {
            let among = cx.people.ranges(&list.among.0, cx.sink);
            let others = count(&among).saturating_sub(1);
            // A name that stands for nobody is a finding already, and leaves open how many there are.
            let known = list.among.0.iter().all(|it| cx.people.is_known(&it.value));
            if known && (list.contacts.value == 0 || list.contacts.value > others) {
                cx.sink.out_of_limits(&list.contacts, &format!("expected 1 to {others}"));
            }
            Contacts::List {
                count: u32::try_from(list.contacts.value).unwrap_or(u32::MAX),
                zipf_milli: list.zipf.value.0,
                among,
            }
        }
    }
}

fn arrivals(
    written: &Arrivals,
    by: &[RangeInclusive<u32>],
    cx: &mut Context<'_>,
) -> plan::Arrivals {
    match written {
        Arrivals::Poisson(it) => plan::Arrivals::Poisson(of_each(it.rate.value, &it.per, by)),
        Arrivals::Constant(it) => plan::Arrivals::Every {
            period: of_each(it.rate.value, &it.per, by).interval(),
            spread: Ratio::ONE,
        },
        Arrivals::Sine(it) => {
            let rate = of_each(it.rate.value, &it.per, by);
            plan::Arrivals::Sine { rate, swing: swing(it, cx.sink) }
        }
        Arrivals::Trace(it) => plan::Arrivals::Trace {
            instants: instants(it, cx.sink),
            everybody: it.per.value == Per::Device,
        },
    }
}

/// The rate of each device.
fn of_each(rate: Rate, per: &Spanned<Per>, by: &[RangeInclusive<u32>]) -> Rate {
    match per.value {
        Per::Device => rate,
        Per::Workload => Rate { per: rate.per.times(count(by).max(1)), ..rate },
    }
}

fn swing(written: &SineOf, sink: &mut Diagnostics) -> Swing {
    check_share(&written.amplitude, sink);
    if written.period.value == Duration::ZERO {
        sink.out_of_limits(&written.period, "expected more than no time");
    }
    Swing { period: written.period.value, amplitude: written.amplitude.value }
}

fn instants(written: &TraceOf, sink: &mut Diagnostics) -> Vec<Duration> {
    let list = &written.table.value.0;
    if list.is_empty() || list.len() > INSTANTS_MAX {
        sink.bad_trace(written.table.span, &format!("a trace has 1 to {INSTANTS_MAX} instants"));
    }
    for pair in list.windows(2).filter(|pair| pair[1].value < pair[0].value) {
        sink.bad_trace(pair[1].span, "the instants of a trace come in order");
    }
    list.iter().map(|instant| instant.value).collect()
}

fn rotations(rotate: &RotateOften, cx: &mut Context<'_>) -> Option<Parts> {
    let by = group(&rotate.by, cx);
    if rotate.every.value < cx.grace {
        cx.sink.rotation_in_grace(&rotate.every, cx.grace);
    }
    let arrivals =
        plan::Arrivals::Every { period: rotate.every.value, spread: rotate.spread.value };
    Some((WorkloadKind::Rotate, by, arrivals))
}

fn group(written: &Group, cx: &mut Context<'_>) -> Vec<RangeInclusive<u32>> {
    cx.people.ranges(members(written), cx.sink)
}

/// The devices and fleets of a group.
#[must_use]
pub fn members(written: &Group) -> &[Spanned<UserId>] {
    let Some1(names) = match &written.value {
        Or::Single(names) => names,
        Or::Map(fleets) => &fleets.fleet,
    };
    names
}

fn count(ranges: &[RangeInclusive<u32>]) -> u64 {
    ranges.iter().map(|range| u64::from(*range.end()) - u64::from(*range.start()) + 1).sum()
}

fn size(send: &SendOften, cx: &mut Context<'_>) -> Option<RangeInclusive<u32>> {
    let Drawn { low, high } = match &send.size.value {
        Or::Single(range) => {
            let size: Octets = Draws::named(cx.seed, "workload").draw(Setting::Size as u64, range);
            Drawn { low: size, high: size }
        }
        Or::Map(SizeLuck::Loguniform(range)) => *range,
    };
    if low.0 == 0 || high.0 > TEXT_MAX as u64 {
        let place = Spanned::new(format!("{}B..{}B", low.0, high.0), send.size.span);
        cx.sink.out_of_limits(&place, &format!("a message has 1B to {TEXT_MAX}B of text"));
        return None;
    }
    Some(u32::try_from(low.0).ok()?..=u32::try_from(high.0).ok()?)
}

impl Diagnostics {
    fn stages_out_of_order(&mut self, span: Span) {
        let message = "the stages of a shape come in the order of their `start`";
        self.add(Diagnostic::new(Code::BadRange, span, message));
    }

    fn shape_of_a_trace(&mut self, span: Span) {
        let message = "a trace has no rate that a shape could change";
        self.add(Diagnostic::new(Code::Contradiction, span, message));
    }

    fn bad_trace(&mut self, span: Span, message: &str) {
        self.add(Diagnostic::new(Code::BadRange, span, message));
    }

    fn rotation_in_grace(&mut self, every: &Spanned<Duration>, grace: Duration) {
        let message = format!("a rotation every {every} falls into the grace of the last one");
        self.add(
            Diagnostic::new(Code::RotationInGrace, every.span, message)
                .help(format!("the directory's grace is {grace}; see `server: {{directory: ..}}`")),
        );
    }
}
