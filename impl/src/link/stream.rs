//! What both ports need of sockets.

use crate::config::HostPort;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

/// Listens at the first of these addresses that can be had.
pub(super) fn listen(addresses: &[HostPort], everywhere: bool) -> io::Result<TcpListener> {
    let mut last = io::Error::other("there is no address to listen at");
    for address in addresses {
        let place = if everywhere { HostPort { host: None, port: address.port } } else { address.clone() };
        match place.resolve().and_then(|found| TcpListener::bind(&*found)) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = io::Error::new(error.kind(), format!("cannot listen at {place}: {error}")),
        }
    }
    Err(last)
}

/// Connects to the first of these addresses that answers. Names are resolved anew each time: a server that moved to
/// another machine is found there.
pub(super) fn connect(addresses: &[HostPort], patience: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::other("there is no address to connect to");
    for address in addresses {
        match address.resolve() {
            Ok(found) => {
                for place in found {
                    match TcpStream::connect_timeout(&place, patience) {
                        Ok(stream) => {
                            stream.set_nodelay(true)?;
                            return Ok(stream);
                        }
                        Err(error) => last = error,
                    }
                }
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Ends a connection: whoever reads or writes there learns it.
pub(super) fn end(stream: &TcpStream) {
    // One that has ended already is what is wanted.
    let _ = stream.shutdown(Shutdown::Both);
}

/// Wakes the thread that waits for connections; it is refused further ones.
pub(super) fn stop_accepting(listener: &TcpListener) {
    let _ = rustix::net::shutdown(listener, rustix::net::Shutdown::Both);
}
