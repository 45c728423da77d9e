//! Every operation of ZooKeeper, as a method.
//!
//! Each sends its request at once: see [`Pending`]. A version of `None` means any. Errors of all of them are those of
//! [`Error`]; ZooKeeper's own are [`Error::Server`] with the code.

use super::command::{Hears, Watcher};
use super::error::Error;
use super::handle::Client;
use super::pending::Pending;
use super::watch::{AddWatchMode, OneShotWatch, Watch};
use crate::wire::data::ClientInfo;
use crate::wire::request::{ReconfigRequest, WatchSelection, WatchingRead};
use crate::wire::{ClientRequest, Reply};
use bytes::Bytes;
use std::time::Duration;
use tokio::sync::mpsc;
use zab::tree::path::CONFIG;
use zab::tree::{Acl, Change, Code, CreateMode as WireMode, OpCode, Stat, WatcherType};

/// Takes the one fitting reply apart.
macro_rules! expect {
    ($($reply:pat => $value:expr),+) => {
        move |reply| match reply? {
            $($reply => Ok($value),)+
            _ => Err(Error::UnexpectedReply),
        }
    };
}

/// How a znode is created. As [`zab::tree::CreateMode`], with the time to live where there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CreateMode {
    /// It stays.
    #[default]
    Persistent,
    /// It goes with the session.
    Ephemeral,
    /// It stays, and ten digits are appended to its name.
    PersistentSequential,
    /// It goes with the session, and ten digits are appended to its name.
    EphemeralSequential,
    /// It goes when its last child has gone.
    Container,
    /// It goes when it has no children and was not changed for so long (1 millisecond to 34 years). Needs a server with
    /// `extendedTypesEnabled`; others answer [`Code::Unimplemented`].
    PersistentWithTtl(Duration),
    /// Likewise, and ten digits are appended to its name.
    PersistentSequentialWithTtl(Duration),
}

impl CreateMode {
    fn wire(self) -> (WireMode, i64) {
        // Beyond what fits, the server says that the time to live is too long.
        let milliseconds = |ttl: Duration| i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        match self {
            CreateMode::Persistent => (WireMode::Persistent, -1),
            CreateMode::Ephemeral => (WireMode::Ephemeral, -1),
            CreateMode::PersistentSequential => (WireMode::PersistentSequential, -1),
            CreateMode::EphemeralSequential => (WireMode::EphemeralSequential, -1),
            CreateMode::Container => (WireMode::Container, -1),
            CreateMode::PersistentWithTtl(ttl) => (WireMode::PersistentWithTtl, milliseconds(ttl)),
            CreateMode::PersistentSequentialWithTtl(ttl) => (WireMode::PersistentSequentialWithTtl, milliseconds(ttl)),
        }
    }
}

/// A create as a change of the tree; `plain` is its kind if it is neither container nor has a time to live.
pub(super) fn create_change(
    client: &Client,
    path: &str,
    data: Option<&[u8]>,
    mode: CreateMode,
    acl: &[Acl],
    plain: OpCode,
) -> Result<Change, Error> {
    let (mode, ttl) = mode.wire();
    let path = client.path_to_create(path, mode.is_sequential())?;
    let kind = match mode {
        WireMode::Container => OpCode::CreateContainer,
        mode if mode.is_ttl() => OpCode::CreateTtl,
        _ => plain,
    };
    Ok(Change::Create { kind, path, data: data.map(copy), acl: acl.to_vec(), flags: mode.number(), ttl })
}

pub(super) fn version(version: Option<i32>) -> i32 {
    version.unwrap_or(-1)
}

/// Data in memory of their own: a packet's memory is not kept for them.
pub(super) fn copy(data: &[u8]) -> Bytes {
    Bytes::copy_from_slice(data)
}

fn owned(data: Option<Bytes>) -> Bytes {
    data.map(|data| copy(&data)).unwrap_or_default()
}

