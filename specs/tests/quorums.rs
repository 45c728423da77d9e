//! Quorums: any two intersect, whatever the groups and weights; and as many losses are tolerated as promised.

use proptest::prelude::*;
use std::collections::BTreeSet;
use zab::{Ensemble, ServerId};

/// Voters with small groups and weights, at least one of which counts.
fn voters() -> impl Strategy<Value = Vec<(ServerId, u8, u32)>> {
    let voter = (0_u8..4, prop_oneof![3 => 0_u32..5, 1 => Just(u32::MAX)]);
    let some = proptest::collection::vec(voter, 1..9);
    some.prop_filter("some weight", |voters| voters.iter().any(|(_, weight)| *weight > 0)).prop_map(|voters| {
        let ids = (1..).map(ServerId);
        ids.zip(voters).map(|(id, (group, weight))| (id, group, weight)).collect()
    })
}

fn ensembles() -> impl Strategy<Value = Ensemble> {
    let majority = (1_u8..10).prop_map(|count| Ensemble::majority((1..=count).map(ServerId), []).unwrap());
    prop_oneof![majority, voters().prop_map(|voters| Ensemble::hierarchical(voters, []).unwrap())]
}

/// The voters whose bit is set.
fn chosen(ensemble: &Ensemble, bits: u16) -> BTreeSet<ServerId> {
    let bit = |place: usize| bits >> place & 1 == 1;
    ensemble.voters().enumerate().filter(|(place, _)| bit(*place)).map(|(_, id)| id).collect()
}

proptest! {
    #[test]
    fn any_two_intersect(ensemble in ensembles(), a: u16, b: u16) {
        let (a, b) = (chosen(&ensemble, a), chosen(&ensemble, b));
        if ensemble.is_quorum(a.iter().copied()) && ensemble.is_quorum(b.iter().copied()) {
            prop_assert!(!a.is_disjoint(&b), "{a:?} and {b:?} of {ensemble:?}");
        }
    }

    #[test]
    fn what_a_quorum_leaves_is_none(ensemble in ensembles(), bits: u16) {
        let quorum = chosen(&ensemble, bits);
        let rest: BTreeSet<_> = ensemble.voters().filter(|id| !quorum.contains(id)).collect();
        prop_assert!(!(ensemble.is_quorum(quorum) && ensemble.is_quorum(rest)));
    }

    #[test]
    fn more_servers_are_a_quorum_still(ensemble in ensembles(), a: u16, b: u16) {
        if ensemble.is_quorum(chosen(&ensemble, a)) {
            prop_assert!(ensemble.is_quorum(chosen(&ensemble, a | b)));
        }
    }

    #[test]
    fn all_voters_are_a_quorum_and_nobody_is_none(ensemble in ensembles()) {
        prop_assert!(ensemble.is_quorum(ensemble.voters()));
        prop_assert!(!ensemble.is_quorum([]));
    }

    #[test]
    fn only_voters_count(ensemble in ensembles(), bits: u16) {
        let members = chosen(&ensemble, bits);
        let strangers = (100..120).map(ServerId);
        let both: Vec<_> = members.iter().copied().chain(strangers).collect();
        prop_assert_eq!(ensemble.is_quorum(members), ensemble.is_quorum(both));
    }

    #[test]
    fn weightless_servers_change_nothing(voters in voters(), bits: u16) {
        let ensemble = Ensemble::hierarchical(voters.clone(), []).unwrap();
        let weighty: Vec<_> = voters.iter().copied().filter(|(_, _, weight)| *weight > 0).collect();
        let smaller = Ensemble::hierarchical(weighty, []).unwrap();
        let members = chosen(&ensemble, bits);
        prop_assert_eq!(ensemble.is_quorum(members.iter().copied()), smaller.is_quorum(members.iter().copied()));
        for (id, _, weight) in voters {
            prop_assert_eq!(ensemble.may_lead(id), weight > 0);
        }
    }

    /// One group of equal weights is a majority.
    #[test]
    fn groups_generalise_the_majority(count in 1_u8..10, weight in 1_u32..5, bits: u16) {
        let majority = Ensemble::majority((1..=count).map(ServerId), []).unwrap();
        let group = Ensemble::hierarchical((1..=count).map(|id| (ServerId(id), 7, weight)), []).unwrap();
        let members = chosen(&majority, bits);
        prop_assert_eq!(majority.is_quorum(members.iter().copied()), group.is_quorum(members.iter().copied()));
    }
}

#[test]
fn two_n_plus_one_servers_tolerate_the_loss_of_n() {
    for n in 0..8_u8 {
        let ensemble = Ensemble::majority((1..=2 * n + 1).map(ServerId), [ServerId(200)]).unwrap();
        assert!(ensemble.is_quorum((1..=n + 1).map(ServerId)), "{n} are lost");
        assert!(!ensemble.is_quorum((1..=n).map(ServerId)), "{} are lost", n + 1);
        assert!(!ensemble.is_quorum((1..=n).map(ServerId).chain([ServerId(200)])), "observers do not count");
    }
}

#[test]
fn an_even_number_tolerates_no_more_than_the_odd_one_below() {
    let four = Ensemble::majority((1..=4).map(ServerId), []).unwrap();
    assert!(!four.is_quorum([ServerId(1), ServerId(2)]));
    assert!(four.is_quorum([ServerId(1), ServerId(2), ServerId(3)]));
}

#[test]
fn three_groups_of_three_live_with_the_loss_of_one_group_and_a_server_of_each_other() {
    let voters = (1..=9).map(|id| (ServerId(id), (id - 1) / 3, 1));
    let ensemble = Ensemble::hierarchical(voters, []).unwrap();
    assert!(ensemble.is_quorum([1, 2, 4, 5].map(ServerId)), "four of nine, where a majority needs five");
    assert!(!ensemble.is_quorum([1, 2, 3, 4, 7].map(ServerId)), "five of nine, but one group only");
}

#[test]
fn what_cannot_work_is_refused() {
    let (one, two) = (ServerId(1), ServerId(2));
    assert!(Ensemble::majority([], [one]).is_err());
    assert!(Ensemble::majority([one, one], []).is_err());
    assert!(Ensemble::majority([one], [one]).is_err());
    assert!(Ensemble::majority([one], [two, two]).is_err());
    assert!(Ensemble::hierarchical([(one, 0, 0), (two, 1, 0)], []).is_err());
}

/// `Leader.propose` gives up its epoch when the counter is 2³² − 1.
#[test]
fn an_epoch_has_room_for_all_but_the_last_counter() {
    let ensemble = Ensemble::majority([ServerId(1)], []).unwrap();
    assert_eq!(ensemble.last_counter(), u32::MAX - 1);
    assert_eq!(ensemble.with_last_counter(3).last_counter(), 3);
}

#[test]
fn servers_are_voters_and_then_observers() {
    let ensemble = Ensemble::majority([2, 1].map(ServerId), [4, 3].map(ServerId)).unwrap();
    assert!(ensemble.voters().eq([1, 2].map(ServerId)) && ensemble.observers().eq([3, 4].map(ServerId)));
    assert!(ensemble.servers().eq([1, 2, 3, 4].map(ServerId)));
}
