//! A connection that lets requests pass and keeps the replies.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// What the server says goes nowhere.
    Mute,
    /// Nothing passes, nobody comes in.
    Cut,
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
        let state = watch::Sender::new(State::Open);
        let seen = state.subscribe();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if *seen.borrow() == State::Open {
                    tokio::spawn(pass(near, server, seen.clone()));
                }
            }
        });
        Valve { address, state }
    }

    /// From now on replies are lost.
    pub fn mute(&self) {
        self.state.send_replace(State::Mute);
    }

    /// Ends the connections; new ones pass again.
    pub async fn reconnect(&self) {
        self.state.send_replace(State::Cut);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        self.state.send_replace(State::Open);
    }
}

async fn pass(near: TcpStream, server: SocketAddr, mut seen: watch::Receiver<State>) {
    let Ok(far) = TcpStream::connect(server).await else { return };
    let ((mut near_in, mut near_out), (mut far_in, mut far_out)) = (near.into_split(), far.into_split());
    let muted = seen.clone();
    let back = async move {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(bytes @ 1..) = far_in.read(&mut buffer).await {
            if *muted.borrow() == State::Open && near_out.write_all(&buffer[..bytes]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = tokio::io::copy(&mut near_in, &mut far_out) => {}
        () = back => {}
        _ = seen.wait_for(|state| *state == State::Cut) => {}
    }
}
