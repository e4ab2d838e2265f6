//! Links of devices: settings on top of profiles, with ranges drawn.
//!
//! Not here: the built-in profiles (`network::profile`), or faults (`steps`).

use std::collections::BTreeMap;

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::base::units::Ratio;
use crate::network::config::{Bandwidth, GilbertElliott, LinkConfig, Loss, Reorder};
use crate::network::latency::{Distribution, Latency};
use crate::network::profile::Profile;
use crate::network::topology::Links;
use crate::scenario::ast::forms::Or;
use crate::scenario::ast::link::{self, LatencyLuck, Link, LossLuck, LossOf, Network, Settings};
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::leaf::Name;
use crate::scenario::range::Drawn;
use crate::scenario::resolve::draws::{Draws, Setting};
use crate::scenario::resolve::people::People;
use crate::scenario::resolve::settings::check_share;
use crate::scenario::source::{Span, Spanned};

/// The latency of links that nothing is said about.
const LATENCY: Duration = Duration::from_millis(20);
/// Octets that may wait for the bandwidth unless given.
const QUEUE: u64 = 64 << 10;

/// The links of all groups, before their ranges are drawn.
pub struct Wiring<'a> {
    network: Option<&'a Network>,
    profiles: BTreeMap<&'a str, &'a Settings>,
    links: BTreeMap<&'a UserId, &'a Link>,
}

impl<'a> Wiring<'a> {
    /// The wiring of a scenario.
    pub fn of(network: Option<&'a Network>, people: &People<'_>, sink: &mut Diagnostics) -> Self {
        let mut wiring = Self { network, profiles: BTreeMap::new(), links: BTreeMap::new() };
        let Some(network) = network else { return wiring };
        for named in &network.profiles.0 {
            if Profile::by_name(&named.name.value.0).is_some() {
                sink.built_in_profile(&named.name);
            }
            wiring.profiles.insert(&named.name.value.0, &named.value);
        }
        for named in &network.links.0 {
            people.ranges(std::slice::from_ref(&named.name), sink);
            wiring.links.insert(&named.name.value, &named.value);
        }
        wiring
    }

    /// What is written about the links of one device of a fleet, by its own name.
    #[must_use]
    pub fn of_user(&self, user: &UserId) -> Option<&'a Link> {
        self.links.get(user).copied()
    }

    /// What is written about the links of a group: by its name, with it, or by default.
    #[must_use]
    pub fn of_group(&self, group: &UserId, own: Option<&'a Link>) -> Option<&'a Link> {
        let by_name = self.links.get(group).copied();
        let default = || Some(&self.network?.default.as_ref()?.value);
        by_name.or(own).or_else(default)
    }

    /// The links that are written, with ranges drawn.
    pub fn links(&self, written: Option<&Link>, draws: &Draws, sink: &mut Diagnostics) -> Links {
        let plain = Links { up: plain(), down: plain() };
        let (up, down) = match written {
            None => return plain,
            Some(Link::Both(both)) => (Some(&**both), Some(&**both)),
            Some(Link::Ways(ways)) => (ways.up.as_ref(), ways.down.as_ref()),
        };
        let up = up.map_or_else(|| plain.up.clone(), |up| self.way(up, true, draws, sink));
        let down =
            down.map_or_else(|| plain.down.clone(), |down| self.way(down, false, draws, sink));
        Links { up, down }
    }

    fn way(
        &self,
        written: &Settings,
        up: bool,
        draws: &Draws,
        sink: &mut Diagnostics,
    ) -> LinkConfig {
        let base = self.base(written.like.as_ref(), up, draws, sink);
        apply(base, written, up, draws, sink)
    }

    /// The profile that settings change: one of the scenario's own, or a built-in one.
    fn base(
        &self,
        like: Option<&Spanned<Name>>,
        up: bool,
        draws: &Draws,
        sink: &mut Diagnostics,
    ) -> LinkConfig {
        let Some(like) = like else { return plain() };
        if let Some(own) = self.profiles.get(like.value.0.as_str()) {
            // One level, as for templates: what a profile is like itself must be built in.
            let base = own.like.as_ref().map_or_else(plain, |inner| built_in(inner, up, sink));
            return apply(base, own, up, draws, sink);
        }
        if Profile::by_name(&like.value.0).is_none() {
            sink.unknown_profile(like, self.profiles.keys().copied());
            return plain();
        }
        built_in(like, up, sink)
    }
}

fn built_in(like: &Spanned<Name>, up: bool, sink: &mut Diagnostics) -> LinkConfig {
    match Profile::by_name(&like.value.0).map(Profile::links) {
        Some(links) if up => links.up,
        Some(links) => links.down,
        None => {
            sink.unknown_profile(like, std::iter::empty());
            plain()
        }
    }
}

fn plain() -> LinkConfig {
    LinkConfig::new(Latency::constant(LATENCY).expect("the default latency is in order"))
}

