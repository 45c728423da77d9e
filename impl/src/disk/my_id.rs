//! The file `myid` in the data directory: which server of the ensemble this is (`QuorumPeerConfig.setupMyId`).

use super::error::DiskError;
use super::file_system::{FileSystem, first_line};
use std::path::Path;
use zab::ServerId;

/// The server's number, from the first line of `myid` in `data_directory` (not in `version-2`). `None` when there is no
/// such file: a standalone server needs none.
///
/// # Errors
/// A file that cannot be read, or holds no number from 1 to 255.
pub fn read_my_id(files: &dyn FileSystem, data_directory: &Path) -> Result<Option<ServerId>, DiskError> {
    let path = data_directory.join("myid");
    let Some(line) = first_line(files, &path)? else { return Ok(None) };
    match line.parse::<u8>() {
        Ok(id @ 1..) => Ok(Some(ServerId(id))),
        _ => Err(DiskError::unfit(&path, format!("holds {line:?} instead of a number from 1 to 255"))),
    }
}
