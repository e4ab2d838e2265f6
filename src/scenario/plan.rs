//! A plan: one run, all concrete; after this, nothing is optional in the sense of "some default".
//!
//! Ranges are drawn, templates and parameters applied, names numbered. Not here: text, spans, or state.

use std::sync::Arc;

use crate::base::id::{DraftId, TxnId, UserId};
use crate::base::time::Duration;
use crate::base::units::Ratio;
use crate::network::config::{LinkConfig, Loss};
use crate::oracle::spec::{NameId, Point, PointRef, Spec};
use crate::proto::barrier::Barrier;
use crate::proto::config::{DeviceConfig, ServerConfig};
use crate::trace::fact::{Button, FrameKind};
use crate::verdict::requirement::{Polarity, Requirement};

mod load;
mod people;
mod workload;

pub use self::load::LoadPlan;
pub use self::people::{Answering, RequestPlan};
pub use self::workload::{Arrivals, Contacts, Swing, Workload, WorkloadKind};

/// One run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `ROT-R1-inflight[lead=20ms,loss=5%]`.
    pub case: String,
    /// The scenario's title.
    pub title: String,
    /// File it comes from, as given on the command line.
    pub source: String,
    /// The seed of all luck.
    pub seed: u64,
    /// Which cryptographic suite.
    pub suite: SuiteName,
    /// Devices, by user index.
    pub devices: Vec<DevicePlan>,
    /// Distinct settings of devices; `DevicePlan::profile` points here.
    pub profiles: Vec<Profile>,
    /// Distinct links; `DevicePlan::{up, down}` point here.
    pub links: Vec<LinkConfig>,
    /// The server.
    pub server: Arc<ServerConfig>,
    /// Latency between accounts, and of control events between nodes.
    pub internal: Duration,
    /// Time that a durable write takes on the server.
    pub sync: Duration,
    /// The prelude.
    pub given: Given,
    /// What happens.
    pub steps: Vec<Step>,
    /// Recurring traffic.
    pub workloads: Vec<Workload>,
    /// What only a real server sees.
    pub load: LoadPlan,
    /// What it is judged by.
    pub spec: Arc<Spec>,
    /// Requirements that the scenario claims to show.
    pub claimed: Vec<(Requirement, Polarity)>,
    /// Deviations that it should kill (run by the kill matrix).
    pub kills: Vec<String>,
    /// How long faults and steps may act.
    pub active: Duration,
    /// How long the settle phase may last.
    pub settle: Duration,
    /// Whether the two ends of a pair share one computed agreement; `Spec` says so too.
    pub share_agreements: bool,
    /// How much later than usual the world starts by the wall clocks of all nodes.
    pub ahead: Duration,
    /// Whether no device ever comes up, so that nothing may pass: a trial of the judges (design 10).
    pub null_devices: bool,
}

/// The cryptographic suites.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SuiteName {
    /// The real profile.
    P256,
    /// Same interface, no security, fast.
    Model,
}

impl SuiteName {
    /// As it stands in files and on command lines.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::Model => "model",
        }
    }

    /// The suite that is called so.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        [Self::P256, Self::Model].into_iter().find(|suite| suite.word() == word)
    }
}

/// One device.
#[derive(Clone, Debug)]
pub struct DevicePlan {
    /// Its user.
    pub user: UserId,
    /// Index into [`Plan::profiles`].
    pub profile: u32,
    /// Index into [`Plan::links`].
    pub up: u32,
    /// Index into [`Plan::links`].
    pub down: u32,
    /// How it starts.
    pub start: Start,
}

/// Settings shared by devices.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// What the machine is told.
    pub config: Arc<DeviceConfig>,
    /// What its processor takes for a primitive.
    pub cpu: Cpu,
    /// Time that a durable write takes.
    pub sync: Duration,
    /// The user, if they answer by themselves.
    pub user: Option<Answering>,
}

/// Virtual cost of a primitive (design 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cpu {
    /// Nothing costs time.
    Free,
    /// 48 MHz Cortex-M0+.
    CortexM0Plus,
    /// 64 MHz Cortex-M4.
    CortexM4,
    /// A phone.
    Phone,
}

/// How a device starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Registered and attached; the plan computes its records.
    Ready,
    /// Keys, not registered.
    Keyed,
    /// No keys.
    Blank,
    /// Not powered on until a `restart` step.
    Off,
}

