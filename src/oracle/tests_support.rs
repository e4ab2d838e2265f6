//! Short handwritten runs for the oracles' tests.
//!
//! Not here: real runs; those are made by the simulator.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::base::id::{DeliveryId, DraftId, Epoch, Hash32, Mid, NodeId, Seq, TxnId, UserId};
use crate::base::rng::{Luck, Purpose};
use crate::base::time::{Duration, Instant, Millis};
use crate::crypto::keys::KeyPair;
use crate::crypto::model::Model;
use crate::crypto::schedule::{Party, kid};
use crate::crypto::suite::Suite as _;
use crate::oracle::escrow::{Escrow, Held, Shared};
use crate::oracle::judge::{Docket, Oracle};
use crate::oracle::panel::Panel;
use crate::oracle::spec::{
    Check, DeviceLimits, Expectation, NameId, Named, NamedThing, ServerBounds, Spec,
};
use crate::trace::fact::{
    About, ApprovalMade, Content, Fact, FrameFact, FrameKind, LookupCause, Octets, Opening, Phase,
    PromptShown, ReplyResult, Sealing, Selection, Way,
};
use crate::trace::record::{Record, RecordId};
use crate::verdict::requirement::{Polarity, Requirement};

/// A run in the making: each call adds a record at the present time.
pub struct Story {
    pub spec: Spec,
    pub records: Vec<Record>,
    pub now: Instant,
    sequence: BTreeMap<NodeId, u64>,
    /// Keys that the harness owns.
    held: Vec<Held>,
}

/// A recognizable hash.
pub fn hash(text: &str) -> Hash32 {
    let mut octets = [0; 32];
    for (place, octet) in octets.iter_mut().zip(text.bytes()) {
        *place = octet;
    }
    Hash32(octets)
}

/// A recognizable transaction.
pub fn txn(n: u8) -> TxnId {
    TxnId([n; 16])
}

impl Story {
    /// A world of these users, with the defaults of protocol 4.5.
    pub fn new(users: &[&str]) -> Self {
        let users: Vec<_> = users.iter().map(|name| UserId::new(name).unwrap()).collect();
        let spec = Spec {
            limits_of: users.iter().map(|_| 0).collect(),
            limits: vec![limits()],
            settle: Duration::from_secs(3_600),
            round_trip: Duration::from_millis(100),
            internal: Duration::from_millis(1),
            slowest_write: Duration::from_millis(1),
            ..Spec::of(users, server())
        };
        let (records, sequence, held) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self { spec, records, now: Instant::START, sequence, held }
    }

    /// Alice and bob with keys that the harness owns: alice has asked for bob's and derived their secret.
    pub fn acquainted() -> Self {
        let mut story = Self::new(&["alice", "bob"]);
        story.holds_keys(0);
        story.holds_keys(1);
        story.transmits(0, FrameKind::LookupKey, About::Nothing, b"lookup");
        story.derives_truly(0, 1);
        story
    }

    /// Names a thing.
    pub fn name(&mut self, name: &str, what: NamedThing) -> NameId {
        self.spec.names.push(Named { name: name.to_owned(), what });
        NameId(u32::try_from(self.spec.names.len() - 1).unwrap())
    }

    /// Expects something, over the whole run.
    pub fn expect(&mut self, check: Check, count: RangeInclusive<u64>) -> &mut Expectation {
        let text = "it".to_owned();
        let line = 1;
        let (within, since, until) = (None, None, None);
        let shows = Vec::new();
        let it = Expectation { text, line, check, count, within, since, until, shows };
        self.spec.expectations.push(it);
        self.spec.expectations.last_mut().unwrap()
    }

    /// Goes on at this many milliseconds.
    pub fn at(&mut self, millis: u64) -> &mut Self {
        self.now = Instant::START + Duration::from_millis(millis);
        self
    }

    /// Goes on at this many seconds.
    pub fn at_secs(&mut self, secs: u64) -> &mut Self {
        self.at(secs * 1_000)
    }

    pub fn push(&mut self, node: NodeId, cause: Option<RecordId>, fact: Fact) -> RecordId {
        let seq = self.sequence.entry(node).or_default();
        let id = RecordId { node, seq: *seq };
        *seq += 1;
        let wall = Millis::WORLD_START + self.now.since(Instant::START);
        self.records.push(Record { id, at: self.now, wall, cause, fact });
        id
    }

