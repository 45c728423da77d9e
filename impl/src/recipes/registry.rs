//! Who offers a service, and which of them to ask.
//!
//! *Java:* Curator's `ServiceDiscovery`, `ServiceProvider`, `ServiceCache`; for the strategies also Dubbo's
//! `LoadBalance`.

use super::cache::{ChildData, TreeCache};
use super::cache_state::{Change, Changes};
use super::persistent_node::PersistentNode;
use super::protection::Protection;
use super::retry::{child, name};
use super::sessions::Sessions;
use super::strategy::ProviderStrategy;
use crate::client::Error;
use bytes::Bytes;
use futures_core::Stream;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::sync::watch;
use zab::Zxid;

/// What a provider says of itself. In the znode it is two lines, address and weight, and then the payload.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Registration {
    /// Where it can be reached, in a form that its consumers understand. One line: consumers see spaces for line feeds.
    pub address: String,
    /// How much it can bear in comparison with others; 1 for all alike. 0 gets nothing while there are others.
    pub weight: u32,
    /// Whatever else consumers should know.
    pub payload: Bytes,
}

impl Registration {
    /// With weight 1 and without payload.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Registration {
        Registration { address: address.into(), weight: 1, payload: Bytes::new() }
    }

    fn encode(&self) -> Vec<u8> {
        // A second line would be read as the weight.
        let address = self.address.replace('\n', " ");
        let mut bytes = format!("{address}\n{}\n", self.weight).into_bytes();
        bytes.extend_from_slice(&self.payload);
        bytes
    }

    /// `None` for what somebody else has written.
    fn decode(data: &Bytes) -> Option<Registration> {
        let mut ends = data.iter().enumerate().filter_map(|(index, byte)| (*byte == b'\n').then_some(index));
        let (first, second) = (ends.next()?, ends.next()?);
        let address = str::from_utf8(&data[..first]).ok()?.to_owned();
        let weight = str::from_utf8(&data[first + 1..second]).ok()?.parse().ok()?;
        Some(Registration { address, weight, payload: data.slice(second + 1..) })
    }
}

/// One who offers a service. It is registered again with every new session, under the same identifier. Dropped, it is
/// taken out in the background.
#[derive(Debug)]
pub struct Provider {
    node: PersistentNode,
    id: String,
}

impl Provider {
    /// Registers it as `<base>/<service>/<id>`, and returns when it is registered.
    ///
    /// # Errors
    /// [`Error::BadArguments`] for a service that is no name; what the server says.
    pub async fn register(
        sessions: &Sessions,
        base: &str,
        service: &str,
        registration: &Registration,
    ) -> Result<Provider, Error> {
        let id = Protection::new(&sessions.client().await?).uuid().to_owned();
        let path = child(&child(base, name(service)?), &id);
        let node = PersistentNode::start(sessions, &path, &registration.encode()).await?;
        Ok(Provider { node, id })
    }

    /// What consumers know it by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Says something else from now on (`updateService`). Returns at once.
    pub fn update(&self, registration: &Registration) {
        self.node.set_data(&registration.encode());
    }

    /// Counts the registrations: it changes when the provider is there again after it was not.
    #[must_use]
    pub fn registrations(&self) -> watch::Receiver<u64> {
        self.node.made()
    }

    /// Takes it out, and returns when it is out.
    ///
    /// # Errors
    /// What the server says.
    pub async fn unregister(self) -> Result<(), Error> {
        self.node.close().await
    }
}

/// A provider as a consumer knows it (`ServiceInstance`).
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its identifier, the same over its sessions.
    pub id: String,
    /// What it says of itself.
    pub registration: Registration,
    /// The transaction that registered it.
    pub registered: Zxid,
    active: Arc<AtomicUsize>,
}

impl Instance {
    /// How many [`Call`]s of this consumer are with it now.
    #[must_use]
    pub fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn of(id: &str, weight: u32) -> Instance {
        let registration = Registration { address: id.to_owned(), weight, payload: Bytes::new() };
        Instance { id: id.to_owned(), registration, registered: Zxid::ZERO, active: Arc::default() }
    }
}

/// One who needs a service. It asks once; from then on it answers from memory, which watches keep current, also while
/// the ensemble is away.
#[derive(Debug)]
pub struct Consumer {
    cache: TreeCache,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    revision: Option<u64>,
    instances: Arc<[Instance]>,
}

