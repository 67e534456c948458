//! What waits in the heap of a search.

use std::cmp::Ordering;

/// A key that is ordered in full.
pub(crate) trait Key {
    /// The order of two keys.
    fn order(&self, other: &Self) -> Ordering;
}
impl Key for f32 {
    fn order(&self, other: &Self) -> Ordering {
        self.total_cmp(other)
    }
}
impl Key for f64 {
    fn order(&self, other: &Self) -> Ordering {
        self.total_cmp(other)
    }
}
impl Key for (u8, f32) {
    fn order(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0).then(self.1.total_cmp(&other.1))
    }
}

/// An entry of a heap that gives the least key first; of equal keys the greatest number, so that the order is one
/// on every run.
pub(crate) struct Least<K>(pub(crate) K, pub(crate) u32);

impl<K: Key> Ord for Least<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.order(&self.0).then(self.1.cmp(&other.1))
    }
}
impl<K: Key> PartialOrd for Least<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K: Key> PartialEq for Least<K> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl<K: Key> Eq for Least<K> {}
