//! Apache's own command line client, in Java, finds in our server what it finds in Apache's.
//!
//! It needs Java and Debian's `libzookeeper-java`; without them the test says what it has skipped.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use zabkeeper::{Server, ServerOptions};

const JARS: &[&str] = &["zookeeper.jar", "slf4j-log4j12.jar", "log4j-1.2.jar"];

/// The data of a znode that is read after each command: with it, the command's output has ended.
const MARK: &str = "~~~";

/// Where Debian keeps jars.
fn jars() -> Result<Vec<PathBuf>, String> {
    let jars: Vec<PathBuf> = JARS.iter().map(|name| Path::new("/usr/share/java").join(name)).collect();
    if let Some(missing) = jars.iter().find(|jar| !jar.exists()) {
        return Err(format!("there is no {}", missing.display()));
    }
    let java = Command::new("java").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match java {
        Ok(status) if status.success() => Ok(jars),
        _ => Err("there is no Java".into()),
    }
}

/// The client, at work.
struct Java {
    child: Child,
    commands: ChildStdin,
    lines: Receiver<String>,
}

impl Java {
    fn start(jars: &[PathBuf], directory: &Path, server: &str) -> Java {
        // Its log is not what a person sees.
        std::fs::write(directory.join("log4j.properties"), "log4j.rootLogger=OFF\n").expect("written");
        let paths = std::iter::once(directory).chain(jars.iter().map(PathBuf::as_path));
        let class_path = std::env::join_paths(paths).expect("paths without colons");
        // Errors and results in one stream, in their order.
        let mut command = Command::new("sh");
        command.args(["-c", "exec java -XX:TieredStopAtLevel=1 -cp \"$0\" \"$@\" 2>&1"]).arg(class_path);
        command.args(["org.apache.zookeeper.ZooKeeperMain", "-server", server]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
        let commands = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Java { child, commands, lines }
    }

    fn say(&mut self, command: &str) {
        writeln!(self.commands, "{command}").expect("it listens");
    }

    /// The lines up to and without the mark.
    fn until_mark(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(30));
            match line.unwrap_or_else(|_| panic!("the client stops behind {lines:#?}")) {
                line if line == MARK => return lines,
                line => lines.push(line),
            }
        }
    }

    fn ask(&mut self, command: &str, wait: bool) -> Vec<String> {
        self.say(command);
        if wait {
            // Another of its threads prints events.
            std::thread::sleep(Duration::from_millis(200));
        }
        self.say("get /mark");
        let (events, mut lines): (Vec<String>, _) = self.until_mark().into_iter().partition(|line| is_event(line));
        // It depends on the machine whether they are printed before the results.
        lines.extend(events);
        lines
    }

    fn quit(mut self) -> bool {
        self.say("quit");
        self.child.wait().expect("it ends").success()
    }
}

fn is_event(line: &str) -> bool {
    line == "WATCHER::" || line.starts_with("WatchedEvent ")
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

#[test]
fn apaches_command_line_client_is_served() {
    let jars = match jars() {
        Ok(jars) => jars,
        Err(why) => return println!("SKIPPED: Apache's command line client was not tried: {why}"),
    };
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start(ServerOptions::new(directory.path().join("data"))).expect("it starts");
    let mut java = Java::start(&jars, directory.path(), &server.address().to_string());
    java.say(&format!("create /mark {MARK}"));
    java.ask("", false);

    let mut transcript = String::new();
    let script = include_str!("fixtures/java_client.txt");
    for line in script.lines().filter(|line| !line.starts_with('#')) {
        let command = line.trim_start_matches("~ ");
        transcript.push_str(&format!("> {command}\n"));
        for said in java.ask(command, line.starts_with('~')).iter().filter(|line| !line.is_empty()) {
            transcript.push_str(&format!("{}\n", normalise(said)));
        }
    }
    assert!(java.quit(), "it ends as after any other server");
    // Its session was closed, so its ephemerals are gone.
    assert_eq!(server.shared().tree.read().sessions().count(), 0);
    server.stop().expect("it stops in good order");
    insta::assert_snapshot!(transcript);
}
