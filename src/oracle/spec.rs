//! What oracles may know beside the records: names, declared limits, bounds, expectations.
//!
//! The plan carries it. Not here: keys (`escrow`), deviations (an oracle must not know them),
//! luck, or steps.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::base::id::{DraftId, TxnId, UserId};
use crate::base::roster::Roster;
use crate::base::time::Duration;
use crate::base::units::Ratio;
use crate::trace::fact::{AlarmKind, DraftStatus, Selection, Way};
use crate::verdict::requirement::{Polarity, Requirement};

/// What a run is judged by.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Users in the order of their index; names of devices and accounts.
    pub users: Vec<UserId>,
    /// Their indexes by name.
    pub by_name: Roster,
    /// Declared limits of each user's device (index into `limits`), in the same order.
    pub limits_of: Vec<u32>,
    /// Distinct declared limits.
    pub limits: Vec<DeviceLimits>,
    /// Bounds of the server.
    pub server: ServerBounds,
    /// What the run contains that relaxes certain rules.
    pub circumstances: Circumstances,
    /// Names of the scenario, in the order of their number.
    pub names: Vec<Named>,
    /// What the scenario expects.
    pub expectations: Vec<Expectation>,
    /// Invariants switched off, with the reason given.
    pub except: BTreeMap<String, String>,
    /// Races and marks that must occur.
    pub reaches: Vec<String>,
    /// How long the settle phase may last.
    pub settle: Duration,
    /// Least bandwidth of any link in octets a second, for delivery bounds; none: unlimited.
    pub bandwidth: Option<u64>,
    /// Longest time a frame may take on any link, both ways added (T_rtt).
    pub round_trip: Duration,
    /// Latency between accounts.
    pub internal: Duration,
    /// Longest time that a durable write may take, with stores in trouble as the scenario has them.
    pub slowest_write: Duration,
    /// What the run is made for: only what concerns it shows anything.
    pub under_test: Option<UnderTest>,
    /// Users whose devices tell nothing of their inside.
    pub opaque: BTreeSet<u32>,
    /// Whether one end of a pair may have computed its agreement for both; then only pairs that each end
    /// computes on its own show that both agree.
    pub shared_agreements: bool,
}

/// What is under test in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnderTest {
    /// The device of this user.
    Device(u32),
    /// The server, with all accounts.
    Server,
}

/// What a device declares of itself (its ICS) and what bounds follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceLimits {
    /// Rows of the table.
    pub capacity: usize,
    /// Whether rows survive a restart.
    pub table_durable: bool,
    /// Poll period; none: only at Attached.
    pub poll: Option<Duration>,
    /// T_refresh.
    pub refresh: Duration,
    /// T_max_stale.
    pub max_stale: Duration,
    /// T_arm.
    pub arm: Duration,
    /// T_gap.
    pub gap: Duration,
    /// T_neg.
    pub negative: Duration,
    /// One burst of lookup tries.
    pub lookup_burst: Duration,
    /// Tries in a burst.
    pub tries: u32,
    /// Waiting messages at most.
    pub pending: usize,
    /// Lookups a minute.
    pub lookups_per_minute: u32,
    /// Lookups at once.
    pub lookups_burst: u32,
    /// Grace for own keys.
    pub grace: Duration,
}

/// What a server declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerBounds {
    /// Life of mail.
    pub ttl: Duration,
    /// Grace for retired records.
    pub grace: Duration,
    /// Lease.
    pub lease: Duration,
    /// Whether mail is pushed.
    pub push: bool,
    /// T_push.
    pub push_bound: Duration,
    /// T_unknown.
    pub unknown: Duration,
    /// Life of a ticket.
    pub ticket: Duration,
    /// Messages in a mailbox.
    pub mailbox_messages: usize,
}

/// What a run contains that relaxes certain rules (S-35, L-01, rollback warnings).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// A rotation with `revoke_prev`.
    pub revoke: bool,
    /// An operator's reset of an identity.
    pub reset: bool,
    /// A restore from a snapshot.
    pub restore: bool,
    /// A clock that jumps or drifts.
    pub clock: bool,
    /// Octets altered by links or steps.
    pub altered: bool,
    /// An adversary.
    pub adversary: bool,
}

/// A name of the scenario and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// As written.
    pub name: String,
    /// What it is.
    pub what: NamedThing,
}

