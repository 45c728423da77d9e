//! What keeps a server out of an ensemble: one sentence, one exit code.

use crate::running::{program, refused, text};
use std::net::TcpListener;
use std::path::Path;

const LIST: &str = "server.1=127.0.0.1:1:2\nserver.2=127.0.0.1:3:4\nserver.3=127.0.0.1:5:6\n";

fn configure(here: &Path, my_id: Option<&str>, lines: &str) {
    let data = here.join("data");
    let _ = std::fs::remove_dir_all(&data);
    std::fs::create_dir(&data).expect("made");
    if let Some(id) = my_id {
        std::fs::write(data.join("myid"), id).expect("written");
    }
    let own = format!("dataDir={}\ninitLimit=10\nsyncLimit=5\nadmin.enableServer=false\n", data.display());
    std::fs::write(here.join("zoo.cfg"), own + lines).expect("written");
}

#[test]
fn a_list_of_servers_that_cannot_be_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path();
    let with = |more: &str| format!("clientPort=0\n{LIST}{more}");
    for (my_id, lines, expected) in [
        (
            Some("1"),
            with("server.2=127.0.0.1:7:8\n"),
            "zoo.cfg, line 9: server.2 is listed a second time, after zoo.cfg, line 7",
        ),
        (Some("1"), with("server.02=127.0.0.1:7:8\n"), "server 2 is listed a second time"),
        (Some("1"), with("server.4=127.0.0.1:7:4\n"), "zoo.cfg: server.2 and server.4 are both at 127.0.0.1:4"),
        (
            Some("1"),
            with("server.4=127.0.0.1.7:4\n"),
            "server.4=127.0.0.1.7:4: a server is host:port:port or host:port:port:role, \
             several of them with | between, and may end in ;port or ;host:port for clients; \
             the role is participant or observer",
        ),
        (None, with(""), "data/myid: is missing; it must hold the N of this server's server.N line"),
        (Some("7"), with(""), "data/myid: holds 7, but there is no server.7"),
        (Some("one"), with(""), "data/myid: holds \"one\" instead of a number from 0 to 255"),
        (
            Some("1"),
            with("reconfigEnabled=true\n"),
            "zoo.cfg, line 9: reconfigEnabled=true is refused: the other servers would rewrite their \
             lists of servers, and this one would not follow",
        ),
    ] {
        configure(here, my_id, &lines);
        let (sentence, code) = refused(here, &["start-foreground", "zoo.cfg"]);
        assert!(sentence.ends_with(expected), "{sentence}");
        assert_eq!((sentence.lines().count(), code), (1, Some(2)), "{sentence}");
    }
}

#[test]
fn a_port_in_use_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path();
    for (taken, name, code) in [(0, "client", 1), (1, "quorum", 14), (2, "election", 14)] {
        let mut held: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
        let ports: Vec<u16> = held.iter().map(port).collect();
        let _taken = held.remove(taken);
        drop(held);
        let own = format!("clientPort={}\nclientPortAddress=127.0.0.1\n", ports[0]);
        let others = "server.2=127.0.0.1:1:2\nserver.3=127.0.0.1:3:4\n";
        configure(here, Some("1"), &format!("{own}server.1=127.0.0.1:{}:{}\n{others}", ports[1], ports[2]));
        let output = program(here, &["start-foreground", "zoo.cfg", "--log", "error"]).output().expect("run");
        let expected = format!("the {name} port: cannot listen at 127.0.0.1:{}: Address already in use", ports[taken]);
        let sentence = text(&output.stderr);
        assert!(sentence.starts_with(&expected) && sentence.lines().count() == 1, "{sentence}");
        assert_eq!(output.status.code(), Some(code), "{sentence}");
    }
}
