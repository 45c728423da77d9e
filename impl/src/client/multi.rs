//! Several operations as one request.

use super::error::Error;
use super::handle::Client;
use super::operations::{CreateMode, copy, create_change, version};
use super::pending::Pending;
use crate::wire::{ClientRequest, OperationResult, ReadOperation, Reply};
use bytes::Bytes;
use zab::tree::{Acl, Change, Code, OpCode, Stat};

/// Changes that are done all or none, in their order; each sees those before it.
#[derive(Clone, Debug)]
#[must_use = "nothing is done before commit"]
pub struct Multi {
    client: Client,
    changes: Result<Vec<Change>, Error>,
}

/// What one operation of a multi did.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MultiResult {
    /// Of create.
    Create {
        /// With the number of a sequential znode.
        path: String,
        /// Told of containers and of znodes with a time to live only, from 3.9 on.
        stat: Option<Stat>,
    },
    /// Of delete.
    Delete,
    /// Of set_data: the Stat after it.
    SetData(Stat),
    /// Of check.
    Check,
}

impl Client {
    /// Begins a multi: `client.multi().create(…).delete(…).commit().await`.
    pub fn multi(&self) -> Multi {
        Multi { client: self.clone(), changes: Ok(Vec::new()) }
    }

    /// Begins a request of several reads.
    pub fn multi_read(&self) -> MultiRead {
        MultiRead { client: self.clone(), reads: Ok(Vec::new()) }
    }
}

impl Multi {
    fn with(mut self, change: Result<Change, Error>) -> Multi {
        match (&mut self.changes, change) {
            (Ok(changes), Ok(change)) => changes.push(change),
            (changes @ Ok(_), Err(error)) => *changes = Err(error),
            // The first error counts.
            (Err(_), _) => {}
        }
        self
    }

    /// As [`Client::create`].
    pub fn create(self, path: &str, data: impl AsRef<[u8]>, mode: CreateMode, acl: &[Acl]) -> Multi {
        // Older servers do not know create2 within a multi.
        let change = create_change(&self.client, path, Some(data.as_ref()), mode, acl, OpCode::Create);
        self.with(change)
    }

    /// As [`Client::delete`].
    pub fn delete(self, path: &str, expected: Option<i32>) -> Multi {
        let change = self.client.path(path).map(|path| Change::Delete { path, version: version(expected) });
        self.with(change)
    }

    /// As [`Client::set_data`].
    pub fn set_data(self, path: &str, data: impl AsRef<[u8]>, expected: Option<i32>) -> Multi {
        let (data, version) = (Some(copy(data.as_ref())), version(expected));
        let change = self.client.path(path).map(|path| Change::SetData { path, data, version });
        self.with(change)
    }

    /// Fails the whole unless there is this znode, with this version.
    pub fn check(self, path: &str, expected: Option<i32>) -> Multi {
        let change = self.client.path(path).map(|path| Change::Check { path, version: version(expected) });
        self.with(change)
    }

    /// Sends it. One result for each operation, in their order; [`Error::Multi`] if one failed.
    pub fn commit(self) -> Pending<Vec<MultiResult>> {
        let chroot = self.client.chroot();
        self.client.ask(self.changes.map(|changes| ClientRequest::Write(Change::Multi(changes))), move |reply| {
            let Reply::Multi(results) = reply? else { return Err(Error::UnexpectedReply) };
            if let Some(error) = failure(&results) {
                return Err(error);
            }
            let results = results.into_iter().map(|result| match result {
                OperationResult::Create { path } => {
                    Ok(MultiResult::Create { path: chroot.client_path(&path), stat: None })
                }
                OperationResult::Create2 { path, stat } => {
                    Ok(MultiResult::Create { path: chroot.client_path(&path), stat: Some(stat) })
                }
                OperationResult::Delete => Ok(MultiResult::Delete),
                OperationResult::SetData(stat) => Ok(MultiResult::SetData(stat)),
                OperationResult::Check => Ok(MultiResult::Check),
                _ => Err(Error::UnexpectedReply),
            });
            results.collect()
        })
    }
}

/// Which operation failed: those before it have 0, those behind it `RuntimeInconsistency`.
fn failure(results: &[OperationResult]) -> Option<Error> {
    let mut codes = results.iter().enumerate().filter_map(|(index, result)| match result {
        OperationResult::Error(number) => Some((index, *number)),
        _ => None,
    });
    let first = codes.clone().next()?;
    let others = [0, Code::RuntimeInconsistency.number()];
    let (index, number) = codes.find(|(_, number)| !others.contains(number)).unwrap_or(first);
    Some(match Code::from_number(number) {
        Some(code) => Error::Multi { index, code },
        None => Error::UnknownCode(number),
    })
}

/// Reads that are answered together, each for itself.
#[derive(Clone, Debug)]
#[must_use = "nothing is read before commit"]
pub struct MultiRead {
    client: Client,
    reads: Result<Vec<ReadOperation>, Error>,
}

/// What one operation of a multi_read gave.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReadResult {
    /// Of get_data.
    Data(Bytes, Stat),
    /// Of get_children: the names, in no order.
    Children(Vec<String>),
}

impl MultiRead {
    fn with(mut self, path: &str, read: impl FnOnce(String) -> ReadOperation) -> MultiRead {
        match (&mut self.reads, self.client.path(path)) {
            (Ok(reads), Ok(path)) => reads.push(read(path)),
            (reads @ Ok(_), Err(error)) => *reads = Err(error),
            (Err(_), _) => {}
        }
        self
    }

    /// As [`Client::get_data`].
    pub fn get_data(self, path: &str) -> MultiRead {
        self.with(path, |path| ReadOperation::GetData { path })
    }

    /// As [`Client::get_children`].
    pub fn get_children(self, path: &str) -> MultiRead {
        self.with(path, |path| ReadOperation::GetChildren { path })
    }

    /// Sends it. One result for each operation, in their order.
    pub fn commit(self) -> Pending<Vec<Result<ReadResult, Error>>> {
        self.client.ask(self.reads.map(ClientRequest::MultiRead), |reply| {
            let Reply::Multi(results) = reply? else { return Err(Error::UnexpectedReply) };
            let result = |result| match result {
                OperationResult::GetData { data, stat } => {
                    Ok(ReadResult::Data(data.map(|data| copy(&data)).unwrap_or_default(), stat))
                }
                OperationResult::GetChildren(names) => Ok(ReadResult::Children(names)),
                OperationResult::Error(number) => Err(Error::from_number(number)),
                _ => Err(Error::UnexpectedReply),
            };
            Ok(results.into_iter().map(result).collect())
        })
    }
}
