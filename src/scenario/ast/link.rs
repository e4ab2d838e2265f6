//! Networks as written: latency, loss and the other settings of links.
//!
//! Not here: the built-in profiles (`resolve`), or links themselves (`network`).

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::base::units::Ratio;
use crate::scenario::ast::forms::{Names, Or};
use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::fields::{Kind, Read, ReadMap as _, one_of, table};
use crate::scenario::leaf::{Bandwidth, Name, Octets};
use crate::scenario::range::Drawn;
use crate::scenario::source::Spanned;
use crate::scenario::tree::Node;

table! {
    /// The network: what every link is like, and which ones are different.
    Network "network" {
        /// What links are like unless said otherwise: the name of a profile, or settings.
        default: Option<Spanned<Link>>,
        /// Devices and fleets whose links are different.
        links: Names<UserId, Link>,
        /// Named settings, to be used like the built-in ones.
        profiles: Names<Name, Settings>,
    }
}

/// The links of a device: the same settings both ways, or each way its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Link {
    /// Both ways.
    Both(Box<Settings>),
    /// Each way its own.
    Ways(Box<Ways>),
}

impl Read for Link {
    const KIND: Kind = Kind::Either(&Settings::KIND, &Ways::KIND);

    fn read(node: &Node, sink: &mut Diagnostics) -> Option<Self> {
        if Ways::table().fields.iter().any(|field| node.get(field.key).is_some()) {
            Box::read(node, sink).map(Self::Ways)
        } else {
            Box::read(node, sink).map(Self::Both)
        }
    }
}

table! {
    /// The links of a device, each way on its own.
    Ways "links" {
        /// From the device to the server.
        up: Option<Settings>,
        /// From the server to the device.
        down: Option<Settings>,
    }
}

table! {
    /// The settings of a link. A single word is the name of a profile.
    Settings "link settings" short "like" {
        /// The profile that these settings change: `lan`, `lte-good`, `lte-edge`, `gprs`,
        /// `satellite`, or one of `profiles`.
        like: Option<Spanned<Name>>,
        /// How long a frame takes: a duration (a range is drawn once per link), or luck for each frame anew.
        latency: Option<Spanned<Latency>>,
        /// The share of frames that are lost, or bursts of loss.
        loss: Option<Spanned<LossOf>>,
        /// The share of frames that arrive twice.
        duplicate: Option<Spanned<Drawn<Ratio>>>,
        /// Frames that take longer than those behind them.
        reorder: Option<Reorder>,
        /// The share of frames in which one bit flips.
        corrupt: Option<Spanned<Drawn<Ratio>>>,
        /// Octets a second; unlimited unless given.
        bandwidth: Option<Spanned<Drawn<Bandwidth>>>,
        /// Octets that may wait for the bandwidth; what does not fit is lost.
        queue: Option<Spanned<Octets>>,
        /// The largest frame that passes.
        frame: Option<Spanned<Octets>>,
    }
}

/// The latency of a link.
pub type Latency = Or<Drawn<Duration>, LatencyLuck>;

one_of! {
    /// Luck for each frame anew. A latency is never below its floor, `min`.
    LatencyLuck "distribution of latency" {
        /// Every duration of the range is as likely.
        Uniform(Drawn<Duration>) = "uniform",
        /// Exponential about a mean.
        Exponential(Exponential) = "exponential",
        /// Log-normal: most near the median, few far above.
        Lognormal(Lognormal) = "lognormal",
        /// A measured sample: durations, or the path of a file with one duration a line.
        Table(Sample) = "table",
    }
}

/// A measured sample: durations, each of which is as likely, or instants in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sample(pub Vec<Spanned<Duration>>);

impl Read for Sample {
    const KIND: Kind = Kind::Either(&String::KIND, &Vec::<Duration>::KIND);

    /// A file has been replaced by its lines before.
    fn read(node: &Node, sink: &mut Diagnostics) -> Option<Self> {
        Vec::read(node, sink).map(Self)
    }
}

table! {
    /// Exponential luck.
    Exponential "exponential" short "mean" {
        /// The mean.
        mean: Spanned<Duration>,
        /// The floor; a tenth of the mean unless given.
        min: Option<Spanned<Duration>>,
    }
}

table! {
    /// Log-normal luck.
    Lognormal "lognormal" {
        /// Half of the frames take less.
        median: Spanned<Duration>,
        /// One in a hundred takes more.
        p99: Spanned<Duration>,
        /// The floor; a tenth of the median unless given.
        min: Option<Spanned<Duration>>,
    }
}

/// The loss of a link.
pub type LossOf = Or<Drawn<Ratio>, LossLuck>;

one_of! {
    /// Loss that is not independent from frame to frame.
    LossLuck "kind of loss" {
        /// Two states (Gilbert-Elliott): a good one, and bursts of loss.
        Bursts(Bursts) = "bursts",
    }
}

table! {
    /// Bursts of loss. A frame meets the good state or a burst, and may change it.
    Bursts "bursts" {
        /// The chance that a frame starts a burst.
        enter: Spanned<Ratio>,
        /// The chance that a frame ends the burst.
        leave: Spanned<Ratio>,
        /// The share of frames lost in a burst.
        inside: Spanned<Ratio> = "100%",
        /// The share of frames lost outside.
        outside: Spanned<Ratio> = "0%",
    }
}

table! {
    /// Frames that are overtaken.
    Reorder "reorder" {
        /// The share of frames that are late.
        share: Spanned<Ratio>,
        /// How late at most.
        extra: Spanned<Duration>,
    }
}
