//! `zabkeeper check-data`: whether the files of a data directory are whole and fit together.

use super::replay::{Known, Replay};
use super::{InspectError, TREE, name_of};
use crate::disk::{
    DataDirectory, DiskError, Entry, EpochFiles, LogFile, OperatingSystem, Tail, read_my_id, read_snapshot, tail,
};
use crate::wire::decode_transaction;
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zab::Zxid;
use zab::tree::digest;

/// What `zabkeeper check-data` is asked.
#[derive(Args, Clone, Debug)]
pub struct CheckData {
    /// The data directory (`dataDir`), with myid and version-2.
    #[arg(value_name = "DIR")]
    pub data: PathBuf,
    /// The directory of the logs (`dataLogDir`), if it is another.
    #[arg(long, value_name = "DIR")]
    pub logs: Option<PathBuf>,
}

impl CheckData {
    /// Reads every file and prints one line for each, then what is wrong. No server should write meanwhile: what it has
    /// not finished looks torn.
    ///
    /// # Errors
    /// [`InspectError::Found`] when anything is wrong; directories that cannot be read.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), InspectError> {
        let logs = self.logs.as_deref().unwrap_or(&self.data);
        let directory = DataDirectory::new(Arc::new(OperatingSystem), &self.data, logs);
        for folder in [directory.snapshot_directory(), directory.log_directory()] {
            if !folder.is_dir() {
                return Err(InspectError::Argument(format!("there is no directory {}", folder.display())));
            }
        }
        let mut check = Check { directory, out, problems: Vec::new(), last: Zxid::ZERO, replay: None };
        check.my_id()?;
        let snapshots = check.snapshots()?;
        check.logs(&snapshots)?;
        check.tree()?;
        check.epochs()?;
        let problems = check.problems;
        match problems.len() {
            0 => writeln!(out, "All is well.")?,
            1 => writeln!(out, "There is 1 problem.")?,
            count => writeln!(out, "There are {count} problems.")?,
        }
        if problems.is_empty() { Ok(()) } else { Err(InspectError::Found(problems)) }
    }
}

struct Check<'a> {
    directory: DataDirectory,
    out: &'a mut dyn Write,
    problems: Vec<String>,
    /// The last transaction found, in a snapshot or the log.
    last: Zxid,
    replay: Option<Replay>,
}

