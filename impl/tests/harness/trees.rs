//! The whole tree, as clients of each server see it.

use super::cluster::Cluster;
use super::{Client, Joined, PATIENCE, Wire, children, get, opening};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;
use zab::tree::{Change, Stat};
use zabkeeper::wire::{ClientRequest, Reply};

/// All znodes, by path.
pub type Znodes = BTreeMap<String, (Vec<u8>, Stat)>;

/// So many reads are on their way at once.
const AT_ONCE: usize = 500;

/// The tree as one server shows it, after everything that was acknowledged before. A server that leaves its leader
/// meanwhile is asked again.
pub fn read_tree(cluster: &Cluster, id: u8) -> Znodes {
    cluster.until("show the tree", || try_read_tree(cluster, id))
}

fn try_read_tree(cluster: &Cluster, id: u8) -> Option<Znodes> {
    let wire = Wire::reach(cluster.address(id), PATIENCE).ok()?;
    let Joined::Session(mut client) = Client::join(wire, &opening(10_000)) else { return None };
    client.send(&[ClientRequest::Sync { path: Some("/".to_owned()) }]);
    client.reply()?.expect("synced");
    let found = read_from(&mut client, "/")?;
    client.send(&[ClientRequest::Write(Change::CloseSession)]);
    client.reply().map(|_| found)
}

/// The znode at this path and all below it; `None` when the connection ends.
pub fn read_from(client: &mut Client, path: &str) -> Option<Znodes> {
    let (mut found, mut level) = (Znodes::new(), vec![path.to_owned()]);
    while !level.is_empty() {
        let mut next = Vec::new();
        for part in level.chunks(AT_ONCE) {
            next.extend(read_part(client, part, &mut found)?);
        }
        level = next;
    }
    Some(found)
}

/// Reads these znodes; the paths of their children.
fn read_part(client: &mut Client, paths: &[String], found: &mut Znodes) -> Option<Vec<String>> {
    let requests: Vec<_> = paths.iter().flat_map(|path| [get(path, false), children(path, false)]).collect();
    client.send(&requests);
    let mut below = Vec::new();
    for path in paths {
        let (data, names) = (client.reply()?, client.reply()?);
        // It may have been deleted meanwhile.
        let (Ok(Reply::Data { data, stat }), Ok(Reply::Names(names))) = (data, names) else { continue };
        // Every server writes that one for itself, at its own time, as Java's do.
        if path != "/zookeeper/config" {
            found.insert(path.clone(), (data.unwrap_or_default().to_vec(), stat));
        }
        let base = path.trim_end_matches('/');
        below.extend(names.into_iter().map(|name| format!("{base}/{name}")));
    }
    Some(below)
}

/// Waits until all servers that run show the same tree, and returns it. None of them has seen a digest that differs.
pub fn same_tree(cluster: &Cluster) -> Znodes {
    cluster.wait_until_serving();
    let ids: Vec<u8> = cluster.ids().into_iter().filter(|id| cluster.is_started(*id)).collect();
    let start = Instant::now();
    let tree = loop {
        let mut trees: Vec<Znodes> = ids.iter().map(|id| read_tree(cluster, *id)).collect();
        let differing = trees.iter().position(|tree| *tree != trees[0]);
        let Some(place) = differing else { break trees.swap_remove(0) };
        if start.elapsed() > PATIENCE {
            let (first, other) = (&trees[0], &trees[place]);
            let paths = first.keys().chain(other.keys()).filter(|path| first.get(*path) != other.get(*path));
            let shown: BTreeSet<String> =
                paths.take(5).map(|path| format!("{path}: {:?} and {:?}", first.get(path), other.get(path))).collect();
            panic!("servers {} and {} differ: {shown:#?}", ids[0], ids[place]);
        }
    };
    for id in ids {
        let count = || cluster.monitor(id).remove("digest_mismatches_count");
        assert_eq!(cluster.until("show their numbers", count), "0", "digests that differ, of server {id}");
    }
    tree
}
