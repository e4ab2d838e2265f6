//! The people of a load: their identities, what their devices remember at the start, and their registration.
//!
//! Everything is a function of the seed and the namespace, so that shards, and later runs, mean the same
//! people. Not here: what they do.

use std::collections::BTreeMap;
use std::time::Duration as Span;

use rayon::prelude::*;
use tokio::time::timeout;

use crate::base::id::{Epoch, Hash32, ReqId, Seq, UserId};
use crate::base::rng::Luck;
use crate::base::time::{Duration, Instant};
use crate::crypto::p256::P256;
use crate::crypto::schedule::{Party, kid, pair_secret};
use crate::crypto::sign::record_hash;
use crate::crypto::suite::{Secret, Suite as _};
use crate::load::error::LoadError;
use crate::proto::device::durable::{Contact, DeviceDurable, PeerKey, Pin, Row, Slot};
use crate::proto::device::window::Window;
use crate::proto::genesis::{Pairs, Terms, identity, luck_of};
use crate::runtime::client::channel::{Channel, ChannelError, Endpoint};
use crate::runtime::host::is_out_of_files;
use crate::scenario::plan::Plan;
use crate::wire::message::{Envelope, Message, Register};
use crate::wire::record::KeyRecord;
use crate::wire::signed::pop_octets;

/// How long a server may take to register somebody.
const PATIENCE: Span = Span::from_secs(30);
/// Keys of a load are as good as new for ever.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 86_400);

/// One user.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their name on the server, with the namespace.
    pub user: UserId,
    pairs: Pairs,
    record: KeyRecord,
    hash: Hash32,
    kid: Hash32,
}

/// All users of a plan, in its order.
#[derive(Clone, Debug)]
pub struct People {
    /// The users.
    pub all: Vec<Person>,
    /// Secrets of those who will write to each other, the lesser number first.
    secrets: BTreeMap<(u32, u32), Secret>,
}

impl Person {
    fn new(plan: &Plan, number: u32, namespace: &str) -> Result<Self, LoadError> {
        let name = &plan.devices[number as usize].user;
        let user = UserId::new(&format!("{namespace}{name}"))
            .map_err(|why| LoadError::Namespace { name: namespace.to_owned(), why })?;
        let terms = Terms { key_life: FOR_EVER, grace: Duration::ZERO };
        let luck: Luck = luck_of(plan.seed, number);
        let mut identity = identity::<P256>(luck, &user, Epoch::FIRST, terms);
        let record = identity.records.remove(0);
        let hash = record_hash::<P256>(&record.encode());
        let kid = kid::<P256>(&record.agree_pk);
        Ok(Self { user, pairs: identity.pairs, record, hash, kid })
    }

    const fn party(&self) -> Party<'_> {
        Party { user: &self.user, epoch: Epoch::FIRST, kid: &self.kid }
    }

    fn registration(&self) -> Envelope {
        let pop = P256::sign(&self.pairs.agree.secret, &pop_octets(&self.hash));
        let body = Message::Register(Box::new(Register { record: self.record.clone(), pop }));
        Envelope { req: ReqId([1; 8]), ticket: None, body }
    }

    /// The key that they attach with.
    #[must_use]
    pub const fn signing_key(&self) -> &Secret {
        &self.pairs.sign.secret
    }

    /// Registers them, or makes sure that they are registered with these keys.
    ///
    /// # Errors
    /// When the server cannot be reached, or does not register them.
    pub async fn register(&self, endpoint: &Endpoint) -> Result<(), LoadError> {
        let refused = |why: String| LoadError::Register { user: self.user.clone(), why };
        let ask = async {
            let mut channel = Channel::dial(endpoint).await?;
            channel.send(&[self.registration()]).await?;
            Ok::<_, ChannelError>(channel.receive().await?.body)
        };
        match timeout(PATIENCE, ask).await {
            Ok(Ok(Message::RegisterAck { record_hash })) if record_hash == self.hash => Ok(()),
            Ok(Ok(Message::Error { code, .. })) => Err(refused(format!("it refuses: {code}"))),
            Ok(Ok(other)) => Err(refused(format!("it answers `{}`", other.kind().name()))),
            Ok(Err(ChannelError::Io(error))) if is_out_of_files(&error) => {
                Err(LoadError::System(error))
            }
            Ok(Err(error)) => Err(refused(error.to_string())),
            Err(_) => Err(refused(format!("no answer within {} s", PATIENCE.as_secs()))),
        }
    }
}

