//! Where Apache ZooKeeper before 3.9 is not like 3.9, whose behaviour is ours. This is the only place where such
//! differences are known: some are left out of the comparison, others are not asked for.

use super::step::{Question, Sequence, Step, lists};
use std::collections::BTreeMap;
use zab::tree::{Acl, Change, Id, Perms};
use zabkeeper::wire::ClientRequest;
use zabkeeper::wire::request::WatchSelection;

/// A version of Apache ZooKeeper, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 3.8, such as Debian's 3.8.0.
    Before39,
    /// 3.9.5 and whatever follows.
    Since39,
}

impl Version {
    /// Of what `srvr` says.
    pub fn of(version: &str) -> Version {
        let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
        match (numbers.next(), numbers.next()) {
            (Some(major), Some(minor)) if (major, minor) < (3, 9) => Version::Before39,
            _ => Version::Since39,
        }
    }

    /// ZOOKEEPER-4655: before, a notification's zxid is −1.
    pub fn events_have_zxids(self) -> bool {
        self == Version::Since39
    }

    /// ZOOKEEPER-4026: before, create2 inside a multi is a create.
    pub fn creates_of_a_multi_have_stats(self) -> bool {
        self == Version::Since39
    }

    /// The sequence without what the versions answer differently.
    pub fn tame(self, sequence: &Sequence) -> Sequence {
        let mut tamed = sequence.clone();
        if self == Version::Before39 {
            let all_may_read = !restricts(&tamed);
            let mut modes = Modes::default();
            for step in &mut tamed.0 {
                let Step::Ask(seat, questions) = step else { continue };
                for question in questions {
                    if let Question::Request(request) = question {
                        modes.tame(*seat, request);
                        tame_exists(request, all_may_read);
                    }
                }
            }
        }
        tamed
    }
}

/// ZOOKEEPER-2590: before 3.9, exists asks nobody for permission. Where not everybody may read everything, getData is
/// asked instead.
fn tame_exists(request: &mut ClientRequest, all_may_read: bool) {
    if let ClientRequest::Exists(read) = request
        && !all_may_read
    {
        *request = ClientRequest::GetData(read.clone());
    }
}

/// Whether a znode may come to be that somebody may not read.
fn restricts(sequence: &Sequence) -> bool {
    let readable = |acl: &[Acl]| {
        acl.iter().any(|entry| entry.perms.intersects(Perms::READ) && entry.id == Id::new("world", "anyone"))
    };
    fn acls(change: &Change) -> Vec<&[Acl]> {
        match change {
            Change::Create { acl, .. } | Change::SetAcl { acl, .. } => vec![acl],
            Change::Multi(parts) => parts.iter().flat_map(acls).collect(),
            _ => Vec::new(),
        }
    }
    let questions = sequence.0.iter().flat_map(|step| match step {
        Step::Ask(_, questions) => questions.as_slice(),
        _ => &[],
    });
    questions.into_iter().any(|question| match question {
        Question::Request(ClientRequest::Write(change)) => acls(change).into_iter().any(|acl| !readable(acl)),
        _ => false,
    })
}

/// ZOOKEEPER-4466: before 3.9 a client has one mode of watch on a path, the last that it asked for. So here it asks
/// for no second one.
#[derive(Default)]
struct Modes {
    of: BTreeMap<(usize, String), Mode>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    OneShot,
    Persistent,
    Recursive,
}

impl Modes {
    /// Whether this is the only mode that this client has asked for on this path.
    fn allow(&mut self, seat: usize, path: &str, mode: Mode) -> bool {
        *self.of.entry((seat, path.to_owned())).or_insert(mode) == mode
    }

    fn tame(&mut self, seat: usize, request: &mut ClientRequest) {
        match request {
            ClientRequest::Exists(read) | ClientRequest::GetData(read) if read.watch => {
                read.watch = self.allow(seat, &read.path, Mode::OneShot);
            }
            ClientRequest::GetChildren(read) | ClientRequest::GetChildren2(read) if read.watch => {
                read.watch = self.allow(seat, &read.path, Mode::OneShot);
            }
            ClientRequest::AddWatch { path, mode } => {
                let wanted = if *mode == 0 { Mode::Persistent } else { Mode::Recursive };
                if !self.allow(seat, path, wanted) {
                    // A mode that there is not: a refusal.
                    *mode = 9;
                }
            }
            ClientRequest::SetWatches(watches) | ClientRequest::SetWatches2(watches) => {
                let once = Mode::OneShot;
                let all = [once, once, once, Mode::Persistent, Mode::Recursive];
                for (paths, mode) in lists(watches).into_iter().zip(all) {
                    paths.retain(|path| self.allow(seat, path, mode));
                }
            }
            ClientRequest::CheckWatches(selection) | ClientRequest::RemoveWatches(selection) => {
                self.tame_selection(seat, selection);
                // Before, checkWatches asks whether anybody has such a watch.
                *request = ClientRequest::RemoveWatches(selection.clone());
            }
            _ => {}
        }
    }

    /// ZOOKEEPER-4472: before 3.9 nobody can select by the modes of addWatch, and children and data mean whatever
    /// mode there is.
    fn tame_selection(&self, seat: usize, selection: &mut WatchSelection) {
        let mode = self.of.get(&(seat, selection.path.clone()));
        let added = mode.is_some_and(|mode| *mode != Mode::OneShot);
        if added || matches!(selection.kind, 4 | 5) {
            selection.kind = 3;
        }
    }
}
