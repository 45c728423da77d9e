//! A server that has lost its ensemble, with `readonlymode.enabled`.

use crate::harness::cluster::Cluster;
use crate::harness::{Client, Joined, Wire, children, create, eventually, opening};
use zab::tree::{Code, CreateMode, SessionId};
use zabkeeper::wire::{ClientRequest, ConnectRequest, Reply};

const KEYS: [&str; 4] = ["readonlymode.enabled=true", "tickTime=200", "initLimit=50", "maxSessionTimeout=60000"];

fn reads(request: ConnectRequest) -> ConnectRequest {
    ConnectRequest { read_only: Some(true), ..request }
}

/// A session with a server that only reads, as soon as it does.
fn join(cluster: &Cluster, id: u8, request: &ConnectRequest) -> Client {
    cluster.until("serve reads", || Client::try_connect(cluster.address(id), request))
}

#[test]
fn reads_go_on_without_a_majority() {
    let mut cluster = Cluster::new(3, 0, &KEYS);
    cluster.start_all();
    cluster.wait_until_serving();
    let mut writer = cluster.client(1);
    writer.create("/x", b"data", CreateMode::Persistent).expect("created");
    let mut session = join(&cluster, 1, &reads(opening(60_000)));
    assert!(session.exists("/x"));
    cluster.kill(2);
    cluster.kill(3);

    let mut client = join(&cluster, 1, &reads(opening(60_000)));
    assert_eq!(cluster.word(1, "isro").as_deref(), Some("ro"));
    assert_eq!(cluster.mode(1).as_deref(), Some("read-only"));
    assert_eq!(client.get("/x").map(|(data, _)| data), Ok(b"data".to_vec()));
    for refused in [create("/y", b"", CreateMode::Persistent), ClientRequest::Sync { path: Some("/".to_owned()) }] {
        assert_eq!(client.call(refused).err(), Some(Code::NotReadOnly));
    }
    assert!(client.call(children("/", true)).is_ok(), "a refusal is no end");
    let strict = Client::join(Wire::connect(cluster.address(1)), &opening(60_000));
    assert!(matches!(strict, Joined::Closed), "who needs to write is not served");

    // A session that all servers know goes on; one that is nobody's is over.
    let again = join(&cluster, 1, &reads(session.resuming()));
    assert_eq!(again.session, session.session);
    let stranger = ConnectRequest { session: SessionId(7), ..reads(session.resuming()) };
    assert!(matches!(Client::join(Wire::connect(cluster.address(1)), &stranger), Joined::Over));
    assert_eq!(client.call(ClientRequest::Write(zab::tree::Change::CloseSession)), Ok(Reply::Nothing));

    let mut left = join(&cluster, 1, &reads(opening(60_000)));
    cluster.start(2);
    cluster.wait_for(&[1, 2]);
    eventually("clients are sent away when there is a leader", || left.is_closed());
    let resumed = cluster.until("go on", || Client::try_connect(cluster.address(1), &reads(session.resuming())));
    assert_eq!(resumed.session, session.session);
    let foreign = Client::join(Wire::connect(cluster.address(2)), &reads(left.resuming()));
    assert!(matches!(foreign, Joined::Over), "a session that began without a leader is unknown to the others");
    let mut writer = cluster.client(1);
    writer.create("/y", b"", CreateMode::Persistent).expect("created");
}

#[test]
fn what_only_the_log_holds_is_read_and_not_taken_for_committed() {
    let mut cluster = Cluster::new(3, 0, &KEYS);
    cluster.start_all();
    cluster.wait_until_serving();
    let mut writer = cluster.client(2);
    for number in 0..20 {
        writer.create(&format!("/n{number}"), b"data", CreateMode::Persistent).expect("created");
    }
    let mut reader = cluster.client(1);
    eventually("server 1 has it", || reader.exists("/n19"));
    cluster.kill_all();
    cluster.start(1);
    let mut client = join(&cluster, 1, &reads(opening(60_000)));
    assert!(client.exists("/n19"), "it is in this server's log");
    cluster.start(2);
    cluster.start(3);
    cluster.wait_until_serving();
    for id in cluster.ids() {
        let mut client = cluster.client(id);
        assert!(client.exists("/n19"));
        assert_eq!(cluster.monitor(id).remove("digest_mismatches_count").as_deref(), Some("0"));
    }
}
