//! A connection that lets requests pass and keeps the replies.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone, Copy, PartialEq, Eq)]
struct State {
    /// What the server says goes nowhere.
    mute: bool,
    /// Grows with every cut: older connections end.
    generation: u64,
}

/// A listener before a server.
pub struct Valve {
    pub address: SocketAddr,
    state: watch::Sender<State>,
}

impl Valve {
    pub async fn new(server: SocketAddr) -> Valve {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = watch::Sender::new(State { mute: false, generation: 0 });
        let seen = state.subscribe();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(pass(near, server, seen.clone()));
            }
        });
        Valve { address, state }
    }

    /// From now on replies are lost.
    pub fn mute(&self) {
        self.state.send_modify(|state| state.mute = true);
    }

    /// Ends the connections; new ones pass again.
    pub fn reconnect(&self) {
        self.state.send_modify(|state| *state = State { mute: false, generation: state.generation + 1 });
    }
}

async fn pass(near: TcpStream, server: SocketAddr, mut seen: watch::Receiver<State>) {
    let Ok(far) = TcpStream::connect(server).await else { return };
    let ((mut near_in, mut near_out), (mut far_in, mut far_out)) = (near.into_split(), far.into_split());
    let passing = State { mute: false, ..*seen.borrow() };
    let now = seen.clone();
    let back = async move {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(bytes @ 1..) = far_in.read(&mut buffer).await {
            if *now.borrow() == passing && near_out.write_all(&buffer[..bytes]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = tokio::io::copy(&mut near_in, &mut far_out) => {}
        () = back => {}
        _ = seen.wait_for(|state| state.generation != passing.generation) => {}
    }
}
