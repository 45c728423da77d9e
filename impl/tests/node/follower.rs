//! The server follows, and the test is its leader.

use crate::harness::{Client, Joined, Wire, create, eventually, opening};
use crate::lab::{Asked, Lab};
use std::sync::Arc;
use zab::tree::{Asked as Question, Code, CreateMode, Outlook, PrepareOptions, Standing, Tree, TreeOptions, prepare};
use zab::{Epoch, Message, Payload, Request, Txn, Zxid};
use zabkeeper::disk::Snapshot;
use zabkeeper::link::ConnectionId;
use zabkeeper::wire::quorum::{Attachment, ForwardedRequest, Packet};
use zabkeeper::wire::{ClientRequest, encode_transaction};

/// The leader's half that makes transactions.
struct Leader {
    tree: Tree,
    last: Zxid,
}

impl Leader {
    fn new() -> Leader {
        Leader { tree: Tree::new(TreeOptions::default()), last: Zxid::new(Epoch(1), 0) }
    }

    /// The transaction that comes of what a learner forwarded.
    fn transaction(&mut self, forwarded: &Payload) -> Txn {
        let ForwardedRequest { session, cxid, kind, body, identities } =
            ForwardedRequest::from_payload(forwarded).expect("a request");
        let Ok(ClientRequest::Write(change)) = ClientRequest::decode(kind, &body) else { panic!("{kind} is no write") };
        let (standing, options) = (Standing::Here, PrepareOptions::default());
        let asked = Question { session, cxid, change, identities: identities.into(), standing, options };
        self.last = Zxid(self.last.0 + 1);
        let transaction = prepare(&self.tree, &mut Outlook::default(), &asked, self.last, 1_000);
        self.tree.apply(&transaction);
        let mut bytes = Vec::new();
        encode_transaction(&transaction, &mut bytes);
        Txn { zxid: self.last, payload: Payload(bytes.into()) }
    }
}

fn follower() -> Lab {
    let lab = Lab::new(1);
    lab.come(10, 0);
    lab.follow(10, 1, Zxid::ZERO);
    lab
}

/// What the server forwards next.
fn forwarded(lab: &Lab, connection: u64) -> Payload {
    lab.until_said(connection, "forward", |packet| match &packet.message {
        Message::Request(Request::Write(payload)) => Some(payload.clone()),
        _ => None,
    })
}

/// Commits what the server forwards next.
fn serve(lab: &Lab, leader: &mut Leader, connection: u64) {
    let txn = leader.transaction(&forwarded(lab, connection));
    let zxid = txn.zxid;
    lab.say(connection, 3, Message::Proposal(txn));
    lab.until_message(connection, &Message::Ack(zxid));
    lab.say(connection, 3, Message::Commit(zxid));
}

fn client(lab: &Lab, leader: &mut Leader) -> Client {
    let client = lab.opening();
    serve(lab, leader, 10);
    client.join().expect("a session")
}

#[test]
fn a_client_is_served_through_the_leader() {
    let (lab, mut leader) = (follower(), Leader::new());
    let mut client = client(&lab, &mut leader);
    client.send(&[create("/x", b"data", CreateMode::Persistent)]);
    serve(&lab, &mut leader, 10);
    assert!(matches!(client.reply(), Some(Ok(_))));
    assert_eq!(client.get("/x").map(|(data, _)| data), Ok(b"data".to_vec()));
    assert_eq!(client.get("/y").err(), Some(Code::NoNode));
}

#[test]
fn the_leader_learns_whose_clients_were_heard() {
    let (lab, mut leader) = (follower(), Leader::new());
    let client = client(&lab, &mut leader);
    lab.say(10, 3, Message::Ping(7));
    let touched = lab.until_said(10, "answer the ping", |packet| match (&packet.message, &packet.attachment) {
        (Message::Ping(7), Attachment::Touched(touched)) => Some(touched.clone()),
        _ => None,
    });
    assert_eq!(touched, [(client.session, client.timeout)]);
}

