//! The quorum port.

use super::{LONG, channel, free_address, next};
use bytes::Bytes;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use zab::tree::{Acl, CreateTxn, OpCode, Record, SessionId, Transaction, Tree, TreeOptions, TxnHeader};
use zab::{AckEpoch, Epoch, Message, Payload, Request, ServerId, Txn, Zxid};
use zabkeeper::config::HostPort;
use zabkeeper::disk::Snapshot;
use zabkeeper::link::{ConnectionId, LinkEvent, QuorumOptions, QuorumPort};
use zabkeeper::wire::quorum::{Attachment, ForwardedRequest, Packet, encode_packet};

/// Server 9 leads at this address; 1 and 2 follow.
fn port(own: u8, leader: SocketAddr, limit: Duration) -> (QuorumPort, Receiver<LinkEvent>) {
    let (tell, events) = channel();
    let address = HostPort::new(&leader.ip().to_string(), leader.port());
    let options = QuorumOptions {
        own: ServerId(own),
        listen: vec![leader],
        peers: [1, 2, 9].map(|id| (ServerId(id), vec![address.clone()])).into(),
        connect_for: limit,
        read_timeout: limit,
        tree: TreeOptions::default(),
    };
    (QuorumPort::new(options, tell), events)
}

fn opened(events: &Receiver<LinkEvent>) -> ConnectionId {
    match next(events) {
        LinkEvent::Opened { connection, peer: ServerId(9) } => connection,
        other => panic!("{other:?} where a connection should open"),
    }
}

fn packet(events: &Receiver<LinkEvent>) -> (ConnectionId, ServerId, Packet) {
    match next(events) {
        LinkEvent::Packet { connection, peer, packet } => (connection, peer, packet),
        other => panic!("{other:?} where a packet should come"),
    }
}

fn closed(events: &Receiver<LinkEvent>) -> ConnectionId {
    match next(events) {
        LinkEvent::Closed { connection, .. } => connection,
        other => panic!("{other:?} where a connection should close"),
    }
}

struct Pair {
    leader: QuorumPort,
    to_leader: Receiver<LinkEvent>,
    /// The connection's number at the leader.
    there: ConnectionId,
    learner: QuorumPort,
    to_learner: Receiver<LinkEvent>,
    here: ConnectionId,
}

fn pair(limit: Duration) -> Pair {
    let at = free_address();
    let ((leader, to_leader), (learner, to_learner)) = (port(9, at, limit), port(1, at, LONG));
    assert_eq!(leader.listen().expect("a port"), [at]);
    let (here, there) = join(&learner, &to_learner, &to_leader, ServerId(1));
    Pair { leader, to_leader, there, learner, to_learner, here }
}

fn join(
    learner: &QuorumPort,
    to_learner: &Receiver<LinkEvent>,
    to_leader: &Receiver<LinkEvent>,
    id: ServerId,
) -> (ConnectionId, ConnectionId) {
    learner.connect(ServerId(9));
    let here = opened(to_learner);
    learner.send(here, Message::FollowerInfo(Epoch(4)).into());
    let (there, peer, first) = packet(to_leader);
    assert_eq!((peer, first.message), (id, Message::FollowerInfo(Epoch(4))));
    (here, there)
}

fn txn(counter: u32, bytes: usize) -> Txn {
    Txn { zxid: Zxid::new(Epoch(5), counter), payload: Payload(Bytes::from(vec![7; bytes])) }
}

