//! A table that stays on the screen, and is drawn again and again.

use crate::cli::Failure;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use std::io::{IsTerminal, Read, Write, stdin, stdout};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Ctrl-C and Ctrl-D, as bytes of a terminal that makes no signals of them.
const END: [u8; 4] = [b'q', b'Q', 3, 4];

/// Shows what `look` says, now and after each pause, until q, Ctrl-C, or nobody reads any more. On a terminal each one
/// takes the place of the one before; elsewhere they follow each other, a blank line between them with `apart`.
pub(super) fn watch(pause: Duration, apart: bool, mut look: impl FnMut() -> String) -> Result<(), Failure> {
    let on_terminal = stdout().is_terminal() && apart;
    let keys = if on_terminal && stdin().is_terminal() { Keys::begin() } else { None };
    loop {
        let text = look();
        let shown =
            if on_terminal { redraw(&text, keys.is_some(), pause) } else { text + if apart { "\n" } else { "" } };
        let mut out = stdout().lock();
        if out.write_all(shown.as_bytes()).and_then(|()| out.flush()).is_err() {
            // Whoever read this has left: as good an end as any.
            return Ok(());
        }
        drop(out);
        match &keys {
            Some(keys) if keys.end_within(pause) => return Ok(()),
            Some(_) => {}
            None => thread::sleep(pause),
        }
    }
}

/// From the upper left corner; what stood there before is wiped line by line, so that nothing flickers.
fn redraw(text: &str, with_keys: bool, pause: Duration) -> String {
    let mut screen = "\x1b[H".to_owned();
    for line in text.lines() {
        screen += line;
        screen += "\x1b[K\r\n";
    }
    let end = if with_keys { "q ends it" } else { "Ctrl-C ends it" };
    screen + &format!("\x1b[K\r\nevery {} s; {end}\x1b[K\x1b[J", pause.as_secs_f64())
}

/// A terminal that gives each key at once. Dropped, it is what it was.
struct Keys {
    before: Termios,
    pressed: Receiver<u8>,
}

impl Keys {
    fn begin() -> Option<Keys> {
        let before = tcgetattr(stdin()).ok()?;
        let mut raw = before.clone();
        raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(stdin(), OptionalActions::Now, &raw).ok()?;
        let (keys, pressed) = channel();
        let read = move || {
            for key in stdin().bytes().map_while(Result::ok) {
                if keys.send(key).is_err() {
                    return;
                }
            }
        };
        let _ = thread::Builder::new().name("keys".into()).spawn(read);
        // What stood on the screen goes up, out of the way.
        print!("\x1b[2J");
        Some(Keys { before, pressed })
    }

    fn end_within(&self, pause: Duration) -> bool {
        match self.pressed.recv_timeout(pause) {
            Ok(key) => END.contains(&key),
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
        println!();
    }
}
