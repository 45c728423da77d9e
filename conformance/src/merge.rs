//! One order of all lines: each server's own, and each receipt after its sending.

use crate::links::{Cause, Causes};
use std::collections::BTreeMap;
use zab::ServerId;

/// A line: whose, and which, from 0.
pub type At = (ServerId, usize);

/// Hands every line to `take`, with whether its cause was lost. Such a line comes as late as it can: what really
/// happened before it is then before it. Where several wait, that of the least `rank` is first.
///
/// # Errors
/// That of `take`, or `stuck` with a line that waits for one that never comes.
pub fn merge<E, R: Ord>(
    lengths: &BTreeMap<ServerId, usize>,
    causes: &Causes,
    rank: impl Fn(At) -> R,
    mut take: impl FnMut(At, bool) -> Result<(), E>,
    stuck: impl FnOnce(At) -> E,
) -> Result<(), E> {
    let mut next: BTreeMap<ServerId, usize> = lengths.keys().map(|id| (*id, 0)).collect();
    loop {
        let (mut moved, mut waits, mut late) = (false, None, Vec::new());
        for (id, length) in lengths {
            let line = next[id];
            if line == *length {
                continue;
            }
            let is_to_come = |(other, line): &At| next.get(other).is_some_and(|next| next <= line);
            if causes.also.get(&(*id, line)).is_some_and(|before| before.iter().any(is_to_come)) {
                waits = Some((*id, line));
                continue;
            }
            match causes.before[id][line] {
                Cause::Line(other, sending) if is_to_come(&(other, sending)) => waits = Some((*id, line)),
                Cause::Lost => late.push((Late::Lost, (*id, line))),
                Cause::Perhaps(other, sending) if is_to_come(&(other, sending)) => {
                    late.push((Late::PerhapsLost, (*id, line)));
                }
                _ if causes.anew.contains(&(*id, line)) => late.push((Late::Anew, (*id, line))),
                Cause::Line(..) | Cause::Perhaps(..) | Cause::None => {
                    take((*id, line), false)?;
                    next.insert(*id, line + 1);
                    moved = true;
                }
            }
        }
        if moved {
            continue;
        }
        match (late.into_iter().min_by_key(|(late, at)| (*late, rank(*at))), waits) {
            (Some((late, (id, line))), _) => {
                take((id, line), late != Late::Anew)?;
                next.insert(id, line + 1);
            }
            (None, Some(at)) => return Err(stuck(at)),
            (None, None) => return Ok(()),
        }
    }
}

/// Lines that come as late as they can, the first of these first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Late {
    /// What came before is lost.
    Lost,
    /// A run whose predecessor was cut begins: others had heard from that one.
    Anew,
    /// What came before may be lost.
    PerhapsLost,
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ServerId = ServerId(1);
    const B: ServerId = ServerId(2);

    fn order(before: [(ServerId, Vec<Cause>); 2]) -> Result<Vec<At>, At> {
        let lengths = before.iter().map(|(id, lines)| (*id, lines.len())).collect();
        let causes = Causes { before: before.into(), ..Causes::default() };
        let mut order = Vec::new();
        let take = |at, _| {
            order.push(at);
            Ok(())
        };
        merge(&lengths, &causes, |(id, _)| id != B, take, |at| at).map(|()| order)
    }

    #[test]
    fn a_receipt_stands_after_its_sending() {
        let merged = order([(A, vec![Cause::Line(B, 1), Cause::None]), (B, vec![Cause::None, Cause::None])]);
        assert_eq!(merged, Ok(vec![(B, 0), (B, 1), (A, 0), (A, 1)]));
    }

    #[test]
    fn what_came_from_a_lost_line_stands_after_all_that_needs_it_not() {
        let merged = order([(A, vec![Cause::Lost]), (B, vec![Cause::None, Cause::None])]);
        assert_eq!(merged, Ok(vec![(B, 0), (B, 1), (A, 0)]));
    }

    #[test]
    fn of_several_whose_causes_were_lost_the_least_is_first() {
        let merged = order([(A, vec![Cause::Lost, Cause::None]), (B, vec![Cause::Lost, Cause::Lost])]);
        assert_eq!(merged, Ok(vec![(B, 0), (B, 1), (A, 0), (A, 1)]));
    }

    #[test]
    fn lines_that_wait_for_each_other_are_refused() {
        assert_eq!(order([(A, vec![Cause::Line(B, 0)]), (B, vec![Cause::Line(A, 0)])]), Err((B, 0)));
    }
}
