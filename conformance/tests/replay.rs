//! Traces of the model, and all edges of small graphs of it, on the server's own code.

use conformance::replay::{Played, graph, trace, walks};
use conformance::server::{Medium, Servers};
use model::invocation;
use model::story::{Story, coverage, ndjson};
use model::zookeeper::ZooKeeper;
use stateright::Model;
use zab::trace::Event;
use zab::{Disk, Write, Zxid};

/// The traces that show every kind of transition of a model.
fn traces(words: &str) -> Vec<String> {
    let model = ZooKeeper::new(invocation::read(words).expect("bounds"));
    let cover = coverage::cover(&model, 1, 100_000).expect("a small model");
    let initial = model.init_states();
    let tell = |walk: &coverage::Walk| Story::tell(&model, "a path", &initial[walk.initial], &walk.actions);
    cover.walks.iter().map(|walk| ndjson::write(&tell(walk))).collect()
}

const SMALL: &str = "ensemble --servers 2 --transactions 1 --crashes 1";

#[test]
fn the_server_does_what_traces_say() {
    for text in traces(SMALL).into_iter().chain(traces("zab --servers 2 --transactions 1 --crashes 1 --elections 2")) {
        trace(&text, Medium::Memory).unwrap_or_else(|fault| panic!("{fault}\n{text}"));
        trace(&text, Medium::Files).unwrap_or_else(|fault| panic!("{fault}\n{text}"));
    }
}

#[test]
fn a_trace_that_was_tampered_with_is_refused() {
    let text = traces(SMALL).into_iter().max_by_key(String::len).expect("a trace");
    let lines: Vec<&str> = text.lines().collect();
    let mut refused = 0;
    let whose = |line: &str| line.split(',').next().map(str::to_owned);
    let is_write_of = |line: &str, server| line.contains("flushed") && whose(line) == server;
    for (place, line) in lines.iter().enumerate().skip(1) {
        let next = lines.iter().skip(place + 1).find(|next| whose(next) == whose(line) && !next.contains("stepped"));
        if !line.contains("flushed") || !next.is_some_and(|next| is_write_of(next, whose(line))) {
            continue;
        }
        let mut without = lines.clone();
        without.remove(place);
        trace(&without.join("\n"), Medium::Memory).expect_err("a write that never was");
        refused += 1;
    }
    assert!(refused > 2, "{refused} lines were left out");
}

/// Whatever a trace claims otherwise about a step, the server is found to do something else.
#[test]
fn the_server_is_compared_in_every_step() {
    let text = traces(SMALL).into_iter().max_by_key(String::len).expect("a trace");
    let (header, lines) = ndjson::read(&text).expect("a trace");
    let mut compared = 0;
    for (place, wrong) in lines.iter().enumerate() {
        let mut event = wrong.event.clone();
        match &mut event {
            Event::Recovered { outputs, .. } | Event::Stepped { outputs, .. } if !outputs.is_empty() => {
                outputs.pop();
            }
            Event::Flushed { write, .. } => *write = Write::Truncate(Zxid::ZERO),
            _ => continue,
        }
        let mut servers = Servers::new(Medium::Memory);
        servers.take_part(header.ensemble.clone(), header.elections);
        for id in header.ensemble.servers() {
            servers.add(id, &Disk::default(), &[]).expect("a disk");
        }
        for line in &lines[..place] {
            servers.happens(line.server, &line.event).expect("as the trace says");
        }
        servers.happens(wrong.server, &event).expect_err("nobody does that");
        compared += 1;
    }
    assert!(compared > 10, "{compared} of {} lines", lines.len());
}

/// Graphs with too many edges: learners that forward, an observer, snapshots, short epochs, disks in batches.
#[test]
fn the_server_goes_along_on_random_walks() {
    let faults = "--crashes 4 --breaks 4 --timeouts 4 --snapshots 4 --syncs 3 --last-counter 3";
    for words in [
        format!("ensemble --servers 3 --observers 1 --transactions 8 {faults} --forward"),
        format!("zab --servers 5 --transactions 12 --elections 9 {faults} --grain batch"),
    ] {
        let steps = walks(&words, 1..60, Medium::Memory).unwrap_or_else(|fault| panic!("{words}: {fault}"));
        assert!(steps > 5_000, "{steps} steps of {words}");
    }
}

#[test]
fn every_edge_of_small_graphs_is_done_by_the_server() {
    let played = graph(SMALL, Medium::Memory).unwrap_or_else(|fault| panic!("{fault}"));
    let Played { states, edges, kinds, .. } = played;
    assert_eq!((states, edges, kinds), (1_425, 2_714, 78), "{played}");
    let three = "zab --servers 3 --transactions 1 --crashes 0 --elections 1 --grain atomic";
    let played = graph(three, Medium::Memory).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!((played.states, played.edges), (1_045, 2_160), "{played}");
}
