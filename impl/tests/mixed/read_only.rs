//! A server of ours that has lost the Java servers of its ensemble, with `readonlymode.enabled`.

use crate::ensemble::Mixed;
use crate::harness::{Client, create, eventually, opening};
use zab::tree::{Code, CreateMode};
use zabkeeper::wire::ConnectRequest;

#[test]
fn reads_go_on_when_java_is_gone() {
    let keys = ["readonlymode.enabled=true", "tickTime=500", "initLimit=30", "maxSessionTimeout=60000"];
    let Some(mut mixed) = Mixed::new(3, 0, &keys) else { return };
    mixed.start(1);
    mixed.start_java(2);
    mixed.start_java(3);
    mixed.wait_until_serving();
    let reads = |request: ConnectRequest| ConnectRequest { read_only: Some(true), ..request };
    let mut session = mixed.until("take a client", || Client::try_connect(mixed.address(2), &reads(opening(60_000))));
    session.create("/from-java", b"data", CreateMode::Persistent).expect("created");
    let mut here = mixed.client(1);
    eventually("server 1 has it", || here.exists("/from-java"));
    mixed.kill(2);
    mixed.kill(3);

    let mut client = mixed.until("serve reads", || Client::try_connect(mixed.address(1), &reads(session.resuming())));
    assert_eq!(client.session, session.session, "a session that Java opened");
    assert_eq!(mixed.word(1, "isro").as_deref(), Some("ro"));
    assert_eq!(client.get("/from-java").map(|(data, _)| data), Ok(b"data".to_vec()));
    assert_eq!(client.call(create("/y", b"", CreateMode::Persistent)).err(), Some(Code::NotReadOnly));

    mixed.start_java(2);
    mixed.wait_for(&[1, 2]);
    eventually("clients are sent away when there is a leader", || client.is_closed());
    let mut again = mixed.until("go on", || Client::try_connect(mixed.address(2), &reads(session.resuming())));
    assert_eq!(again.session, session.session, "and at Java's server again");
    again.create("/y", b"", CreateMode::Persistent).expect("created");
    mixed.start_java(3);
    mixed.wait_until_serving();
    mixed.settle();
}
