//! What a sequence is made of.

use std::fmt;
use zab::Zxid;
use zab::tree::{Change, OpCode};
use zabkeeper::wire::request::SetWatches;
use zabkeeper::wire::{ClientRequest, ReadOperation};

/// How many clients there are. Each has a seat: a session at a time, and a connection at a time.
pub const SEATS: usize = 3;

/// Stands in paths for the znode below which a sequence works.
pub const BELOW: char = '~';

/// Steps, one after another.
#[derive(Clone)]
pub struct Sequence(pub Vec<Step>);

/// One thing that a client does.
#[derive(Clone, Debug)]
pub enum Step {
    /// Asks, all at once, and waits for the replies. Connects before, if need be.
    Ask(usize, Vec<Question>),
    /// Closes its session and waits for the end of the connection.
    Close(usize),
    /// Connects with the session that it has, or had.
    Connect(usize, Manner),
    /// Leaves, after asking for the shortest timeout, and is not heard until its session has expired.
    Expire(usize),
}

/// What a client sends.
#[derive(Clone, Debug)]
pub enum Question {
    /// A request. Paths begin with [`BELOW`] where they mean a znode of this sequence, and `relative_zxid` counts back
    /// from the last transaction that the client saw.
    Request(ClientRequest),
    /// An operation whose body is only these bytes.
    Broken(OpCode, Vec<u8>),
}

/// How a client connects again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Over the connection that it still has, if any.
    Properly,
    /// After leaving the connection that it has.
    AfterLeaving,
    /// As clients before 3.4 do, which know nothing of read-only servers.
    AsOfOld,
    /// With another wish for the timeout, in milliseconds.
    WithTimeout(i32),
    /// After leaving, with a password that is not the session's.
    WithWrongPassword,
    /// With a zxid that no server has reached.
    Ahead,
}

impl fmt::Debug for Sequence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| write!(out, "\n  {step:?}"))
    }
}

/// The request as a server gets it: every path below `prefix`, and zxids counted back from `seen`.
pub fn addressed(request: &ClientRequest, prefix: &str, seen: Zxid) -> ClientRequest {
    let rooted = |path: &mut String| *path = path.replacen(BELOW, prefix, 1);
    let mut request = request.clone();
    if let ClientRequest::SetWatches(watches) | ClientRequest::SetWatches2(watches) = &mut request {
        watches.relative_zxid = Zxid(seen.0.saturating_sub(watches.relative_zxid.0));
    }
    each_path(&mut request, rooted);
    request
}

/// Treats every path in the request.
pub fn each_path(request: &mut ClientRequest, mut treat: impl FnMut(&mut String)) {
    match request {
        ClientRequest::Write(change) => each_path_of_change(change, &mut treat),
        ClientRequest::Exists(read) | ClientRequest::GetData(read) => treat(&mut read.path),
        ClientRequest::GetChildren(read) | ClientRequest::GetChildren2(read) => treat(&mut read.path),
        ClientRequest::GetAcl { path } | ClientRequest::GetAllChildrenNumber { path } => treat(path),
        ClientRequest::AddWatch { path, .. } => treat(path),
        ClientRequest::GetEphemerals { prefix: Some(path) } | ClientRequest::Sync { path: Some(path) } => treat(path),
        ClientRequest::CheckWatches(selection) | ClientRequest::RemoveWatches(selection) => treat(&mut selection.path),
        ClientRequest::SetWatches(watches) | ClientRequest::SetWatches2(watches) => {
            lists(watches).into_iter().flatten().for_each(treat);
        }
        ClientRequest::MultiRead(reads) => {
            for read in reads {
                let (ReadOperation::GetChildren { path } | ReadOperation::GetData { path }) = read;
                treat(path);
            }
        }
        _ => {}
    }
}

/// The five lists of paths.
pub fn lists(watches: &mut SetWatches) -> [&mut Vec<String>; 5] {
    let SetWatches { data, exist, child, persistent, persistent_recursive, .. } = watches;
    [data, exist, child, persistent, persistent_recursive]
}

fn each_path_of_change(change: &mut Change, treat: &mut impl FnMut(&mut String)) {
    match change {
        Change::Create { path, .. } | Change::Delete { path, .. } | Change::DeleteContainer { path } => treat(path),
        Change::SetData { path, .. } | Change::SetAcl { path, .. } | Change::Check { path, .. } => treat(path),
        Change::Multi(changes) => changes.iter_mut().for_each(|change| each_path_of_change(change, treat)),
        Change::CreateSession { .. } | Change::CloseSession | Change::Refused { .. } => {}
    }
}