/// What a name stands for.
#[allow(missing_docs, reason = "the fields speak for themselves beside each variant's sentence")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedThing {
    /// A message, by its draft at the sender.
    Message { by: u32, draft: DraftId, to: UserId },
    /// A request for approval (or own data): a message and a transaction.
    Request { by: u32, draft: DraftId, to: UserId, txn: TxnId },
    /// A rotation by this user.
    Rotation { by: u32 },
    /// A button press.
    Press { by: u32 },
    /// A fault, an adversary action, or any other step.
    Step,
    /// A fence at this user's device.
    Fence { by: u32 },
    /// A workload: its messages are all drafts from `first` on, `count` of them.
    Workload { first: DraftId, count: u64, of: Traffic },
}

/// What a workload makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Texts.
    Texts,
    /// Requests for approval.
    Requests,
    /// Own data, by these users: a prompt of theirs that no message asks for is of this workload.
    OwnData(Vec<RangeInclusive<u32>>),
    /// Own data by users of whom another workload is too, so that nothing tells whose a prompt is.
    MixedOwnData,
    /// No messages: it polls or rotates.
    Nothing,
}

/// The number of a name in [`Spec::names`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct NameId(pub u32);

/// A point in the life of a named thing (scenario language, rule 4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct PointRef {
    /// Of what.
    pub name: NameId,
    /// Which point.
    pub point: Point,
}

