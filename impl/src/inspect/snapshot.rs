//! `zabkeeper snapshot`: what stands in a snapshot (`SnapshotFormatter`, `SnapshotRecursiveSummary`).

use super::describe::{Plain, encoded};
use super::walk::walk;
use super::{InspectError, TREE, name_of};
use crate::disk::{DataDirectory, OperatingSystem, Snapshot, read_snapshot};
use crate::java_text::date;
use clap::Args;
use serde::Serialize;
use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zab::tree::path::ROOT;
use zab::tree::{Node, Tree};

/// What `zabkeeper snapshot` is asked.
#[derive(Args, Clone, Debug)]
pub struct PrintSnapshot {
    /// The snapshot; its name says whether it is compressed (.gz, .snappy). Of a data directory, the newest that is
    /// whole.
    #[arg(value_name = "FILE|DIR")]
    pub file: PathBuf,
    /// One JSON object a line: the snapshot, every znode, every session.
    #[arg(long)]
    pub json: bool,
    /// The data of znodes in base64, not only how many bytes they are.
    #[arg(long)]
    pub data: bool,
    /// How many znodes and bytes each branch holds, instead of the znodes.
    #[arg(long, conflicts_with = "data")]
    pub summary: bool,
    /// How many levels below the first znode a summary shows; 0 for all.
    #[arg(long, value_name = "LEVELS", default_value_t = 0, requires = "summary")]
    pub depth: usize,
    /// Only this znode and what is below it.
    #[arg(long, value_name = "PATH", default_value = ROOT)]
    pub path: String,
}

impl PrintSnapshot {
    /// Prints it. The whole tree is in memory meanwhile.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged or no snapshot; a path that is not in it.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), InspectError> {
        let file = if self.file.is_dir() { newest(&self.file)? } else { self.file.clone() };
        let snapshot = read_snapshot(&OperatingSystem, &file, TREE)?;
        if snapshot.tree.node(&self.path).is_none() {
            return Err(InspectError::Argument(format!("{} holds no {}", file.display(), self.path)));
        }
        match (self.summary, self.json) {
            (true, _) => self.summarize(&snapshot.tree, out)?,
            (false, true) => self.json(name_of(&file), &snapshot, out)?,
            (false, false) => self.text(&snapshot, out)?,
        }
        Ok(())
    }

    fn text(&self, snapshot: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
        let tree = &snapshot.tree;
        writeln!(out, "ZNode Details (count={}):", tree.node_count())?;
        for (_, node) in walk(tree, &self.path) {
            writeln!(out, "----\n{}", Plain(node.path()))?;
            write_stat(node, out)?;
            if self.data {
                writeln!(out, "  data = {}", encoded(node.data().unwrap_or_default()))?;
            } else {
                writeln!(out, "  dataLength = {}", node.data_length())?;
            }
        }
        writeln!(out, "----\nSession Details (sid, timeout, ephemeralCount):")?;
        for (session, timeout) in tree.sessions() {
            writeln!(out, "{:#016x}, {timeout}, {}", session.0, tree.ephemerals(session).count())?;
        }
        if let Some(target) = snapshot.digest {
            let (zxid, digest) = (target.zxid.0, target.digest.cast_signed());
            writeln!(out, "Target zxid digest is: {zxid:x}, {digest}")?;
        }
        writeln!(out, "----\nLast zxid: {:#x}", tree.last_zxid().0)
    }

    fn json(&self, file: String, snapshot: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
        let tree = &snapshot.tree;
        let summary = Line::Snapshot {
            file,
            last_zxid: hexadecimal(tree.last_zxid().0),
            znodes: tree.node_count(),
            sessions: tree.sessions().len(),
            digest_zxid: snapshot.digest.map(|digest| hexadecimal(digest.zxid.0)),
            digest: snapshot.digest.map(|digest| digest.digest.cast_signed().to_string()),
        };
        write_json(&summary, out)?;
        for (_, node) in walk(tree, &self.path) {
            write_json(&self.znode(node), out)?;
        }
        for (session, timeout) in tree.sessions() {
            let ephemerals = tree.ephemerals(session).count();
            let session = hexadecimal(session.0.cast_unsigned());
            write_json(&Line::Session { session, timeout, ephemerals }, out)?;
        }
        Ok(())
    }

    fn znode<'a>(&self, node: &'a Node) -> Line<'a> {
        let stat = &node.stat;
        Line::Znode {
            path: node.path(),
            data_length: node.data().map(<[u8]>::len),
            data: node.data().filter(|_| self.data).map(encoded),
            children: node.children,
            acl: node.acl.0,
            czxid: hexadecimal(stat.czxid.0),
            mzxid: hexadecimal(stat.mzxid.0),
            pzxid: hexadecimal(stat.pzxid.0),
            ctime: stat.ctime,
            mtime: stat.mtime,
            version: stat.version,
            cversion: stat.cversion,
            aversion: stat.aversion,
            ephemeral_owner: hexadecimal(stat.ephemeral_owner.cast_unsigned()),
        }
    }

    /// As Java's, of znodes with children only; in JSON one line for each.
    fn summarize(&self, tree: &Tree, out: &mut dyn Write) -> io::Result<()> {
        let shown = |level: usize| self.depth == 0 || level <= self.depth;
        let branches = branches(tree, &self.path, shown);
        for (level, node) in walk(tree, &self.path).filter(|(_, node)| node.children > 0) {
            let Some(Branch { znodes, bytes }) = branches.get(node.path()).filter(|_| shown(level)) else { continue };
            let below = znodes - 1;
            if self.json {
                write_json(&Line::Branch { path: node.path(), level, znodes_below: below, bytes: *bytes }, out)?;
                continue;
            }
            let tab = "--".repeat(level);
            writeln!(out, "{tab} {}\n{tab}   children: {below}\n{tab}   data: {bytes}", Plain(node.path()))?;
        }
        Ok(())
    }
}

