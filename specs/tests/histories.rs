//! Histories: the methods against a naive model, the disk's invariants, and that any two histories which Zab can
//! produce become one by DIFF, TRUNC or SNAP.

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;
use std::sync::Arc;
use zab::peer::Role;
use zab::synchronization::{Plan, plan};
use zab::{
    AckEpoch, Disk, Ensemble, Epoch, History, Input, Message, Output, Payload, Peer, ServerId, Txn, Write, Zxid,
};

fn zxid(epoch: u32, counter: u32) -> Zxid {
    Zxid::new(Epoch(epoch), counter)
}

/// A transaction that says its own zxid, as no two transactions of one run share a zxid.
fn txn(zxid: Zxid) -> Txn {
    Txn { zxid, payload: payload(zxid) }
}

fn payload(zxid: Zxid) -> Payload {
    Payload(Bytes::copy_from_slice(&zxid.0.to_be_bytes()))
}

fn history(snapshot: Zxid, log: &[Zxid]) -> History {
    let mut history = History::from_snapshot(snapshot);
    log.iter().for_each(|zxid| history.append(txn(*zxid)));
    history
}

// ---- What Zab can produce -----------------------------------------------------------------------------------------

/// An epoch that was established: its leader began with a history that ends like that of some server of the epoch
/// before, and then broadcast.
#[derive(Clone, Debug)]
struct Reign {
    epoch: u32,
    /// Its initial history.
    initial: Vec<Zxid>,
    /// What it broadcast.
    broadcast: Vec<Zxid>,
    /// How much of that was committed; the next reign inherits at least that.
    committed: usize,
}

impl Reign {
    fn all(&self) -> Vec<Zxid> {
        self.initial.iter().chain(&self.broadcast).copied().collect()
    }
}

/// Two servers with what Zab left on their disks, and the reign in which one leads the other.
#[derive(Clone, Debug)]
struct Pair {
    leader: Disk,
    learner: Disk,
    /// The learner's history from the very beginning.
    other: Vec<Zxid>,
    /// The leader's reign: the learner comes when all of it is broadcast, and some committed.
    reign: Reign,
}

/// Numbers of one epoch: how many epochs nobody established before it, how much it broadcast, what was committed of
/// that, and what the next leader inherits beyond.
type Numbers = (u32, usize, Index, Index);

fn reigns(numbers: &[Numbers]) -> Vec<Reign> {
    let (mut reigns, mut epoch, mut initial) = (Vec::new(), 0, Vec::new());
    for (skipped, length, committed, inherited) in numbers {
        epoch += 1 + skipped;
        let broadcast: Vec<Zxid> = (1..=*length as u32).map(|counter| zxid(epoch, counter)).collect();
        let committed = committed.index(length + 1);
        let inherited = committed + inherited.index(length - committed + 1);
        let next = initial.iter().chain(&broadcast[..inherited]).copied().collect();
        reigns.push(Reign { epoch, initial: std::mem::replace(&mut initial, next), broadcast, committed });
    }
    reigns
}

/// A disk with the history `all`, of which a snapshot may stand for as much as was `committed`.
fn disk(epoch: u32, accepted: u32, all: &[Zxid], committed: usize, snapshot: &Index) -> Disk {
    let compacted = snapshot.index(committed.min(all.len()) + 1);
    let snapshot = all[..compacted].last().copied().unwrap_or_default();
    let history = history(snapshot, &all[compacted..]);
    Disk { accepted_epoch: Epoch(accepted), current_epoch: Epoch(epoch), history }
}

