//! `zabkeeper cluster`: a whole ensemble on this machine, one process a server, as long as this command runs.
//!
//! ```text
//! DIR/1/zoo.cfg      what server 1 is started with; as ZooKeeper's, so Apache's may be started with it as well
//! DIR/1/data/        its dataDir, with myid
//! DIR/1/server.log   what it says
//! ```
//!
//! There are no other files: a directory is a cluster if it has such folders, and is started again as it was left.
//! Servers may also be given: by one `zoo.cfg` that lists them, or by the `zoo.cfg` of each.

mod given;
mod layout;
mod member;
mod ports;
mod supervise;

use crate::cli::{Environment, Exit, Failure, Place, locate};
use clap::Args;
use layout::Wanted;
use member::Member;
use std::path::{Path, PathBuf};
use supervise::Supervisor;

/// Where a cluster is when nobody says.
const DEFAULT_DIRECTORY: &str = "zabkeeper-cluster";

/// What is asked for.
#[derive(Args, Debug)]
pub(crate) struct Cluster {
    /// The configuration of an ensemble, whose servers on this machine are started with their data in DIR; or several
    /// files, each the configuration of one server, which are used as they are.
    #[arg(value_name = "zoo.cfg")]
    files: Vec<PathBuf>,
    /// How many servers vote. [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=99), conflicts_with = "files")]
    servers: Option<u8>,
    /// How many servers only listen. [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=99), conflicts_with = "files")]
    observers: Option<u8>,
    /// Where configurations, data and logs are kept. [default: ./zabkeeper-cluster]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Server 1's port for clients; those of the others follow. 0: any that are free. [default: 2181]
    #[arg(long, value_name = "PORT", conflicts_with = "files")]
    client_port: Option<u16>,
    /// Server 1's port for learners. 0: any. [default: 2888]
    #[arg(long, value_name = "PORT", conflicts_with = "files")]
    quorum_port: Option<u16>,
    /// Server 1's port for elections. 0: any. [default: 3888]
    #[arg(long, value_name = "PORT", conflicts_with = "files")]
    election_port: Option<u16>,
    /// Leave a server down that ends by itself.
    #[arg(long)]
    no_restart: bool,
}

/// Runs the ensemble until Ctrl-C or SIGTERM.
///
/// # Errors
/// When the directory, a configuration or a port cannot be used, or no server is left.
pub(crate) fn run(
    asked: &Cluster,
    config: Option<&Path>,
    environment: &Environment,
    flags: &[String],
    log: Option<&str>,
) -> Result<(), Failure> {
    let directory = asked.data.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_DIRECTORY));
    let directory = std::path::absolute(&directory).unwrap_or(directory);
    let files = match (asked.files.as_slice(), config) {
        // As for a server: the folder of zoo.cfg, or here the file itself.
        ([], Some(file)) if file.is_file() => vec![file.to_owned()],
        ([], None) => vec![],
        ([], dir) => locate(None, dir, environment).into_iter().collect(),
        (files, dir) => files.iter().filter_map(|file| locate(Some(file), dir, environment)).collect(),
    };
    let (members, lock) = match files.as_slice() {
        [] => layout::prepare(&directory, &wanted(asked))?,
        [file] => given::prepare(&directory, file)?,
        several => (given::as_they_are(several)?, None),
    };
    ports::check(&members)?;
    let ended = Supervisor::new(members, !asked.no_restart, flags, log)?.run();
    drop(lock);
    ended
}

fn wanted(asked: &Cluster) -> Wanted {
    Wanted {
        servers: asked.servers,
        observers: asked.observers,
        client_port: asked.client_port,
        quorum_port: asked.quorum_port,
        election_port: asked.election_port,
    }
}

/// Where to ask the servers of a cluster.
///
/// # Errors
/// When the directory holds none.
pub(crate) fn places(directory: &Path) -> Result<Vec<Place>, Failure> {
    let members = layout::existing(directory)?.ok_or_else(|| Failure {
        exit: Exit::DataDirectory,
        sentence: format!("{}: there is no cluster", directory.display()),
    })?;
    Ok(members.iter().map(Member::place).collect())
}
