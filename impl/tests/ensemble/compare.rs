//! What must hold when the faults are over: every server has the same tree, and in it what the writers were promised.

use crate::harness::cluster::Cluster;
pub use crate::harness::trees::{Znodes, read_tree, same_tree};
use crate::writers::{Asked, Outcome, Record, number_in};
use std::collections::{BTreeMap, BTreeSet};

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