macro_rules! points {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// The closed list of points (scenario language, rule 4).
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
        pub enum Point {
            $($(#[$doc])* $variant,)+
        }

        impl Point {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// As written in a scenario.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

points! {
    /// Message or request: handed to the device.
    Sent = "sent",
    /// Message: octets are fixed.
    Encrypted = "encrypted",
    /// Message: first transmission.
    Submitted = "submitted",
    /// Message: durable at the server.
    Stored = "stored",
    /// Message: the sender has SubmitAck.
    Accepted = "accepted",
    /// Message: first offered to the receiver.
    Forwarded = "forwarded",
    /// Message: durable at the receiver.
    Committed = "committed",
    /// Message: seen by the user, or processed.
    Displayed = "displayed",
    /// Message: its stay at the server ended by acknowledgement. Rotation: RotateAck arrived.
    Acked = "acked",
    /// Message: the sender knows its end.
    Reported = "reported",
    /// Message: expired at the server or the sender.
    Expired = "expired",
    /// Message: bounced.
    Bounced = "bounced",
    /// Message: given up.
    Failed = "failed",
    /// Rotation: the new key pair is durable.
    Requested = "requested",
    /// Rotation: durable in the directory.
    Recorded = "recorded",
    /// Rotation: the old private key is erased.
    Graced = "graced",
    /// Request: on the screen.
    Shown = "shown",
    /// Request: buttons count.
    Armed = "armed",
    /// Request or press: a button was pressed.
    Pressed = "pressed",
    /// Request: approved or rejected.
    Answered = "answered",
    /// Fault: begins. Any other step: acts.
    Start = "start",
    /// Fault: ends.
    End = "end",
    /// Fence: reached.
    Reached = "reached",
}

/// A moment that bounds an interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// Time from the end of `given`.
    At(Duration),
    /// A point, plus a delay.
    Point(PointRef, Duration),
}

/// One expectation, concrete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// As written, for reports.
    pub text: String,
    /// Line in the scenario file.
    pub line: u32,
    /// What is looked for.
    pub check: Check,
    /// How many times; `1..=u64::MAX` by default, `0..=0` for never.
    pub count: RangeInclusive<u64>,
    /// Budget from the named thing's first point.
    pub within: Option<Duration>,
    /// Only from here.
    pub since: Option<Moment>,
    /// Only up to here.
    pub until: Option<Moment>,
    /// What it is evidence for when it comes true.
    pub shows: Vec<(Requirement, Polarity)>,
}

impl Expectation {
    /// Whether it comes true when nothing happens at all. Of lost messages it is judged only when some were
    /// accepted.
    #[must_use]
    pub fn holds_of_nothing(&self) -> bool {
        self.count.contains(&0) && !matches!(self.check, Check::Lost { .. })
    }
}

/// What an expectation looks for. A `u32` is a user's index, a `NameId` a named thing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields speak for themselves beside each variant's sentence")]
pub enum Check {
    /// The message (or approval) reaches this point.
    Reaches { of: NameId, point: Point },
    /// The display of this message shows exactly this text.
    DisplayedText { of: NameId, text: String },
    /// The message was last encrypted under these epochs.
    EpochOf { of: NameId, sender: Option<u64>, receiver: Option<u64> },
    /// Logical lookups.
    Lookups { by: u32, of: Option<UserId> },
    /// Derivations.
    Derivations { by: u32, of: Option<UserId> },
    /// Table searches with this outcome.
    Selections { by: u32, of: Option<UserId>, outcome: Selection },
    /// Rows that left the table.
    Evictions { by: u32, of: Option<UserId> },
    /// Warnings to the user.
    Alarm { by: u32, kind: Option<AlarmKind> },
    /// Requests for confirmation of an identity.
    ConfirmAsked { by: u32, of: Option<UserId> },
    /// Prompts of a request.
    Prompted { request: NameId },
    /// Approvals of a request: by this press, with a signature the requester found valid.
    Approved { request: NameId, press: Option<NameId>, valid: Option<bool> },
    /// Rejections of a request.
    Rejected { request: NameId, press: Option<NameId> },
    /// Approval signatures.
    Signed { by: u32 },
    /// What the user was told about a draft.
    Notice { of: NameId, status: DraftStatus },
    /// Refusals by the server to this user, by code name.
    Refused { by: u32, code: Option<String> },
    /// Messages not accepted by this device, by reason name.
    RejectedMessage { by: u32, why: Option<String> },
    /// Rotations completed.
    Rotated { by: u32 },
    /// Frames of this kind sent by this device (`up`) or to it.
    Frames { by: u32, kind: String, up: bool },
    /// The device's state at the end of the interval.
    StateIs { by: u32, state: String },
    /// A finding of this oracle, about this requirement.
    Finding { oracle: String, requirement: Option<Requirement> },
    /// A quantile of a metric below a bound, in all windows of this length but for a budget, outside a fault.
    Slo {
        metric: String,
        quantile: Ratio,
        below: Duration,
        window: Option<Duration>,
        budget: Ratio,
        outside: Option<NameId>,
    },
    /// A ratio metric above (or below) a share.
    Share { metric: String, above: Option<Ratio>, below: Option<Ratio> },
    /// All deliveries held up by the fault are done this long after its end.
    Healed { fault: NameId },
    /// Accepted messages that were neither displayed, reported nor expired.
    Lost { of: NameId },
}

/// The coverage mark of a search of the table, as a scenario's `reaches` names it: `table-hit-out`.
#[must_use]
pub fn mark(outcome: Selection, way: Way) -> String {
    format!("table-{outcome}-{way}")
}

/// All coverage marks.
pub fn marks() -> impl Iterator<Item = String> {
    Selection::ALL.iter().flat_map(|outcome| Way::ALL.iter().map(|way| mark(*outcome, *way)))
}

impl Spec {
    /// Of these users and this server: nothing is expected or excepted, no device declares anything, and
    /// nothing but the server takes any time.
    #[must_use]
    pub fn of(users: Vec<UserId>, server: ServerBounds) -> Self {
        Self {
            by_name: Roster::of(&users),
            users,
            limits_of: Vec::new(),
            limits: Vec::new(),
            server,
            circumstances: Circumstances::default(),
            names: Vec::new(),
            expectations: Vec::new(),
            except: BTreeMap::new(),
            reaches: Vec::new(),
            settle: Duration::ZERO,
            bandwidth: None,
            round_trip: Duration::ZERO,
            internal: Duration::ZERO,
            slowest_write: Duration::ZERO,
            under_test: None,
            opaque: BTreeSet::new(),
            shared_agreements: false,
        }
    }

    /// The declared limits of a user's device.
    #[must_use]
    pub fn limits(&self, user: u32) -> Option<&DeviceLimits> {
        let index = self.limits_of.get(usize::try_from(user).ok()?)?;
        self.limits.get(usize::try_from(*index).ok()?)
    }

    /// How long outputs may wait for durable writes: for the one under way and for their own.
    #[must_use]
    pub const fn held_up(&self) -> Duration {
        self.slowest_write.times(2)
    }

    /// A user's name.
    #[must_use]
    pub fn user(&self, index: u32) -> Option<&UserId> {
        self.users.get(usize::try_from(index).ok()?)
    }

    /// A user's index.
    #[must_use]
    pub fn index(&self, user: &UserId) -> Option<u32> {
        self.by_name.find(&self.users, user)
    }
}
