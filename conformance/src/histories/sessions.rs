//! What one session sees: never an older state than before, and what it wrote; and of all sessions together one
//! history of every key.

use super::{Answer, Broken, Entry, History, Operation, Questions, What};
use std::collections::BTreeMap;
use zab::Zxid;

/// Of every key, which transaction set it to which value, as far as anybody saw it, with where.
pub type Changes = BTreeMap<String, BTreeMap<Zxid, (u64, usize)>>;

/// Puts together what answers say of each key. Every value is written once; a client's own values grow, so later ones
/// come later.
///
/// # Errors
/// Two answers that cannot both be true.
pub fn changes(questions: &Questions) -> Result<Changes, Broken> {
    let mut changes = Changes::new();
    for question in &questions.all {
        let Some((entry, zxid, answer)) = &question.answer else { continue };
        let (key, value, mzxid) = match (&question.operation, answer) {
            (Operation::Set(key, value), Answer::Done) => (key, *value, *zxid),
            (Operation::Get(key, _), Answer::Value(value, mzxid)) => (key, *value, *mzxid),
            _ => continue,
        };
        let known = changes.entry(key.clone()).or_default().entry(mzxid).or_insert((value, *entry));
        if known.0 != value {
            let sentence = format!("{mzxid} set {key} to {value}, and to {} as entry {} says", known.0, known.1);
            return Err(Broken { promise: "one history", sentence, entry: *entry });
        }
    }
    for (key, changes) in &changes {
        ordered(key, changes)?;
    }
    Ok(changes)
}

/// The values of one client grow with the transactions, and none is set twice.
fn ordered(key: &str, changes: &BTreeMap<Zxid, (u64, usize)>) -> Result<(), Broken> {
    let mut last: BTreeMap<u64, (u64, Zxid)> = BTreeMap::new();
    for (zxid, (value, entry)) in changes {
        let writer = value / super::client::VALUES;
        if let Some((before, at)) = last.insert(writer, (*value, *zxid))
            && before >= *value
        {
            let sentence =
                format!("{key} is set to {before} by {at}, and to {value} by {zxid}, which was asked no later");
            return Err(Broken { promise: "order", sentence, entry: *entry });
        }
    }
    Ok(())
}

/// What a session has seen.
#[derive(Default)]
struct Seen {
    zxid: Zxid,
    /// The transaction that set each key when it was read, or written, last.
    keys: BTreeMap<String, Zxid>,
    written: Zxid,
}

/// Looks at every session.
///
/// # Errors
/// When one sees the state go back, or misses a write that belongs to the state that it is shown.
pub fn check(history: &History, questions: &Questions, changes: &Changes) -> Result<(), Broken> {
    let mut sessions: BTreeMap<usize, Seen> = BTreeMap::new();
    for (entry, Entry { client, what }) in history.entries.iter().enumerate() {
        let seen = sessions.entry(*client).or_default();
        match what {
            What::Over(_) => *seen = Seen::default(),
            What::Answered(_, zxid, answer) => {
                let broken = |promise, sentence| Broken { promise, sentence, entry };
                if *zxid < seen.zxid {
                    let sentence = format!("client {client} goes back from {} to {zxid}", seen.zxid);
                    return Err(broken("never back", sentence));
                }
                seen.zxid = *zxid;
                let operation = &questions.all[questions.at[&entry]].operation;
                seen.answered(*zxid, operation, answer)
                    .map_err(|sentence| broken("never back", format!("client {client}: {sentence}")))?;
                whole(*zxid, operation, answer, changes).map_err(|sentence| broken("one history", sentence))?;
            }
            _ => {}
        }
    }
    Ok(())
}

impl Seen {
    fn answered(&mut self, zxid: Zxid, operation: &Operation, answer: &Answer) -> Result<(), String> {
        match (operation, answer) {
            (Operation::Set(key, _), Answer::Done) => {
                let before = std::mem::replace(&mut self.written, zxid);
                if before >= zxid {
                    return Err(format!("its write is {zxid}, and the one before was {before}"));
                }
                self.keys.insert(key.clone(), zxid);
            }
            (Operation::Get(key, _), Answer::Value(value, mzxid)) => {
                let before = self.keys.insert(key.clone(), *mzxid).unwrap_or_default();
                if before > *mzxid {
                    return Err(format!("{key} is {value} of {mzxid}, and was of {before} before"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// A state is shown whole: up to its transaction nothing is missing, and nothing is from behind it.
fn whole(zxid: Zxid, operation: &Operation, answer: &Answer, changes: &Changes) -> Result<(), String> {
    let (Operation::Get(key, _), Answer::Value(value, mzxid)) = (operation, answer) else { return Ok(()) };
    if *mzxid > zxid {
        return Err(format!("{key} is {value} of {mzxid} in the state of {zxid}"));
    }
    let known = changes.get(key).into_iter().flat_map(|changes| changes.range(*mzxid..=zxid));
    match known.skip(1).last() {
        Some((missed, (newer, _))) => Err(format!(
            "{key} is {value} of {mzxid} in the state of {zxid}, to which {missed} belongs, which set {newer}"
        )),
        None => Ok(()),
    }
}
