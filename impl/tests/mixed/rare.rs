//! What seldom passes between servers: requests that are refused, bodies that cannot be read, transactions as large as
//! they may be.

use crate::ensemble::Mixed;
use crate::harness::{Client, create, set};
use bytes::BufMut;
use zab::tree::{Code, CreateMode, OpCode};
use zabkeeper::wire::request::ReconfigRequest;
use zabkeeper::wire::{ClientRequest, Writer};

#[test]
fn under_java() {
    let Some(mut mixed) = Mixed::new(2, 0, &[]) else { return };
    mixed.start(1);
    mixed.start_java(2);
    assert_eq!(mixed.wait_until_serving(), 2);
    // Since 3.9 Java's leader proposes its answer under the last transaction's zxid once more: no learner of ours can
    // follow that.
    let bears_hostile_bodies = !mixed.is_since_39(2);
    all(&mixed, bears_hostile_bodies);
}

#[test]
fn under_ours() {
    let Some(mut mixed) = Mixed::new(2, 0, &[]) else { return };
    mixed.start_java(1);
    mixed.start(2);
    assert_eq!(mixed.wait_until_serving(), 2);
    all(&mixed, true);
}

fn all(mixed: &Mixed, bears_hostile_bodies: bool) {
    for id in mixed.ids() {
        reconfiguration_is_refused(mixed, id);
        if bears_hostile_bodies {
            what_cannot_be_read_is_refused(mixed, id);
        }
        large_transactions_pass(mixed, id);
        a_session_with_many_ephemerals_ends(mixed, id);
    }
    assert_eq!(mixed.wait_until_serving(), 2, "nobody had to leave");
    mixed.agree();
}

fn reconfiguration_is_refused(mixed: &Mixed, id: u8) {
    let mut client = mixed.client(id);
    let leaving = ReconfigRequest { joining: None, leaving: Some("1".into()), members: None, current: -1 };
    assert_eq!(client.call(ClientRequest::Reconfig(leaving)), Err(Code::ReconfigDisabled), "server {id}");
    assert!(client.exists("/"), "the connection goes on");
    client.close();
}

/// A learner forwards the body as it came. An answer must come, or the session would wait for ever.
fn what_cannot_be_read_is_refused(mixed: &Mixed, id: u8) {
    for kind in [OpCode::Create, OpCode::SetData, OpCode::Delete, OpCode::SetAcl, OpCode::Multi] {
        let mut client = mixed.client(id);
        let mut bytes = Vec::new();
        bytes.put_measured(|out| {
            out.put_i32(1);
            out.put_i32(kind.number());
            out.put_slice(&[0, 0, 1, 0, b'/']);
        });
        client.wire.send(&bytes).expect("sent");
        let answer = client.wire.packet();
        let err = answer.map(|packet| i32::from_be_bytes(packet[12..16].try_into().expect("four bytes")));
        assert_eq!(err, Some(Code::MarshallingError.number()), "{kind:?} at server {id}");
        let mut other = mixed.client(id);
        let path = format!("/after-{kind:?}-{id}");
        other.create(&path, b"", CreateMode::Persistent).expect("others go on");
        other.close();
    }
}

/// `jute.maxbuffer` is 1,048,575 by default: what a client may send in one packet.
fn large_transactions_pass(mixed: &Mixed, id: u8) {
    let mut client = mixed.client(id);
    let path = format!("/large-{id}");
    client.create(&path, b"", CreateMode::Persistent).expect("created");
    let most = 1_048_575 - 8 - 4 - path.len() - 4 - 4;
    for length in [most, most - 1, 1 << 19] {
        let data = vec![b'x'; length];
        client.set(&path, &data).unwrap_or_else(|code| panic!("{code:?}: {length} bytes at server {id}"));
        for other in mixed.ids() {
            let mut reader = mixed.client(other);
            mixed.until("show it", || (reader.get(&path).expect("there").0.len() == length).then_some(()));
            reader.close();
        }
    }
    client.close();
}

/// Its end is one transaction that names them all: more than a packet of a client's could.
fn a_session_with_many_ephemerals_ends(mixed: &Mixed, id: u8) {
    let (mut client, most) = (mixed.client(id), 6_000);
    let parent = format!("/many-{id}-{}", "m".repeat(200));
    client.create(&parent, b"", CreateMode::Persistent).expect("created");
    let creation = |number| create(&format!("{parent}/{number}"), b"", CreateMode::Ephemeral);
    for part in (0..most).collect::<Vec<i32>>().chunks(500) {
        client.send(&part.iter().copied().map(creation).collect::<Vec<_>>());
        part.iter().for_each(|_| assert!(matches!(client.reply(), Some(Ok(_)))));
    }
    client.close();
    for other in mixed.ids() {
        let mut reader: Client = mixed.client(other);
        mixed.until("delete them", || (reader.get(&parent).expect("there").1.num_children == 0).then_some(()));
        reader.call(set(&parent, b"empty")).expect("and goes on");
        reader.close();
    }
}
