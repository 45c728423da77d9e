//! An ensemble as its clients see it: one tree that `zab`'s own functions change, its sessions, and its watches.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use zab::tree::{
    Acl, Applied, Asked, Change, CreateMode, Event, Notification, OpCode, Outlook, PrepareOptions, SessionId,
    SetWatches, Standing, Transaction, Tree, TreeOptions, WatchMode, WatcherId, WatcherType, Watches, prepare,
};
use zab::{Epoch, Zxid};

/// The tree of a server, and who watches what there. Clients and their sessions are numbered alike, from 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Served {
    /// The tree.
    pub tree: Tree,
    /// Client, path, and how.
    pub watches: BTreeSet<(u8, String, WatchMode)>,
}

impl Hash for Served {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tree.last_zxid().hash(state);
        for (session, _) in self.tree.sessions() {
            session.hash(state);
        }
        for node in self.tree.nodes() {
            (node.path(), node.data(), node.stat).hash(state);
        }
        self.watches.hash(state);
    }
}

impl Served {
    /// A tree with a znode `root`, and an open session of each client.
    #[must_use]
    pub fn new(clients: u8, root: &str) -> Served {
        let tree = Tree::new(TreeOptions { digest: false, ..TreeOptions::default() });
        let mut served = Served { tree, watches: BTreeSet::new() };
        for client in 0..clients {
            served.change(client, Change::CreateSession { timeout: 10_000 });
        }
        served.change(0, create(root, CreateMode::Persistent));
        served
    }

    /// What the leader makes of a request; see [`prepare()`].
    #[must_use]
    pub fn prepare(&self, client: u8, change: Change) -> Transaction {
        let asked = Asked {
            session: session(client),
            cxid: 0,
            change,
            identities: Arc::new([]),
            standing: Standing::Here,
            options: PrepareOptions::default(),
        };
        let next = Zxid::new(Epoch(1), self.tree.last_zxid().counter() + 1);
        prepare(&self.tree, &mut Outlook::default(), &asked, next, 0)
    }

    /// Applies a transaction; what each client is told of it.
    pub fn apply(&mut self, transaction: &Transaction) -> (Applied, Vec<(u8, Notification)>) {
        let applied = self.tree.apply(transaction);
        let told = applied.events.iter().flat_map(|event| self.trigger(event)).collect();
        (applied, told)
    }

    /// Prepares and applies.
    pub fn change(&mut self, client: u8, change: Change) -> (Applied, Vec<(u8, Notification)>) {
        let transaction = self.prepare(client, change);
        self.apply(&transaction)
    }

    fn trigger(&mut self, event: &Event) -> Vec<(u8, Notification)> {
        let mut watches = self.table();
        let told = watches.trigger(event, |_, _| true);
        self.keep(&watches);
        told.into_iter().map(|watcher| (watcher.0 as u8, Notification::from(event))).collect()
    }

    /// From now on the client watches the path in this way.
    pub fn watch(&mut self, client: u8, path: &str, mode: WatchMode) {
        self.watches.insert((client, path.to_owned(), mode));
    }

    /// The client's connection has gone, and its watches with it.
    pub fn disconnect(&mut self, client: u8) {
        self.watches.retain(|(watcher, ..)| *watcher != client);
    }

    /// The client sets its watches again; what it missed.
    pub fn set_watches(&mut self, client: u8, request: &SetWatches) -> Vec<Notification> {
        let mut watches = self.table();
        let stat = |path: &str| self.tree.node(path).map(|node| node.stat);
        let missed = watches.set_watches(watcher(client), request, stat);
        for (paths, mode) in [(&request.data, WatchMode::Data), (&request.children, WatchMode::Children)] {
            self.watches.extend(paths.iter().map(|path| (client, path.clone(), mode)));
        }
        self.keep(&watches);
        missed
    }

    /// Whether the client's session is open.
    #[must_use]
    pub fn is_open(&self, client: u8) -> bool {
        self.tree.session_timeout(session(client)).is_some()
    }

    /// The server's own table, made of the list that a model's state keeps.
    fn table(&self) -> Watches {
        let mut table = Watches::new();
        for (client, path, mode) in &self.watches {
            table.add(watcher(*client), path, *mode);
        }
        table
    }

    fn keep(&mut self, table: &Watches) {
        self.watches.retain(|(client, path, mode)| {
            let kind = if *mode == WatchMode::Children { WatcherType::Children } else { WatcherType::Data };
            table.contains(watcher(*client), path, kind)
        });
    }
}

/// The request that creates a znode with nothing in it.
#[must_use]
pub fn create(path: &str, mode: CreateMode) -> Change {
    let (data, acl, flags) = (Some(bytes::Bytes::new()), Acl::open(), mode.number());
    Change::Create { kind: OpCode::Create2, path: path.to_owned(), data, acl, flags, ttl: -1 }
}

/// The session of a client.
#[must_use]
pub fn session(client: u8) -> SessionId {
    SessionId(i64::from(client) + 1)
}

fn watcher(client: u8) -> WatcherId {
    WatcherId(u64::from(client))
}
