//! Servers that have lost their ensemble, and only read.

use crate::scripted::Scripted;
use crate::{soon, until};
use zab::tree::SessionId;
use zabkeeper::client::{ClientOptions, Code, Disconnect, Error, SessionState};
use zabkeeper::wire::Reply;

#[tokio::test]
async fn a_read_only_server_will_do_until_a_better_one_is_found() {
    let (reads, writes) = (Scripted::new().await, Scripted::new().await);
    let options = ClientOptions::new(format!("{},{}", reads.address, writes.address)).shuffle(false).read_only(true);
    let connecting = tokio::spawn(options.connect());
    let mut peer = reads.accept().await;
    let request = peer.opening().await;
    assert_eq!(request.read_only, Some(true));
    peer.open(10_000, true).await;
    let client = soon("a session", connecting).await.expect("no panic").expect("a session");
    assert_eq!(*client.state().borrow(), SessionState::ConnectedReadOnly);
    let refused = client.delete("/x", None);
    let (xid, _) = peer.request().await.expect("a request");
    peer.answer(xid, 3, Code::NotReadOnly.number(), &Reply::Nothing).await;
    assert_eq!(soon("an answer", refused).await, Err(Error::Server(Code::NotReadOnly)));

    // It asks all servers in turn; the first one still only reads.
    for (server, answer) in [(&reads, "ro"), (&writes, "rw")] {
        let mut asked = server.accept().await;
        let mut word = [0; 4];
        tokio::io::AsyncReadExt::read_exact(&mut asked.stream, &mut word).await.expect("a word");
        assert_eq!(&word, b"isro");
        asked.send(answer.as_bytes()).await;
    }
    let mut better = writes.accept().await;
    let request = better.opening().await;
    assert_eq!(request.session, SessionId(0), "the read-only server's session is worth nothing here");
    better.open(10_000, false).await;
    until(&client, SessionState::Connected).await;
    assert!(matches!(*client.last_disconnect().expect("one"), Disconnect::ReadWriteServerFound));
    drop(better);
    let (_peer, request) = reads.welcome().await;
    assert_eq!(request.session, crate::scripted::SESSION, "but that of the ensemble is kept");
}
