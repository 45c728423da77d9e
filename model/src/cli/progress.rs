//! The progress bar of a run, and Ctrl-C; SIGTERM and SIGHUP do the same.

use crate::engine::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// Runs `work` with a line on the terminal that says how far it is; nothing is drawn where nobody looks.
pub fn watched<R>(name: &str, progress: &Arc<Progress>, work: impl FnOnce(&Progress) -> R) -> R {
    stop_on_interrupt(progress);
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {msg}").expect("the template is right"));
    bar.enable_steady_tick(Duration::from_millis(200));
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| draw(name, progress, &bar, &done));
        // A panic must end the drawing as well, or the scope waits for it for ever.
        let finished = Finished(&done);
        let result = work(progress);
        drop(finished);
        result
    })
}

struct Finished<'a>(&'a std::sync::atomic::AtomicBool);

impl Drop for Finished<'_> {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

fn draw(name: &str, progress: &Progress, bar: &ProgressBar, done: &std::sync::atomic::AtomicBool) {
    let start = Instant::now();
    while !done.load(std::sync::atomic::Ordering::Relaxed) {
        let rate = progress.distinct() as f64 / start.elapsed().as_secs_f64().max(1e-3);
        bar.set_message(format!(
            "{name}: {} states, {rate:.0}/s, depth {}, queue {}",
            progress.distinct(),
            progress.depth(),
            progress.queue()
        ));
        std::thread::sleep(Duration::from_millis(50));
    }
    bar.finish_and_clear();
}

/// The run that a signal stops: the latest one.
static CURRENT: OnceLock<Mutex<Arc<Progress>>> = OnceLock::new();

fn stop_on_interrupt(progress: &Arc<Progress>) {
    let mut first = false;
    let current = CURRENT.get_or_init(|| {
        first = true;
        Mutex::new(progress.clone())
    });
    *current.lock().expect("nobody panics with it") = progress.clone();
    if first {
        let stop = || CURRENT.get().expect("set above").lock().expect("nobody panics with it").request_stop();
        // Without a handler a signal ends the process, which is what it does by default: nothing to say.
        let _ = ctrlc::set_handler(stop);
    }
}

/// Whether the run was stopped by hand, so that the rest need not start.
#[must_use]
pub fn interrupted() -> bool {
    CURRENT.get().is_some_and(|current| current.lock().expect("nobody panics with it").stop_requested())
}
