//! What is said to people: errors, and what stands in counterexamples and violations.

use bytes::Bytes;
use zab::{Ensemble, Epoch, Input, Payload, ServerId, Zxid};

fn refused(voters: &[(u8, u32)], observers: &[u8]) -> String {
    let voters = voters.iter().map(|(id, weight)| (ServerId(*id), 0, *weight));
    let ensemble = Ensemble::hierarchical(voters, observers.iter().copied().map(ServerId));
    ensemble.expect_err("it is none").to_string()
}

#[test]
fn an_ensemble_that_is_none_says_why() {
    assert_eq!(refused(&[], &[1]), "an ensemble needs at least one server that votes");
    assert_eq!(refused(&[(1, 1), (1, 1)], &[]), "server 1 is listed twice");
    assert_eq!(refused(&[(1, 1), (2, 1)], &[2]), "server 2 is listed twice");
    assert_eq!(refused(&[(1, 1)], &[3, 3]), "server 3 is listed twice");
    assert_eq!(refused(&[(1, 0), (2, 0)], &[]), "the weights of all servers are 0: no quorum could ever form");
}

#[test]
fn numbers_and_payloads_are_short() {
    assert_eq!(format!("{:?}", Zxid::new(Epoch(2), 7)), "Zxid(2,7)");
    assert_eq!(format!("{:?}", Payload(Bytes::from_static(b"a"))), "b\"a\"");
    assert_eq!(Input::Elected(ServerId(3)).to_string(), "elected s3");
}