fn apply(
    mut link: LinkConfig,
    written: &Settings,
    up: bool,
    draws: &Draws,
    sink: &mut Diagnostics,
) -> LinkConfig {
    let first = if up { Setting::Up } else { Setting::Down } as u64;
    if let Some(latency) = &written.latency {
        match make_latency(&latency.value, first, draws) {
            Ok(latency) => link.latency = latency,
            Err(error) => sink.bad_latency(latency.span, &error.to_string()),
        }
    }
    if let Some(loss) = &written.loss {
        link.loss = make_loss(loss, first + 1, draws, sink);
    }
    for (number, share, setting) in
        [(2, &written.duplicate, &mut link.duplicate), (3, &written.corrupt, &mut link.corrupt)]
    {
        if let Some(share) = share {
            check_share(&Spanned::new(share.value.high, share.span), sink);
            *setting = draws.draw(first + number, &share.value);
        }
    }
    if let Some(reorder) = &written.reorder {
        check_share(&reorder.share, sink);
        match Latency::new(
            Distribution::Uniform { low: Duration::from_micros(1), high: reorder.extra.value },
            None,
        ) {
            Ok(extra) => {
                link.reorder = Some(Reorder { probability: reorder.share.value, extra });
            }
            Err(error) => sink.bad_latency(reorder.extra.span, &error.to_string()),
        }
    }
    if let Some(bandwidth) = &written.bandwidth {
        if bandwidth.value.low.0 == 0 {
            sink.bad_latency(bandwidth.span, "expected a bandwidth above zero");
        }
        let rate = draws.draw(first + 4, &bandwidth.value).0;
        let queue = link.bandwidth.map_or(QUEUE, |bandwidth| bandwidth.queue);
        link.bandwidth = Some(Bandwidth { rate, queue });
    }
    if let (Some(queue), Some(bandwidth)) = (&written.queue, &mut link.bandwidth) {
        bandwidth.queue = queue.value.0;
    }
    if let Some(frame) = &written.frame {
        if frame.value.0 == 0 {
            sink.bad_latency(frame.span, "expected a frame limit above zero");
        }
        link.frame_max = Some(u32::try_from(frame.value.0).unwrap_or(u32::MAX));
    }
    link
}

/// The latency that is written, with its range drawn.
///
/// # Errors
/// When it makes no sense.
pub fn make_latency(
    written: &link::Latency,
    setting: u64,
    draws: &Draws,
) -> Result<Latency, crate::network::latency::LatencyError> {
    let luck = match written {
        Or::Single(range) => {
            // The least value of the range is what has to be in order.
            Latency::constant(range.low)?;
            return Latency::constant(draws.draw(setting, range));
        }
        Or::Map(luck) => luck,
    };
    match luck {
        LatencyLuck::Uniform(Drawn { low, high }) => {
            Latency::new(Distribution::Uniform { low: *low, high: *high }, None)
        }
        LatencyLuck::Exponential(it) => Latency::new(
            Distribution::Exponential { mean: it.mean.value },
            it.min.as_ref().map(|min| min.value),
        ),
        LatencyLuck::Lognormal(it) => Latency::new(
            Distribution::LogNormal { median: it.median.value, p99: it.p99.value },
            it.min.as_ref().map(|min| min.value),
        ),
        LatencyLuck::Table(values) => {
            let values = values.0.iter().map(|value| value.value).collect();
            Latency::new(Distribution::Table(values), None)
        }
    }
}

/// The loss that is written, with its range drawn.
pub fn make_loss(
    written: &Spanned<LossOf>,
    setting: u64,
    draws: &Draws,
    sink: &mut Diagnostics,
) -> Loss {
    match &written.value {
        Or::Single(range) => {
            check_share(&Spanned::new(range.high, written.span), sink);
            Loss { independent: draws.draw(setting, range), bursts: None }
        }
        Or::Map(LossLuck::Bursts(bursts)) => {
            for share in [&bursts.enter, &bursts.leave, &bursts.inside, &bursts.outside] {
                check_share(share, sink);
            }
            let bursts = GilbertElliott {
                enter: bursts.enter.value,
                leave: bursts.leave.value,
                loss_good: bursts.outside.value,
                loss_bad: bursts.inside.value,
            };
            Loss { independent: Ratio::ZERO, bursts: Some(bursts) }
        }
    }
}

/// The longest that a frame may well take on a link: the end of a range, or far out in a tail.
#[must_use]
pub fn longest(link: &LinkConfig) -> Duration {
    let of = |latency: &Latency| match latency.distribution() {
        Distribution::Constant(value) => *value,
        Distribution::Uniform { high, .. } => *high,
        // One in 500 million exponential draws is longer than 20 means.
        Distribution::Exponential { mean } => mean.times(20),
        // The ratio of p99 to median once more is beyond one in 100 000.
        Distribution::LogNormal { median, p99 } => {
            p99.scale(p99.as_nanos(), median.as_nanos().max(1))
        }
        Distribution::Table(values) => values.iter().copied().max().unwrap_or_default(),
    };
    let queue = link.bandwidth.map_or(Duration::ZERO, |bandwidth| {
        Duration::from_secs(1).scale(bandwidth.queue, bandwidth.rate.max(1))
    });
    let reorder = link.reorder.as_ref().map_or(Duration::ZERO, |reorder| of(&reorder.extra));
    of(&link.latency) + queue + reorder
}

impl Diagnostics {
    /// A latency, bandwidth or frame limit that makes no sense.
    pub fn bad_latency(&mut self, span: Span, why: &str) {
        self.add(Diagnostic::new(Code::OutOfLimits, span, why));
    }

    fn unknown_profile<'n>(&mut self, like: &Spanned<Name>, own: impl Iterator<Item = &'n str>) {
        let names = own.chain(Profile::ALL.iter().map(|profile| profile.name()));
        let names: Vec<_> = names.collect();
        let message = format!("no network profile `{}`", like.value.0);
        self.add(
            Diagnostic::new(Code::UnknownName, like.span, message)
                .suggest(&like.value.0, names.iter().copied())
                .help(format!("one of: {}", names.join(", "))),
        );
    }

    fn built_in_profile(&mut self, name: &Spanned<Name>) {
        let message = format!("`{}` is a built-in profile", name.value.0);
        self.add(Diagnostic::new(Code::DefinedTwice, name.span, message));
    }
}
