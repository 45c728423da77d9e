//! `zabkeeper shell`, the program itself, against a server: single commands, scripts, and what Java's shell printed.

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use zabkeeper::{Server, ServerOptions};

/// The data of a znode that is read after each command: with it, the command's output has ended.
const MARK: &str = "~~~";

fn server() -> (Server, TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start(ServerOptions::new(directory.path().join("data"))).expect("it starts");
    (server, directory)
}

fn shell(server: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zabkeeper"));
    command.args(["shell", "-server", server]).args(arguments).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Pipes lines in.
fn script(server: &str, lines: &str) -> Output {
    let mut command = shell(server, &[]);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    child.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn said(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

/// Replaces what no two runs have in common.
fn normalise(line: &str) -> String {
    let Some((name, value)) = line.split_once(" = ") else { return without_build(line) };
    match name {
        "ctime" | "mtime" => format!("{name} = (a time)"),
        "ephemeralOwner" if value != "0x0" => format!("{name} = (a session)"),
        _ => line.to_owned(),
    }
}

fn without_build(line: &str) -> String {
    match line.split_once(", built on ") {
        Some((version, _)) => format!("{version}, built on (a day)"),
        // Built from an archive.
        None if line.contains("-zabkeeper-") => format!("{line}, built on (a day)"),
        None => line.to_owned(),
    }
}

/// Words that stand in double quotes are one.
fn words(line: &str) -> Vec<&str> {
    let parts = line.split('"').enumerate();
    parts.flat_map(|(at, part)| if at % 2 == 1 { vec![part] } else { part.split_whitespace().collect() }).collect()
}

#[test]
fn every_command_can_be_given_as_arguments() {
    let (server, _directory) = server();
    let address = server.address().to_string();
    let mut transcript = String::new();
    for line in include_str!("fixtures/shell.txt").lines().filter(|line| !line.starts_with('#')) {
        let output = shell(&address, &words(line)).output().expect("it runs");
        transcript.push_str(&format!("> {line}\n"));
        for (mark, said) in [("", said(&output.stdout)), ("! ", said(&output.stderr))] {
            said.lines().for_each(|line| transcript.push_str(&format!("{mark}{}\n", normalise(line))));
        }
        match output.status.code() {
            Some(0) => {}
            code => transcript.push_str(&format!("= {code:?}\n")),
        }
    }
    // Each closed its session but the one whose proof was refused: that ends the connection, and time the session.
    assert_eq!(server.shared().tree.read().sessions().count(), 1);
    server.stop().expect("it stops in good order");
    insta::assert_snapshot!(transcript);
}

/// What Java's shell printed for the same lines is the snapshot of the test `java_client`, which asks Java again
/// wherever there is one. That was 3.8.0, whose events have no transaction.
#[test]
fn a_script_prints_what_javas_shell_prints() {
    let (server, _directory) = server();
    let commands: Vec<&str> = include_str!("fixtures/java_client.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.trim_start_matches("~ "))
        .collect();
    let mut lines = format!("create /mark {MARK}\nget /mark\n");
    commands.iter().for_each(|line| lines.push_str(&format!("{line}\nget /mark\n")));
    // Errors and results in one stream, in their order.
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" shell -server \"$1\" 2>&1", env!("CARGO_BIN_EXE_zabkeeper")]);
    let command = command.arg(server.address().to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("a shell");
    let mut input = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it reads");
    let output = said(&output.stdout);

    let mark = format!("{MARK}\n");
    let mut parts = output.split(mark.as_str()).skip(1);
    let mut transcript = String::new();
    for command in commands {
        let said = parts.next().unwrap_or("(nothing: it has ended)").lines().filter(|line| !line.is_empty());
        let is_event = |line: &&str| *line == "WATCHER::" || line.starts_with("WatchedEvent ");
        let (events, mut said): (Vec<&str>, Vec<&str>) = said.partition(is_event);
        said.extend(events.iter().map(|line| line.split(" zxid: ").next().unwrap_or_default()));
        transcript.push_str(&format!("> {command}\n"));
        said.iter().for_each(|line| transcript.push_str(&format!("{}\n", normalise(line))));
    }
    let snapshot = include_str!("snapshots/java_client__apaches_command_line_client_is_served.snap");
    let javas = snapshot.splitn(3, "---\n").nth(2).expect("a head and a body");
    let without_version = |text: &str| {
        text.lines().filter(|line| !line.starts_with("ZooKeeper CLI version: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let (ours, javas) = (without_version(&transcript), without_version(javas));
    for (at, (ours, javas)) in ours.iter().zip(&javas).enumerate() {
        assert_eq!(ours, javas, "line {at}, of us and of Java, behind {:#?}", &without_version(&transcript)[..at]);
    }
    assert_eq!(ours.len(), javas.len());
    server.stop().expect("it stops in good order");
}

#[test]
fn a_script_goes_on_behind_an_error_and_ends_with_the_last_code() {
    let (server, _directory) = server();
    let address = server.address().to_string();
    let lines = "create /a 'two words'\n\n  \nget /missing\nget /a\ncreate \"/a/b c\" \"it's\"\nls /a\nget '/a/b c'\n";
    let output = script(&address, lines);
    assert_eq!(said(&output.stdout), "two words\n[b c]\nit's\n");
    assert_eq!(said(&output.stderr), "Created /a\nNode does not exist: /missing\nCreated /a/b c\n");
    assert_eq!(output.status.code(), Some(0));

    // Without an end of line, with carriage returns, and with an error last.
    let output = script(&address, "get /a\r\nget /missing");
    assert_eq!((said(&output.stdout).as_str(), output.status.code()), ("two words\n", Some(1)));
    assert_eq!(script(&address, "dance\n").status.code(), Some(127));
    let output = script(&address, "dance\nget /a\nquit\nget /a\n");
    assert_eq!((said(&output.stdout).as_str(), output.status.code()), ("two words\n", Some(0)));
    server.stop().expect("it stops in good order");
}

#[test]
fn a_script_has_a_history_and_can_change_its_session() {
    let (server, _directory) = server();
    let address = server.address().to_string();
    let lines = format!(
        "create -e /mine x\nhistory\nredo 0\nclose\nls /\nconnect {address}\nls /\nprintwatches\nprintwatches off\n\
         get -w /zookeeper/config\nprintwatches\n"
    );
    let output = script(&address, &lines);
    let expected = "0 - create -e /mine x\n1 - history\nNot connected\n[zookeeper]\nprintwatches is on\n\nprintwatches \
                    is off\n";
    assert_eq!(said(&output.stdout), expected);
    assert_eq!(said(&output.stderr), "Created /mine\nNode already exists: /mine\n");
    server.stop().expect("it stops in good order");
}

/// As `ZKUtil.visitSubTreeDFS`: all children, and then what is below each.
#[test]
fn a_tree_is_listed_in_javas_order() {
    let (server, _directory) = server();
    let paths = ["/t", "/t/b", "/t/a", "/t/b/y", "/t/a/x", "/t/a/w", "/t/a/w/v"];
    let mut lines: String = paths.iter().map(|path| format!("create {path}\n")).collect();
    lines.push_str("ls -R /t\ndeleteall -b 2 /t\nls /\n");
    let output = said(&script(&server.address().to_string(), &lines).stdout);
    assert_eq!(output, "/t\n/t/a\n/t/b\n/t/a/w\n/t/a/x\n/t/a/w/v\n/t/b/y\n[zookeeper]\n");
    server.stop().expect("it stops in good order");
}

#[test]
fn an_event_is_printed_once_however_many_watches_it_fires() {
    let (server, _directory) = server();
    let lines = "create /a x\nget -w /a\nls -w /a\nstat -w /a\naddWatch /a\ndelete /a\nget /zookeeper/config\n";
    let output = said(&script(&server.address().to_string(), lines).stdout);
    let events: Vec<&str> = output.lines().filter(|line| line.starts_with("WatchedEvent")).collect();
    assert_eq!(events.len(), 1, "{output}");
    assert!(events[0].starts_with("WatchedEvent state:SyncConnected type:NodeDeleted path:/a zxid: "), "{output}");
    server.stop().expect("it stops in good order");
}

/// As `CreateCommand`, which sends null, and as a server of Java's stores it.
#[test]
fn a_znode_that_is_created_without_data_has_none() {
    let (mut server, directory) = server();
    let output = script(&server.address().to_string(), "create /none\ncreate /empty ''\nget /none\nget /empty\n");
    assert_eq!(said(&output.stdout), "null\n\n");
    let data = |server: &Server, path: &str| {
        let tree = server.shared().tree.read();
        tree.node(path).expect("created").data().map(<[u8]>::to_vec)
    };
    // From the log, and from a snapshot.
    for _ in 0..2 {
        assert_eq!((data(&server, "/none"), data(&server, "/empty")), (None, Some(vec![])));
        server.source().take_snapshot().expect("taken");
        server.stop().expect("it stops in good order");
        server = Server::start(ServerOptions::new(directory.path().join("data"))).expect("it starts again");
    }
    assert_eq!((data(&server, "/none"), data(&server, "/empty")), (None, Some(vec![])));
    server.stop().expect("it stops in good order");
}

/// A person at a terminal, who types everything before the shell has even begun. What it says.
fn type_ahead(server: &str, keys: &str) -> (String, Option<i32>) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&terminal).and_then(|()| unlockpt(&terminal)).expect("it can be used");
    let name = ptsname(&terminal, Vec::new()).expect("it has a name");
    let end = || -> Stdio {
        rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its other end").into()
    };
    let mut command = shell(server, &[]);
    command.env("TERM", "xterm").stdin(end()).stdout(end()).stderr(end());
    let mut person = File::from(terminal);
    person.write_all(keys.as_bytes()).expect("typed");
    let mut child = command.spawn().expect("it starts");
    drop(command);
    let reader = std::thread::spawn(move || {
        let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
        // It fails when nobody holds the other end any more.
        while let Ok(count @ 1..) = person.read(&mut buffer) {
            seen.extend_from_slice(&buffer[..count]);
        }
        seen
    });
    let begin = Instant::now();
    while child.try_wait().expect("a child").is_none() && begin.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let code = child.try_wait().expect("a child").and_then(|status| status.code());
    let _ = child.kill();
    let _ = child.wait();
    (said(&reader.join().expect("no panic")), code)
}

#[test]
fn lines_typed_ahead_are_done() {
    let (server, _directory) = server();
    let keys = "create /typed ahead\nget /typed\nget /missing\nget /typed\nquit\n";
    let (seen, code) = type_ahead(&server.address().to_string(), keys);
    let answers = seen.lines().filter(|line| line.trim() == "ahead").count();
    assert_eq!((answers, code), (2, Some(0)), "{seen}");
    assert!(seen.contains("Node does not exist: /missing"), "{seen}");
    server.stop().expect("it stops in good order");
}

#[test]
fn without_a_server_it_says_so_soon() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let begin = Instant::now();
    for arguments in [&["-timeout", "500", "ls", "/"][..], &["-timeout", "500"], &["ls", "/"]] {
        let output = shell(&free.to_string(), arguments).output().expect("it runs");
        let sentence = said(&output.stderr);
        assert!(sentence.starts_with(&format!("Cannot connect to {free}: no server opened a session within ")));
        assert!(sentence.to_lowercase().contains("refused"), "{sentence}");
        assert_eq!((output.stdout.len(), output.status.code()), (0, Some(1)));
    }
    assert!(begin.elapsed() < Duration::from_secs(60));
    // What needs no server waits for none.
    let output = shell("no.such.host.invalid:1", &["get"]).output().expect("it runs");
    assert!(said(&output.stderr).starts_with("get [-s] [-w] [-b] [-x] path\n"));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn wrong_arguments_are_named() {
    for (arguments, sentence) in [
        (&["-server"][..], "Error: no argument found for option -server\n"),
        (&["-timeout", "soon"], "Error: -timeout takes milliseconds, not soon\n"),
        (&["-secure", "ls", "/"], "Error: there is no option -secure\n"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zabkeeper"));
        let output = command.arg("shell").args(arguments).stdin(Stdio::null()).output().expect("it runs");
        assert!(said(&output.stderr).starts_with(sentence), "{}", said(&output.stderr));
        assert_eq!(output.status.code(), Some(2));
    }
    for help in ["-h", "-help", "--help"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zabkeeper"));
        let output = command.args(["shell", help]).stdin(Stdio::null()).output().expect("it runs");
        assert!(said(&output.stdout).starts_with("zabkeeper shell [-server host:port]"));
        assert_eq!(output.status.code(), Some(0), "{help}");
    }
}
