//! `zabkeeper txnlog`: what stands in transaction logs (`TxnLogToolkit`).

use super::describe::{TransactionJson, line};
use super::{InspectError, name_of, parse_zxid};
use crate::disk::{DiskError, FileSystem, LogFile, OperatingSystem, Tail, files_before, log_files, tail};
use crate::wire::decode_transaction;
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};
use zab::Zxid;

/// What `zabkeeper txnlog` is asked.
#[derive(Args, Clone, Debug)]
pub struct PrintLog {
    /// Log files, or directories with log files, whether they are called version-2 or hold one that is.
    #[arg(required = true, value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,
    /// One JSON object a line.
    #[arg(long)]
    pub json: bool,
    /// The data of znodes, not only how many bytes they are: text as it is, in JSON always base64.
    #[arg(long)]
    pub data: bool,
    /// From this transaction on: a number, or 0x and hexadecimal digits.
    #[arg(long, value_name = "ZXID", value_parser = parse_zxid)]
    pub from: Option<Zxid>,
    /// Up to this transaction.
    #[arg(long, value_name = "ZXID", value_parser = parse_zxid)]
    pub to: Option<Zxid>,
}

impl PrintLog {
    /// Prints the transactions file by file, in the order of the log within a directory. It goes on behind a damaged
    /// file with the next one.
    ///
    /// # Errors
    /// [`InspectError::Found`] with every damage, by file and offset, when all the rest is printed; files that cannot
    /// be read; a directory without logs.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), InspectError> {
        let mut damages = Vec::new();
        for path in &self.paths {
            for (file, newest) in self.files_of(path)? {
                match self.print_file(&file, newest, out) {
                    Err(InspectError::Disk(error)) => damages.push(error.to_string()),
                    other => other?,
                }
            }
        }
        if damages.is_empty() { Ok(()) } else { Err(InspectError::Found(damages)) }
    }

    /// The files that may hold what is asked for, each with whether it is the last of its directory.
    fn files_of(&self, path: &Path) -> Result<Vec<(PathBuf, bool)>, InspectError> {
        if !path.is_dir() {
            // A file alone may be the newest: then its header may be torn.
            return Ok(vec![(path.to_owned(), true)]);
        }
        let inner = path.join("version-2");
        let directory = if inner.is_dir() { inner } else { path.to_owned() };
        let mut logs = log_files(&OperatingSystem, &directory)?;
        if logs.is_empty() {
            return Err(InspectError::Argument(format!("{} holds no log files", directory.display())));
        }
        let count = logs.len();
        logs.truncate(self.to.map_or(count, |to| logs.partition_point(|(first, _)| *first <= to)));
        let whole = logs.len() == count;
        let before = files_before(&logs, self.from.unwrap_or(Zxid::ZERO));
        let last = logs.len();
        let files = logs.into_iter().enumerate().skip(before);
        Ok(files.map(|(index, (_, path))| (path, whole && index + 1 == last)).collect())
    }

    fn print_file(&self, path: &Path, newest: bool, out: &mut dyn Write) -> Result<(), InspectError> {
        let (files, name) = (&OperatingSystem as &dyn FileSystem, name_of(path));
        let mut log = LogFile::open(files, path, newest)?;
        if !self.json {
            writeln!(out, "{}:", path.display())?;
        }
        let (from, to) = (self.from.unwrap_or(Zxid::ZERO), self.to.unwrap_or(Zxid(u64::MAX)));
        let mut count = 0_u64;
        while let Some(entry) = log.next_entry()? {
            if entry.zxid < from || entry.zxid > to {
                continue;
            }
            let transaction = decode_transaction(&entry.bytes).map_err(|error| {
                DiskError::damaged(path, entry.offset, format!("the entry is no transaction: {error}"))
            })?;
            count += 1;
            if self.json {
                let object = TransactionJson::new(&name, entry.offset, &transaction, self.data);
                serde_json::to_writer(&mut *out, &object).map_err(std::io::Error::from)?;
                writeln!(out)?;
            } else {
                writeln!(out, "{}", line(&transaction, self.data))?;
            }
        }
        let tail = tail(files, path, log.position())?;
        if !self.json {
            let end = match tail {
                Tail::Clean | Tail::Doubtful { .. } => String::new(),
                Tail::Torn { offset, bytes } => {
                    format!("; {bytes} bytes at offset {offset} were not written to their end")
                }
            };
            writeln!(out, "{count} transactions{end}")?;
        }
        match tail.doubt(path) {
            Some(doubt) => Err(doubt.into()),
            None => Ok(()),
        }
    }
}
