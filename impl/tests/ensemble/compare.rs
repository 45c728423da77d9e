//! What must hold when the faults are over: every server has the same tree, and in it what the writers were promised.

use crate::harness::cluster::Cluster;
use crate::harness::{Client, Joined, PATIENCE, Wire, children, get, opening};
use crate::writers::{Asked, Outcome, Record, number_in};
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
    let (mut found, mut level) = (Znodes::new(), vec!["/".to_owned()]);
    while !level.is_empty() {
        let mut next = Vec::new();
        for part in level.chunks(AT_ONCE) {
            next.extend(read_part(&mut client, part, &mut found)?);
        }
        level = next;
    }
    client.send(&[ClientRequest::Write(Change::CloseSession)]);
    client.reply().map(|_| found)
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
        let mismatches = cluster.monitor(id).remove("digest_mismatches_count");
        assert_eq!(mismatches.as_deref(), Some("0"), "server {id}");
    }
    tree
}

/// Checks everything that was promised. The writers' sessions must still be open.
pub fn check(cluster: &Cluster, records: &[Record]) {
    let tree = same_tree(cluster);
    for record in records {
        check_creations(&tree, record);
        check_sets(&tree, record);
        let alive = tree.get(&format!("{}/alive", record.own));
        let owner = alive.map(|(_, stat)| stat.persisted.ephemeral_owner);
        assert_eq!(owner, Some(record.session), "{}: an ephemeral lives as long as its session", record.own);
    }
    let writes: usize = records.iter().map(|record| record.asked.len()).sum();
    let unknown = records.iter().flat_map(|record| &record.asked).filter(|asked| asked.outcome == Outcome::Unknown);
    println!("{writes} writes, {} of them unanswered; {} znodes", unknown.count(), tree.len());
}

/// No acknowledged creation is lost, none is there twice, and they are in the order in which they were asked.
fn check_creations(tree: &Znodes, record: &Record) {
    let own = &record.own;
    let queue = format!("{own}/queue/");
    let below = tree.range(queue.clone()..).take_while(|(path, _)| path.starts_with(&queue));
    let there: Vec<(u32, &String)> = below.map(|(path, (data, _))| (number_in(data), path)).collect();
    assert!(there.is_sorted_by(|a, b| a.0 < b.0), "{own}: twice, or out of order: {there:?}");
    let numbers: BTreeMap<u32, &String> = there.into_iter().collect();
    let creations: Vec<&Asked> = record.asked.iter().filter(|asked| asked.creates).collect();
    let asked: BTreeSet<u32> = creations.iter().map(|asked| asked.number).collect();
    assert!(numbers.keys().all(|number| asked.contains(number)), "{own}: nobody asked for it");
    // What was on its way when a connection ended is done up to some point, and not beyond it.
    let mut missing: Option<&Asked> = None;
    for creation in creations {
        let found = numbers.get(&creation.number);
        match &creation.outcome {
            Outcome::Created(path) => assert_eq!(found, Some(&path), "{own}: lost: {creation:?}"),
            _ => match (found, missing) {
                (Some(_), Some(earlier)) => {
                    assert_ne!(earlier.connection, creation.connection, "{own}: {creation:?} without {earlier:?}");
                }
                (Some(_), None) => {}
                (None, _) => missing = Some(creation),
            },
        }
    }
}

/// No acknowledged set is lost, and the version has counted each once.
fn check_sets(tree: &Znodes, record: &Record) {
    let own = &record.own;
    let (data, stat) = &tree[&format!("{own}/set")];
    let (last, version) = (number_in(data), stat.persisted.version);
    // The versions that are possible after each.
    let (mut least, mut most, mut newest) = (0, 0, vec![0]);
    for asked in record.asked.iter().filter(|asked| !asked.creates) {
        match asked.outcome {
            Outcome::Set(version) => {
                assert!((least + 1..=most + 1).contains(&version), "{own}: {asked:?} after {least} to {most}");
                (least, most, newest) = (version, version, vec![asked.number]);
            }
            _ => {
                most += 1;
                newest.push(asked.number);
            }
        }
    }
    assert!((least..=most).contains(&version), "{own}: version {version}, which must be {least} to {most}");
    assert!(newest.contains(&last), "{own}: {last}, which must be one of {newest:?}");
}