impl People {
    /// The people of a plan, with the secrets of those pairs.
    ///
    /// # Errors
    /// When a name is too long with the namespace.
    pub fn of(
        plan: &Plan,
        namespace: &str,
        pairs: impl IntoIterator<Item = (u32, u32)>,
    ) -> Result<Self, LoadError> {
        let count = u32::try_from(plan.devices.len()).unwrap_or(u32::MAX);
        let person = |number| Person::new(plan, number, namespace);
        let all: Vec<Person> = (0..count).into_par_iter().map(person).collect::<Result<_, _>>()?;
        let mut pairs: Vec<_> =
            pairs.into_iter().map(|(one, other)| (one.min(other), one.max(other))).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let secret = |(one, other): (u32, u32)| {
            let (a, b) = (&all[one as usize], &all[other as usize]);
            let own = &a.pairs.agree.secret;
            let secret = pair_secret::<P256>(own, a.party(), &b.record.agree_pk, b.party());
            ((one, other), secret.expect("keys made here are keys"))
        };
        let secrets: Vec<_> = pairs.into_par_iter().map(secret).collect();
        Ok(Self { secrets: secrets.into_iter().collect(), all })
    }

    /// What a device remembers when the load begins: its keys, and of everybody it will write to or hear of
    /// where their numbers start; if `warm`, their keys and secrets too, as many as its table holds.
    #[must_use]
    pub fn memory(
        &self,
        number: u32,
        peers: &[u32],
        (capacity, warm): (usize, bool),
        (now, first): (Instant, u64),
    ) -> DeviceDurable {
        let own = &self.all[number as usize];
        let key = own.pairs.clone().own::<P256>();
        let mut durable = DeviceDurable::registered(key, &own.record, own.hash);
        for (place, peer) in peers.iter().enumerate() {
            let known = warm && place < capacity;
            let person = &self.all[*peer as usize];
            let mut window = Window::default();
            window.mark(Seq(first));
            let (sent, next) = (first, Seq(first + 1));
            let pin = known.then(|| person.pin());
            let contact = Contact { pin, sent, window, next, ..Contact::default() };
            durable.contacts.insert(person.user.clone(), contact);
            if known {
                let row = self.row((number, *peer), now);
                durable.table.insert(person.user.clone(), row);
            }
        }
        durable
    }

    fn row(&self, (number, peer): (u32, u32), now: Instant) -> Row {
        let secret = self.secrets.get(&(number.min(peer), number.max(peer)));
        let slot = secret.map(|pair| {
            let pair = pair.clone();
            Slot { own: Epoch::FIRST, theirs: Epoch::FIRST, pair, confirmed: false }
        });
        let keys = vec![self.all[peer as usize].key()];
        Row { keys, slots: slot.into_iter().collect(), fetched: now, used: now }
    }
}

impl Person {
    const fn pin(&self) -> Pin {
        let sign = self.record.sig_pk;
        Pin { generation: self.hash, epoch: Epoch::FIRST, record: self.hash, sign }
    }

    const fn key(&self) -> PeerKey {
        let KeyRecord { agree_pk, sig_pk, .. } = &self.record;
        PeerKey { epoch: Epoch::FIRST, agree: *agree_pk, sign: *sig_pk, kid: self.kid }
    }
}
