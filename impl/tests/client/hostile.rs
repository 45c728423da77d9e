//! Servers that send what no server sends: the connection ends, with a reason, and the client goes on.

use crate::scripted::{Peer, SESSION, Scripted, framed};
use crate::soon;
use bytes::BufMut;
use std::time::Duration;
use zab::tree::Stat;
use zabkeeper::client::{ConnectError, Disconnect, Error, SessionState};
use zabkeeper::wire::{Reply, Writer};

/// What comes in answer to an exists, and what the client is to say of it.
async fn misbehave(send: impl AsyncFn(&mut Peer, i32), expected: fn(&Disconnect) -> bool) {
    let server = Scripted::new().await;
    let connecting = tokio::spawn(server.options().connect());
    let (mut peer, _) = server.welcome().await;
    let client = soon("a session", connecting).await.expect("no panic").expect("a session");
    let (first, second) = (client.exists("/first"), client.exists("/second"));
    let (xid, _) = peer.request().await.expect("a request");
    send(&mut peer, xid).await;
    assert_eq!(soon("an answer", first).await, Err(Error::ConnectionLoss));
    assert_eq!(soon("an answer", second).await, Err(Error::ConnectionLoss));
    // It goes on with its session, and what is asked then is answered.
    let (mut peer, request) = server.welcome().await;
    assert_eq!(request.session, SESSION);
    assert_eq!(request.password.as_deref(), Some(&[7; 16][..]));
    crate::until(&client, SessionState::Connected).await;
    let third = client.exists("/third");
    let (xid, _) = peer.request().await.expect("a request");
    peer.answer(xid, 5, 0, &Reply::Stat(Stat::default())).await;
    assert_eq!(soon("an answer", third).await, Ok(Some(Stat::default())));
    let why = client.last_disconnect().expect("there was one");
    assert!(expected(&why), "{why:?}");
}

#[tokio::test]
async fn garbage() {
    let garbage = async |peer: &mut Peer, _| peer.send(&[0xa5; 300]).await;
    misbehave(garbage, |why| matches!(why, Disconnect::Frame(_))).await;
}

#[tokio::test]
async fn a_huge_length() {
    let huge = async |peer: &mut Peer, _| peer.send(&i32::MAX.to_be_bytes()).await;
    misbehave(huge, |why| matches!(why, Disconnect::Frame(_))).await;
}

#[tokio::test]
async fn a_negative_length() {
    let negative = async |peer: &mut Peer, _| peer.send(&(-1_i32).to_be_bytes()).await;
    misbehave(negative, |why| matches!(why, Disconnect::Frame(_))).await;
}

#[tokio::test]
async fn a_reply_to_what_was_not_asked() {
    let wrong = async |peer: &mut Peer, xid| peer.answer(xid + 1, 1, 0, &Reply::Stat(Stat::default())).await;
    misbehave(wrong, |why| matches!(why, Disconnect::UnexpectedXid { got: 2, expected: Some(1) })).await;
}

#[tokio::test]
async fn a_proof_nobody_gave() {
    let proof = async |peer: &mut Peer, _| peer.answer(-4, 1, -115, &Reply::Nothing).await;
    misbehave(proof, |why| matches!(why, Disconnect::UnexpectedXid { got: -4, .. })).await;
}

#[tokio::test]
async fn a_reply_that_is_too_short() {
    let short = async |peer: &mut Peer, xid| peer.answer(xid, 1, 0, &Reply::Number(1)).await;
    misbehave(short, |why| matches!(why, Disconnect::Packet(_))).await;
}

#[tokio::test]
async fn a_packet_without_header() {
    let empty = async |peer: &mut Peer, _| peer.send(&framed(&[1, 2, 3])).await;
    misbehave(empty, |why| matches!(why, Disconnect::Packet(_))).await;
}

#[tokio::test]
async fn an_event_that_is_none() {
    let event = async |peer: &mut Peer, _| {
        let mut content = Vec::new();
        content.put_i32(-1);
        content.put_i64(3);
        content.put_i32(0);
        content.put_i32(99);
        content.put_i32(3);
        content.put_string("/x");
        peer.send(&framed(&content)).await;
    };
    misbehave(event, |why| matches!(why, Disconnect::Packet(_))).await;
}

#[tokio::test]
async fn the_end_in_the_middle_of_a_packet() {
    let end = async |peer: &mut Peer, _| {
        peer.send(&[0, 0, 0, 90, 1]).await;
        let _ = tokio::io::AsyncWriteExt::shutdown(&mut peer.stream).await;
    };
    misbehave(end, |why| matches!(why, Disconnect::ServerClosed | Disconnect::Io(_))).await;
}

#[tokio::test]
async fn events_and_errors_of_any_kind_do_no_harm() {
    let server = Scripted::new().await;
    let connecting = tokio::spawn(server.options().connect());
    let (mut peer, _) = server.welcome().await;
    let client = soon("a session", connecting).await.expect("no panic").expect("a session");
    let asked = client.get_children("/");
    let (xid, _) = peer.request().await.expect("a request");
    for (kind, state, path) in [(-1, -112, ""), (7, 3, "x"), (2, 0, "//"), (1, 3, "\u{0}")] {
        let mut content = Vec::new();
        content.put_i32(-1);
        content.put_i64(i64::MIN);
        content.put_i32(0);
        content.put_i32(kind);
        content.put_i32(state);
        content.put_string(path);
        peer.send(&framed(&content)).await;
    }
    peer.answer(xid, u64::MAX, -9999, &Reply::Nothing).await;
    assert_eq!(soon("an answer", asked).await, Err(Error::UnknownCode(-9999)));
    assert_eq!(*client.state().borrow(), SessionState::Connected);
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let server = Scripted::new().await;
    let connecting = tokio::spawn(server.options().connect_timeout(Duration::from_millis(300)).connect());
    let mut peer = server.accept().await;
    peer.opening().await;
    let error = soon("an error", connecting).await.expect("no panic").expect_err("no session");
    assert!(matches!(error, ConnectError::TimedOut { .. }), "{error}");
    assert!(peer.packet().await.is_none(), "and left");
}

#[tokio::test]
async fn a_silent_server_is_left_after_two_thirds_of_the_timeout() {
    let server = Scripted::new().await;
    let connecting = tokio::spawn(server.options().connect());
    let mut peer = server.accept().await;
    peer.opening().await;
    peer.open(300, false).await;
    let client = soon("a session", connecting).await.expect("no panic").expect("a session");
    let (xid, ping) = peer.request().await.expect("a ping");
    assert_eq!((xid, ping), (-2, zabkeeper::wire::ClientRequest::Ping));
    while peer.packet().await.is_some() {}
    let (_peer, request) = server.welcome().await;
    assert_eq!(request.session, SESSION);
    crate::until(&client, SessionState::Connected).await;
    assert!(matches!(*client.last_disconnect().expect("one"), Disconnect::Silence(_)));
}

#[tokio::test]
async fn nobody_there_is_a_clear_error() {
    let address = Scripted::new().await.address;
    let options = zabkeeper::client::ClientOptions::new(address.to_string());
    let error = options.connect_timeout(Duration::from_millis(200)).connect().await.expect_err("no session");
    let text = error.to_string();
    assert!(text.contains("within 200ms") && text.contains("refused"), "{text}");
    let error = zabkeeper::client::Client::connect("h:x").await.expect_err("no port");
    assert_eq!(error.to_string(), "\"h:x\" has no valid port");
}