#[test]
fn what_waits_for_the_disk_goes_nowhere_when_its_connection_is_gone() {
    let (lab, mut leader) = (follower(), Leader::new());
    let mut client = client(&lab, &mut leader);
    client.send(&[create("/x", b"", CreateMode::Persistent)]);
    let txn = leader.transaction(&forwarded(&lab, 10));
    let zxid = txn.zxid;
    lab.gate.close();
    lab.say(10, 3, Message::Proposal(txn));
    lab.lose(10, 3);
    lab.come(11, 1);
    lab.gate.open();
    // Everything that waited has passed when the epoch is accepted, which waits for the disk as well.
    lab.say(11, 3, Message::LeaderInfo(Epoch(2)));
    let mut acknowledged = false;
    lab.until_said(11, "accept the epoch", |packet| {
        acknowledged |= packet.message == Message::Ack(zxid);
        matches!(packet.message, Message::AckEpoch(_)).then_some(())
    });
    assert!(!acknowledged, "an acknowledgement for another connection");
}

#[test]
fn what_a_leader_has_not_answered_nobody_else_answers() {
    let (lab, mut leader) = (follower(), Leader::new());
    let mut client = client(&lab, &mut leader);
    client.send(&[create("/x", b"", CreateMode::Persistent)]);
    let txn = leader.transaction(&forwarded(&lab, 10));
    lab.lose(10, 3);
    assert!(client.receive().is_none(), "it does not know what became of it");
    let refused = Client::join(Wire::connect(lab.address), &opening(10_000));
    assert!(matches!(refused, Joined::Closed));

    // The next leader has the transaction; it comes with the synchronisation.
    lab.come(11, 1);
    lab.agree(11, 2);
    let zxid = txn.zxid;
    lab.say(11, 3, Message::Diff(zxid));
    lab.say(11, 3, Message::Proposal(txn));
    lab.say(11, 3, Message::Commit(zxid));
    lab.establish(11, 2);
    let resuming = client.resuming();
    let address = lab.address;
    let again = std::thread::spawn(move || Client::try_connect(address, &resuming));
    let question = lab.until_said(11, "ask about the session", |packet| match &packet.message {
        Message::Revalidate(payload) => Some(payload.clone()),
        _ => None,
    });
    let session = zabkeeper::wire::quorum::SessionCheck::question(&question).expect("a question");
    let zabkeeper::wire::quorum::SessionCheck::Question { session, .. } = session else { panic!("{session:?}") };
    let answer = zabkeeper::wire::quorum::SessionCheck::Answer { session, valid: true }.to_payload();
    lab.say(11, 3, Message::Revalidate(answer));
    let mut again = again.join().expect("no panic").expect("its session goes on");
    assert!(again.exists("/x"));
}

#[test]
fn a_snapshot_is_read_when_the_epoch_is_established() {
    let lab = Lab::new(1);
    lab.come(10, 0);
    lab.agree(10, 1);
    let mut leader = Leader::new();
    let of = |change| ForwardedRequest {
        session: zab::tree::SessionId(1),
        cxid: 1,
        kind: ClientRequest::Write(Clone::clone(&change)).kind(),
        body: {
            let mut body = Vec::new();
            ClientRequest::Write(change).encode(&mut body);
            body.into()
        },
        identities: Vec::new(),
    };
    leader.transaction(&of(zab::tree::Change::CreateSession { timeout: 60_000 }).to_payload());
    let ClientRequest::Write(change) = create("/x", b"data", CreateMode::Persistent) else { unreachable!() };
    leader.transaction(&of(change).to_payload());
    let snapshot = Snapshot { tree: leader.tree.clone(), digest: None, size: 0 };
    let attachment = Attachment::Snapshot(Box::new(snapshot));
    lab.say(10, 3, Packet { message: Message::Snap(leader.last), attachment });
    lab.say(10, 3, Message::NewLeader(Epoch(1)));
    lab.until_message(10, &Message::Ack(Zxid::new(Epoch(1), 0)));
    let early = Client::join(Wire::connect(lab.address), &opening(10_000));
    assert!(matches!(early, Joined::Closed), "nothing is established yet");
    lab.say(10, 3, Message::UpToDate);
    eventually("serve", || lab.is_serving());
    let mut client = client(&lab, &mut leader);
    assert_eq!(client.get("/x").map(|(data, _)| data), Ok(b"data".to_vec()));
}

#[test]
fn what_comes_from_a_past_connection_is_no_leaders_word() {
    let (lab, mut leader) = (follower(), Leader::new());
    let client = client(&lab, &mut leader);
    lab.lose(10, 3);
    lab.come(11, 1);
    lab.rest();
    lab.say(10, 3, Message::Ping(1));
    lab.until("close the past connection", |asked| matches!(asked, Asked::Close(ConnectionId(10))).then_some(()));
    drop((client, Arc::new(())));
}
