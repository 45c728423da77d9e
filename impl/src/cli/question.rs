//! Asking a running server a four-letter word (`FourLetterWordMain`).

use crate::config::{Config, HostPort};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

/// No answer is longer; who sends more is no ZooKeeper.
const LONGEST_ANSWER: u64 = 64 << 20;

/// Sends a word to the client port and reads the answer to its end. Bytes that are no UTF-8 are replaced.
///
/// # Errors
/// When nobody listens there, or nothing comes for this long.
pub fn ask(server: &HostPort, word: &str, patience: Duration) -> Result<String> {
    exchange(server, word.as_bytes(), patience)
}

/// Sends something and reads what comes to its end.
pub(super) fn exchange(server: &HostPort, question: &[u8], patience: Duration) -> Result<String> {
    let mut stream = connect(&server.resolve()?, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(question)?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn connect(addresses: &[SocketAddr], patience: Duration) -> Result<TcpStream> {
    let mut last = Error::new(ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match TcpStream::connect_timeout(address, patience) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Where a client on this machine connects to: `localhost` for a server that listens everywhere.
pub(super) fn client_address(config: &Config) -> Option<HostPort> {
    config.client.as_ref().map(|client| reachable(client, None))
}

/// Where a server is reached that listens there: at `host`, otherwise this machine, if it listens everywhere.
pub(crate) fn reachable(listens: &HostPort, host: Option<&str>) -> HostPort {
    let address = listens.host.as_deref().and_then(|host| host.parse::<IpAddr>().ok());
    let everywhere = listens.host.is_none() || address.is_some_and(|address| address.is_unspecified());
    if everywhere { HostPort::new(host.unwrap_or("localhost"), listens.port) } else { listens.clone() }
}