    pub fn device(&mut self, user: u32, fact: Fact) -> RecordId {
        self.push(NodeId::device(user), None, fact)
    }

    pub fn account(&mut self, user: u32, fact: Fact) -> RecordId {
        self.push(NodeId::account(user), None, fact)
    }

    pub fn harness(&mut self, fact: Fact) -> RecordId {
        self.push(NodeId::HARNESS, None, fact)
    }

    pub fn phase(&mut self, phase: Phase) -> RecordId {
        self.harness(Fact::Phase(phase))
    }

    pub fn user(&self, user: u32) -> UserId {
        self.spec.user(user).unwrap().clone()
    }

    pub fn mid(&self, from: u32, to: u32, seq: u64) -> Mid {
        Mid { sender: self.user(from), receiver: self.user(to), seq: Seq(seq) }
    }

    /// Composes and encrypts a text under epochs 1 and 1; draft and number are the same.
    pub fn sends(&mut self, from: u32, to: u32, seq: u64, text: &str) {
        let to_user = self.user(to);
        self.device(
            from,
            Fact::Compose {
                draft: DraftId(seq),
                to: to_user,
                kind: Content::Text,
                plain: hash(text),
                len: 5,
            },
        );
        self.encrypts(from, to, seq, text, 1, 1);
    }

    pub fn encrypts(&mut self, from: u32, to: u32, seq: u64, text: &str, own: u64, theirs: u64) {
        let sealing = self.sealing(from, to, seq, text, own, theirs);
        self.device(from, Fact::Encrypt(Box::new(sealing)));
    }

