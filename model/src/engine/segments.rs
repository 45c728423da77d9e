//! A growing array that never moves what it holds.
//!
//! A doubling `Vec` of some gigabytes needs half as much again while it grows. This one grows by segments of 8192
//! entries, so the peak is the content.

const BITS: u32 = 13;
const SIZE: usize = 1 << BITS;

/// An append-only (or stack-like) array in fixed segments.
pub(super) struct Segments<T> {
    segments: Vec<Vec<T>>,
    length: usize,
}

impl<T: Copy> Segments<T> {
    pub(super) fn new() -> Self {
        Segments { segments: Vec::new(), length: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn push(&mut self, value: T) {
        if self.length & (SIZE - 1) == 0 {
            self.segments.push(Vec::with_capacity(SIZE));
        }
        let last = self.segments.len() - 1;
        self.segments[last].push(value);
        self.length += 1;
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let value = self.segments.last_mut()?.pop()?;
        self.length -= 1;
        if self.length & (SIZE - 1) == 0 {
            self.segments.pop();
        }
        Some(value)
    }

    pub(super) fn last(&self) -> Option<T> {
        self.segments.last()?.last().copied()
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut T> {
        self.segments.last_mut()?.last_mut()
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> T {
        self.segments[at >> BITS][at & (SIZE - 1)]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.segments.iter().flatten().copied()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> + '_ {
        self.segments.iter_mut().flatten()
    }

    pub(super) fn extend(&mut self, values: &[T]) {
        for &value in values {
            self.push(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_an_array_and_a_stack_across_segments() {
        let mut segments = Segments::new();
        let values: Vec<u32> = (0..3 * SIZE as u32 + 7).collect();
        segments.extend(&values);
        assert!(segments.iter().eq(values.iter().copied()));
        assert_eq!(segments.get(SIZE), SIZE as u32);
        for expected in values.iter().rev() {
            assert_eq!(segments.last(), Some(*expected));
            assert_eq!(segments.pop(), Some(*expected));
        }
        assert_eq!((segments.len(), segments.pop()), (0, None));
        segments.push(1);
        assert_eq!(segments.get(0), 1);
    }
}