fn found(reply: Result<Reply, Error>) -> Result<Option<Stat>, Error> {
    match reply {
        Ok(Reply::Stat(stat)) => Ok(Some(stat)),
        Ok(_) => Err(Error::UnexpectedReply),
        Err(Error::Server(Code::NoNode)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn read(path: String, watch: bool) -> WatchingRead {
    WatchingRead { path, watch }
}

// ---- Changes ------------------------------------------------------------------------------------------------------

impl Client {
    /// Creates a znode. Gives its path, with the number of a sequential one, and its Stat.
    pub fn create(&self, path: &str, data: impl AsRef<[u8]>, mode: CreateMode, acl: &[Acl]) -> Pending<(String, Stat)> {
        self.create_or_null(path, Some(data.as_ref()), mode, acl)
    }

    /// As [`Client::create`], but without data there are none: null, which is not the same as empty
    /// ([`Client::get_data_or_null`]).
    pub fn create_or_null(
        &self,
        path: &str,
        data: Option<&[u8]>,
        mode: CreateMode,
        acl: &[Acl],
    ) -> Pending<(String, Stat)> {
        let change = create_change(self, path, data, mode, acl, OpCode::Create2);
        let chroot = self.chroot();
        self.ask(
            change.map(ClientRequest::Write),
            expect!(Reply::Create2 { path, stat } => (chroot.client_path(&path), stat)),
        )
    }

    /// Deletes a znode without children.
    pub fn delete(&self, path: &str, expected: Option<i32>) -> Pending<()> {
        let change = self.path(path).map(|path| Change::Delete { path, version: version(expected) });
        self.ask(change.map(ClientRequest::Write), expect!(Reply::Nothing => ()))
    }

    /// Sets a znode's data.
    pub fn set_data(&self, path: &str, data: impl AsRef<[u8]>, expected: Option<i32>) -> Pending<Stat> {
        let data = Some(copy(data.as_ref()));
        let change = self.path(path).map(|path| Change::SetData { path, data, version: version(expected) });
        self.ask(change.map(ClientRequest::Write), expect!(Reply::Stat(stat) => stat))
    }

    /// Sets a znode's ACL; the version is that of the ACL.
    pub fn set_acl(&self, path: &str, acl: &[Acl], expected: Option<i32>) -> Pending<Stat> {
        let acl = acl.to_vec();
        let change = self.path(path).map(|path| Change::SetAcl { path, acl, version: version(expected) });
        self.ask(change.map(ClientRequest::Write), expect!(Reply::Stat(stat) => stat))
    }

    /// Changes the ensemble: servers that join (`server.N=…`) and identifiers of those that leave, separated by commas;
    /// or `members`, the whole new ensemble. `from` is the version of the configuration that is changed. Gives the new
    /// configuration, and the Stat of `/zookeeper/config`.
    pub fn reconfig(
        &self,
        joining: Option<&str>,
        leaving: Option<&str>,
        members: Option<&str>,
        from: Option<i64>,
    ) -> Pending<(Bytes, Stat)> {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let (joining, leaving, members) = (own(joining), own(leaving), own(members));
        let request = ReconfigRequest { joining, leaving, members, current: from.unwrap_or(-1) };
        self.ask(Ok(ClientRequest::Reconfig(request)), expect!(Reply::Data { data, stat } => (owned(data), stat)))
    }
}

// ---- Reads --------------------------------------------------------------------------------------------------------

impl Client {
    /// A znode's Stat, if there is one.
    pub fn exists(&self, path: &str) -> Pending<Option<Stat>> {
        self.ask(self.path(path).map(|path| ClientRequest::Exists(read(path, false))), found)
    }

    /// A znode's data and Stat. Null reads as empty: see [`Client::get_data_or_null`].
    pub fn get_data(&self, path: &str) -> Pending<(Bytes, Stat)> {
        let request = self.path(path).map(|path| ClientRequest::GetData(read(path, false)));
        self.ask(request, expect!(Reply::Data { data, stat } => (owned(data), stat)))
    }

    /// A znode's data and Stat; null, which is not the same as empty, is `None`.
    pub fn get_data_or_null(&self, path: &str) -> Pending<(Option<Bytes>, Stat)> {
        let request = self.path(path).map(|path| ClientRequest::GetData(read(path, false)));
        self.ask(request, expect!(Reply::Data { data, stat } => (data.map(|data| copy(&data)), stat)))
    }

    /// The names of a znode's children, in no order.
    pub fn get_children(&self, path: &str) -> Pending<Vec<String>> {
        let request = self.path(path).map(|path| ClientRequest::GetChildren(read(path, false)));
        self.ask(request, expect!(Reply::Names(names) => names))
    }

    /// The names of a znode's children, in no order, and its Stat.
    pub fn get_children_with_stat(&self, path: &str) -> Pending<(Vec<String>, Stat)> {
        let request = self.path(path).map(|path| ClientRequest::GetChildren2(read(path, false)));
        self.ask(request, expect!(Reply::NamesAndStat { names, stat } => (names, stat)))
    }

    /// The number of all znodes below this one.
    pub fn get_all_children_number(&self, path: &str) -> Pending<i32> {
        let request = self.path(path).map(|path| ClientRequest::GetAllChildrenNumber { path });
        self.ask(request, expect!(Reply::Number(number) => number))
    }

    /// The paths of this session's ephemeral znodes which begin with `prefix`; `/` for all.
    pub fn get_ephemerals(&self, prefix: &str) -> Pending<Vec<String>> {
        let request = self.path(prefix).map(|path| ClientRequest::GetEphemerals { prefix: Some(path) });
        let chroot = self.chroot();
        self.ask(
            request,
            expect!(Reply::Names(paths) => {
                // The prefix is text: with a chroot it also fits siblings whose names only begin alike.
                let seen = paths.iter().filter(|path| chroot.contains(path));
                seen.map(|path| chroot.client_path(path)).collect()
            }),
        )
    }

    /// A znode's ACL and Stat.
    pub fn get_acl(&self, path: &str) -> Pending<(Vec<Acl>, Stat)> {
        let request = self.path(path).map(|path| ClientRequest::GetAcl { path });
        self.ask(request, expect!(Reply::Acl { acl, stat } => (acl, stat)))
    }

    /// Waits until this server has everything that was committed before: a read after it is not stale.
    pub fn sync(&self, path: &str) -> Pending<()> {
        let request = self.path(path).map(|path| ClientRequest::Sync { path: Some(path) });
        self.ask(request, expect!(Reply::Sync { .. } => ()))
    }

    /// Who the server thinks the client is.
    pub fn who_am_i(&self) -> Pending<Vec<ClientInfo>> {
        self.ask(Ok(ClientRequest::WhoAmI), expect!(Reply::WhoAmI(infos) => infos))
    }

    /// The ensemble's configuration, as `/zookeeper/config` has it, whatever the chroot is.
    pub fn get_config(&self) -> Pending<(Bytes, Stat)> {
        let request = ClientRequest::GetData(read(CONFIG.to_owned(), false));
        self.ask(Ok(request), expect!(Reply::Data { data, stat } => (owned(data), stat)))
    }
}

// ---- Watches ------------------------------------------------------------------------------------------------------

impl Client {
    /// As [`Client::exists`]; the watch fires when the znode is created, deleted, or its data are set.
    pub fn exists_and_watch(&self, path: &str) -> Pending<(Option<Stat>, OneShotWatch)> {
        self.ask_watching(self.path(path), |path| ClientRequest::Exists(read(path, true)), found)
    }

    /// As [`Client::get_data`]; the watch fires when the data are set, or the znode is deleted.
    pub fn get_data_and_watch(&self, path: &str) -> Pending<((Bytes, Stat), OneShotWatch)> {
        let request = |path| ClientRequest::GetData(read(path, true));
        self.ask_watching(self.path(path), request, expect!(Reply::Data { data, stat } => (owned(data), stat)))
    }

    /// As [`Client::get_children`]; the watch fires when a child comes or goes, or the znode is deleted.
    pub fn get_children_and_watch(&self, path: &str) -> Pending<(Vec<String>, OneShotWatch)> {
        let request = |path| ClientRequest::GetChildren(read(path, true));
        self.ask_watching(self.path(path), request, expect!(Reply::Names(names) => names))
    }

    /// As [`Client::get_children_with_stat`]; the watch fires as that of [`Client::get_children_and_watch`].
    pub fn get_children_with_stat_and_watch(&self, path: &str) -> Pending<((Vec<String>, Stat), OneShotWatch)> {
        let request = |path| ClientRequest::GetChildren2(read(path, true));
        self.ask_watching(self.path(path), request, expect!(Reply::NamesAndStat { names, stat } => (names, stat)))
    }

    /// As [`Client::get_config`]; the watch fires when the configuration changes.
    pub fn get_config_and_watch(&self) -> Pending<((Bytes, Stat), OneShotWatch)> {
        let request = |path| ClientRequest::GetData(read(path, true));
        let path = Ok(CONFIG.to_owned());
        self.ask_watching(path, request, expect!(Reply::Data { data, stat } => (owned(data), stat)))
    }

    /// Watches a znode, there or not, or all below it, until the watch is dropped (addWatch). Needs a server of 3.6 or
    /// later.
    ///
    /// Java's servers before 3.9 keep one mode for a session and a path (ZOOKEEPER-4466): there, a recursive watch
    /// replaces the persistent one on its path, and one-shot watches of children below a recursive one never fire. On
    /// such servers give them sessions of their own.
    pub fn watch(&self, path: &str, mode: AddWatchMode) -> Pending<Watch> {
        let path = match self.path(path) {
            Ok(path) => path,
            Err(error) => return Pending::refused(error),
        };
        let (sender, events) = mpsc::unbounded_channel();
        let registration = self.registration(path.clone());
        let watcher = Watcher { id: registration.id, hears: Hears::Always(sender) };
        let watch = Watch { events, _registration: registration };
        let request = ClientRequest::AddWatch { path, mode: mode.number() };
        self.send(request, Some(watcher), expect!(Reply::Error(_) => watch))
    }

    /// Ends all watches of this client on a path which are of this type. They are told so.
    ///
    /// # Errors
    /// [`Code::NoWatcher`] if there is none. Servers before 3.9 know only the types `Children`, `Data` and `Any`.
    pub fn remove_watches(&self, path: &str, kind: WatcherType) -> Pending<()> {
        let selection = self.path(path).map(|path| WatchSelection { path, kind: kind.number() });
        self.ask(selection.map(ClientRequest::RemoveWatches), expect!(Reply::Nothing => ()))
    }
}
