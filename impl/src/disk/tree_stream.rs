//! A tree as bytes: the body of a snapshot, and what a leader sends behind SNAP (Java's `SerializeUtils`,
//! `DataTree.serialize`).
//!
//! ```text
//! int n, n × { long session, int timeout }
//! int m, m × { long number, vector of ACL }
//! { string path, buffer data, long number of ACL, StatPersisted }, parents before children, the root's path empty
//! string "/"
//! ```

use super::stream::{CheckedReader, CheckedWriter, invalid};
use std::io::{self, Read, Write};
use zab::Zxid;
use zab::tree::path::ROOT;
use zab::tree::{Acl, AclId, BuildError, Builder, Id, Node, Perms, SessionId, StatPersisted, Tree, TreeOptions};

/// After so many znodes the writer offers its processor to others.
const YIELD: usize = 512;

/// Writes the whole tree.
///
/// # Errors
/// The stream's.
pub fn write_tree<W: Write>(tree: &Tree, output: &mut CheckedWriter<W>) -> io::Result<()> {
    let sessions = tree.sessions();
    output.count(sessions.len())?;
    for (session, timeout) in sessions {
        output.long(session.0)?;
        output.int(timeout)?;
    }
    let lists = tree.acl_table().iter();
    output.count(lists.len())?;
    for (id, list) in lists {
        output.long(id.0)?;
        output.count(list.len())?;
        list.iter().try_for_each(|acl| write_acl(acl, output))?;
    }
    for (index, node) in tree.nodes().enumerate() {
        write_node(node, output)?;
        if index % YIELD == YIELD - 1 {
            std::thread::yield_now();
        }
    }
    output.buffer(Some(ROOT.as_bytes()))
}

fn write_acl<W: Write>(acl: &Acl, output: &mut CheckedWriter<W>) -> io::Result<()> {
    output.int(acl.perms.0)?;
    output.buffer(Some(acl.id.scheme.as_bytes()))?;
    output.buffer(Some(acl.id.id.as_bytes()))
}

fn write_node<W: Write>(node: &Node, output: &mut CheckedWriter<W>) -> io::Result<()> {
    // "/" would be the end.
    let path = if node.path() == ROOT { "" } else { node.path() };
    output.buffer(Some(path.as_bytes()))?;
    output.buffer(node.data())?;
    output.long(node.acl.0)?;
    let stat = node.stat;
    output.long(stat.czxid.0 as i64)?;
    output.long(stat.mzxid.0 as i64)?;
    output.long(stat.ctime)?;
    output.long(stat.mtime)?;
    output.int(stat.version)?;
    output.int(stat.cversion)?;
    output.int(stat.aversion)?;
    output.long(stat.ephemeral_owner)?;
    output.long(stat.pzxid.0 as i64)
}

/// Reads a whole tree: as it was after `last`, or a little later (see [`Builder::finish`]).
///
/// # Errors
/// The stream's; [`io::ErrorKind::InvalidData`] for what is no tree.
pub fn read_tree<R: Read>(input: &mut CheckedReader<R>, options: TreeOptions, last: Zxid) -> io::Result<Tree> {
    let mut builder = Builder::new(options);
    for _ in 0..input.int()? {
        let (session, timeout) = (SessionId(input.long()?), input.int()?);
        builder.session(session, timeout);
    }
    let mut scratch = Vec::new();
    for _ in 0..input.int()? {
        let id = AclId(input.long()?);
        builder.acl(id, &read_list(input, &mut scratch)?);
    }
    let mut path = Vec::new();
    loop {
        let path = input.string(&mut path)?;
        if path == ROOT {
            return builder.finish(last).map_err(unbuilt);
        }
        let data = input.buffer(&mut scratch)?.then_some(&*scratch);
        let acl = AclId(input.long()?);
        builder.node(path, data, acl, read_stat(input)?).map_err(unbuilt)?;
    }
}

fn read_list<R: Read>(input: &mut CheckedReader<R>, scratch: &mut Vec<u8>) -> io::Result<Vec<Acl>> {
    let count = input.int()?;
    if count < 0 {
        return Err(invalid("an ACL that is null".to_owned()));
    }
    // The count is not believed: entries come one by one.
    let mut list = Vec::new();
    for _ in 0..count {
        let perms = Perms(input.int()?);
        let (scheme, id) = (input.text(scratch)?, input.text(scratch)?);
        list.push(Acl { perms, id: Id { scheme, id } });
    }
    Ok(list)
}

fn read_stat<R: Read>(input: &mut CheckedReader<R>) -> io::Result<StatPersisted> {
    Ok(StatPersisted {
        czxid: Zxid(input.long()? as u64),
        mzxid: Zxid(input.long()? as u64),
        ctime: input.long()?,
        mtime: input.long()?,
        version: input.int()?,
        cversion: input.int()?,
        aversion: input.int()?,
        ephemeral_owner: input.long()?,
        pzxid: Zxid(input.long()? as u64),
    })
}

fn unbuilt(error: BuildError) -> io::Error {
    invalid(error.to_string())
}
