#![doc = include_str!("disk.md")]

mod directory;
mod epoch_file;
mod error;
mod file_log;
mod file_system;
mod growing_file;
mod log_reader;
mod my_id;
mod names;
mod recall;
mod restore;
mod simulated;
mod snappy;
mod snapshot_file;
mod stream;
mod tail;
mod tree_stream;

pub use directory::{DataDirectory, FEWEST_SNAPSHOTS};
pub use epoch_file::{EpochFiles, Epochs};
pub use error::DiskError;
pub use file_log::{FileLog, LogOptions};
pub use file_system::{File, FileSystem, OperatingSystem, Sequential, read_all_at, write_all_at};
pub(crate) use log_reader::files_before;
pub use log_reader::{Entry, LONGEST_ENTRY, LogFile, LogReader, entry_zxid, log_files};
pub use my_id::read_my_id;
pub use names::{Compression, log_name, log_zxid, snapshot_name, snapshot_zxid};
pub use recall::{SizeFactor, recall};
pub use restore::{RestoreOptions, RestoreReport, Restored, RestoredBase, restore, restore_base};
pub use simulated::SimulatedDisk;
pub use snapshot_file::{
    Snapshot, UnfinishedSnapshot, ZxidDigest, is_valid_snapshot, read_snapshot, read_stream, write_snapshot,
    write_stream,
};
pub use stream::{CheckedReader, CheckedWriter, LONGEST_FIELD};
pub use tail::{Tail, tail};
pub use tree_stream::{read_tree, write_tree};
