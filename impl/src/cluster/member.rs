//! One server of the ensemble, as its configuration describes it.

use crate::cli::{Place, reachable};
use crate::config::{Config, HostPort, PeerType};
use std::path::PathBuf;
use zab::ServerId;

/// A server that can be started.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub id: ServerId,
    pub is_observer: bool,
    /// Where its clients connect.
    pub client: HostPort,
    /// Where its learners connect while it leads.
    pub quorum: HostPort,
    /// Where it elects.
    pub election: HostPort,
    pub data: PathBuf,
    pub log: PathBuf,
    pub config: Config,
}

impl Member {
    /// The server with this configuration; `None` for one that is no part of an ensemble.
    pub fn new(config: Config, log: PathBuf) -> Option<Member> {
        let id = config.quorum.my_id.filter(|_| config.quorum.is_distributed())?;
        let line = config.quorum.servers.get(&id)?;
        Some(Member {
            id,
            is_observer: line.peer_type == PeerType::Observer,
            client: reachable(config.client.as_ref()?, None),
            quorum: line.quorum.first()?.clone(),
            election: line.election.first()?.clone(),
            data: config.data_dir.clone(),
            log,
            config,
        })
    }

    /// Where to ask it.
    pub fn place(&self) -> Place {
        Place { id: Some(self.id), client: Some(self.client.clone()), admin: None }
    }
}
