//! Workloads as written: traffic that recurs, from many devices.
//!
//! Not here: the schedule itself, which is a function of the seed (`scenario::workload`, `sim`).

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::base::units::{Rate, Ratio};
use crate::scenario::ast::forms::{Or, Some1};
use crate::scenario::ast::link::Sample;
use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::fields::{Kind, Read, one_of, read_beside, table, words};
use crate::scenario::leaf::{Milli, Name, Octets};
use crate::scenario::range::Drawn;
use crate::scenario::source::{Span, Spanned};
use crate::scenario::tree::Node;

/// One workload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Workload {
    /// Where its verb stands.
    pub span: Span,
    /// Its name and its time.
    pub season: Season,
    /// What recurs.
    pub what: Recurring,
}

impl Workload {
    /// When it acts, if that is not by a period.
    #[must_use]
    pub const fn arrivals(&self) -> Option<&Arrivals> {
        match &self.what {
            Recurring::Send(it) => Some(&it.arrivals),
            Recurring::Request(it) | Recurring::Compose(it) => Some(&it.arrivals),
            Recurring::Poll(it) => Some(&it.arrivals),
            Recurring::Reconnect(it) => Some(&it.arrivals),
            Recurring::Rotate(_) => None,
        }
    }
}

impl Read for Workload {
    const KIND: Kind = Kind::OneOf(Recurring::choices);

    fn read(node: &Node, sink: &mut Diagnostics) -> Option<Self> {
        let (span, season, what) = read_beside(node, sink)?;
        Some(Self { span, season, what })
    }
}

table! {
    /// Keys of every workload: its name, and from when to when.
    Season "workload" {
        /// Its name, for metrics (`chat.delivery`) and expectations.
        name as "as": Option<Spanned<Name>>,
        /// From this time on, from the end of `given`.
        since: Spanned<Duration> = "0s",
        /// Up to this time; to the end of `active` unless given.
        until: Option<Spanned<Duration>>,
        /// Factors over the time, in order; all of it before the first.
        shape: Vec<Stage>,
    }
}

one_of! {
    /// A workload: one verb, its keys, and the keys of every workload.
    Recurring "workload" beside Season {
        /// Messages.
        Send(SendOften) = "send",
        /// Requests for approval.
        Request(AskOften) = "request",
        /// Own data, to be approved on the own screen and sent.
        Compose(AskOften) = "compose",
        /// Polls by hand.
        Poll(PollOften) = "poll",
        /// Rotations.
        Rotate(RotateOften) = "rotate",
        /// Connections that are closed and opened again.
        Reconnect(ReconnectOften) = "reconnect",
    }
}

table! {
    /// Messages from many to many.
    SendOften "workload of messages" {
        /// Who writes.
        from: Group,
        /// For whom.
        to: Whom,
        /// How much text: a size, or luck for each message anew.
        size: Spanned<SizeOf> = "64B",
        /// When.
        arrivals: Arrivals,
    }
}

table! {
    /// Requests, or own data (claim 4). Their users answer by `press` steps or by their devices' `user`.
    AskOften "workload of approvals" {
        /// Who asks, or who writes own data and approves it.
        from: Group,
        /// Who is to approve, or for whom own data is.
        to: Whom,
        /// What the display shows, line by line.
        lines: Spanned<Vec<Spanned<String>>>,
        /// The amount in minor units.
        amount: Option<Spanned<u64>>,
        /// The currency's code.
        currency: Option<Spanned<String>>,
        /// Who is paid.
        payee: Option<Spanned<String>>,
        /// How long it may be approved.
        expires: Spanned<Duration> = "120s",
        /// When.
        arrivals: Arrivals,
    }
    rules [Needs("amount", "currency"), Needs("currency", "amount")]
}

table! {
    /// Users who ask for mail, beside what their devices do by themselves.
    PollOften "workload of polls" {
        /// Who asks.
        by: Group,
        /// When.
        arrivals: Arrivals,
    }
}

table! {
    /// Rotations of many devices.
    RotateOften "workload of rotations" {
        /// Whose.
        by: Group,
        /// The period of each device, exact.
        every: Spanned<Duration>,
        /// The share of the period over which the devices' phases are spread.
        spread: Spanned<Ratio> = "100%",
    }
}

table! {
    /// Devices that lose their connection and open another one; in the simulator, which has none, nothing
    /// happens.
    ReconnectOften "workload of connections" {
        /// Whose connections.
        by: Group,
        /// When.
        arrivals: Arrivals,
    }
}

/// Who acts: names of devices and fleets, or a map with `fleet`.
pub type Group = Spanned<Or<Some1<Spanned<UserId>>, Fleets>>;

/// For whom: names of devices and fleets, of which one is drawn each time, or a list of contacts.
pub type Whom = Spanned<Or<Some1<Spanned<UserId>>, Contacts>>;

table! {
    /// All devices of some fleets.
    Fleets "group" {
        /// Which fleets.
        fleet: Some1<Spanned<UserId>>,
    }
}

table! {
    /// A list of contacts per device; whoever is on a list has its owner on the own one.
    Contacts "contacts" {
        /// How many each.
        contacts: Spanned<u64>,
        /// How unevenly they are written to: the exponent of Zipf's law; `0` is evenly.
        zipf: Spanned<Milli> = "0",
        /// Drawn among these devices and fleets.
        among: Some1<Spanned<UserId>>,
    }
}

/// The size of a message's text.
pub type SizeOf = Or<Drawn<Octets>, SizeLuck>;

one_of! {
    /// Luck for each message anew.
    SizeLuck "distribution of sizes" {
        /// Every order of magnitude in the range is as likely.
        Loguniform(Drawn<Octets>) = "loguniform",
    }
}

one_of! {
    /// When a workload acts.
    Arrivals "kind of arrivals" {
        /// At random, independent of each other.
        Poisson(RateOf) = "poisson",
        /// At exact intervals, each device with a phase of its own.
        Constant(RateOf) = "constant",
        /// At random, at a rate that swings around a mean.
        Sine(SineOf) = "sine",
        /// At recorded instants.
        Trace(TraceOf) = "trace",
    }
}

table! {
    /// How often.
    RateOf "arrivals" {
        /// The rate.
        rate: Spanned<Rate>,
        /// Of each device, or of all of them together.
        per: Spanned<Per>,
    }
}

table! {
    /// How often: at the end of `given` the rate is at its mean and rises.
    SineOf "sine" {
        /// The mean rate.
        rate: Spanned<Rate>,
        /// Of each device, or of all of them together.
        per: Spanned<Per>,
        /// From one highest rate to the next.
        period: Spanned<Duration>,
        /// How far the rate swings to either side, as a share of the mean.
        amplitude: Spanned<Ratio> = "100%",
    }
}

table! {
    /// Instants from the end of `given`, in order; those outside of the workload's time are left out.
    TraceOf "trace" {
        /// The instants, or the path of a file with one instant a line.
        table: Spanned<Sample>,
        /// Each device acts at every instant (`device`), or a drawn one at each (`workload`).
        per: Spanned<Per>,
    }
}

words! {
    /// What a rate is counted per.
    Per "unit of a rate" {
        /// Of each device.
        Device = "device",
        /// Of all devices together.
        Workload = "workload",
    }
}

table! {
    /// A factor from a time on.
    Stage "stage" {
        /// From this time on, from the end of `given`.
        start: Spanned<Duration>,
        /// The factor: 100% is the rate of `arrivals`.
        rate: Spanned<Ratio>,
    }
}