#[test]
fn every_packet_comes_in_its_order() {
    let Pair { leader, to_leader, there, learner, to_learner, here } = pair(LONG);
    let (session, body) = (SessionId(7), Bytes::from_static(b"body"));
    let request = ForwardedRequest { session, cxid: 1, kind: 2, body, identities: Vec::new() }.to_payload();
    let (epoch, zxid) = (Epoch(5), Zxid::new(Epoch(5), 3));
    let said = [
        Message::LeaderInfo(epoch),
        Message::AckEpoch(AckEpoch { current_epoch: Some(Epoch(4)), last_zxid: zxid }),
        Message::Diff(zxid),
        Message::Trunc(zxid),
        Message::Proposal(txn(4, 1_000_000)),
        Message::Commit(zxid),
        Message::NewLeader(epoch),
        Message::Ack(epoch.start()),
        Message::UpToDate,
        Message::Inform(txn(5, 10)),
        Message::Request(Request::Write(request)),
        Message::Sync,
        Message::Ping(8),
        Message::Revalidate(Payload(Bytes::from_static(&[0; 12]))),
    ];
    for message in &said {
        leader.send(there, message.clone().into());
        learner.send(here, message.clone().into());
    }
    for message in &said {
        assert_eq!(&packet(&to_learner).2.message, message);
        assert_eq!(&packet(&to_leader).2.message, message);
    }
    let touched = vec![(session, 4000)];
    learner.send(here, Packet { message: Message::Ping(8), attachment: Attachment::Touched(touched.clone()) });
    let (_, _, ping) = packet(&to_leader);
    assert!(matches!(ping.attachment, Attachment::Touched(found) if found == touched));
    // Counted down a moment after they were written.
    let end = Instant::now() + LONG;
    while leader.queued_bytes(there) > 0 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(leader.queued_bytes(there), 0);
}

fn tree(znodes: u32) -> Tree {
    let mut tree = Tree::new(TreeOptions::default());
    for counter in 1..=znodes {
        let zxid = Zxid::new(Epoch(5), counter);
        let header = TxnHeader { session: SessionId(1), cxid: 1, zxid, time: 1, kind: OpCode::Create };
        let record = Record::Create(CreateTxn {
            path: format!("/z{counter}"),
            data: Some(Bytes::from_static(&[1; 50])),
            acl: Acl::open(),
            ephemeral: false,
            parent_cversion: i32::try_from(counter).expect("few"),
        });
        tree.apply(&Transaction { header, record, digest: None });
    }
    tree
}

/// The first learner does not read its snapshot before the second has got what was sent later.
#[test]
fn a_snapshot_passes_while_others_go_on() {
    let at = free_address();
    let ((leader, to_leader), (learner, to_learner)) = (port(9, at, LONG), port(2, at, LONG));
    leader.listen().expect("a port");
    let mut slow = TcpStream::connect(at).expect("it listens");
    let mut info = Vec::new();
    encode_packet(&mut info, ServerId(1), &Message::FollowerInfo(Epoch(4)).into());
    slow.write_all(&info).expect("it reads");
    let (to_slow, ..) = packet(&to_leader);
    let (_, there) = join(&learner, &to_learner, &to_leader, ServerId(2));

    let tree = tree(100_000);
    let snap = || {
        let snapshot = Box::new(Snapshot { tree: tree.clone(), digest: None, size: 0 });
        Packet { message: Message::Snap(tree.last_zxid()), attachment: Attachment::Snapshot(snapshot) }
    };
    leader.send(to_slow, snap());
    leader.send(to_slow, Message::NewLeader(Epoch(5)).into());
    leader.send(there, Message::Diff(Zxid(1)).into());
    assert_eq!(packet(&to_learner).2.message, Message::Diff(Zxid(1)));

    leader.send(there, snap());
    leader.send(there, Message::NewLeader(Epoch(5)).into());
    let (_, _, received) = packet(&to_learner);
    let Attachment::Snapshot(received) = received.attachment else { panic!("no snapshot") };
    assert_eq!((received.tree.digest(), received.tree.node_count()), (tree.digest(), tree.node_count()));
    assert_eq!(packet(&to_learner).2.message, Message::NewLeader(Epoch(5)));

    let mut stream = vec![0; 6_000_000];
    slow.read_exact(&mut stream).expect("the snapshot was only waiting");
}

