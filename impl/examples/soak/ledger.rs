//! What a session was promised, exactly: after every answer it is known what must be there, and in which order.

use crate::harness::load::Random;
use crate::harness::trees::Znodes;
use crate::harness::{create, delete, set};
use std::collections::{BTreeMap, VecDeque};
use zab::tree::{Change, CreateMode};
use zabkeeper::wire::{ClientRequest, OperationResult, Reply};

/// A znode that is set again and again: the last number set, and how often it was set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counter {
    number: u64,
    version: i32,
}

/// The two folders of sequential znodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Folder {
    /// Persistent ones.
    Queue,
    /// Ephemeral ones.
    Live,
}

/// What is asked. Every write of a session has a number that no other has.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Write {
    Set(u64),
    /// `/a` and `/b` in one multi.
    Both(u64),
    Create(Folder, u64),
    Delete(Folder, u64),
}

/// One session's part of the tree.
pub struct Ledger {
    own: String,
    session: i64,
    set: Counter,
    both: Counter,
    /// Of each folder, by the number that a znode has as data: its path.
    queue: BTreeMap<u64, String>,
    live: BTreeMap<u64, String>,
    /// Asked, and not answered yet, in their order.
    flying: VecDeque<Write>,
    last: u64,
}

impl Ledger {
    /// Of a session that works below `own`, where [`Ledger::znodes`] are.
    pub fn new(own: &str, session: i64) -> Ledger {
        let (set, both) = (Counter::default(), Counter::default());
        let (queue, live) = (BTreeMap::new(), BTreeMap::new());
        Ledger { own: own.to_owned(), session, set, both, queue, live, flying: VecDeque::new(), last: 0 }
    }

    /// What must be there, each with the data `0`, before a session begins.
    pub fn znodes(own: &str) -> Vec<String> {
        ["", "/set", "/a", "/b", "/queue", "/live"].into_iter().map(|name| format!("{own}{name}")).collect()
    }

    /// The last number that `/set` was set to, and acknowledged.
    pub fn last_set(&self) -> u64 {
        self.set.number
    }

    /// How many writes are not answered.
    pub fn unanswered(&self) -> usize {
        self.flying.len()
    }

    fn folder(&mut self, folder: Folder) -> &mut BTreeMap<u64, String> {
        match folder {
            Folder::Queue => &mut self.queue,
            Folder::Live => &mut self.live,
        }
    }

    // ---- Asking ---------------------------------------------------------------------------------------------------

    /// Another write. The folders stay short: when they are full, more is deleted than created.
    pub fn next(&mut self, random: &mut Random) -> ClientRequest {
        self.last += 1;
        let number = self.last;
        let write = match random.below(10) {
            0..4 => Write::Set(number),
            4..6 => Write::Both(number),
            6..8 => self.create_or_delete(Folder::Queue, 40, random),
            _ => self.create_or_delete(Folder::Live, 10, random),
        };
        let request = self.request(&write);
        self.flying.push_back(write);
        request
    }

    fn create_or_delete(&mut self, folder: Folder, full: usize, random: &mut Random) -> Write {
        let deletes = self.folder(folder).len() >= full && random.below(3) > 0;
        let going = self.flying.clone();
        let goes = |number: &u64| going.contains(&Write::Delete(folder, *number));
        let oldest = self.folder(folder).keys().copied().find(|number| !goes(number));
        oldest.filter(|_| deletes).map_or(Write::Create(folder, self.last), |number| Write::Delete(folder, number))
    }

    fn request(&mut self, write: &Write) -> ClientRequest {
        let own = self.own.clone();
        let to = |name: &str, number: u64| set(&format!("{own}/{name}"), number.to_string().as_bytes());
        match *write {
            Write::Set(number) => to("set", number),
            Write::Both(number) => {
                let change = |name| match to(name, number) {
                    ClientRequest::Write(change) => change,
                    other => panic!("{other:?} is no change"),
                };
                ClientRequest::Write(Change::Multi(vec![change("a"), change("b")]))
            }
            Write::Create(Folder::Queue, number) => {
                let data = number.to_string();
                create(&format!("{own}/queue/n-"), data.as_bytes(), CreateMode::PersistentSequential)
            }
            Write::Create(Folder::Live, number) => {
                let data = number.to_string();
                create(&format!("{own}/live/n-"), data.as_bytes(), CreateMode::EphemeralSequential)
            }
            Write::Delete(folder, number) => delete(&self.folder(folder)[&number]),
        }
    }

    // ---- Answers --------------------------------------------------------------------------------------------------

