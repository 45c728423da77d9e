//! No change is seen before the event that announces it.

use super::sessions::Changes;
use super::{Answer, Broken, Entry, History, Operation, Questions, What};
use std::collections::BTreeMap;
use zab::Zxid;

/// The watches of one client.
#[derive(Default)]
struct Watching {
    /// Of each key: the state in which the watch was set.
    since: BTreeMap<String, Zxid>,
    /// Whether the server that the client has knows of them.
    told: bool,
}

/// Looks at every watch; how many events there were.
///
/// # Errors
/// With the first change that a client sees without having been told.
pub fn check(history: &History, questions: &Questions, changes: &Changes) -> Result<usize, Broken> {
    let (mut clients, mut events): (BTreeMap<usize, Watching>, usize) = Default::default();
    for (entry, Entry { client, what }) in history.entries.iter().enumerate() {
        let watching = clients.entry(*client).or_default();
        match what {
            What::Changed(key) => {
                watching.since.remove(key);
                events += 1;
            }
            What::Over(_) => *watching = Watching::default(),
            What::Closed => watching.told = false,
            What::Opened(_) => watching.told = watching.since.is_empty(),
            What::Answered(_, zxid, answer) => {
                let operation = &questions.all[questions.at[&entry]].operation;
                watching.told |= matches!((operation, answer), (Operation::Watch(_), Answer::Done));
                if let Some((key, missed)) = watching.missed(*zxid, changes) {
                    let sentence = format!(
                        "client {client} sees the state of {zxid}, and was not told of {missed}, by \
                         which {key} changed that it watches"
                    );
                    return Err(Broken { promise: "watch", sentence, entry });
                }
                if let (Operation::Get(key, true), Answer::Value(..)) = (operation, answer) {
                    watching.since.entry(key.clone()).or_insert(*zxid);
                }
            }
            What::Asked(..) => {}
        }
    }
    Ok(events)
}

impl Watching {
    /// A change that belongs to this state and was not announced.
    fn missed(&self, zxid: Zxid, changes: &Changes) -> Option<(String, Zxid)> {
        if !self.told {
            return None;
        }
        self.since.iter().find_map(|(key, since)| {
            let later = changes.get(key)?.range(Zxid(since.0 + 1)..Zxid(zxid.0.max(since.0) + 1)).next();
            later.map(|(missed, _)| (key.clone(), *missed))
        })
    }
}
