//! Workloads: who acts how often, as the plan has it.
//!
//! Not here: the schedule of arrivals, which is drawn while a run goes on (`sim`).

use std::ops::RangeInclusive;

use crate::base::units::{Rate, Ratio};
use crate::oracle::spec::{NameId, NamedThing};
use crate::proto::config::TEXT_MAX;
use crate::scenario::ast::forms::{Or, Some1};
use crate::scenario::ast::workload::{
    self, Arrivals, Group, Per, RateOf, Recurring, RotateOften, SendOften, SizeLuck,
};
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::leaf::Octets;
use crate::scenario::plan::{self, Contacts, Workload, WorkloadKind};
use crate::scenario::range::Drawn;
use crate::scenario::resolve::Context;
use crate::scenario::resolve::draws::{Draws, Setting};
use crate::scenario::source::{Span, Spanned};

/// The workload with this index.
pub fn workload(
    written: &workload::Workload,
    index: usize,
    cx: &mut Context<'_>,
) -> Option<Workload> {
    let name = NameId(u32::try_from(cx.steps.len() + index).ok()?);
    let parts = match &written.what {
        Recurring::Send(send) => messages(send, name, cx),
        Recurring::Rotate(rotate) => rotations(rotate, cx),
    };
    let season = &written.season;
    let mut shape = Vec::with_capacity(season.shape.len());
    for stage in &season.shape {
        if shape.last().is_some_and(|(last, _)| *last >= stage.start.value) {
            cx.sink.stages_out_of_order(stage.start.span);
        }
        shape.push((stage.start.value, stage.rate.value));
    }
    let until = season.until.as_ref().map_or(cx.active, |until| until.value.min(cx.active));
    let (what, by, arrivals) = parts?;
    Some(Workload { name, what, by, arrivals, shape, from: season.since.value, until })
}

type Parts = (WorkloadKind, Vec<RangeInclusive<u32>>, plan::Arrivals);

fn messages(send: &SendOften, name: NameId, cx: &mut Context<'_>) -> Option<Parts> {
    let by = group(&send.from, cx);
    let to = match &send.to.value {
        Or::Single(users) => Contacts::OneOf(cx.people.indexes(users, cx.sink)),
        Or::Map(list) => {
            let among = cx.people.ranges(&list.among.0, cx.sink);
            let others = count(&among).saturating_sub(1);
            if list.contacts.value == 0 || list.contacts.value > others {
                cx.sink.out_of_limits(&list.contacts, &format!("expected 1 to {others}"));
            }
            Contacts::List {
                count: u32::try_from(list.contacts.value).unwrap_or(u32::MAX),
                zipf_milli: list.zipf.value.0,
                among,
            }
        }
    };
    let arrivals = match &send.arrivals {
        Arrivals::Poisson(rate) => plan::Arrivals::Poisson(rate_of(rate, &by)),
        Arrivals::Constant(rate) => {
            plan::Arrivals::Every { period: rate_of(rate, &by).interval(), spread: Ratio::ONE }
        }
    };
    let NamedThing::Workload { first, .. } = cx.names.thing(name) else { return None };
    let first = *first;
    let size = size(send, cx)?;
    Some((WorkloadKind::Send { to, size, first }, by, arrivals))
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
    let Some1(names) = match &written.value {
        Or::Single(names) => names,
        Or::Map(fleets) => &fleets.fleet,
    };
    cx.people.ranges(names, cx.sink)
}

fn count(ranges: &[RangeInclusive<u32>]) -> u64 {
    ranges.iter().map(|range| u64::from(*range.end()) - u64::from(*range.start()) + 1).sum()
}

/// The rate of each device.
fn rate_of(written: &RateOf, by: &[RangeInclusive<u32>]) -> Rate {
    let rate = written.rate.value;
    match written.per.value {
        Per::Device => rate,
        Per::Workload => Rate { per: rate.per.times(count(by).max(1)), ..rate },
    }
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

    fn rotation_in_grace(
        &mut self,
        every: &Spanned<crate::base::time::Duration>,
        grace: crate::base::time::Duration,
    ) {
        let message = format!("a rotation every {every} falls into the grace of the last one");
        self.add(
            Diagnostic::new(Code::RotationInGrace, every.span, message)
                .help(format!("the directory's grace is {grace}; see `server: {{directory: ..}}`")),
        );
    }
}
