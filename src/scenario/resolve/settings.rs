//! Settings of devices and of the server: what is written, on top of the protocol's defaults.
//!
//! Not here: links (`links`), or what the settings do (`proto`).

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::base::units::Ratio;
use crate::oracle::spec::{DeviceLimits, ServerBounds};
use crate::proto::config::{DeviceConfig, ServerConfig};
use crate::scenario::ast::device::{CpuName, Device, Limits, Server, StartAs};
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::plan::{Answering, Cpu, Start};
use crate::scenario::range::Drawn;
use crate::scenario::resolve::draws::{Draws, Setting};
use crate::scenario::resolve::links::make_latency;
use crate::scenario::source::Spanned;

/// T_push: an attached receiver with push gets its mail this soon (protocol 4.5).
const PUSH_BOUND: Duration = Duration::from_secs(2);
/// Most rows, waiting messages and the like on one device: what a table in its memory could hold.
const ROWS_MAX: u64 = 1_000_000;
/// Slack of the directory's grace over the life of mail, in per cent (R6).
const GRACE_SLACK: u64 = 105;

/// The server's settings. `push`: does any device want it?
pub fn server(written: Option<&Server>, push: bool, sink: &mut Diagnostics) -> ServerConfig {
    let name = UserId::new("server").expect("a valid name");
    let mut config = ServerConfig { push, ..ServerConfig::new(name) };
    let Some(server) = written else { return config };
    if let Some(mailbox) = &server.mailbox {
        take(mailbox.ttl.as_ref(), &mut config.ttl);
        take(mailbox.retry.as_ref(), &mut config.full_retry);
        take_count(mailbox.messages.as_ref(), 1, &mut config.mailbox_messages, sink);
        if let Some(octets) = &mailbox.octets {
            config.mailbox_octets = octets.value.0;
        }
    }
    if let Some(directory) = &server.directory {
        take(directory.grace.as_ref(), &mut config.grace);
        take_count(directory.watchers.as_ref(), 1, &mut config.watchers_max, sink);
    }
    take(server.lease.as_ref(), &mut config.lease);
    take(server.ticket.as_ref(), &mut config.ticket);
    take(server.challenge.as_ref(), &mut config.challenge);
    take(server.unknown.as_ref(), &mut config.unknown);
    if let Some(message) = &server.message {
        config.message_max = usize::try_from(message.value.0).unwrap_or(usize::MAX);
    }
    check_grace(server, &config, sink);
    config
}

fn check_grace(server: &Server, config: &ServerConfig, sink: &mut Diagnostics) {
    let least = config.ttl.scale(GRACE_SLACK, 100);
    if config.grace >= least {
        return;
    }
    let grace = server.directory.as_ref().and_then(|directory| directory.grace.as_ref());
    let ttl = server.mailbox.as_ref().and_then(|mailbox| mailbox.ttl.as_ref());
    if let Some(place) = grace.or(ttl) {
        sink.short_grace(place, config.grace, least, config.ttl);
    }
}

/// A device's settings under one draw of its ranges.
pub fn device(
    written: &Device,
    draws: &Draws,
    server: &ServerConfig,
    sink: &mut Diagnostics,
) -> DeviceConfig {
    let mut config = DeviceConfig {
        grace: server.grace,
        ttl: server.ttl,
        ..DeviceConfig::new(server.server.clone())
    };
    if let Some(receive) = &written.receive {
        config.push = receive.push.value;
        config.poll = match &receive.poll {
            Some(poll) => Some(draws.draw(Setting::Poll as u64, &poll.value)),
            None => config.poll.filter(|_| !config.push),
        };
        check_positive(receive.poll.as_ref(), sink);
    }
    if let Some(table) = &written.table {
        config.table_durable = table.durable.value;
        if let Some(capacity) = &table.capacity {
            let rows = draws.draw(Setting::Capacity as u64, &capacity.value);
            let low = Spanned::new(capacity.value.low, capacity.span);
            check_count(&low, 1, sink);
            config.table_capacity = usize::try_from(rows).unwrap_or(usize::MAX);
        }
    }
    if let Some(refresh) = &written.refresh {
        config.refresh = draws.draw(Setting::Refresh as u64, &refresh.value);
        config.max_stale = config.refresh.times(2);
        check_positive(Some(refresh), sink);
    }
    if let Some(stale) = &written.stale {
        config.max_stale = draws.draw(Setting::Stale as u64, &stale.value);
        check_positive(Some(stale), sink);
    }
    if let Some(display) = &written.display {
        take_count(display.lines.as_ref(), 1, &mut config.screen.lines, sink);
        take_count(display.columns.as_ref(), 1, &mut config.screen.columns, sink);
    }
    if let Some(approve) = &written.approve {
        take(approve.arm.as_ref(), &mut config.arm);
        take(approve.expires.as_ref(), &mut config.approval_expiry);
        if let Some(user) = &approve.user {
            config.user_info.clone_from(&user.value);
        }
    }
    if let Some(limits) = &written.limits {
        take_limits(limits, &mut config, sink);
    }
    take(written.grace.as_ref(), &mut config.grace);
    take(written.ttl.as_ref(), &mut config.ttl);
    take(written.rto.as_ref(), &mut config.rto);
    take(written.backoff.as_ref(), &mut config.rto_max);
    take(written.lookup.as_ref(), &mut config.lookup_try);
    take(written.gap.as_ref(), &mut config.gap);
    take(written.negative.as_ref(), &mut config.negative);
    take(written.life.as_ref(), &mut config.key_life);
    for positive in [&written.rto, &written.backoff, &written.lookup].into_iter().flatten() {
        check_duration(positive, sink);
    }
    config
}

