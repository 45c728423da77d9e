//! The links between servers, on the loopback interface: what arrives, who keeps a connection, what hostile bytes do.

mod election;
mod java;
mod quorum;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;
use zabkeeper::link::LinkEvent;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

/// A way for a port's events into a test.
fn channel() -> (impl Fn(LinkEvent) + Send + Sync + 'static, Receiver<LinkEvent>) {
    let (sender, receiver) = mpsc::channel();
    let tell = move |event| {
        let _ = sender.send(event);
    };
    (tell, receiver)
}

/// The next event.
fn next(events: &Receiver<LinkEvent>) -> LinkEvent {
    events.recv_timeout(LONG).expect("an event")
}

/// Free a moment ago; the system gives no port twice in a row.
fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port").local_addr().expect("its address")
}
