//! Votes: their order, and what elections make of it, whatever the order in which notifications arrive.

use proptest::prelude::*;
use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use zab::peer::Role;
use zab::{Disk, Ensemble, Epoch, History, Input, Message, Output, Peer, ServerId, Timer, Vote, Zxid};

fn votes() -> impl Strategy<Value = Vote> {
    // Few values, so that every part of the order is the one that decides often enough; and the ends of the numbers.
    let half = || prop_oneof![8 => 0_u32..3, 1 => Just(u32::MAX)];
    (1_u8..5, half(), half(), half()).prop_map(|(leader, epoch, counter, peer_epoch)| Vote {
        leader: ServerId(leader),
        zxid: Zxid::new(Epoch(epoch), counter),
        peer_epoch: Epoch(peer_epoch),
    })
}

proptest! {
    #[test]
    fn the_order_is_total_and_antisymmetric(a in votes(), b in votes()) {
        let (there, back) = (a.rank().cmp(&b.rank()), b.rank().cmp(&a.rank()));
        prop_assert_eq!(there, back.reverse());
        prop_assert_eq!(there == Ordering::Equal, a == b, "only equal votes rank equally");
    }

    #[test]
    fn the_order_is_transitive(a in votes(), b in votes(), c in votes()) {
        if a.rank() > b.rank() && b.rank() > c.rank() {
            prop_assert!(a.rank() > c.rank());
        }
    }

    /// `FastLeaderElection.totalOrderPredicate`, as it stands in Java since 3.4.4.
    #[test]
    fn the_order_is_javas(new in votes(), current in votes()) {
        let wins = new.peer_epoch > current.peer_epoch
            || (new.peer_epoch == current.peer_epoch
                && (new.zxid > current.zxid || (new.zxid == current.zxid && new.leader > current.leader)));
        prop_assert_eq!(wins, new.rank() > current.rank());
    }
}

/// ZOOKEEPER-1419: the id decided between equal zxids of different epochs too, so that each of these two beat the
/// other, and the election never ended.
#[test]
fn the_pair_of_zookeeper_1419_has_one_winner() {
    let zxid = Zxid::new(Epoch(1), 7);
    let later = Vote { leader: ServerId(1), zxid, peer_epoch: Epoch(3) };
    let earlier = Vote { leader: ServerId(5), zxid, peer_epoch: Epoch(2) };
    assert!(later.rank() > earlier.rank());
    assert!(earlier.rank() < later.rank());
}

/// The seed's example: zxid first, then id.
#[test]
fn the_seeds_examples() {
    let vote = |id, counter| Vote { leader: ServerId(id), zxid: Zxid::new(Epoch(1), counter), peer_epoch: Epoch(1) };
    assert!(vote(2, 0).rank() > vote(1, 0).rank());
    assert!(vote(1, 123).rank() > vote(3, 122).rank());
}

// ---- Elections ----------------------------------------------------------------------------------------------------

/// Servers and the notifications between them, each link in order.
struct Hall {
    peers: Vec<Peer>,
    links: BTreeMap<(ServerId, ServerId), VecDeque<Message>>,
    settling: Vec<ServerId>,
}

impl Hall {
    fn open(disks: &[Disk]) -> Hall {
        let ids = (1..=disks.len() as u8).map(ServerId);
        let ensemble = Arc::new(Ensemble::majority(ids.clone(), []).unwrap());
        let mut hall = Hall { peers: Vec::new(), links: BTreeMap::new(), settling: Vec::new() };
        for (id, disk) in ids.zip(disks) {
            let mut out = Vec::new();
            hall.peers.push(Peer::recover(id, ensemble.clone(), disk, &mut out));
            hall.perform(id, out);
        }
        hall
    }

    fn perform(&mut self, from: ServerId, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(to, message) => self.links.entry((from, to)).or_default().push_back(message),
                Output::Arm(Timer::Settle) => self.settling.push(from),
                _ => {}
            }
        }
    }

    fn step(&mut self, id: ServerId, input: Input) {
        let mut out = Vec::new();
        self.peers[usize::from(id.0) - 1].step(input, &mut out);
        self.perform(id, out);
    }

    /// Delivers notifications in the order that `choices` gives until none is left; then the waits end.
    fn hold(&mut self, mut choices: impl Iterator<Item = usize>) {
        loop {
            let busy: Vec<_> = self.links.iter().filter(|(_, link)| !link.is_empty()).map(|(pair, _)| *pair).collect();
            if busy.is_empty() {
                break;
            }
            let (from, to) = busy[choices.next().unwrap_or(0) % busy.len()];
            let message = self.links.get_mut(&(from, to)).and_then(VecDeque::pop_front).unwrap();
            if matches!(message, Message::Notification(_)) {
                self.step(to, Input::Receive(from, message));
            }
        }
        for id in std::mem::take(&mut self.settling) {
            self.step(id, Input::Timeout(Timer::Settle));
        }
    }

    fn leader_of(&self, peer: &Peer) -> Option<ServerId> {
        match &peer.role {
            Role::Looking(_) => None,
            Role::Following(following) => Some(following.leader),
            Role::Leading(_) => Some(peer.id),
        }
    }
}

fn disks() -> impl Strategy<Value = Vec<Disk>> {
    let disk = (0_u32..3, 0_u32..3, 0_u32..3).prop_map(|(current, epoch, counter)| {
        let zxid = if epoch.min(current) == 0 { Zxid::ZERO } else { Zxid::new(Epoch(epoch.min(current)), counter + 1) };
        Disk { accepted_epoch: Epoch(3), current_epoch: Epoch(current), history: History::from_snapshot(zxid) }
    });
    prop_oneof![Just(3_usize), Just(5)].prop_flat_map(move |count| proptest::collection::vec(disk.clone(), count))
}

proptest! {
    /// With everyone there and nobody in a hurry, all choose the server with the greatest vote, in whatever order the
    /// notifications arrive.
    #[test]
    fn everyone_chooses_the_greatest(disks in disks(), choices in proptest::collection::vec(any::<usize>(), 0..80)) {
        let mut hall = Hall::open(&disks);
        hall.hold(choices.into_iter());
        let rank = |peer: &&Peer| (peer.memory.current_epoch, peer.last_zxid(), peer.id);
        let greatest = hall.peers.iter().max_by_key(rank).map(|peer| peer.id);
        for peer in &hall.peers {
            prop_assert_eq!(hall.leader_of(peer), greatest, "{} is {:?}", peer.id, peer.role);
        }
    }
}