/// The prelude.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// One text each way between these, displayed and acknowledged.
    pub warm: Vec<(u32, u32)>,
    /// These have rotated until they are at this epoch, all graces over.
    pub rotated: Vec<(u32, u64)>,
    /// Their links are down at the start of `active`, until a `link` step lifts it.
    pub offline: Vec<u32>,
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name.
    pub name: NameId,
    /// The verb, for records.
    pub verb: &'static str,
    /// When it acts.
    pub when: When,
    /// What it does.
    pub action: Action,
}

/// When a step acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// This long after the end of `given`.
    At(Duration),
    /// This long after a point.
    After(PointRef, Duration),
    /// As soon as the step before it has acted, plus a delay.
    Follow(Duration),
}

/// Until when something lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// This long.
    For(Duration),
    /// Until a time from the end of `given`.
    At(Duration),
    /// Until a point, plus a delay.
    Point(PointRef, Duration),
    /// Until the settle phase, in which everything heals.
    Heal,
}

/// What a step does. A `u32` is a user's index.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields speak for themselves beside each variant's sentence")]
pub enum Action {
    /// A user sends a text.
    Send { by: u32, to: UserId, text: String, draft: DraftId },
    /// A user asks another for approval.
    Request { by: u32, to: UserId, draft: DraftId, txn: TxnId, form: RequestPlan },
    /// A user composes own data, to be approved on their own screen and sent (claim 4).
    Approve { by: u32, to: UserId, draft: DraftId, txn: TxnId, form: RequestPlan },
    /// A user presses a button, after scrolling to the end unless told otherwise.
    Press { by: u32, button: Button, scroll: bool },
    /// A user answers the question about a new identity.
    Confirm { by: u32, peer: UserId, accept: bool },
    /// A user rotates.
    Rotate { by: u32, revoke: bool },
    /// A user polls by hand.
    Poll { by: u32 },
    /// Keys come into a device.
    Provision { by: u32, how: ProvisionPlan },
    /// A keyed device registers.
    Register { by: u32 },
    /// Factory reset.
    Wipe { by: u32 },
    /// A device stops, now or when it comes to a point, and starts again unless `down` is `Heal` (then at
    /// heal).
    Crash { by: u32, at: Option<CrashAt>, down: Until },
    /// A device that is off starts.
    Restart { by: u32 },
    /// A copy of a device's durable state is kept under the step's name.
    Snapshot { by: u32 },
    /// A device's durable state is replaced by that copy; `rng`: its randomness too.
    Restore { by: u32, snapshot: NameId, rng: bool },
    /// A device's wall clock jumps by this many milliseconds, and drifts by parts per million.
    Clock { by: u32, step_ms: i64, drift_ppm: i64 },
    /// Links of these users change for a while.
    Links { users: Vec<u32>, up: bool, down: bool, change: LinkChange, until: Until },
    /// Clogs the users one by one and releases them in another order.
    Swizzle { users: Vec<u32>, every: Duration, until: Until },
    /// The directory does not answer lookups.
    DirectoryOffline { until: Until },
    /// A user's mailbox takes no more than this many messages.
    MailboxLimit { user: u32, messages: usize, until: Until },
    /// A durable store is in trouble; one that fails is down `until` then.
    Store { at: StoreOf, trouble: StoreTrouble, until: Until },
    /// All accounts stop and start again; or one account at a barrier.
    ServerCrash { at: Option<(u32, Barrier)>, down: Until },
    /// The operator ends a user's identity.
    ResetUser { user: u32 },
    /// Something happens to frames with this address.
    Frames { address: FrameAddress, act: FrameAct },
    /// An adversary acts at a user's link.
    Adversary { at: u32, act: AdversaryAct },
    /// Everything up to here at this device is processed.
    Fence { by: u32 },
}

/// What a device that is to stop comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashAt {
    /// A named point inside a turn.
    Barrier(Barrier),
    /// The end of the turn of the n-th thing that is seen of it, from 1.
    Seen(u32),
}

/// Whose store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreOf {
    /// That of a user's device.
    Device(u32),
    /// That of a user's account.
    Account(u32),
    /// Those of all accounts.
    Server,
}

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreTrouble {
    /// Every write takes this much longer.
    Slow(Duration),
    /// No write is finished.
    Stall,
    /// The next write fails.
    Fail,
}

/// How keys come into a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvisionPlan {
    /// Made inside.
    Generate,
    /// From the provisioning authority, in order.
    Download,
    /// From the authority, with this fault.
    Bad(BadDownload),
}