    pub fn sealing(
        &self,
        from: u32,
        to: u32,
        seq: u64,
        text: &str,
        own: u64,
        theirs: u64,
    ) -> Sealing {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&(seq * 100 + own * 10 + theirs).to_be_bytes());
        Sealing {
            mid: self.mid(from, to, seq),
            draft: DraftId(seq),
            attempt: 1,
            kind: Content::Text,
            own: Epoch(own),
            theirs: Epoch(theirs),
            key: hash("key"),
            nonce,
            header: hash("header"),
            ciphertext: hash(&format!("{text}{own}{theirs}")),
            plain: hash(text),
        }
    }

    /// One attempt to open a message under epochs 1 and 1; `None`: its tag does not hold.
    pub fn opens(&mut self, at: u32, from: u32, seq: u64, text: Option<&str>) -> RecordId {
        let sealing = self.sealing(from, at, seq, text.unwrap_or_default(), 1, 1);
        let opening = Opening {
            mid: sealing.mid,
            kind: sealing.kind,
            own: sealing.theirs,
            theirs: sealing.own,
            key: sealing.key,
            header: sealing.header,
            ciphertext: sealing.ciphertext,
            plain: text.map(hash),
        };
        self.device(at, Fact::Decrypt(Box::new(opening)))
    }

    pub fn displays(&mut self, at: u32, from: u32, seq: u64, text: &str) -> RecordId {
        let mid = self.mid(from, at, seq);
        let fact = Fact::Display {
            mid,
            kind: Content::Text,
            plain: hash(text),
            text: text.to_owned(),
            late: false,
            missing: 0,
        };
        self.device(at, fact)
    }

    /// A table search under epochs 1 and 1.
    pub fn selects(
        &mut self,
        at: u32,
        peer: u32,
        mid: Option<Mid>,
        way: Way,
        outcome: Selection,
    ) -> RecordId {
        let peer = self.user(peer);
        let (own, theirs) = (Epoch(1), Epoch(1));
        self.device(at, Fact::Select { mid, peer, own, theirs, way, outcome })
    }

    /// A lookup with a number of its own.
    pub fn looks_up(&mut self, at: u32, peer: u32, req: u8, because: LookupCause) -> RecordId {
        let peer = self.user(peer);
        let req = crate::base::id::ReqId([req; 8]);
        self.device(at, Fact::Lookup { peer, req, want: None, because })
    }

    /// The answer to it.
    pub fn gets_reply(&mut self, at: u32, peer: u32, req: u8, result: ReplyResult) -> RecordId {
        let peer = self.user(peer);
        let (req, epochs) = (crate::base::id::ReqId([req; 8]), vec![Epoch(1)]);
        self.device(at, Fact::KeyReply { peer, req, epochs, result })
    }

    /// A secret for these epochs; keys and secret are named after users and epochs.
    pub fn derives(&mut self, at: u32, peer: u32, own: u64, theirs: u64) -> RecordId {
        let (us, them) = (self.user(at), self.user(peer));
        let mut ends = [format!("{us}{own}"), format!("{them}{theirs}")];
        let (own_kid, their_kid) = (hash(&ends[0]), hash(&ends[1]));
        ends.sort();
        let secret = hash(&ends.concat());
        let (own, theirs) = (Epoch(own), Epoch(theirs));
        self.device(at, Fact::Derive { peer: them, own, theirs, own_kid, their_kid, secret })
    }

    /// A prompt of a request that came as message `n`, to be approved within 120 s.
    pub fn prompts(&mut self, at: u32, requester: u32, n: u8) -> RecordId {
        let shown = PromptShown {
            txn: txn(n),
            requester: self.user(requester),
            request: Some(self.mid(requester, at, n.into())),
            lines: vec!["Pay 9.00 EUR".to_owned()],
            display: hash("display"),
            body: hash("body"),
            expires: Millis::WORLD_START + Duration::from_secs(120),
        };
        self.device(at, Fact::Prompt(Box::new(shown)))
    }

    /// The approval of that prompt; draft and number are the same.
    pub fn approves(&mut self, at: u32, requester: u32, n: u8) -> RecordId {
        let made = ApprovalMade {
            txn: txn(n),
            requester: self.user(requester),
            draft: DraftId(n.into()),
            body: hash("body"),
            display: hash("display"),
            counter: n.into(),
            expires: Millis::WORLD_START + Duration::from_secs(120),
            signed_at: Millis::WORLD_START,
            statement: hash("statement"),
        };
        self.device(at, Fact::Approved(Box::new(made)))
    }

    /// The directory records a key of this epoch.
    pub fn records_key(&mut self, user: u32, epoch: u64) -> RecordId {
        let name = self.user(user);
        let record = hash(&format!("{name}{epoch}"));
        let (generation, epoch, revoke) = (hash("generation"), Epoch(epoch), false);
        self.account(user, Fact::Recorded { user: name, generation, epoch, record, revoke })
    }

    pub fn commits(&mut self, at: u32, from: u32, seq: u64) -> RecordId {
        let mid = self.mid(from, at, seq);
        self.device(at, Fact::Commit { mid, generation: hash("generation") })
    }

    /// The account stores a message for the first time.
    pub fn accepts(&mut self, from: u32, to: u32, seq: u64) -> RecordId {
        let mid = self.mid(from, to, seq);
        let fact = Fact::Accept {
            mid,
            generation: hash("generation"),
            attempt: 1,
            content: hash("content"),
            expires: Millis::NEVER,
            known: false,
        };
        self.account(to, fact)
    }

    /// The account offers it.
    pub fn offers(&mut self, from: u32, to: u32, seq: u64) -> RecordId {
        let fact = Fact::Offer {
            mid: self.mid(from, to, seq),
            generation: hash("generation"),
            attempt: 1,
            delivery: DeliveryId(seq),
            to: self.user(to),
            content: hash("content"),
            pushed: false,
        };
        self.account(to, fact)
    }

    /// The account sees it acknowledged.
    pub fn acks(&mut self, from: u32, to: u32, seq: u64) -> RecordId {
        let (mid, generation) = (self.mid(from, to, seq), hash("generation"));
        self.account(to, Fact::Acked { mid, generation, attempt: 1 })
    }

    pub fn frame(&self, kind: FrameKind, up: bool, about: About) -> FrameFact {
        FrameFact {
            number: u64::try_from(self.records.len()).unwrap(),
            copy: 0,
            up,
            kind: Some(kind),
            req: crate::base::id::ReqId([0; 8]),
            about,
            len: 100,
            octets: None,
        }
    }

    /// Feeds the run to an oracle and concludes.
    pub fn judge(&self, mut oracle: impl Oracle) -> Docket {
        let mut docket = Docket { escrow: self.escrow(), ..Docket::default() };
        let facts = oracle.facts();
        for record in &self.records {
            docket.turn_to(record, &self.spec);
            if facts.contain_fact(&record.fact) {
                oracle.observe(record, &self.spec, &mut docket);
            }
        }
        oracle.conclude(&self.spec, &mut docket);
        docket
    }
}