fn take_limits(limits: &Limits, config: &mut DeviceConfig, sink: &mut Diagnostics) {
    take_count(limits.pending.as_ref(), 1, &mut config.pending_max, sink);
    take_count(limits.drafts.as_ref(), 1, &mut config.drafts_max, sink);
    for (written, setting) in [
        (&limits.lookups, &mut config.lookups_per_minute),
        (&limits.burst, &mut config.lookups_burst),
        (&limits.tries, &mut config.burst),
    ] {
        if let Some(number) = written {
            check_count(number, 1, sink);
            *setting = u32::try_from(number.value).unwrap_or(u32::MAX);
        }
    }
}

/// What a device's settings declare to the oracles.
#[must_use]
pub fn limits(config: &DeviceConfig) -> DeviceLimits {
    DeviceLimits {
        capacity: config.table_capacity,
        table_durable: config.table_durable,
        poll: config.poll,
        refresh: config.refresh,
        max_stale: config.max_stale,
        arm: config.arm,
        gap: config.gap,
        negative: config.negative,
        lookup_burst: config.lookup_try.times(u64::from(config.burst)),
        tries: config.burst,
        pending: config.pending_max,
        lookups_per_minute: config.lookups_per_minute,
        lookups_burst: config.lookups_burst,
        grace: config.grace,
    }
}

/// What the server's settings declare to the oracles.
#[must_use]
pub const fn bounds(config: &ServerConfig) -> ServerBounds {
    ServerBounds {
        ttl: config.ttl,
        grace: config.grace,
        lease: config.lease,
        push: config.push,
        push_bound: PUSH_BOUND,
        unknown: config.unknown,
        ticket: config.ticket,
        mailbox_messages: config.mailbox_messages,
    }
}

/// The time of a device's durable writes, if it has one of its own.
#[must_use]
pub fn sync(written: &Device, draws: &Draws) -> Option<Duration> {
    written.store.as_ref().map(|store| draws.draw(Setting::Store as u64, &store.value))
}

/// The user of a device, if they answer by themselves.
pub fn user(written: &Device, draws: &Draws, sink: &mut Diagnostics) -> Option<Answering> {
    let user = written.user.as_ref()?;
    check_share(&user.approves, sink);
    match make_latency(&user.after.value, Setting::User as u64, draws) {
        Ok(after) => Some(Answering { after, approves: user.approves.value }),
        Err(error) => {
            sink.bad_latency(user.after.span, &error.to_string());
            None
        }
    }
}

/// The processor of a device.
#[must_use]
pub const fn cpu(name: CpuName) -> Cpu {
    match name {
        CpuName::Free => Cpu::Free,
        CpuName::CortexM0Plus => Cpu::CortexM0Plus,
        CpuName::CortexM4 => Cpu::CortexM4,
        CpuName::Phone => Cpu::Phone,
    }
}

/// How a device starts.
#[must_use]
pub const fn start(word: StartAs) -> Start {
    match word {
        StartAs::Ready => Start::Ready,
        StartAs::Keyed => Start::Keyed,
        StartAs::Blank => Start::Blank,
        StartAs::Off => Start::Off,
    }
}

fn take<T: Copy>(written: Option<&Spanned<T>>, setting: &mut T) {
    if let Some(value) = written {
        *setting = value.value;
    }
}

fn take_count(
    written: Option<&Spanned<u64>>,
    least: u64,
    setting: &mut usize,
    sink: &mut Diagnostics,
) {
    if let Some(number) = written {
        check_count(number, least, sink);
        *setting = usize::try_from(number.value).unwrap_or(usize::MAX);
    }
}

fn check_count(number: &Spanned<u64>, least: u64, sink: &mut Diagnostics) {
    if number.value < least || number.value > ROWS_MAX {
        sink.out_of_limits(number, &format!("expected {least} to {ROWS_MAX}"));
    }
}

fn check_positive(range: Option<&Spanned<Drawn<Duration>>>, sink: &mut Diagnostics) {
    if let Some(range) = range {
        check_duration(&Spanned::new(range.value.low, range.span), sink);
    }
}

fn check_duration(span: &Spanned<Duration>, sink: &mut Diagnostics) {
    if span.value == Duration::ZERO {
        sink.out_of_limits(span, "expected more than no time");
    }
}

/// Is it a share of at most everything?
pub fn check_share(share: &Spanned<Ratio>, sink: &mut Diagnostics) {
    if share.value > Ratio::ONE {
        sink.out_of_limits(share, "expected at most 100%");
    }
}

impl Diagnostics {
    fn short_grace(
        &mut self,
        place: &Spanned<Duration>,
        got: Duration,
        least: Duration,
        ttl: Duration,
    ) {
        let message = format!("a grace of {got} is too short for mail that lives {ttl}");
        self.add(
            Diagnostic::new(Code::ShortGrace, place.span, message)
                .help(format!("`grace` is at least `ttl` and 5 % more: {least}")),
        );
    }
}
