#![doc = include_str!("config.md")]

mod checks;
mod defaults;
mod error;
pub mod keys;
mod my_id;
mod overrides;
pub mod properties;
mod read;
mod servers;
mod settings;
mod value;

pub use defaults::{EMBEDDED_CLIENT_PORT, EMBEDDED_DATA_DIR};
pub use error::{ConfigError, Place, Warning, Wrong};
pub use overrides::Overrides;
pub use servers::{HostPort, ServerLine};
pub use settings::{Access, Admin, Compression, Config, Limits, Metrics, PeerType, Quorum, Storage, TreeSettings};
pub use value::Value;

use std::path::{Path, PathBuf};
use zab::Ensemble;
use zab::ensemble::EnsembleError;

impl Config {
    /// Reads `zoo.cfg`, the dynamic file that it may name, and `myid` in the data directory, with Java's defaults for
    /// what is not said (`QuorumPeerConfig.parse`). What the command line says wins. Directories are not made.
    ///
    /// # Errors
    /// When a file cannot be read, a value is none that its key takes, or the whole does not fit together.
    pub fn from_file(path: impl AsRef<Path>, overrides: &Overrides) -> Result<Config, ConfigError> {
        read::read(path.as_ref(), overrides)
    }

    /// A standalone server without a file: clients on port 2181, data in `zabkeeper-data` in the working directory.
    /// What the command line says wins.
    ///
    /// # Errors
    /// When the command line's values are wrong or do not fit together.
    pub fn embedded_default(overrides: &Overrides) -> Result<Config, ConfigError> {
        let mut config = Config::unset(Place::Defaults);
        config.data_dir = PathBuf::from(EMBEDDED_DATA_DIR);
        let port = read::Setting {
            place: Place::Defaults,
            key: "clientPort".to_owned(),
            value: EMBEDDED_CLIENT_PORT.to_string(),
        };
        read::finish(config, [("clientPort".to_owned(), port)].into(), overrides)
    }

    /// The folder of the snapshots and epoch files: `version-2` in `data_dir`.
    pub fn snapshot_dir(&self) -> PathBuf {
        self.data_dir.join("version-2")
    }

    /// The folder of the transaction log: `version-2` in `data_log_dir`.
    pub fn log_dir(&self) -> PathBuf {
        self.data_log_dir.join("version-2")
    }
}

impl Quorum {
    /// The servers and their quorums, as the core wants them.
    ///
    /// # Errors
    /// When no server votes, or all weights are 0.
    pub fn ensemble(&self) -> Result<Ensemble, EnsembleError> {
        if self.groups.is_empty() {
            return Ensemble::majority(self.voters(), self.observers());
        }
        let voters = self.voters().map(|id| {
            let (group, weight) = (self.groups.get(&id), self.weights.get(&id));
            (id, group.copied().unwrap_or(0), weight.copied().unwrap_or(1))
        });
        Ensemble::hierarchical(voters, self.observers())
    }
}
