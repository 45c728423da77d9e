//! The Explorer, asked over plain TCP, and looked at in a browser where there is one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// An Explorer of the model `zab` at a free port.
struct Served {
    child: Child,
    address: String,
    /// Held open, because a process that cannot print ends.
    _stdout: BufReader<ChildStdout>,
}

impl Served {
    fn start(arguments: &[&str]) -> Served {
        // The page could be taken from ./ui/ of the current directory: a directory of its own has none.
        let mut child = Command::new(env!("CARGO_BIN_EXE_model"))
            .args(["explore", "zab", "--address", "127.0.0.1:0"])
            .args(arguments)
            .current_dir(std::env::temp_dir())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let url =
            stdout.by_ref().lines().find_map(|line| line.unwrap().strip_prefix("Open http://").map(str::to_owned));
        let address = url.unwrap().split('/').next().unwrap().to_owned();
        Served { child, address, _stdout: stdout }
    }

    /// The body of the answer.
    fn get(&self, path: &str) -> String {
        for _ in 0..200 {
            // It prints its address a moment before it listens.
            let Ok(mut stream) = TcpStream::connect(&self.address) else {
                std::thread::sleep(Duration::from_millis(50));
                continue;
            };
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            return body(&answer);
        }
        panic!("nobody listens at {}", self.address);
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn body(answer: &[u8]) -> String {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let mut rest = &answer[end + 4..];
    if !head.contains("transfer-encoding: chunked") {
        return String::from_utf8(rest.to_vec()).unwrap();
    }
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap().trim(), 16).unwrap();
        if length == 0 {
            break;
        }
        body.extend_from_slice(&rest[line + 2..line + 2 + length]);
        rest = &rest[line + 4 + length..];
    }
    String::from_utf8(body).unwrap()
}

#[test]
fn answers_with_labels_effects_and_diagrams() {
    let served = Served::start(&[]);
    let status: serde_json::Value = serde_json::from_str(&served.get("/.status")).unwrap();
    let names: Vec<&str> = status["properties"].as_array().unwrap().iter().filter_map(|p| p[1].as_str()).collect();
    assert!(names.contains(&"PrefixConsistency"), "{names:?}");
    assert!(!names.iter().any(|name| name.contains(": ")), "premises are listed only when asked for: {names:?}");

    let begin: serde_json::Value = serde_json::from_str(&served.get("/.states")).unwrap();
    assert_eq!(begin.as_array().unwrap().len(), 1);
    // Server 1 is elected, and server 2 connects to it.
    let first: serde_json::Value = serde_json::from_str(&served.get("/.states/0")).unwrap();
    let place = first.as_array().unwrap().iter().position(|view| view["action"] == "elect s1").unwrap();
    let second: serde_json::Value = serde_json::from_str(&served.get(&format!("/.states/0/{place}"))).unwrap();
    let next = second.as_array().unwrap().iter().position(|view| view["action"] == "elect s1 at s2").unwrap();
    let third: serde_json::Value = serde_json::from_str(&served.get(&format!("/.states/0/{place}/{next}"))).unwrap();
    let delivery = third.as_array().unwrap().iter().find(|view| view["action"] == "deliver s2 -> s1: FOLLOWERINFO e0");
    let delivery = delivery.unwrap_or_else(|| panic!("no such action in {third}"));
    let outcome = delivery["outcome"].as_str().unwrap();
    assert!(outcome.contains("s1: LEADING, discovery → epoch proposed; accepted e0 → e1"), "{outcome}");
    assert!(outcome.contains("on the way:\n"), "{outcome}");
    let svg = delivery["svg"].as_str().unwrap();
    for part in [">s1<", ">s3<", "3  deliver s2 -&gt; s1", ">FOLLOWERINFO e0<", ">PrefixConsistency holds<"] {
        assert!(svg.contains(part), "{part} is not in {svg}");
    }
}

#[test]
fn a_path_is_seen_in_a_browser() {
    let chosen = std::env::var("CHROMIUM").ok();
    let candidates = chosen.as_deref().into_iter().chain(["chromium", "chromium-browser"]);
    let runs = |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    let Some(browser) = candidates.into_iter().find(runs) else {
        eprintln!("skipped: neither chromium nor chromium-browser nor $CHROMIUM is there to look with");
        return;
    };
    let served = Served::start(&["--path", "0/0/0"]);
    served.get("/.status");
    let profile = std::env::temp_dir().join(format!("zabkeeper-browser-{}", std::process::id()));
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync", "--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("http://{}/#/steps/0/0/0", served.address))
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let page = String::from_utf8_lossy(&output.stdout);
    let _ = std::fs::remove_dir_all(&profile);
    assert!(output.status.success(), "the browser failed: {page}");
    for part in [
        ">s1</text>",
        ">s2</text>",
        ">s3</text>",
        ">1  elect s1</text>",
        ">PrefixConsistency holds</text>",
        ">LEADING, discovery</text>",
        "Next Action Choices",
    ] {
        assert!(page.contains(part), "{part} is not on the page:\n{page}");
    }
}

#[test]
fn what_cannot_be_served_is_told_in_a_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let cases = [
        (vec!["--address", &address], "in use already"),
        (vec!["--address", "here"], "cannot listen at `here`"),
        (vec!["--path", "0/zero"], "is not a path: it should look like 0/3/1"),
        (vec!["--path", "0/99"], "there is no action 99"),
    ];
    for (arguments, sentence) in cases {
        let output =
            Command::new(env!("CARGO_BIN_EXE_model")).args(["explore", "zab"]).args(&arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.starts_with("model explore: ") && said.contains(sentence), "{arguments:?}: {said}");
    }
}