fn pairs() -> impl Strategy<Value = Pair> {
    let numbers = (0_u32..2, 0_usize..4, any::<Index>(), any::<Index>());
    let reigns = proptest::collection::vec(numbers, 2..6).prop_map(|numbers| reigns(&numbers));
    let learner = (any::<Index>(), any::<Index>(), any::<Index>());
    (reigns, any::<Index>(), learner).prop_map(|(mut reigns, snapshot, (which, length, compacted))| {
        // The learner was in any of them, perhaps already in the last, and came as far in it as it came.
        let own = &reigns[which.index(reigns.len())];
        let all = own.all();
        let other = all[..length.index(all.len() + 1)].to_vec();
        let learner = disk(own.epoch, own.epoch, &other, own.initial.len() + own.committed, &compacted);
        // The leader was in the one before the last, whose epoch is the next one, and has what the last begins with.
        let reign = reigns.remove(reigns.len() - 1);
        let before = &reigns[reigns.len() - 1];
        let leader =
            disk(before.epoch, reign.epoch - 1, &reign.initial, before.initial.len() + before.committed, &snapshot);
        Pair { leader, learner, other, reign }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Rule CutIsExact: what is kept is common to both, and what is cut is not.
    #[test]
    fn a_cut_is_exact(pair in pairs()) {
        let mut history = pair.leader.history.clone();
        pair.reign.broadcast.iter().for_each(|zxid| history.append(txn(*zxid)));
        let truth = &pair.reign.all()[..pair.reign.initial.len() + pair.reign.committed];
        let horizon = truth.last().copied().unwrap_or_default();
        let common = pair.other.iter().zip(truth).take_while(|(a, b)| a == b).count();
        match plan(&history, horizon, pair.learner.history.last()) {
            Plan::Diff => prop_assert_eq!(common, pair.other.len(), "it is a prefix"),
            Plan::Trunc(cut) => {
                prop_assert!(pair.learner.history.can_end_at(cut));
                prop_assert_eq!(pair.other[..common].last().copied().unwrap_or_default(), cut);
                prop_assert!(common < pair.other.len(), "something is cut");
            }
            Plan::Snap => prop_assert!(pair.learner.history.last() < history.snapshot()),
        }
    }

    /// Through the servers' own steps: a learner of any history joins a leader that broadcasts, and has its history;
    /// however much of it the leader's log on the disk still holds, and even if the leader's memory begins later when
    /// that was read.
    #[test]
    fn any_two_become_one(pair in pairs(), purged in any::<Index>(), late: bool) {
        let (reign, found) = (pair.reign.clone(), pair.learner.history.snapshot());
        let mut conversation = Conversation::new(pair, &purged);
        conversation.broadcast(&reign);
        conversation.join();
        if late {
            conversation.tell_leader(Input::Snapshotted(conversation.leader.delivered));
        }
        conversation.read_the_log();
        prop_assert_eq!(conversation.found, conversation.learner.memory.history.snapshot() == found, "SNAP or not");
        let Conversation { leader, learner, .. } = conversation;
        let (memory, all) = (&learner.memory, reign.all());
        let missing = all.into_iter().filter(|zxid| *zxid > memory.history.snapshot());
        let missing: Vec<Txn> = missing.map(txn).collect();
        prop_assert_eq!(memory.history.log(), missing);
        prop_assert_eq!(memory.history.last(), leader.last_zxid());
        prop_assert_eq!(learner.delivered, leader.delivered, "delivered is what was committed");
        prop_assert!(learner.is_serving());
    }
}

/// A leader (server 1), a follower that lets it lead (server 3, played by hand), and the learner (server 2).
struct Conversation {
    leader: Peer,
    learner: Peer,
    /// Whether the learner's connection is open: before, nothing reaches it.
    connected: bool,
    /// What the leader's log on the disk holds.
    log: Vec<Zxid>,
    /// What it is to be searched for.
    asked: Option<Zxid>,
    /// Whether all that was asked for was found.
    found: bool,
}

impl Conversation {
    fn new(pair: Pair, purged: &Index) -> Conversation {
        let ensemble = Arc::new(Ensemble::majority((1..=3).map(ServerId), []).unwrap());
        let leader = Peer::recover(ServerId(1), ensemble.clone(), &pair.leader, &mut Vec::new());
        let learner = Peer::recover(ServerId(2), ensemble, &pair.learner, &mut Vec::new());
        let all = pair.reign.all();
        let log = all[purged.index(all.len() + 1)..].to_vec();
        let mut conversation = Conversation { leader, learner, connected: false, log, asked: None, found: true };
        let last_zxid = conversation.leader.last_zxid();
        conversation.tell_leader(Input::Elected(ServerId(1)));
        conversation.three_says(Message::FollowerInfo(pair.leader.accepted_epoch));
        conversation.three_says(Message::AckEpoch(AckEpoch { current_epoch: Some(Epoch(0)), last_zxid }));
        let epoch = conversation.leader.memory.accepted_epoch;
        assert_eq!(epoch, Epoch(pair.reign.epoch));
        conversation.three_says(Message::Ack(epoch.start()));
        assert!(conversation.leader.is_serving());
        conversation
    }

    /// Proposes the reign's transactions, and server 3 acknowledges those that are to be committed.
    fn broadcast(&mut self, reign: &Reign) {
        for zxid in &reign.broadcast {
            self.tell_leader(Input::Propose(payload(*zxid)));
        }
        if let Some(last) = reign.broadcast[..reign.committed].last() {
            self.three_says(Message::Ack(*last));
        }
    }

    /// Server 2 connects, and is told all that there is to tell.
    fn join(&mut self) {
        self.connected = true;
        self.tell_learner(Input::Elected(ServerId(1)));
        self.tell_learner(Input::Connected(ServerId(1)));
    }

    /// What was asked of the leader's log, twice: the second answer is one too many.
    fn read_the_log(&mut self) {
        let Some(after) = self.asked.take() else { return };
        let before = self.log.iter().rposition(|zxid| *zxid <= after);
        let piece = before.map_or(History::default(), |at| history(self.log[at], &self.log[at + 1..]));
        self.found = before.is_some();
        self.tell_leader(Input::Recalled(ServerId(2), piece.clone()));
        self.tell_leader(Input::Recalled(ServerId(2), piece));
    }

    fn three_says(&mut self, message: Message) {
        self.tell_leader(Input::Receive(ServerId(3), message));
    }

    fn tell_leader(&mut self, input: Input) {
        let mut outputs = Vec::new();
        self.leader.step(input, &mut outputs);
        assert!(matches!(self.leader.role, Role::Leading(_)), "it still leads");
        self.perform(ServerId(1), outputs);
    }

    fn tell_learner(&mut self, input: Input) {
        let mut outputs = Vec::new();
        self.learner.step(input, &mut outputs);
        assert!(matches!(self.learner.role, Role::Following(_)), "it still follows: {:?}", self.learner);
        self.perform(ServerId(2), outputs);
    }

    /// Every write is durable at once, and every message arrives.
    fn perform(&mut self, from: ServerId, outputs: Vec<Output>) {
        for output in outputs {
            if let Output::Recall(ServerId(2), after) = output {
                self.asked = Some(after);
            }
            let (Output::Send(to, message) | Output::SendWhenDurable(to, message)) = output else {
                assert!(!matches!(output, Output::Disconnect(_) | Output::Halt(_)), "{from}: {output}");
                continue;
            };
            match (to, &message) {
                (_, Message::Notification(_)) => {}
                (ServerId(1), _) => self.tell_leader(Input::Receive(from, message)),
                (ServerId(2), _) if self.connected => self.tell_learner(Input::Receive(from, message)),
                _ => {}
            }
        }
    }
}

// ---- The plan, row by row -----------------------------------------------------------------------------------------

#[test]
fn every_row_of_the_plan() {
    // (2,3) is proposed, and not committed yet; the log begins after the snapshot at (1,2).
    let leader = history(zxid(1, 2), &[zxid(1, 3), zxid(2, 1), zxid(2, 2), zxid(2, 3)]);
    let horizon = zxid(2, 2);
    let rows = [
        (zxid(2, 2), Plan::Diff, "it has all"),
        (zxid(1, 3), Plan::Diff, "it is behind"),
        (zxid(1, 2), Plan::Diff, "it ends where the log begins"),
        (zxid(2, 3), Plan::Trunc(horizon), "it is ahead of what is committed"),
        (zxid(3, 1), Plan::Trunc(horizon), "its surplus is of a later epoch"),
        (zxid(1, 4), Plan::Trunc(zxid(1, 3)), "its surplus is of an earlier epoch"),
        (zxid(1, 1), Plan::Snap, "it ends before the log begins"),
        (Zxid::ZERO, Plan::Snap, "it has nothing"),
        (zxid(2, 0), Plan::Diff, "a Java server at the start of an epoch"),
    ];
    for (last, expected, why) in rows {
        assert_eq!(plan(&leader, horizon, last), expected, "{why}: {last}");
    }
}

#[test]
fn what_was_recalled_counts_only_where_it_meets_memory() {
    let memory = history(zxid(1, 3), &[zxid(2, 1)]);
    let meets = history(zxid(1, 1), &[zxid(1, 2), zxid(1, 3), zxid(1, 4)]);
    let whole = history(zxid(1, 1), &[zxid(1, 2), zxid(1, 3), zxid(2, 1)]);
    assert_eq!(memory.extended(&meets), Some(whole), "and what is behind the meeting point is memory's");
    let useless = [
        (History::default(), "nothing was found"),
        (history(zxid(1, 1), &[zxid(1, 2)]), "memory has gone on since"),
        (history(zxid(1, 3), &[zxid(1, 4)]), "memory has it"),
        (history(zxid(1, 4), &[]), "it begins later"),
    ];
    for (older, why) in useless {
        assert_eq!(memory.extended(&older), None, "{why}");
    }
}

#[test]
fn an_empty_leader_has_a_plan_for_everyone() {
    let leader = History::default();
    assert_eq!(plan(&leader, Zxid::ZERO, Zxid::ZERO), Plan::Diff);
    assert_eq!(plan(&leader, Zxid::ZERO, zxid(1, 1)), Plan::Trunc(Zxid::ZERO));
}

// ---- Histories against a naive model ------------------------------------------------------------------------------

#[derive(Clone, Debug)]
enum Change {
    Append { next_epoch: bool },
    Truncate(Index),
    Compact(Index),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        4 => any::<bool>().prop_map(|next_epoch| Change::Append { next_epoch }),
        1 => any::<Index>().prop_map(Change::Truncate),
        1 => any::<Index>().prop_map(Change::Compact),
    ];
    proptest::collection::vec(change, 0..40)
}

/// What a history is: every zxid from the beginning, and how many of them are in the snapshot.
#[derive(Clone, Debug, Default)]
struct Naive {
    all: Vec<Zxid>,
    compacted: usize,
}

impl Naive {
    fn at(&self, length: usize) -> Zxid {
        self.all[..length].last().copied().unwrap_or_default()
    }

    fn next(&self, next_epoch: bool) -> Zxid {
        let last = self.at(self.all.len());
        let begins = next_epoch || last == Zxid::ZERO;
        if begins { zxid(last.epoch().0 + 1, 1) } else { zxid(last.epoch().0, last.counter() + 1) }
    }

    /// Where it can be cut or compacted, as lengths.
    fn end(&self, index: &Index) -> usize {
        self.compacted + index.index(self.all.len() - self.compacted + 1)
    }

    fn agrees(&self, history: &History) {
        history.assert_valid();
        assert_eq!(history.snapshot(), self.at(self.compacted));
        assert_eq!(history.last(), self.at(self.all.len()));
        let log: Vec<Zxid> = history.log().iter().map(|txn| txn.zxid).collect();
        assert_eq!(log, self.all[self.compacted..]);
        for epoch in 0..self.at(self.all.len()).epoch().0 + 2 {
            for probe in (0..6).map(|counter| zxid(epoch, counter)) {
                let upto = self.all.partition_point(|zxid| *zxid <= probe).max(self.compacted);
                assert_eq!(history.floor(probe), self.at(upto), "floor of {probe}");
                let after: Vec<Zxid> = history.after(probe).iter().map(|txn| txn.zxid).collect();
                assert_eq!(after, self.all[upto..], "after {probe}");
                let can_end = (self.compacted..=self.all.len()).any(|length| self.at(length) == probe);
                assert_eq!(history.can_end_at(probe), can_end, "whether it can end at {probe}");
            }
        }
    }
}

proptest! {
    /// Through [`Disk::apply`], the meaning of every write.
    #[test]
    fn a_history_is_what_its_writes_say(changes in changes()) {
        let (mut naive, mut disk) = (Naive::default(), Disk::default());
        for change in changes {
            let write = match change {
                Change::Append { next_epoch } => Write::Append(txn(naive.next(next_epoch))),
                Change::Truncate(index) => Write::Truncate(naive.at(naive.end(&index))),
                Change::Compact(index) => Write::Snapshot(naive.at(naive.end(&index))),
            };
            disk.apply(&write);
            match write {
                Write::Append(txn) => naive.all.push(txn.zxid),
                Write::Truncate(zxid) => naive.all.retain(|own| *own <= zxid),
                Write::Snapshot(zxid) => naive.compacted = naive.all.iter().filter(|own| **own <= zxid).count(),
                _ => {}
            }
            naive.agrees(&disk.history);
        }
    }

    #[test]
    fn zxids_follow_as_counting_does(a: u64, b: u64, near in 0_u64..3) {
        for (next, previous) in [(Zxid(a), Zxid(b)), (Zxid(a.wrapping_add(near)), Zxid(a))] {
            let same = next.epoch() == previous.epoch();
            let first = next.epoch() > previous.epoch() && next.counter() == 1;
            let expected = if same { next.0.checked_sub(previous.0) == Some(1) } else { first };
            prop_assert_eq!(next.follows(previous), expected, "{} after {}", next, previous);
            prop_assert!(!next.follows(previous) || next > previous);
        }
    }
}

// ---- The disk -----------------------------------------------------------------------------------------------------

fn refuses(disk: &Disk, write: &Write) -> bool {
    let mut disk = disk.clone();
    std::panic::catch_unwind(move || disk.apply(write)).is_err()
}

#[test]
fn a_disk_refuses_what_would_break_it() {
    let history = history(zxid(1, 2), &[zxid(1, 3), zxid(2, 1)]);
    let disk = Disk { accepted_epoch: Epoch(3), current_epoch: Epoch(2), history };
    let refused = [
        Write::AcceptedEpoch(Epoch(3)),
        Write::AcceptedEpoch(Epoch(2)),
        Write::CurrentEpoch(Epoch(1)),
        Write::CurrentEpoch(Epoch(4)),
        Write::Append(txn(zxid(2, 1))),
        Write::Append(txn(zxid(2, 3))),
        Write::Append(txn(zxid(3, 2))),
        Write::Truncate(zxid(1, 1)),
        Write::Truncate(zxid(1, 4)),
        Write::Snapshot(zxid(2, 2)),
    ];
    for write in refused {
        assert!(refuses(&disk, &write), "{write}");
    }
    let taken = [
        Write::AcceptedEpoch(Epoch(4)),
        Write::CurrentEpoch(Epoch(3)),
        Write::Append(txn(zxid(2, 2))),
        Write::Append(txn(zxid(3, 1))),
        Write::Truncate(zxid(1, 2)),
        Write::Snapshot(zxid(1, 3)),
        Write::Replace(zxid(1, 1)),
    ];
    for write in taken {
        assert!(!refuses(&disk, &write), "{write}");
    }
}

#[test]
fn an_empty_history_takes_only_the_first_of_an_epoch() {
    let empty = Disk { accepted_epoch: Epoch(9), ..Disk::default() };
    assert!(refuses(&empty, &Write::Append(txn(zxid(1, 2)))));
    assert!(!refuses(&empty, &Write::Append(txn(zxid(1, 1)))));
}

/// Whoever reads a history from elsewhere is told when something is missing in it.
#[test]
#[should_panic(expected = "(1,3) after (1,1) in a history")]
fn a_history_with_a_gap_is_not_valid() {
    let mut history = History::from_snapshot(Zxid::ZERO);
    (1..=3).for_each(|counter| history.append(Txn { zxid: zxid(1, counter), payload: Payload::default() }));
    let mut text = serde_json::to_value(&history).expect("plain data");
    text["log"].as_array_mut().expect("a list").remove(1);
    serde_json::from_value::<History>(text).expect("a history").assert_valid();
}
