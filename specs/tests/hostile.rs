//! A server survives whatever it is sent: messages in the wrong phase, from strangers, with absurd numbers. Whatever
//! comes, no step panics, memory is the disk plus the writes that were emitted, and equal inputs have equal outputs.
//!
//! What comes from the server's own node is not hostile: its disk hands back what was to be handed back, its snapshots
//! are of what was delivered, and its oracle elects voters.

#[path = "hostile/words.rs"]
mod words;

use proptest::prelude::*;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use words::{Wild, fitting, own, wild, wild_message};
use zab::peer::Role;
use zab::{
    Disk, Ensemble, Epoch, History, Input, Message, Notification, Output, Payload, Peer, Round, ServerId, ServerState,
    Timer, Txn, Vote, Write, Zxid,
};

/// A step of a hostile story. What depends on where the server stands is made when its turn comes.
#[derive(Clone, Debug)]
enum Turn {
    /// This message, from this server.
    Wild(u8, Wild),
    /// What a server that keeps to the protocol would send next; the number chooses who and what.
    Fitting(u8),
    /// The disk is done: what waited for it comes back.
    Durable,
    /// The node's own doings.
    Own(u8),
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = prop_oneof![
        3 => (any::<u8>(), wild()).prop_map(|(from, message)| Turn::Wild(from, message)),
        6 => any::<u8>().prop_map(Turn::Fitting),
        2 => Just(Turn::Durable),
        1 => any::<u8>().prop_map(Turn::Own),
    ];
    proptest::collection::vec(turn, 1..120)
}

/// Voters 1 to 3, observer 4. The server under test is one of them.
fn ensembles() -> impl Strategy<Value = Arc<Ensemble>> {
    let plain = Ensemble::majority((1..=3).map(ServerId), [ServerId(4)]).unwrap();
    let weighted = [(ServerId(1), 0, 1), (ServerId(2), 0, 2), (ServerId(3), 0, 0)];
    let weighted = Ensemble::hierarchical(weighted, [ServerId(4)]).unwrap();
    let alone = Ensemble::majority((1..=2).map(ServerId), [ServerId(3), ServerId(4)]).unwrap();
    let which = prop_oneof![Just(plain), Just(weighted), Just(alone)];
    (which, prop_oneof![Just(2_u32), Just(u32::MAX)])
        .prop_map(|(ensemble, last)| Arc::new(ensemble.with_last_counter(last)))
}

fn disks() -> impl Strategy<Value = Disk> {
    let ends = || prop_oneof![6 => 0_u32..4, 1 => Just(u32::MAX - 200)];
    let counters = prop_oneof![4 => 1_u32..4, 1 => Just(u32::MAX - 1), 1 => Just(u32::MAX)];
    (ends(), ends(), ends(), counters, 0_usize..4).prop_map(|(a, b, c, counter, length)| {
        let mut epochs = [a, b, c];
        epochs.sort_unstable();
        let snapshot = if epochs[0] == 0 { Zxid::ZERO } else { Zxid::new(Epoch(epochs[0]), counter) };
        let mut history = History::from_snapshot(snapshot);
        for _ in 0..length {
            let last = history.last();
            let next = Zxid::new(last.epoch(), last.counter().wrapping_add(1));
            let next = if next.follows(last) && last.epoch().0 > 0 { next } else { Zxid::new(Epoch(epochs[1]), 1) };
            if next.follows(last) {
                history.append(txn(next));
            }
        }
        Disk { accepted_epoch: Epoch(epochs[2]), current_epoch: Epoch(epochs[1]), history }
    })
}

fn txn(zxid: Zxid) -> Txn {
    Txn { zxid, payload: Payload::default() }
}

// ---- The server under test ----------------------------------------------------------------------------------------

struct Victim {
    peer: Peer,
    /// The disk as the writes so far make it.
    disk: Disk,
    /// What it sent itself, to be handed back when its disk is done.
    waiting: Vec<Message>,
    /// What it was delivered up to, at every moment so far.
    delivered: Vec<Zxid>,
    /// Every input so far, for the report.
    told: Vec<Input>,
}