impl Check<'_> {
    fn my_id(&mut self) -> Result<(), InspectError> {
        match read_my_id(&OperatingSystem, self.directory.data()) {
            Ok(Some(id)) => writeln!(self.out, "myid: {}", id.0)?,
            Ok(None) => writeln!(self.out, "myid: none, as of a standalone server")?,
            Err(error) => self.wrong("myid", &error)?,
        }
        Ok(())
    }

    /// One line for a file that is not as it should be.
    fn wrong(&mut self, name: &str, error: &DiskError) -> Result<(), InspectError> {
        self.problems.push(error.to_string());
        Ok(writeln!(self.out, "{name}: WRONG, {error}")?)
    }

    // ---- Snapshots ------------------------------------------------------------------------------------------------

    /// Reads all of them, one after the other, oldest first. Returns those that are whole.
    fn snapshots(&mut self) -> Result<Vec<Known>, InspectError> {
        let mut known = Vec::new();
        for (zxid, path) in self.directory.snapshots()?.into_iter().rev() {
            let name = name_of(&path);
            let snapshot = match read_snapshot(&OperatingSystem, &path, TREE) {
                Ok(snapshot) => snapshot,
                Err(error) => {
                    self.wrong(&name, &error)?;
                    continue;
                }
            };
            let (tree, digest) = (&snapshot.tree, snapshot.digest);
            let (znodes, sessions) = (tree.node_count(), tree.sessions().len());
            write!(self.out, "{name}: {znodes} znodes, {sessions} sessions, up to {:#x}", zxid.0)?;
            match digest {
                Some(found) if found.version != digest::VERSION => write!(self.out, ", a digest of another kind")?,
                Some(found) if found.zxid > zxid => write!(self.out, ", a digest of {:#x}", found.zxid.0)?,
                Some(found) if found.digest == tree.digest() => {
                    write!(self.out, ", digest {}", found.digest.cast_signed())?;
                }
                Some(_) => {
                    write!(self.out, ", a WRONG digest")?;
                    self.problems.push(format!("{}: its digest is not that of its tree", path.display()));
                }
                None => {}
            }
            writeln!(self.out)?;
            self.last = self.last.max(zxid);
            known.push(Known { path, zxid, digest });
        }
        if known.is_empty() {
            writeln!(self.out, "snapshots: none that can be read")?;
        }
        Ok(known)
    }

    // ---- Logs -----------------------------------------------------------------------------------------------------

    fn logs(&mut self, snapshots: &[Known]) -> Result<(), InspectError> {
        let logs = self.directory.logs()?;
        let mut previous = None;
        for (index, (named, path)) in logs.iter().enumerate() {
            let newest = index + 1 == logs.len();
            let scanned = self.log(path, *named, newest, &mut previous, snapshots);
            if let Err(InspectError::Disk(error)) = scanned {
                self.wrong(&name_of(path), &error)?;
                // What is behind the damage is out of reach, and so is the tree.
                self.replay.iter_mut().for_each(Replay::abandon);
            } else {
                scanned?;
            }
        }
        if logs.is_empty() {
            writeln!(self.out, "logs: none")?;
        }
        match (previous, snapshots.last()) {
            (Some(_), None) => self.problems.push(format!(
                "{} holds logs, but there is no snapshot in {} that can be read: a server would not start",
                self.directory.log_directory().display(),
                self.directory.snapshot_directory().display()
            )),
            // Nothing to replay: the newest snapshot is the tree.
            (None, Some(newest)) => self.replay = Some(Replay::new(newest)?),
            _ => {}
        }
        self.last = self.last.max(previous.unwrap_or_default());
        Ok(())
    }

    /// One file. `previous` is the last transaction of the files before.
    fn log(
        &mut self,
        path: &Path,
        named: Zxid,
        newest: bool,
        previous: &mut Option<Zxid>,
        snapshots: &[Known],
    ) -> Result<(), InspectError> {
        let mut log = LogFile::open(&OperatingSystem, path, newest)?;
        let (mut first, mut last, mut count, mut again) = (None, Zxid::ZERO, 0_u64, 0_u64);
        while let Some(entry) = log.next_entry()? {
            if first.is_none() {
                first = Some(entry.zxid);
                self.first_of_file(path, named, &entry);
            } else if entry.zxid <= last {
                let what = format!("transaction {:#x} stands behind {:#x}", entry.zxid.0, last.0);
                return Err(DiskError::damaged(path, entry.offset, what).into());
            }
            last = entry.zxid;
            count += 1;
            if previous.is_some_and(|previous| entry.zxid <= previous) {
                // It stands in two files, as older releases may leave it, and counts once.
                again += 1;
                continue;
            }
            self.follow(path, *previous, entry.zxid, snapshots)?;
            *previous = Some(entry.zxid);
            self.replay(path, &entry, snapshots)?;
        }
        let range = first.map(|first| format!(", {:#x} to {:#x}", first.0, last.0)).unwrap_or_default();
        write!(self.out, "{}: {count} transactions{range}", name_of(path))?;
        if again > 0 {
            write!(self.out, ", {again} of them for the second time")?;
        }
        let tail = tail(&OperatingSystem, path, log.position())?;
        if let Tail::Torn { offset, bytes } = tail {
            write!(self.out, "; torn at offset {offset}: {bytes} bytes were not written to their end")?;
        }
        writeln!(self.out)?;
        match tail.doubt(path) {
            Some(doubt) => Err(doubt.into()),
            None => Ok(()),
        }
    }

    fn first_of_file(&mut self, path: &Path, named: Zxid, entry: &Entry) {
        if entry.zxid != named {
            let (path, first) = (path.display(), entry.zxid.0);
            self.problems.push(format!("{path} begins with transaction {first:#x}, which is not what its name says"));
        }
    }

    /// Whether `next` may stand behind `previous`. Where something is missing between, a snapshot may stand for it, as
    /// when a leader has sent one; the tree goes on from there.
    fn follow(
        &mut self,
        path: &Path,
        previous: Option<Zxid>,
        next: Zxid,
        snapshots: &[Known],
    ) -> Result<(), InspectError> {
        let is_gap = previous.is_some_and(|previous| !next.follows(previous));
        if previous.is_some() && !is_gap {
            return Ok(());
        }
        let covering = snapshots.iter().find(|known| known.zxid >= next || next.follows(known.zxid));
        match (covering, snapshots.last(), previous) {
            (Some(base), ..) => {
                if let Some(previous) = previous {
                    let (name, next, base) = (name_of(path), next.0, name_of(&base.path));
                    let previous = previous.0;
                    writeln!(self.out, "{name} goes on with {next:#x} after {previous:#x}; {base} stands between")?;
                }
                self.replay = Some(Replay::new(base)?);
            }
            (None, _, Some(last)) => {
                self.problems.push(DiskError::Gap { path: path.to_owned(), last, next }.to_string());
                self.replay.iter_mut().for_each(Replay::abandon);
            }
            (None, Some(newest), None) => {
                self.problems.push(DiskError::Gap { path: path.to_owned(), last: newest.zxid, next }.to_string());
            }
            // That there is no snapshot is told once.
            (None, None, None) => {}
        }
        Ok(())
    }

    fn replay(&mut self, path: &Path, entry: &Entry, snapshots: &[Known]) -> Result<(), InspectError> {
        let transaction = decode_transaction(&entry.bytes)
            .map_err(|error| DiskError::damaged(path, entry.offset, format!("the entry is no transaction: {error}")))?;
        if let Some(replay) = &mut self.replay {
            let wrong = replay.apply(&transaction, snapshots);
            self.problems.extend(wrong.into_iter().map(|what| format!("{}: {what}", path.display())));
        }
        Ok(())
    }

    // ---- All together ---------------------------------------------------------------------------------------------

    fn tree(&mut self) -> Result<(), InspectError> {
        let Some(replay) = &self.replay else { return Ok(writeln!(self.out, "tree: not to be had")?) };
        let Replay { transactions, compared, wrong, .. } = replay;
        let base = name_of(replay.base());
        write!(self.out, "tree: {base} and {transactions} transactions, {compared} digests compared")?;
        if *wrong > 0 {
            write!(self.out, ", {wrong} WRONG")?;
        }
        match replay.tree() {
            Some(tree) => {
                let (zxid, digest, znodes) = (tree.last_zxid().0, tree.digest().cast_signed(), tree.node_count());
                writeln!(self.out, "; at {zxid:#x} {znodes} znodes, digest {digest}")?;
            }
            None => writeln!(self.out, "; then the log cannot be followed")?,
        }
        Ok(())
    }

    fn epochs(&mut self) -> Result<(), InspectError> {
        let files = EpochFiles::new(self.directory.files().clone(), self.directory.snapshot_directory());
        let (accepted, current) = match files.read() {
            Ok(epochs) => epochs,
            Err(error) => return self.wrong("epochs", &error),
        };
        let epoch = self.last.epoch();
        let told = |found: Option<zab::Epoch>| found.map_or("none".to_owned(), |epoch| epoch.0.to_string());
        let (last, said) = (self.last.0, (told(accepted), told(current)));
        writeln!(self.out, "epochs: accepted {}, current {}; last transaction {last:#x}", said.0, said.1)?;
        let folder = self.directory.snapshot_directory().display();
        if let (Some(accepted), Some(current)) = (accepted, current)
            && current > accepted
        {
            let (current, accepted) = (current.0, accepted.0);
            let what = format!("the current epoch {current} is beyond the accepted epoch {accepted}");
            self.problems.push(format!("{folder}: {what}"));
        }
        for (which, found) in [("accepted", accepted), ("current", current)] {
            if let Some(found) = found.filter(|found| *found < epoch) {
                let (found, epoch) = (found.0, epoch.0);
                let what = format!("the {which} epoch {found} is behind the last transaction's, {epoch}");
                self.problems.push(format!("{folder}: {what}"));
            }
        }
        Ok(())
    }
}
