//! The server leads, and the test is its followers.

use crate::harness::{Client, Joined, Wire, create, eventually, get, opening, set};
use crate::lab::{Asked, Lab};
use zab::tree::CreateMode;
use zab::{Epoch, Message, Zxid};
use zabkeeper::link::ConnectionId;
use zabkeeper::wire::{ClientRequest, Reply};

fn zxid(counter: u32) -> Zxid {
    Zxid::new(Epoch(1), counter)
}

/// Server 3 leads epoch 1, with server 1 on connection 10.
fn leader() -> Lab {
    let lab = Lab::new(3);
    lab.is_elected(1, 0, Zxid::ZERO);
    lab.learner_comes(10, 1, 0);
    lab.learner_follows(10, 1, 1, Zxid::ZERO);
    eventually("serve", || lab.is_serving());
    lab
}

/// The next proposal on this connection.
fn proposal(lab: &Lab, connection: u64) -> Zxid {
    lab.until_said(connection, "propose", |packet| match &packet.message {
        Message::Proposal(txn) => Some(txn.zxid),
        _ => None,
    })
}

fn client(lab: &Lab, connection: u64) -> Client {
    let client = lab.opening();
    let zxid = proposal(lab, connection);
    lab.say(connection, 1, Message::Ack(zxid));
    client.join().expect("a session")
}

#[test]
fn a_follower_completes_the_quorum_and_its_loss_ends_the_reign() {
    let lab = leader();
    let mut client = client(&lab, 10);
    lab.lose(10, 1);
    lab.until("close its port", |asked| matches!(asked, Asked::StopListening).then_some(()));
    assert!(client.receive().is_none(), "its clients are sent away");
    assert!(!lab.is_serving());
    let refused = Client::join(Wire::connect(lab.address), &opening(10_000));
    assert!(matches!(refused, Joined::Closed), "and no others are served");

    // The next reign begins like the first one.
    lab.is_elected(2, 1, zxid(1));
    lab.learner_comes(11, 1, 1);
    lab.learner_follows(11, 1, 2, zxid(1));
    let again = client.again(lab.address).expect("its session goes on");
    assert_eq!(again.session, client.session);
}

#[test]
fn nothing_is_answered_that_only_this_server_has() {
    let lab = leader();
    let mut client = client(&lab, 10);
    client.send(&[set("/none", b"")]);
    let zxid = proposal(&lab, 10);
    client.wire.is_silent(std::time::Duration::from_millis(100)).then_some(()).expect("no reply without a quorum");
    lab.say(10, 1, Message::Ack(zxid));
    assert!(client.reply().is_some());
}

#[test]
fn a_learner_that_comes_again_has_left_its_older_connection() {
    let lab = leader();
    lab.learner_comes(20, 2, 0);
    lab.learner_follows(20, 2, 1, Zxid::ZERO);
    let mut client = client(&lab, 10);
    client.send(&[set("/none", b"")]);
    let last = proposal(&lab, 10);
    lab.say(11, 1, Message::FollowerInfo(Epoch(1)));
    let closed = |asked: &Asked| matches!(asked, Asked::Close(ConnectionId(10))).then_some(());
    lab.until("close the older connection", closed);
    // What is still said there counts for nothing: this server and one that is gone are no quorum.
    lab.say(10, 1, Message::Ack(last));
    assert!(client.wire.is_silent(std::time::Duration::from_millis(100)), "an acknowledgement of a past connection");
    lab.say(20, 2, Message::Ack(last));
    assert!(client.reply().is_some());
    assert!(lab.is_serving());
}

#[test]
fn a_learner_whose_coming_again_ends_the_reign_is_sent_away() {
    let lab = leader();
    lab.say(11, 1, Message::FollowerInfo(Epoch(1)));
    lab.until("close its port", |asked| matches!(asked, Asked::StopListening).then_some(()));
    lab.until("send it away", |asked| matches!(asked, Asked::Close(ConnectionId(11))).then_some(()));
}

#[test]
fn a_read_behind_a_sync_does_not_see_what_its_client_wrote_later() {
    let lab = leader();
    let mut client = client(&lab, 10);
    client.send(&[create("/x", b"0", CreateMode::Persistent)]);
    let zxid = proposal(&lab, 10);
    lab.say(10, 1, Message::Ack(zxid));
    assert!(matches!(client.reply(), Some(Ok(_))));
    client.send(&[ClientRequest::Sync { path: None }, get("/x", false), set("/x", b"1")]);
    let zxid = proposal(&lab, 10);
    // The follower logs the write, and does not return the PING that the sync has sent.
    lab.say(10, 1, Message::Ack(zxid));
    assert_eq!(client.reply(), Some(Ok(Reply::Sync { path: None })));
    let Some(Ok(Reply::Data { data, .. })) = client.reply() else { panic!("no data") };
    assert_eq!(data.as_deref(), Some(&b"0"[..]), "its own later write is not to be seen yet");
    assert!(matches!(client.reply(), Some(Ok(Reply::Stat(_)))));
}