impl Victim {
    fn new(id: ServerId, ensemble: Arc<Ensemble>, disk: Disk) -> Victim {
        let mut outputs = Vec::new();
        let peer = Peer::recover(id, ensemble, &disk, &mut outputs);
        let mut victim = Victim { peer, disk, waiting: Vec::new(), delivered: Vec::new(), told: Vec::new() };
        victim.perform(&outputs);
        victim
    }

    fn turn(&mut self, turn: &Turn) {
        match turn {
            Turn::Wild(from, wild) => {
                let from = ServerId(from % 6);
                if from != self.peer.id {
                    let message = wild_message(&self.peer, wild);
                    self.take(Input::Receive(from, message));
                }
            }
            Turn::Fitting(choice) => self.take(fitting(&self.peer, *choice)),
            Turn::Durable => {
                while !self.waiting.is_empty() {
                    let message = self.waiting.remove(0);
                    self.take(Input::Receive(self.peer.id, message));
                }
            }
            Turn::Own(choice) => self.take(own(&self.peer, &self.delivered, *choice)),
        }
    }

    fn take(&mut self, input: Input) {
        self.told.push(input.clone());
        let (mut outputs, mut again) = (Vec::new(), Vec::new());
        let mut twin = self.peer.clone();
        self.peer.step(input.clone(), &mut outputs);
        twin.step(input, &mut again);
        assert_eq!(outputs, again, "equal inputs, other outputs");
        assert_eq!(self.peer, twin, "equal inputs, other states");
        self.perform(&outputs);
    }

    fn perform(&mut self, outputs: &[Output]) {
        for output in outputs {
            match output {
                Output::Write(write) => {
                    if let Write::Append(txn) = write {
                        assert!(
                            txn.zxid.follows(self.disk.history.last()),
                            "{write} after {}",
                            self.disk.history.last()
                        );
                    }
                    self.disk.apply(write);
                }
                Output::SendWhenDurable(to, message) if *to == self.peer.id => self.waiting.push(message.clone()),
                Output::Disconnect(id) if *id == self.peer.id => self.waiting.clear(),
                Output::Send(to, _) | Output::Connect(to) => assert_ne!(*to, self.peer.id, "{output} to itself"),
                _ => {}
            }
        }
        self.check();
        self.delivered.push(self.peer.delivered);
    }

    fn check(&self) {
        let (peer, memory) = (&self.peer, &self.peer.memory);
        assert_eq!(*memory, self.disk, "memory is the disk with every write");
        memory.history.assert_valid();
        assert!(memory.current_epoch <= memory.accepted_epoch, "the current epoch was accepted");
        assert!(memory.history.last().epoch() <= memory.accepted_epoch, "no transaction of an epoch not accepted");
        assert!(memory.history.can_end_at(peer.delivered), "delivered {} of {:?}", peer.delivered, memory.history);
        if let Role::Leading(leading) = &peer.role {
            assert!(leading.learners.iter().any(|learner| learner.id == peer.id), "a leader learns from itself");
            assert!(leading.learners.windows(2).all(|pair| pair[0].id < pair[1].id), "learners in order");
        }
    }
}

