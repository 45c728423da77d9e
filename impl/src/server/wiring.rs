//! What the parts of a server are told, of its options.

use super::{OwnNetwork, ServerError, ServerOptions};
use crate::config::{self, HostPort, ServerLine};
use crate::disk::{Compression, DataDirectory, SizeFactor};
use crate::ensemble::Place;
use crate::link::{LinkOptions, PeerAddress, TcpNetwork, bind};
use crate::node::journal::Batching;
use crate::node::{Alone, Handle, Incoming, Membership, Network, NodeOptions, Recall, SnapshotPolicy, Timing};
use crate::status::Configuration;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use zab::{ServerId, Zxid};

/// At least what Java keeps, and a good part of what is between two snapshots: sending so many costs less than a tree.
pub(super) fn kept_transactions(options: &ServerOptions) -> usize {
    let count = u64::from(options.config.storage.commit_log_count).max(options.snap_count / 10);
    usize::try_from(count).unwrap_or(usize::MAX)
}

pub(super) fn batching(storage: &config::Storage) -> Batching {
    Batching {
        most: usize::try_from(storage.max_batch_size).unwrap_or(usize::MAX),
        delay: storage.flush_delay,
        slow: storage.fsync_warning_threshold,
    }
}

pub(super) fn node_options(options: &ServerOptions, place: &Place, directory: &DataDirectory) -> NodeOptions {
    let (tree, storage) = (&options.config.tree, &options.config.storage);
    let per_look = u128::from(tree.container_max_per_minute) * tree.container_check_interval.as_millis() / 60_000;
    NodeOptions {
        id: place.id,
        timing: timing(options),
        min_session_timeout: options.min_session_timeout,
        max_session_timeout: options.max_session_timeout,
        snapshots: SnapshotPolicy {
            count: options.snap_count,
            size: storage.snap_size_limit,
            spread: options.snap_spread,
        },
        compression: match storage.snapshot_compression {
            config::Compression::None => Compression::Plain,
            config::Compression::Gzip => Compression::Gzip,
            config::Compression::Snappy => Compression::Snappy,
        },
        read_only_mode: options.config.read_only_mode && place.distributed,
        close_session_paths: tree.close_session_txn_enabled,
        prepare: options.prepare,
        kept_transactions: kept_transactions(options),
        recall: storage.snapshot_size_factor.map_or(Recall::Never, |factor| Recall::Within(SizeFactor(factor))),
        collect_interval: tree.container_check_interval,
        max_never_used: tree.container_max_never_used,
        collect_most: usize::try_from(per_look.clamp(1, u128::from(u32::MAX))).unwrap_or(usize::MAX),
        directory: directory.clone(),
        membership: membership(options, place),
    }
}

/// What clients are told of the ensemble.
pub(super) fn membership(options: &ServerOptions, place: &Place) -> Option<Membership> {
    let text = || Configuration::new(options.config.clone(), options.address.port()).membership();
    place.distributed.then(|| Membership { text: text(), version: Zxid(options.config.quorum.version) })
}

pub(super) fn timing(options: &ServerOptions) -> Timing {
    let quorum = &options.config.quorum;
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Timing {
        tick: options.tick,
        init_limit: quorum.init_limit.max(1).into(),
        sync_limit: quorum.sync_limit.max(1).into(),
        min_notification_interval: milliseconds(quorum.min_notification_interval),
        max_notification_interval: milliseconds(quorum.max_notification_interval),
    }
}

/// The links with the other servers.
pub(super) fn network(
    options: &ServerOptions,
    place: &Place,
    runtime: &Runtime,
    node: &Handle,
) -> Result<Box<dyn Network>, ServerError> {
    if let Some(OwnNetwork(made)) = &options.network {
        return Ok(made(node));
    }
    if !place.distributed {
        return Ok(Box::new(Alone));
    }
    let quorum = &options.config.quorum;
    let address = |line: &ServerLine| PeerAddress { quorum: line.quorum.clone(), election: line.election.clone() };
    let mut peers: BTreeMap<ServerId, PeerAddress> =
        quorum.servers.iter().map(|(id, line)| (*id, address(line))).collect();
    let own = peers.remove(&place.id).ok_or_else(|| ServerError::Ensemble("this server has no address".into()))?;
    let tick = Duration::from_millis(options.tick);
    let links = LinkOptions {
        id: place.id,
        peers,
        config: Configuration::new(options.config.clone(), options.address.port()).membership(),
        election_patience: quorum.connection_timeout,
        init_patience: tick * quorum.init_limit.max(1),
        sync_patience: tick * quorum.sync_limit.max(1),
        everywhere: quorum.listen_on_all_ips,
        bind_attempts: quorum.election_port_bind_retry,
        tree: options.tree,
        own,
    };
    let (events, failures) = (node.clone(), node.clone());
    let election = links.own.election.first().cloned();
    if quorum.peer_type == config::PeerType::Participant {
        // They are opened when this server leads; that one cannot be should not be a surprise then.
        for learners in &links.own.quorum {
            let listens =
                HostPort { host: learners.host.clone().filter(|_| !quorum.listen_on_all_ips), port: learners.port };
            let probed = bind(&listens, quorum.election_port_bind_retry);
            probed.map_err(|error| ServerError::PeerPort { name: "quorum", address: listens, error })?;
        }
    }
    let network = TcpNetwork::start(
        runtime.handle(),
        links,
        Arc::new(move |event| events.send(Incoming::Link(event))),
        Box::new(move |why| failures.send(Incoming::Failed(why))),
    );
    let address = election.unwrap_or(HostPort { host: None, port: 0 });
    Ok(Box::new(network.map_err(|error| ServerError::PeerPort { name: "election", address, error })?))
}
