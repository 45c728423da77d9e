//! The tree behind a SNAP: without a header or a length, and a signature at its end.
//!
//! *Java:* `LearnerHandler.run`, `Learner.syncWithLeader`, `SerializeUtils`.

use crate::disk::{CheckedReader, CheckedWriter, Snapshot, read_tree, write_tree};
use crate::wire::quorum::SNAP_END;
use std::io::{self, Read, Write};
use zab::Zxid;
use zab::tree::{Tree, TreeOptions};

/// Writes a tree and the signature.
///
/// # Errors
/// The stream's.
pub fn write<W: Write>(tree: &Tree, output: W) -> io::Result<()> {
    let mut output = CheckedWriter::new(output);
    write_tree(tree, &mut output)?;
    output.buffer(Some(SNAP_END.as_bytes()))?;
    output.finish().map(drop)
}

/// Reads a tree, as it was after `last` or a little later, and the signature.
///
/// # Errors
/// The stream's; [`io::ErrorKind::InvalidData`] for what is no tree, or one without the signature.
pub(super) fn read<R: Read>(input: &mut CheckedReader<R>, options: TreeOptions, last: Zxid) -> io::Result<Snapshot> {
    let start = input.position();
    let tree = read_tree(input, options, last)?;
    let mut scratch = Vec::new();
    if input.string(&mut scratch)? != SNAP_END {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the leader's snapshot is not signed at its end"));
    }
    Ok(Snapshot { tree, digest: None, size: input.position() - start })
}