    /// Takes the answer to the first of the unanswered writes. Whether it set `/set`.
    ///
    /// # Panics
    /// When it breaks a promise.
    pub fn answered(&mut self, reply: &Result<Reply, i32>) -> bool {
        let write = self.flying.pop_front().expect("a write");
        let own = self.own.clone();
        match (&write, reply) {
            (Write::Set(number), Ok(Reply::Stat(stat))) => {
                self.set = Counter { number: *number, version: self.set.version + 1 };
                assert_eq!(stat.persisted.version, self.set.version, "{own}/set: the version that counts its sets");
            }
            (Write::Both(number), Ok(Reply::Multi(results))) => {
                self.both = Counter { number: *number, version: self.both.version + 1 };
                let version = |result: &OperationResult| match result {
                    OperationResult::SetData(stat) => stat.persisted.version,
                    other => panic!("{own}: {other:?} of a multi's setData"),
                };
                let versions: Vec<i32> = results.iter().map(version).collect();
                assert_eq!(versions, [self.both.version; 2], "{own}/a and {own}/b");
            }
            (Write::Create(folder, number), Ok(Reply::Create { path })) => {
                let there = self.folder(*folder);
                let last = there.values().last();
                assert!(last.is_none_or(|last| last < path), "{path} was created after {last:?}");
                there.insert(*number, path.clone());
            }
            (Write::Delete(folder, number), Ok(Reply::Nothing)) => drop(self.folder(*folder).remove(number)),
            other => panic!("{own}: {other:?}"),
        }
        matches!(write, Write::Set(_))
    }

    // ---- What is there --------------------------------------------------------------------------------------------

    /// Compares with what a tree shows, where everything that this session asked for has either been done or never
    /// will be. Of the unanswered writes the first ones may be done; from here on it is known which. How many were not.
    ///
    /// # Panics
    /// When an acknowledged write is lost, one is done twice, or a later one is done without an earlier one.
    pub fn settle(&mut self, tree: &Znodes) -> usize {
        let own = self.own.clone();
        let set = counter(tree, &format!("{own}/set"));
        let both = ["a", "b"].map(|name| counter(tree, &format!("{own}/{name}")));
        assert_eq!(both[0], both[1], "{own}: all of a multi or nothing");
        let (queue, live) = (below(tree, &format!("{own}/queue/")), below(tree, &format!("{own}/live/")));
        let flying = std::mem::take(&mut self.flying);
        let mut omitted: Option<Write> = None;
        let mut count = 0;
        for write in &flying {
            let folder = |folder: Folder| if folder == Folder::Queue { &queue } else { &live };
            let done = match *write {
                Write::Set(number) => set.version > self.set.version && number <= set.number,
                Write::Both(number) => both[0].version > self.both.version && number <= both[0].number,
                Write::Create(place, number) => folder(place).contains_key(&number),
                Write::Delete(place, number) => !folder(place).contains_key(&number),
            };
            if !done {
                count += 1;
                omitted = omitted.or_else(|| Some(write.clone()));
                continue;
            }
            assert!(omitted.is_none(), "{own}: {write:?} is done without {omitted:?}, which came before it");
            self.is_done(write, |place, number| folder(place)[&number].clone());
        }
        assert_eq!(set, self.set, "{own}/set: what is there, what must be; {flying:?} were unanswered");
        assert_eq!(both[0], self.both, "{own}/a and {own}/b: what is there, what must be; unanswered {flying:?}");
        assert_eq!(queue, self.queue, "{own}/queue: what is there, what must be; unanswered {flying:?}");
        assert_eq!(live, self.live, "{own}/live: what is there, what must be; unanswered {flying:?}");
        let owner = |path: &String| tree[path].1.persisted.ephemeral_owner;
        assert!(live.values().all(|path| owner(path) == self.session), "{own}/live: others' ephemerals");
        count
    }

    fn is_done(&mut self, write: &Write, path: impl Fn(Folder, u64) -> String) {
        match *write {
            Write::Set(number) => self.set = Counter { number, version: self.set.version + 1 },
            Write::Both(number) => self.both = Counter { number, version: self.both.version + 1 },
            Write::Create(folder, number) => drop(self.folder(folder).insert(number, path(folder, number))),
            Write::Delete(folder, number) => drop(self.folder(folder).remove(&number)),
        }
    }
}

fn counter(tree: &Znodes, path: &str) -> Counter {
    let (data, stat) = tree.get(path).unwrap_or_else(|| panic!("{path} is gone"));
    Counter { number: number_in(data), version: stat.persisted.version }
}

/// The znodes of a folder, by their numbers, each once and in the order in which they were asked for.
fn below(tree: &Znodes, folder: &str) -> BTreeMap<u64, String> {
    let range = tree.range(folder.to_owned()..).take_while(|(path, _)| path.starts_with(folder));
    let there: Vec<(u64, String)> = range.map(|(path, (data, _))| (number_in(data), path.clone())).collect();
    let sorted = there.windows(2).all(|pair| pair[0].0 < pair[1].0);
    assert!(sorted, "{folder}: one is there twice, or they are out of order: {there:?}");
    there.into_iter().collect()
}

/// The number that a znode's data are.
pub fn number_in(data: &[u8]) -> u64 {
    std::str::from_utf8(data).ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{data:?}: a number"))
}