#[test]
fn closing_opens_the_way_for_the_next_time() {
    let Pair { leader, to_leader, there, learner, to_learner, here } = pair(LONG);
    leader.close(there);
    assert_eq!((closed(&to_leader), closed(&to_learner)), (there, here));

    let (here, there) = join(&learner, &to_learner, &to_leader, ServerId(1));
    leader.stop_listening();
    assert_eq!((closed(&to_leader), closed(&to_learner)), (there, here));
    // The learner tries on until the port is open again.
    learner.connect(ServerId(9));
    leader.listen().expect("the port is free at once");
    let again = opened(&to_learner);
    assert!(again > here, "numbers are not used again");
    learner.send(again, Message::FollowerInfo(Epoch(4)).into());
    let (there, ..) = packet(&to_leader);
    drop(learner);
    assert_eq!(closed(&to_leader), there);
}

#[test]
fn nobody_listens_or_nobody_speaks() {
    let limit = Duration::from_millis(200);
    let (learner, to_learner) = port(1, free_address(), limit);
    learner.connect(ServerId(9));
    assert!(matches!(next(&to_learner), LinkEvent::Refused { peer: ServerId(9) }));
    learner.connect(ServerId(9));
    learner.give_up(ServerId(9));
    assert!(to_learner.recv_timeout(3 * limit).is_err(), "nothing is heard of what was given up");

    let Pair { to_leader, there, to_learner, here, .. } = pair(limit);
    assert_eq!((closed(&to_leader), closed(&to_learner)), (there, here));
}

#[test]
fn a_limit_can_be_set_later() {
    let Pair { leader, to_leader, there, learner, here, .. } = pair(LONG);
    leader.set_read_timeout(there, Duration::from_millis(50));
    // It holds from the next packet on.
    learner.send(here, Message::Ping(1).into());
    assert_eq!(packet(&to_leader).2.message, Message::Ping(1));
    let start = Instant::now();
    assert_eq!(closed(&to_leader), there);
    assert!(start.elapsed() < LONG / 2);
}

#[test]
fn hostile_connections_end_and_harm_nobody() {
    let at = free_address();
    let (leader, to_leader) = port(9, at, LONG);
    leader.listen().expect("a port");
    let mut good = Vec::new();
    encode_packet(&mut good, ServerId(1), &Message::FollowerInfo(Epoch(4)).into());
    let mut stranger = Vec::new();
    encode_packet(&mut stranger, ServerId(77), &Message::FollowerInfo(Epoch(4)).into());
    let mut itself = Vec::new();
    encode_packet(&mut itself, ServerId(9), &Message::FollowerInfo(Epoch(4)).into());
    let mut too_early = Vec::new();
    encode_packet(&mut too_early, ServerId(1), &Message::Ack(Zxid(1)).into());
    let long = [&good[..12], &i32::MAX.to_be_bytes()].concat();
    for bytes in [b"GET / HTTP/1.1\r\n\r\n", &stranger[..], &itself, &too_early, &long] {
        assert!(ends(at, bytes), "{bytes:?} is not refused");
    }
    assert!(to_leader.try_recv().is_err(), "nothing is heard of strangers");
    for nonsense in [&[0xff; 40][..], &[&99_i32.to_be_bytes()[..], &[0; 8], &[0xff; 8]].concat()] {
        assert!(ends(at, &[&good[..], nonsense].concat()), "{nonsense:?} is not refused");
        let (connection, ..) = packet(&to_leader);
        assert_eq!(closed(&to_leader), connection);
    }
    drop(leader);
    TcpListener::bind(at).expect("the port is free");
}

/// Whether a connection that says this is closed by the other side.
fn ends(at: SocketAddr, bytes: &[u8]) -> bool {
    let mut stream = TcpStream::connect(at).expect("it listens");
    stream.write_all(bytes).expect("it reads");
    stream.set_read_timeout(Some(LONG)).expect("a limit");
    match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}