/// The newest snapshot of a data directory (`dataDir`), or of its `version-2`.
fn newest(directory: &Path) -> Result<PathBuf, InspectError> {
    let is_version = directory.file_name().is_some_and(|name| name == "version-2");
    let data = if is_version { directory.parent().unwrap_or(directory) } else { directory };
    let none = || InspectError::Argument(format!("there is no whole snapshot in {}", directory.display()));
    if !is_version && !data.join("version-2").is_dir() {
        return Err(none());
    }
    let found = DataDirectory::new(Arc::new(OperatingSystem), data, data).valid_snapshots(1)?;
    found.into_iter().next().map(|(_, path)| path).ok_or_else(none)
}

/// A znode with everything below it.
#[derive(Default)]
struct Branch {
    znodes: u64,
    bytes: u64,
}

/// What the branches of these levels hold, by path. Every znode is counted where it is and at all above it, so that no
/// depth of a tree matters.
fn branches<'a>(tree: &'a Tree, start: &str, shown: impl Fn(usize) -> bool) -> HashMap<&'a str, Branch> {
    let mut branches: HashMap<&str, Branch> = HashMap::new();
    let mut above: Vec<&str> = Vec::new();
    for (level, node) in walk(tree, start) {
        above.truncate(level);
        above.push(node.path());
        for path in above.iter().enumerate().take_while(|(level, _)| shown(*level)).map(|(_, path)| *path) {
            let branch = branches.entry(path).or_default();
            branch.znodes += 1;
            branch.bytes += node.data_length() as u64;
        }
    }
    branches
}

fn write_stat(node: &Node, out: &mut dyn Write) -> io::Result<()> {
    let stat = &node.stat;
    writeln!(out, "  cZxid = {:#016x}\n  ctime = {}", stat.czxid.0, date(stat.ctime))?;
    writeln!(out, "  mZxid = {:#016x}\n  mtime = {}", stat.mzxid.0, date(stat.mtime))?;
    writeln!(out, "  pZxid = {:#016x}\n  cversion = {}", stat.pzxid.0, stat.cversion)?;
    writeln!(out, "  dataVersion = {}\n  aclVersion = {}", stat.version, stat.aversion)?;
    writeln!(out, "  ephemeralOwner = {:#016x}", stat.ephemeral_owner)
}

/// Zxids and sessions do not fit the doubles that JSON's numbers are.
fn hexadecimal(number: u64) -> String {
    format!("{number:#x}")
}

fn write_json(line: &Line<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    writeln!(out)
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Line<'a> {
    Snapshot {
        file: String,
        last_zxid: String,
        znodes: usize,
        sessions: usize,
        digest_zxid: Option<String>,
        digest: Option<String>,
    },
    Znode {
        path: &'a str,
        data_length: Option<usize>,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<String>,
        children: u32,
        acl: i64,
        czxid: String,
        mzxid: String,
        pzxid: String,
        ctime: i64,
        mtime: i64,
        version: i32,
        cversion: i32,
        aversion: i32,
        ephemeral_owner: String,
    },
    Session {
        session: String,
        timeout: i32,
        ephemerals: usize,
    },
    Branch {
        path: &'a str,
        level: usize,
        znodes_below: u64,
        bytes: u64,
    },
}