impl Story {
    /// The keys of a user's first epoch, whether or not the harness owns them.
    pub fn keys(user: u32) -> Held {
        let luck = Luck::new(1, Purpose::Keys, user.into());
        let [agree, sign] = [0, 1].map(|n| KeyPair::generate::<Model>(&mut luck.at(n)));
        Held { user, agree, sign: sign.secret }
    }

    /// The harness owns the keys of this user.
    pub fn holds_keys(&mut self, user: u32) {
        self.held.push(Self::keys(user));
    }

    fn escrow(&self) -> Escrow {
        let mut escrow = Escrow::of::<Model>();
        self.held.iter().for_each(|held| escrow.keep(held.clone()));
        escrow
    }

    /// What two users' keys have in common.
    pub fn shared(&self, one: u32, other: u32) -> Arc<Shared> {
        let users = [one, other].map(|user| self.user(user));
        let kids = [one, other].map(|user| kid::<Model>(&Self::keys(user).agree.public));
        let [one, other] =
            [0, 1].map(|n| Party { user: &users[n], epoch: Epoch::FIRST, kid: &kids[n] });
        self.escrow().shared(one, other).unwrap()
    }

    /// The first user with whom this one agrees on a value that begins with a zero octet.
    pub fn agreement_with_zero(&self, one: u32) -> u32 {
        let secret = Self::keys(one).agree.secret;
        let begins = |other: &u32| {
            let z = Model::agree(&secret, &Self::keys(*other).agree.public).unwrap();
            z.expose()[0] == 0
        };
        let users = u32::try_from(self.spec.users.len()).unwrap();
        (0..users).filter(|other| *other != one).find(begins).unwrap()
    }

    /// The fingerprint of the key for messages between these two.
    pub fn direction(&self, from: u32, to: u32) -> Hash32 {
        let shared = self.shared(from, to);
        self.escrow().direction(&shared, &self.user(from), &self.user(to)).unwrap()
    }

    /// As [`Self::derives`] under epochs 1 and 1, from the users' keys.
    pub fn derives_truly(&mut self, at: u32, peer: u32) -> RecordId {
        let [own_kid, their_kid] =
            [at, peer].map(|user| kid::<Model>(&Self::keys(user).agree.public));
        let (own, theirs, secret) = (Epoch::FIRST, Epoch::FIRST, self.shared(at, peer).print);
        let peer = self.user(peer);
        self.device(at, Fact::Derive { peer, own, theirs, own_kid, their_kid, secret })
    }

    /// A device sends these octets.
    pub fn transmits(&mut self, by: u32, kind: FrameKind, about: About, octets: &[u8]) -> RecordId {
        let mut frame = self.frame(kind, true, about);
        frame.octets = Some(Octets(octets.into()));
        self.device(by, Fact::Tx(frame))
    }

    /// Feeds the run to the whole panel.
    pub fn panel(&self, claimed: &[(Requirement, Polarity)]) -> Docket {
        let mut panel = Panel::new(Arc::new(self.spec.clone()));
        for record in &self.records {
            panel.observe(record);
        }
        panel.conclude(self.now, claimed)
    }
}

fn limits() -> DeviceLimits {
    DeviceLimits {
        capacity: 64,
        table_durable: true,
        poll: Some(Duration::from_secs(10)),
        refresh: Duration::from_secs(86_400),
        max_stale: Duration::from_secs(2 * 86_400),
        arm: Duration::from_millis(500),
        gap: Duration::from_secs(60),
        negative: Duration::from_secs(60),
        lookup_burst: Duration::from_secs(40),
        tries: 8,
        pending: 256,
        lookups_per_minute: 30,
        lookups_burst: 10,
        grace: Duration::from_secs(8 * 86_400),
    }
}

fn server() -> ServerBounds {
    ServerBounds {
        ttl: Duration::from_secs(7 * 86_400),
        grace: Duration::from_secs(8 * 86_400),
        lease: Duration::from_secs(30),
        push: false,
        push_bound: Duration::from_secs(2),
        unknown: Duration::from_secs(300),
        ticket: Duration::from_secs(3_600),
        mailbox_messages: 1_000,
    }
}
