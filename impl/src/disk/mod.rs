#![doc = include_str!("disk.md")]

mod error;
mod file_log;
mod file_system;
mod log_reader;
mod names;
mod simulated;

pub use error::DiskError;
pub use file_log::{FileLog, LogOptions};
pub use file_system::{File, FileSystem, OperatingSystem, Sequential, write_all_at};
pub use log_reader::{Entry, LONGEST_ENTRY, LogFile, LogReader, entry_zxid, log_files};
pub use names::{Compression, log_name, log_zxid, snapshot_name, snapshot_zxid};
pub use simulated::SimulatedDisk;