/// What is wrong with downloaded key material (C12-R4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadDownload {
    /// 31 octets of private key.
    ShortSecret,
    /// A private key of zero.
    ZeroSecret,
    /// A private key equal to the group order.
    OrderSecret,
    /// A public key of another private key.
    WrongPublic,
    /// A public key off the curve.
    OffCurve,
    /// The same pair for agreement and signatures (C12-R7).
    SamePair,
}

/// What changes on a link.
#[derive(Clone, Debug)]
pub enum LinkChange {
    /// Nothing passes; what is sent is lost.
    Partition,
    /// Nothing passes; what is sent comes later.
    Clog,
    /// More (or less) loss.
    Loss(Loss),
    /// Extra latency for every frame.
    Delay(Duration),
    /// Bits flip in this share of frames.
    Corrupt(Ratio),
    /// This share of frames comes twice.
    Duplicate(Ratio),
    /// Ends a user's `offline` of the prelude.
    Online,
}

/// The address of frames (scenario language, rule 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameAddress {
    /// Which frames.
    pub what: FrameOf,
    /// The n-th in order of sending, from 1; none: all of them.
    pub copy: Option<u32>,
}

/// Which frames an address means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameOf {
    /// `m1.submit`, `r1.ack`: frames of a named message or rotation. `watcher`: of `notice(alice)`.
    Named {
        /// The message, request or rotation.
        name: NameId,
        /// The kind of frame.
        kind: FrameKind,
        /// To whom, for notices.
        watcher: Option<u32>,
    },
    /// `bob.lookup(alice)`, `bob.poll`: frames of a device.
    Device {
        /// Whose link.
        by: u32,
        /// The kind of frame.
        kind: FrameKind,
        /// The user it is about, for lookups and replies.
        about: Option<UserId>,
    },
}

/// What happens to addressed frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameAct {
    /// They are lost.
    Drop,
    /// They wait.
    Hold(Until),
    /// They come this many times more.
    Duplicate(u32),
    /// They come later by this.
    Delay(Duration),
    /// One bit flips: the n-th bit from the start of the octets, or a keyed one.
    Corrupt(Option<u32>),
}

/// What an adversary does at a user's link.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields speak for themselves beside each variant's sentence")]
pub enum AdversaryAct {
    /// Sends the captured frame again, towards where it went.
    Replay(FrameAddress),
    /// Sends a user's own message back to them as if from its receiver.
    Reflect(NameId),
    /// Sends a captured frame once for each octet of a part of it, with a bit flipped there.
    FlipEach(FrameAddress, FlipField),
    /// Answers a lookup with a forged record of the user.
    ForgeKeyReply { about: UserId, how: Forgery },
    /// Tells of a key change that did not happen.
    ForgeNotice { about: UserId, epoch: u64 },
    /// Exchanges the records of two lookups' replies.
    SwapReplies { first: UserId, second: UserId },
    /// Serves this user's record of an earlier epoch.
    ServeOld { about: UserId, epoch: u64 },
    /// Registers a user's name again with keys of its own.
    Reregister { name: UserId },
    /// Sends these octets to the device.
    Inject { octets: Vec<u8>, to_device: bool },
    /// Sends a message with random unknown senders or absurd epochs, this many.
    Spray { count: u32, epochs: bool },
}

/// Which part of a deliver frame is flipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlipField {
    /// The header.
    Header,
    /// The ciphertext without its tag.
    Ciphertext,
    /// The tag.
    Tag,
    /// Nothing is flipped: the tag's last octets are missing, one more each time.
    ShortTag,
}

/// What is wrong with a forged record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// A key of the adversary's, not signed by the old one.
    Unchained,
    /// A point off the curve.
    OffCurve,
    /// The right point in another encoding.
    OtherEncoding,
    /// The identity point's encoding.
    Identity,
    /// A self-signature that does not verify.
    BadSignature,
    /// Another user's record under this user's request.
    OtherUser,
    /// The right record under another request ID.
    OtherRequest,
    /// These octets in the place of the point.
    Point(Vec<u8>),
    /// The true self-signature in another form.
    Signature(SignatureForm),
}

/// What form a signature has that the profile does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureForm {
    /// The twin with the greater `s`, which holds as well by itself.
    HighS,
    /// `r = s = 0`.
    Zero,
    /// `r = s = n`, the order of the group.
    Order,
    /// The DER of X9.62 in the place of `r || s`.
    Der,
    /// Without its last octet.
    Short,
    /// With an octet more.
    Long,
}

impl Plan {
    /// The point at which a step's own life begins, for `after: name`.
    #[must_use]
    pub const fn start_of(name: NameId) -> PointRef {
        PointRef { name, point: Point::Start }
    }
}
