//! The file `myid`: which of the servers this one is.

use super::error::ConfigError;
use super::servers::server_id;
use super::settings::Config;
use std::io::ErrorKind;
use std::path::Path;
use zab::ServerId;

/// The number on the first line of `<dataDir>/myid`; `None` without such a file, which a standalone server needs not.
///
/// # Errors
/// When the file is unreadable or holds something else.
pub(super) fn read(data_dir: &Path) -> Result<Option<ServerId>, ConfigError> {
    let file = data_dir.join("myid");
    let text = match std::fs::read(&file) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(ConfigError::MyId { file, sentence: format!("cannot be read: {error}") }),
    };
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().next().unwrap_or_default().trim();
    match server_id(line) {
        Ok(id) => Ok(Some(id)),
        Err(_) => {
            Err(ConfigError::MyId { file, sentence: format!("holds {line:?} instead of a number from 0 to 255") })
        }
    }
}

/// Whether an ensemble's server knows which one it is.
///
/// # Errors
/// When it does not, when no `server.N` is it, or when TTL nodes need its number (ZOOKEEPER-2901).
pub(super) fn belongs(config: &Config) -> Result<(), ConfigError> {
    let file = config.data_dir.join("myid");
    let Some(id) = config.quorum.my_id else {
        let sentence = "is missing; it must hold the N of this server's server.N line".to_owned();
        return Err(ConfigError::MyId { file, sentence });
    };
    if !config.quorum.servers.contains_key(&id) {
        return Err(ConfigError::MyId { file, sentence: format!("holds {}, but there is no server.{}", id.0, id.0) });
    }
    if config.tree.extended_types_enabled && id.0 == u8::MAX {
        let sentence = "holds 255, which TTL nodes (extendedTypesEnabled) are marked with; use 1 to 254".to_owned();
        return Err(ConfigError::MyId { file, sentence });
    }
    Ok(())
}
