//! Stories: the words, the scenario, the trace and the diagram of short paths with fixed content.

use model::bounds::{Bounds, Grain, Kind, Timing};
use model::explorer;
use model::invocation;
use model::scenario;
use model::story::{Story, coverage, diagram, ndjson, write_all};
use model::world::parse::{ParseError, enabled_as};
use model::world::{Action, Budget, World};
use model::zookeeper::ZooKeeper;
use stateright::Model;
use zab::trace::{Event, validate};
use zab::{Input, Message, ServerId};

fn zab() -> ZooKeeper {
    let budget = Budget { transactions: 1, crashes: 1, breaks: 1, elections: 2, ..Budget::default() };
    let timing = Timing::Asynchronous;
    ZooKeeper::new(Bounds { grain: Grain::Write, timing, budget, ..Bounds::default_of(Kind::Zab) })
}

/// The actions that the lines begin to name: for each the first enabled one that is printed so.
fn drive(model: &ZooKeeper, lines: &[&str]) -> (World, Vec<Action>) {
    let initial = model.init_states().swap_remove(0);
    let (mut world, mut taken) = (initial.clone(), Vec::new());
    for line in lines {
        let mut actions = Vec::new();
        model.actions(&world, &mut actions);
        let named = actions.iter().find(|action| action.to_string().starts_with(line));
        let action = *named.unwrap_or_else(|| panic!("`{line}` is not among {actions:?}"));
        world = model.next_state(&world, action).unwrap();
        taken.push(action);
    }
    (initial, taken)
}

/// Server 2 is elected and establishes its epoch with server 1; server 3 stays behind. A write comes, a link breaks,
/// the leader crashes before its disk has the write, and starts again.
const REIGN: [&str; 27] = [
    "elect s2",
    "elect s2 at s1",
    "deliver s1 -> s2",
    "flush s2",
    "deliver s2 -> s1",
    "flush s1",
    "deliver s1 -> s2",
    "deliver s2 -> s1",
    "deliver s2 -> s1",
    "flush s1",
    "flush s2",
    "deliver s1 -> s2",
    "deliver s2 -> s1",
    "elect s2 at s3",
    "deliver s3 -> s2",
    "deliver s2 -> s3",
    "flush s3",
    "write s2",
    "break s2 - s3",
    "deliver s2 -> s1",
    "notice s3: its leader s2 is gone",
    "crash s2",
    "flush s1",
    "notice s1: its leader s2 is gone",
    "restart s2",
    "elect s1",
    "elect s1 at s2",
];

fn reign() -> Story {
    let model = zab();
    let (initial, actions) = drive(&model, &REIGN);
    Story::tell(&model, "a reign and its end", &initial, &actions)
}

#[test]
fn in_words() {
    insta::assert_snapshot!("reign-text", reign().text());
}

#[test]
fn as_a_scenario() {
    insta::assert_snapshot!("reign-scenario", reign().scenario().unwrap());
}

#[test]
fn as_a_diagram() {
    let svg = diagram::svg(&reign(), &[]);
    assert!(!svg.replace("http://www.w3.org/2000/svg", "").contains("http"), "a diagram needs no network");
    insta::assert_snapshot!("reign-svg", svg);
}

#[test]
fn a_loop_is_bracketed() {
    let model = zab();
    let (initial, actions) = drive(&model, &REIGN);
    let story = Story::of_lasso(&model, "for ever", &initial, &actions[..20], &actions[20..]);
    assert!(story.text().contains("what follows repeats for ever:\n  21. "), "{}", story.text());
    assert!(story.text().ends_with("and again from step 21\n"));
    assert!(diagram::svg(&story, &[]).contains(">repeats for ever</text>"));
    let stuck = Story::of_lasso(&model, "for ever", &initial, &actions, &[]);
    assert!(diagram::svg(&stuck, &[]).contains("nothing that is owed can happen any more"));
}

#[test]
fn a_scenario_is_read_as_it_was_written() {
    let model = zab();
    let story = reign();
    let mut world = model.init_states().swap_remove(0);
    for step in &story.steps {
        let line = step.action.to_string();
        assert_eq!(enabled_as(&model, &world, &line), Ok(step.action));
        assert_eq!(enabled_as(&model, &world, &step.label), Ok(step.action), "the message is a remark");
        assert_eq!(line.parse::<Action>().unwrap().to_string(), line);
        world = model.next_state(&world, step.action).unwrap();
    }
    assert_eq!(world, story.last);
}

#[test]
fn a_bad_line_is_refused_with_a_sentence() {
    let said = |line: &str| line.parse::<Action>().unwrap_err().to_string();
    let actions = "actions are deliver, notify, flush, crash, restart, break, notice, connect, timeout, write, sync, \
                   snapshot, recall and elect";
    assert_eq!(said("explode s1"), format!("`explode` is no action: {actions}"));
    assert_eq!(said("crash 1"), "`crash 1` does not say what it should: write `crash s1`");
    assert_eq!(said("break s1 s2"), "`break s1 s2` does not say what it should: write `break s1 - s2`");
    assert!(matches!(" ".parse::<Action>(), Err(ParseError::UnknownAction(_))));
    let model = zab();
    let refusal = enabled_as(&model, &model.init_states()[0], "restart s1").unwrap_err().to_string();
    assert!(refusal.starts_with("`restart s1` cannot happen here; what can: elect s1, "), "{refusal}");
}

