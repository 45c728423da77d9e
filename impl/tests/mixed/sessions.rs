//! Sessions between Java's servers and ours: they move, they live on, they expire, and their ephemerals with them.

use crate::ensemble::Mixed;
use crate::harness::Client;
use std::time::{Duration, Instant};
use zab::tree::{Code, CreateMode};
use zabkeeper::wire::{ClientRequest, Reply};

/// The shortest that the ensemble gives, in milliseconds.
const SHORT: i32 = 1_000;

#[test]
fn under_java() {
    let Some(mut mixed) = Mixed::new(2, 1, &[]) else { return };
    mixed.start(1);
    mixed.start_java(2);
    mixed.start(3);
    assert_eq!(mixed.wait_until_serving(), 2);
    sessions_everywhere(&mixed);
}

#[test]
fn under_ours() {
    let Some(mut mixed) = Mixed::new(2, 1, &[]) else { return };
    mixed.start_java(1);
    mixed.start(2);
    mixed.start_java(3);
    assert_eq!(mixed.wait_until_serving(), 2);
    sessions_everywhere(&mixed);
}

fn sessions_everywhere(mixed: &Mixed) {
    for from in mixed.ids() {
        for to in mixed.ids() {
            moves(mixed, from, to);
        }
    }
    for id in mixed.ids() {
        a_wrong_password_is_refused(mixed, id);
    }
    lives_while_its_client_pings(mixed);
    expires_with_its_ephemerals(mixed);
    mixed.agree();
}

/// A session opened at one server goes on at another; the older connection is of no more use.
fn moves(mixed: &Mixed, from: u8, to: u8) {
    let (first, second) = (format!("/{from}-{to}-first"), format!("/{from}-{to}-second"));
    let mut before = mixed.client(from);
    before.create(&first, b"", CreateMode::Ephemeral).expect("created");
    let mut after = mixed.again(&before, to);
    assert!(after.exists(&first), "it sees what it wrote, from {from} to {to}");
    after.create(&second, b"", CreateMode::Ephemeral).expect("a write over the new connection");
    let owned = after.call(ClientRequest::GetEphemerals { prefix: None });
    assert!(matches!(&owned, Ok(Reply::Names(paths)) if paths.len() == 2), "{owned:?}");
    // A server that knows nothing of the move forwards the write, and the leader refuses it.
    before.send(&[crate::harness::set("/", b"stolen")]);
    let stolen = before.reply();
    assert!(stolen.is_none(), "the connection is closed (ZOOKEEPER-710), from {from} to {to}: {stolen:?}");
    after.close();
    let mut looker = mixed.client(from);
    for path in [first, second] {
        mixed.until("delete it", || (!looker.exists(&path)).then_some(()));
    }
    looker.close();
}

fn a_wrong_password_is_refused(mixed: &Mixed, id: u8) {
    let mut client = mixed.client(id);
    let mut request = client.resuming();
    request.password = Some(vec![7; 16].into());
    assert!(Client::try_connect(mixed.address(id), &request).is_none(), "server {id}");
    client = mixed.again(&client, id);
    client.close();
}

/// Learners tell the leader whom they have heard, in their answers to its PINGs.
fn lives_while_its_client_pings(mixed: &Mixed) {
    let open = |id: u8| Client::open_for(mixed.address(id), SHORT);
    let mut clients: Vec<Client> = mixed.ids().into_iter().map(open).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.timeout, SHORT);
        client.create(&format!("/alive-{number}"), b"", CreateMode::Ephemeral).expect("created");
    }
    let start = Instant::now();
    while start.elapsed() < 3 * Duration::from_millis(SHORT.unsigned_abs().into()) {
        for client in &mut clients {
            assert_eq!(client.call(ClientRequest::Ping), Ok(Reply::Nothing), "a session that is heard goes on");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    for (number, mut client) in clients.into_iter().enumerate() {
        assert!(client.exists(&format!("/alive-{number}")));
        client.close();
    }
}

/// A session that nobody hears of ends, on whichever server it was, and cannot be taken up again.
fn expires_with_its_ephemerals(mixed: &Mixed) {
    let path = |id: u8| format!("/expires-{id}");
    let mut gone = Vec::new();
    for id in mixed.ids() {
        let mut client = Client::open_for(mixed.address(id), SHORT);
        client.create(&path(id), b"", CreateMode::Ephemeral).expect("created");
        gone.push(client.resuming());
        drop(client);
    }
    for looker in mixed.ids() {
        let mut client = mixed.client(looker);
        for id in mixed.ids() {
            mixed.until("expire it", || (!client.exists(&path(id))).then_some(()));
        }
        for request in &gone {
            let found = Client::try_connect(mixed.address(looker), request);
            assert!(found.is_none(), "it is over, says server {looker}");
        }
        assert_eq!(client.get(&path(1)).map(|_| ()), Err(Code::NoNode));
        client.close();
    }
}
