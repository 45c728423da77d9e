//! A schedule that fails, made as short as it can be.

use super::schedule::Schedule;

/// Leaves faults out, many at first and then one at a time, as long as what is left fails. At most so many runs are
/// made.
pub fn shrink(schedule: &Schedule, most: usize, mut fails: impl FnMut(&Schedule) -> bool) -> Schedule {
    let (mut shortest, mut left) = (schedule.clone(), most);
    let mut part = shortest.faults.len().div_ceil(2);
    while part > 0 {
        let (mut from, mut shorter) = (0, false);
        while from < shortest.faults.len() && left > 0 {
            let mut tried = shortest.clone();
            tried.faults.drain(from..(from + part).min(tried.faults.len()));
            left -= 1;
            if fails(&tried) {
                (shortest, shorter) = (tried, true);
            } else {
                from += part;
            }
        }
        if left == 0 {
            break;
        }
        part = match (part, shorter) {
            (1, false) => 0,
            (1, true) => 1,
            (part, _) => part / 2,
        };
    }
    shortest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_matter_is_left_out() {
        let schedule = Schedule::new(7, 3, 0, 20);
        let needed = [schedule.faults[3], schedule.faults[11]];
        let mut runs = 0;
        let shortest = shrink(&schedule, 1000, |tried| {
            runs += 1;
            needed.iter().all(|fault| tried.faults.contains(fault))
        });
        assert_eq!(shortest.faults, needed);
        assert!(runs < 60, "{runs}");
        let mut runs = 0;
        let same = shrink(&schedule, 3, |_| {
            runs += 1;
            false
        });
        assert_eq!((runs, same.faults.len()), (3, schedule.faults.len()), "no more runs than are allowed");
    }
}
