//! Whether the ports are free, before anything is started.

use super::member::Member;
use crate::cli::{Exit, Failure};
use crate::config::HostPort;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::TcpListener;

/// Looks at all ports of all of them.
pub(super) fn check(members: &[Member]) -> Result<(), Failure> {
    let mut taken: BTreeMap<u16, String> = BTreeMap::new();
    for member in members {
        let listens = member.config.client.clone().unwrap_or_else(|| member.client.clone());
        let all = [("client", Exit::Unexpected, &listens), ("quorum", Exit::QuorumPort, &member.quorum)];
        for (name, exit, address) in all.into_iter().chain([("election", Exit::QuorumPort, &member.election)]) {
            let what = format!("the {name} port of server {}", member.id.0);
            if let Some(other) = taken.insert(address.port, what.clone()) {
                let sentence = format!("{address} is {other}, and {what} as well");
                return Err(Failure { exit: Exit::InvalidInvocation, sentence });
            }
            free(address).map_err(|why| Failure { exit, sentence: format!("{address}, {what}, {why}") })?;
        }
    }
    Ok(())
}

/// Whether a server can listen there; if not, why, as the end of a sentence.
fn free(address: &HostPort) -> Result<(), String> {
    let addresses = address.resolve().map_err(|error| format!("is no address: {error}"))?;
    match TcpListener::bind(&*addresses) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            Err("is in use: another cluster, or a server of an earlier one, may still run".to_owned())
        }
        Err(error) => Err(format!("cannot be had: {error}")),
    }
}

/// So many ports that nobody uses: all different, since all are held until the last is found.
pub(super) fn any(count: usize) -> std::io::Result<Vec<u16>> {
    let held = (0..count).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect::<Result<Vec<_>, _>>()?;
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}
