//! The command line, with the program itself and with servers that are only processes.

#[path = "harness/mod.rs"]
mod harness;

use harness::eventually;
use harness::process::{Process, free_port as port_below};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;
use tempfile::TempDir;
use zabkeeper::cli::{Environment, Exit, PID_FILE, ask, locate, start, stop};
use zabkeeper::config::{Config, HostPort, Overrides};

const PATIENCE: Duration = Duration::from_secs(20);

/// A directory with a `zoo.cfg` whose data is in `data` and whose clients connect to `port`.
fn configured(port: u16) -> (TempDir, Config) {
    let dir = tempfile::tempdir().expect("a directory");
    let text = format!("dataDir={}/data\nclientPort={port}\nclientPortAddress=127.0.0.1\n", dir.path().display());
    std::fs::write(dir.path().join("zoo.cfg"), text).expect("written");
    let config = Config::from_file(dir.path().join("zoo.cfg"), &Overrides::default()).expect("right");
    (dir, config)
}

/// The program, with none of the variables that count.
fn program(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zabkeeper"));
    for name in ["ZOOCFGDIR", "ZOOCFG", "ZOOPIDFILE", "ZOO_LOG_DIR", "SERVER_JVMFLAGS", "JVMFLAGS", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(dir).output().expect("run")
}

fn said(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

/// Answers one question with this text; tells what it was asked.
fn answering(answer: &'static str) -> (u16, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    (port, std::thread::spawn(move || answer_once(&listener, answer)))
}

fn answer_once(listener: &TcpListener, answer: &str) -> String {
    let (mut stream, _) = listener.accept().expect("a question");
    let mut word = [0; 4];
    stream.read_exact(&mut word).expect("four letters");
    stream.write_all(answer.as_bytes()).expect("answered");
    said(&word)
}

/// A port on which nobody listens.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

#[test]
fn version_and_usage() {
    let (dir, _) = configured(1);
    let output = program(dir.path(), &["-Xmx1g", "version", "-Dx=y"]);
    assert_eq!(said(&output.stdout), format!("zabkeeper {}, as ZooKeeper 3.9.5\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(output.status.code(), Some(0));
    let output = program(dir.path(), &["--help"]);
    assert!(said(&output.stdout).contains("start-foreground"));
    assert_eq!(output.status.code(), Some(0));
    for wrong in [&["begin"][..], &[], &["start", "a", "b"], &["status", "--wrong"]] {
        let output = program(dir.path(), wrong);
        assert!(!output.stderr.is_empty());
        assert_eq!(output.status.code(), Some(Exit::InvalidInvocation as i32), "{wrong:?}");
    }
}

#[test]
fn a_wrong_configuration_is_one_sentence_and_exit_code_2() {
    let (dir, _) = configured(1);
    for arguments in [
        &["start-foreground", "zoo.cfg", "-Dzookeeper.tickTime=x"][..],
        &["-DtickTime=x", "start", "zoo.cfg"],
        &["status", "--config", ".", "-DtickTime=x"],
    ] {
        let output = program(dir.path(), arguments);
        let sentence = said(&output.stderr);
        assert!(sentence.ends_with("tickTime=x: it takes a number from 1 to 2147483647\n"), "{sentence}");
        assert_eq!(sentence.lines().count(), 1, "{sentence}");
        assert_eq!(output.status.code(), Some(2));
    }
    let output = program(dir.path(), &["start-foreground", "none.cfg"]);
    assert!(said(&output.stderr).starts_with("none.cfg: cannot be read: "), "{}", said(&output.stderr));
    let output = program(dir.path(), &["start-foreground", "zoo.cfg", "--log", "a=b=c"]);
    assert!(said(&output.stderr).starts_with("a=b=c is no filter for the log: "), "{}", said(&output.stderr));
    assert_eq!(output.status.code(), Some(2));
    for command in ["start-foreground", "start", "status", "version"] {
        let output = program(dir.path(), &[command, "--log", "info,bogus"]);
        let sentence = said(&output.stderr);
        assert!(sentence.starts_with("info,bogus is no filter for the log: \"bogus\" is no level ("), "{sentence}");
        assert_eq!((sentence.lines().count(), output.status.code()), (1, Some(2)), "{command}");
    }
    for good in ["info", "WARN", "off", "zabkeeper::disk=debug, info", "zabkeeper=trace"] {
        assert_eq!(program(dir.path(), &["version", "--log", good]).status.code(), Some(0), "{good}");
    }
}

#[test]
fn the_date_of_the_version_is_a_day_or_none() {
    let full = zabkeeper::version::full();
    let beginning = format!("3.9.5-zabkeeper-{}", env!("CARGO_PKG_VERSION"));
    let rest = full.strip_prefix(&beginning).unwrap_or_else(|| panic!("{full}"));
    assert!(!rest.contains("unknown") && (rest.is_empty() || rest.starts_with(", built on 2")), "{full}");
}

/// At the level that holds when nothing is said.
#[test]
fn a_name_of_a_server_that_has_no_address_is_told_of_once() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(directory.path().join("data")).expect("made");
    std::fs::write(directory.path().join("data/myid"), "1").expect("written");
    let own = format!("server.1=127.0.0.1:{}:{}", port_below(), port_below());
    // No name server is asked about such a name.
    let keys = ["initLimit=5", "syncLimit=5", &own, "server.2=no..such..host:1:2", "server.3=127.0.0.1:1:2"];
    let process = Process::spawn(directory.path(), port_below(), &keys);
    let log = || std::fs::read_to_string(directory.path().join("log.txt")).unwrap_or_default();
    let sentence = "the name no..such..host cannot be resolved: ";
    eventually("the name is told of", || log().contains(sentence));
    std::thread::sleep(Duration::from_millis(500));
    process.kill();
    assert_eq!(log().matches(sentence).count(), 1, "{}", log());
}

#[test]
fn status_prints_the_mode() {
    let (port, asked) = answering("Zookeeper version: x\nMode: follower\nNode count: 5\n");
    let (dir, _) = configured(port);
    let output = program(dir.path(), &["status", "zoo.cfg"]);
    let found = format!("Client port found: {port}. Client address: 127.0.0.1. Client SSL: false.\n");
    assert_eq!(said(&output.stdout), found + "Mode: follower\n");
    assert_eq!((output.status.code(), asked.join().expect("asked").as_str()), (Some(0), "srvr"));

    let (port, asked) = answering("This ZooKeeper instance is not currently serving requests\n");
    let (dir, _) = configured(port);
    let output = program(dir.path(), &["status", "zoo.cfg"]);
    asked.join().expect("asked");
    assert!(said(&output.stderr).contains("Error contacting service. It is probably not running."));
    assert_eq!(output.status.code(), Some(1));

    let (dir, _) = configured(free_port());
    assert_eq!(program(dir.path(), &["status", "zoo.cfg"]).status.code(), Some(1));
}

#[test]
fn a_server_is_started_found_again_and_stopped() {
    let (dir, config) = configured(free_port());
    let environment = Environment::default();
    assert_eq!(stop(&config, &environment, PATIENCE), Ok(None));
    let mut sleep = Command::new("sleep");
    sleep.arg("600");
    let started = start(&config, &environment, sleep, Duration::from_millis(200)).expect("started");
    let pid_file = config.data_dir.join(PID_FILE);
    assert_eq!(std::fs::read_to_string(&pid_file).expect("a pid file"), started.pid.to_string());
    let again = start(&config, &environment, Command::new("sleep"), PATIENCE).expect_err("running");
    assert_eq!(again.sentence, format!("already running as process {}", started.pid));
    // By the program, as a person does.
    let output = program(dir.path(), &["stop", "zoo.cfg"]);
    assert_eq!((said(&output.stdout).as_str(), output.status.code()), ("Stopping zabkeeper ... STOPPED\n", Some(0)));
    assert!(!pid_file.exists());
    let output = program(dir.path(), &["stop", "zoo.cfg"]);
    assert!(said(&output.stdout).contains("no zookeeper to stop (could not find file "));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_server_that_answers_has_started_at_once() {
    let port = free_port();
    let (_dir, config) = configured(port);
    let listener = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        answer_once(&TcpListener::bind(("127.0.0.1", port)).expect("bound"), "Mode: standalone\n")
    });
    let mut sleep = Command::new("sleep");
    sleep.arg("600");
    let begin = std::time::Instant::now();
    start(&config, &Environment::default(), sleep, PATIENCE).expect("started");
    assert!(begin.elapsed() < PATIENCE);
    listener.join().expect("asked");
    assert!(matches!(stop(&config, &Environment::default(), PATIENCE), Ok(Some(_))));
}

#[test]
fn what_a_server_says_that_cannot_start_is_shown() {
    let (_dir, config) = configured(free_port());
    let mut fails = Command::new("sh");
    fails.args(["-c", "echo why it fails; exit 3"]);
    let failure = start(&config, &Environment::default(), fails, PATIENCE).expect_err("fails");
    assert!(failure.sentence.starts_with("FAILED TO START (exit status: 3; see "), "{failure}");
    assert!(failure.sentence.ends_with("\nwhy it fails"), "{failure}");
    assert!(!config.data_dir.join(PID_FILE).exists());
    let missing = start(&config, &Environment::default(), Command::new("./no such program"), PATIENCE);
    assert!(missing.expect_err("fails").sentence.starts_with("FAILED TO START: "));
}

#[test]
fn nothing_is_killed_by_guess() {
    let (_dir, config) = configured(free_port());
    std::fs::create_dir(&config.data_dir).expect("made");
    for text in ["", "x", "0", "1", "-5", "99999999999"] {
        std::fs::write(config.data_dir.join(PID_FILE), text).expect("written");
        let failure = stop(&config, &Environment::default(), PATIENCE).expect_err("no process");
        assert!(failure.sentence.contains("holds no process"), "{failure}");
    }
}

#[test]
fn a_server_that_does_not_leave_is_reported() {
    let (_dir, config) = configured(free_port());
    let mut stubborn = Command::new("sh");
    // It says when it has begun to listen to nobody.
    stubborn.args(["-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"]);
    let started = start(&config, &Environment::default(), stubborn, Duration::from_millis(500)).expect("started");
    let failure = stop(&config, &Environment::default(), Duration::from_millis(300)).expect_err("stays");
    assert_eq!(failure.sentence, format!("process {} has not stopped within 0 s", started.pid));
    let pid = rustix::process::Pid::from_raw(started.pid).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("killed");
    assert_eq!(stop(&config, &Environment::default(), PATIENCE), Ok(Some(started.pid)));
}

#[test]
fn the_configuration_is_where_zk_server_sh_finds_it() {
    let none = Environment::default();
    let with_dir = Environment { config_dir: Some("/etc/zk".into()), ..Environment::default() };
    let with_both = Environment { config_file: Some("other.cfg".into()), ..with_dir.clone() };
    let found = |file: Option<&str>, dir: Option<&str>, environment: &Environment| {
        let found = locate(file.map(Path::new), dir.map(Path::new), environment);
        found.map(|path| path.display().to_string())
    };
    for (file, dir, environment, expected) in [
        (None, None, &none, None),
        (Some("zoo.cfg"), None, &none, Some("zoo.cfg")),
        (Some("zoo.cfg"), None, &with_dir, Some("/etc/zk/zoo.cfg")),
        (Some("./zoo.cfg"), None, &with_dir, Some("./zoo.cfg")),
        (Some("/x/zoo.cfg"), Some("/y"), &with_dir, Some("/x/zoo.cfg")),
        (Some("zoo.cfg"), Some("/y"), &with_dir, Some("/y/zoo.cfg")),
        (None, None, &with_dir, Some("/etc/zk/zoo.cfg")),
        (None, Some("/y"), &none, Some("/y/zoo.cfg")),
        (None, None, &with_both, Some("/etc/zk/other.cfg")),
    ] {
        assert_eq!(found(file, dir, environment).as_deref(), expected);
    }
}

#[test]
fn a_question_to_nobody_is_an_error() {
    let nobody = HostPort::new("127.0.0.1", free_port());
    assert!(ask(&nobody, "ruok", Duration::from_secs(1)).is_err());
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = HostPort::new("127.0.0.1", silent.local_addr().expect("bound").port());
    assert!(ask(&silent, "ruok", Duration::from_millis(100)).is_err());
}