#[test]
fn a_trace_is_one_of_the_specification() {
    let text = ndjson::write(&reign());
    let servers = ndjson::judge(&text).unwrap();
    // What the replay arrives at is what the model had at the end, as far as no election is concerned.
    let last = reign().last;
    for (id, replay) in &servers {
        let memory = last.server(*id).peer.as_ref().map(|peer| &peer.memory);
        assert_eq!(replay.peer().map(|peer| &peer.memory), memory);
        assert_eq!(replay.disk(), Some(&last.server(*id).disk));
    }
    insta::assert_snapshot!("reign-ndjson", text.lines().take(12).collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_tampered_trace_is_refused() {
    let (header, lines) = ndjson::read(&ndjson::write(&reign())).unwrap();
    let own = |event: &Event| {
        matches!(
            event,
            Event::Stepped { input: Input::Receive(ServerId(2), Message::Ack(_) | Message::AckEpoch(_)), .. }
        )
    };
    let place = lines.iter().position(|line| line.server == ServerId(2) && own(&line.event)).unwrap();
    let mut early = lines.clone();
    early.swap(place - 1, place);
    assert_eq!(validate(&header, &early).unwrap_err().line, place + 1);
    for lost in 0..lines.len() {
        if matches!(lines[lost].event, Event::Flushed { .. }) && lines[lost].server == ServerId(2) {
            let mut without = lines.clone();
            without.remove(lost);
            validate(&header, &without).unwrap_err();
        }
    }
}

#[test]
fn a_text_that_is_no_trace_is_refused_with_a_sentence() {
    let said = |text: &str| ndjson::judge(text).unwrap_err().to_string();
    assert_eq!(said(""), "the trace is empty");
    assert!(said("{}").starts_with("line 1: missing field"));
    let text = ndjson::write(&reign());
    assert!(
        said(&text.replace("\"version\":1", "\"version\":9"))
            .starts_with("line 1: this is `zabkeeper-trace` version 9")
    );
    assert!(said(&format!("{text}what?")).starts_with(&format!("line {}: ", text.lines().count() + 1)));
}

#[test]
fn every_file_is_written() {
    let directory = std::env::temp_dir().join(format!("zabkeeper-story-{}", std::process::id()));
    write_all(&directory, "reign", &reign()).unwrap();
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap();
    assert!(read("reign.txt").starts_with("# a reign and its end.\nmodel zab --breaks 1\ninitial 0\nstart\n----\n"));
    assert_eq!(scenario::check(&read("reign.txt")), Ok(()));
    ndjson::judge(&read("reign.ndjson")).unwrap();
    assert!(read("reign.svg").starts_with("<svg "));
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_path_has_an_address() {
    let model = zab();
    let (_, actions) = drive(&model, &REIGN);
    let address = explorer::address_of(explorer::ADDRESS, &model, 0, &actions).unwrap();
    let path = address.strip_prefix("http://127.0.0.1:3000/#/steps/").unwrap();
    assert_eq!(explorer::path_at(&model, path), Ok((0, actions)));
    assert_eq!(explorer::path_at(&model, "0/x").unwrap_err(), "`0/x` is not a path: it should look like 0/3/1");
    assert!(explorer::path_at(&model, "0/99").unwrap_err().contains("in step 1 there is no action 99"));
    assert!(explorer::path_at(&model, "7").unwrap_err().contains("no initial state 7"));
    assert_eq!(invocation::explorer_command(&model.bounds, false), "model explore zab --breaks 1");
    assert_eq!(invocation::explorer_command(&model.bounds, true), "model explore zab --breaks 1 --liveness");
}

#[test]
fn paths_cover_every_kind_of_transition() {
    let servers = |kind| {
        let budget = Budget { transactions: 1, crashes: 1, elections: 2, ..Budget::default() };
        ZooKeeper::new(Bounds { servers: 2, budget, ..Bounds::default_of(kind) })
    };
    for kind in [Kind::Election, Kind::Zab, Kind::Ensemble] {
        let model = servers(kind);
        let cover = coverage::cover(&model, 1, 100_000).unwrap();
        assert!(cover.kinds.values().all(|paths| *paths > 0));
        assert_eq!(cover.walks.iter().map(|walk| walk.new).sum::<usize>(), cover.kinds.len());
        assert_eq!(coverage::cover(&model, 1, 100_000).unwrap(), cover, "the same seed gives the same paths");
        assert!(coverage::cover(&model, 1, cover.states - 1).is_err());
        for walk in &cover.walks {
            let initial = model.init_states().swap_remove(walk.initial);
            let story = Story::tell(&model, "a path", &initial, &walk.actions);
            ndjson::judge(&ndjson::write(&story)).unwrap_or_else(|error| panic!("{error}\n{}", story.text()));
        }
    }
}