/// Plays the turns; the inputs so far and the reason where one breaks the server.
fn play(mut victim: Victim, turns: &[Turn]) -> Result<(), String> {
    let broken = std::panic::catch_unwind(AssertUnwindSafe(|| turns.iter().for_each(|turn| victim.turn(turn))));
    broken.map_err(|panic| {
        let reason = panic.downcast_ref::<String>().map_or("", String::as_str);
        let reason = panic.downcast_ref::<&str>().unwrap_or(&reason);
        let told: Vec<String> = victim.told.iter().map(|input| format!("\n    {input}")).collect();
        format!("{reason}; {} was told{}\n{:?}", victim.peer.id, told.concat(), victim.peer)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_arrives_breaks_a_server(
        id in 1_u8..=4,
        ensemble in ensembles(),
        disk in disks(),
        turns in turns(),
    ) {
        play(Victim::new(ServerId(id), ensemble, disk), &turns).map_err(TestCaseError::fail)?;
    }
}

// ---- Stories of their own -----------------------------------------------------------------------------------------

/// Server 2 of three voters, with nothing on its disk, and what it is told until it breaks.
fn told(inputs: impl IntoIterator<Item = Input>) {
    let ensemble = Arc::new(Ensemble::majority((1..=3).map(ServerId), []).unwrap());
    let mut victim = Victim::new(ServerId(2), ensemble, Disk::default());
    inputs.into_iter().for_each(|input| victim.take(input));
}

fn from_one(message: Message) -> Input {
    Input::Receive(ServerId(1), message)
}

/// The beginning of the stories in which server 2 follows server 1 in epoch 1.
fn following_in_epoch_1() -> [Input; 3] {
    [Input::Elected(ServerId(1)), Input::Connected(ServerId(1)), from_one(Message::LeaderInfo(Epoch(1)))]
}

/// It is dropped.
#[test]
fn a_learner_that_has_accepted_the_last_epoch_does_not_stop_the_leader() {
    told([Input::Elected(ServerId(2)), from_one(Message::FollowerInfo(Epoch(u32::MAX)))]);
}

/// Should be: a round that leaves no room for a next one is ignored; in a release build the next round would be 0.
#[test]
fn the_last_round_is_nobodys() {
    let vote = Vote { leader: ServerId(1), zxid: Zxid::ZERO, peer_epoch: Epoch(0) };
    let round = Round(u64::MAX);
    let last = Notification { state: ServerState::Looking, round, vote: Some(vote) };
    told([from_one(Message::Notification(last)), Input::Elected(ServerId(1)), Input::Timeout(Timer::Init)]);
}

/// A learner leaves a leader that offers the last epoch.
#[test]
fn the_last_epoch_is_not_accepted() {
    told(following_in_epoch_1().into_iter().take(2).chain([
        from_one(Message::LeaderInfo(Epoch::LAST)),
        Input::Timeout(Timer::Init),
        Input::Elected(ServerId(2)),
        Input::Receive(ServerId(3), Message::FollowerInfo(Epoch(1))),
    ]));
}

/// A learner leaves a leader that proposes, informs or sends a snapshot of an epoch after the one that it
/// accepted. (EpochsAreAcceptedFirst.)
#[test]
fn a_snapshot_of_a_later_epoch_is_not_taken() {
    told(following_in_epoch_1().into_iter().chain([from_one(Message::Snap(Zxid::new(Epoch(9), 1)))]));
}

#[test]
fn a_proposal_of_a_later_epoch_is_not_taken() {
    let proposal = Message::Proposal(txn(Zxid::new(Epoch(9), 1)));
    told(following_in_epoch_1().into_iter().chain([from_one(Message::Diff(Zxid::ZERO)), from_one(proposal)]));
}

/// It is forgotten.
#[test]
fn a_snapshot_of_what_a_leader_took_back_is_no_snapshot_of_this_history() {
    let (kept, gone, new) = (Zxid::new(Epoch(1), 1), Zxid::new(Epoch(1), 2), Zxid::new(Epoch(2), 1));
    let again = [Input::Timeout(Timer::Init), Input::Elected(ServerId(1)), Input::Connected(ServerId(1))];
    let back = [Message::LeaderInfo(Epoch(2)), Message::Snap(kept), Message::Proposal(txn(new)), Message::Commit(new)];
    let established = [Message::NewLeader(Epoch(2)), Message::UpToDate];
    let inputs = following_in_epoch_1().into_iter().chain([from_one(Message::Snap(gone))]).chain(again);
    let inputs = inputs.chain(back.into_iter().chain(established).map(from_one));
    told(inputs.chain([Input::Snapshotted(gone)]));
}