impl Consumer {
    /// Reads who offers the service, and returns when it is read. None is no error.
    ///
    /// # Errors
    /// As [`Provider::register`].
    pub async fn subscribe(sessions: &Sessions, base: &str, service: &str) -> Result<Consumer, Error> {
        let cache = TreeCache::start(sessions, &child(base, name(service)?)).await?;
        Ok(Consumer { cache, known: Mutex::default() })
    }

    /// All providers, by their identifiers. Without a request.
    #[must_use]
    pub fn instances(&self) -> Arc<[Instance]> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let revision = self.cache.revision();
        if known.revision != Some(revision) {
            let active: BTreeMap<_, _> =
                known.instances.iter().map(|one| (one.id.clone(), one.active.clone())).collect();
            let nodes = self.cache.children(self.cache.root());
            let instances = nodes.values().filter_map(|node| {
                let one = instance(self.cache.root(), node)?;
                let active = active.get(&one.id).cloned().unwrap_or_default();
                Some(Instance { active, ..one })
            });
            *known = Known { revision: Some(revision), instances: instances.collect() };
        }
        known.instances.clone()
    }

    /// Whether it hears of changes now; not while there is no connection.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.cache.is_current()
    }

    /// All changes from now on, after those who are there now, as joined.
    pub fn changes(&self) -> ServiceChanges {
        ServiceChanges { changes: self.cache.changes(), root: self.cache.root().to_owned() }
    }

    /// Chooses a provider for a call, by what the strategy says of them and, where it matters, of `key`. `None` if
    /// there is no provider.
    pub fn choose(&self, strategy: &impl ProviderStrategy, key: &[u8]) -> Option<Call> {
        let instances = self.instances();
        let instance = instances.get(strategy.choose(&instances, key)?)?.clone();
        instance.active.fetch_add(1, Ordering::Relaxed);
        Some(Call { instance })
    }
}

/// A call of a provider: as long as it lives, it counts as active.
#[derive(Debug)]
#[must_use = "a call that is dropped is over"]
pub struct Call {
    instance: Instance,
}

impl Deref for Call {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.instance
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.instance.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a consumer is told.
#[derive(Clone, Debug)]
pub enum ServiceChange {
    /// A provider has come, or is there again.
    Joined(Instance),
    /// A provider says something else of itself, or has registered again before it was missed.
    Updated(Instance),
    /// A provider has gone. As it was at last.
    Left(Instance),
}

/// The changes of a service: a stream that ends with its consumer.
#[derive(Debug)]
pub struct ServiceChanges {
    changes: Changes,
    root: String,
}

impl ServiceChanges {
    /// The next change; `None` when the consumer has ended. Cancellation loses none.
    pub async fn next(&mut self) -> Option<ServiceChange> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// What a change in the cache says of the service, if anything.
    fn told(&self, change: &Change) -> Option<ServiceChange> {
        let of = |node| instance(&self.root, node);
        match change {
            Change::Added(node) => of(node).map(ServiceChange::Joined),
            Change::Removed(node) => of(node).map(ServiceChange::Left),
            Change::Updated { before, now } => match (of(before), of(now)) {
                (Some(_), Some(now)) => Some(ServiceChange::Updated(now)),
                (None, now) => now.map(ServiceChange::Joined),
                (before, None) => before.map(ServiceChange::Left),
            },
        }
    }
}

/// As [`ServiceChanges::next`].
impl Stream for ServiceChanges {
    type Item = ServiceChange;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<ServiceChange>> {
        loop {
            let Some(change) = ready!(Pin::new(&mut self.changes).poll_next(context)) else { return Poll::Ready(None) };
            if let Some(told) = self.told(&change) {
                return Poll::Ready(Some(told));
            }
        }
    }
}

/// What a child of the service's znode says; not the service itself, nor what lies deeper.
fn instance(root: &str, node: &ChildData) -> Option<Instance> {
    let id = node.path.strip_prefix(&child(root, ""))?;
    let registration = Registration::decode(&node.data).filter(|_| !id.contains('/'))?;
    let registered = node.stat.persisted.czxid;
    Some(Instance { id: id.to_owned(), registration, registered, active: Arc::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registrations_are_read_as_written() {
        let written = Registration { address: "h:1".into(), weight: 7, payload: Bytes::from_static(b"a\n\xff\n") };
        assert_eq!(Registration::decode(&written.encode().into()), Some(written));
        for foreign in [&b""[..], b"h:1", b"h:1\n", b"h:1\n7", b"h:1\n-1\n", b"\xff\n1\n"] {
            assert_eq!(Registration::decode(&Bytes::from_static(foreign)), None);
        }
    }
}
