//! The list of events to come, in a total order: by time, priority, and the order in which they were scheduled.
//!
//! The list is a ladder queue (Tang, Goh and Thng, *Ladder queue: an O(1) priority queue structure for large-scale
//! discrete event simulation*, ACM TOMACS 15(3), 2005): what is far off lies unsorted, is spread over buckets once it comes
//! nearer, and is sorted only a few at a time. Buckets are at most 1,024 a rung, so that the places written to stay in
//! the cache: the cost of an event does not grow with the number pending. Vectors are used again, so that in a
//! steady state nothing is allocated. The order is that of a binary heap on the same keys, event for event.

use crate::time::{Span, Time};

/// Events above which a bucket is spread over a finer rung, and below which the list is one sorted row.
const FEW: usize = 48;
/// Events above which the sorted row is spread over a rung.
const MANY: usize = 192;
/// Events that a bucket should hold on average.
const PER_BUCKET: usize = 16;
/// Most buckets of a rung.
const MAX_BUCKETS: u64 = 1024;

#[derive(Clone, Copy, Debug)]
struct Entry<E> {
    time: u64,
    /// Priority in the first byte, then the sequence.
    order: u64,
    event: E,
}

impl<E> Entry<E> {
    #[inline]
    fn key(&self) -> u128 {
        (u128::from(self.time) << 64) | u128::from(self.order)
    }
}

#[derive(Clone, Debug)]
struct Rung<E> {
    start: u64,
    /// A bucket is 2^shift microseconds wide.
    shift: u32,
    /// The next bucket to be emptied.
    next: usize,
    count: usize,
    buckets: Vec<Vec<Entry<E>>>,
}

impl<E> Rung<E> {
    /// Where the buckets begin that were not yet emptied.
    #[inline]
    fn boundary(&self) -> u64 {
        self.start.saturating_add((self.next as u64) << self.shift)
    }
}

/// Events to come, and the time it is. A clone is a snapshot: both go on alike.
#[derive(Clone, Debug)]
pub struct Kernel<E> {
    now: Time,
    sequence: u64,
    handled: u64,
    pending: usize,
    /// Ascending from `head` on; everything before the rungs.
    bottom: Vec<Entry<E>>,
    head: usize,
    /// The first `depth` are in use, each finer than the one before.
    rungs: Vec<Rung<E>>,
    depth: usize,
    /// Unsorted: everything from `top_start` on.
    top: Vec<Entry<E>>,
    top_start: u64,
    /// A vector that changes places with those of buckets.
    spare: Vec<Entry<E>>,
}

impl<E: Copy> Default for Kernel<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Copy> Kernel<E> {
    /// No event, at the start of time.
    pub fn new() -> Self {
        Self {
            now: Time::START,
            sequence: 0,
            handled: 0,
            pending: 0,
            bottom: Vec::with_capacity(2 * MANY),
            head: 0,
            rungs: Vec::new(),
            depth: 0,
            top: Vec::new(),
            top_start: u64::MAX,
            spare: Vec::new(),
        }
    }

    /// The time of the last event taken.
    #[inline]
    pub fn now(&self) -> Time {
        self.now
    }
    /// Events taken so far.
    pub fn handled(&self) -> u64 {
        self.handled
    }
    /// Events to come.
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// Schedules an event after some time, behind those of the same instant.
    #[inline]
    pub fn after(&mut self, span: Span, event: E) {
        self.schedule(self.now + span, u8::MAX, event);
    }

    /// Schedules an event at an instant, behind those of the same instant.
    #[inline]
    pub fn at(&mut self, time: Time, event: E) {
        self.schedule(time, u8::MAX, event);
    }

    /// Schedules an event at an instant; of one instant the lower priority comes first, of one priority the one scheduled first.
    ///
    /// # Panics
    /// If the instant is past: a fault of the caller that would break the order of causes.
    #[inline]
    pub fn schedule(&mut self, time: Time, priority: u8, event: E) {
        assert!(time >= self.now, "an event is scheduled in the past");
        let order = (u64::from(priority) << 56) | self.sequence;
        self.sequence += 1;
        self.pending += 1;
        let entry = Entry { time: time.0, order, event };
        if entry.time >= self.top_start {
            self.top.push(entry);
            return;
        }
        for rung in &mut self.rungs[..self.depth] {
            if entry.time >= rung.boundary() {
                rung.buckets[((entry.time - rung.start) >> rung.shift) as usize].push(entry);
                rung.count += 1;
                return;
            }
        }
        self.insert(entry);
    }

    /// Into the sorted row. New events are mostly later than the rest, so their place is looked for from the end.
    #[inline]
    fn insert(&mut self, entry: Entry<E>) {
        if self.head > FEW && 2 * self.head > self.bottom.len() {
            self.bottom.copy_within(self.head.., 0);
            self.bottom.truncate(self.bottom.len() - self.head);
            self.head = 0;
        }
        let key = entry.key();
        self.bottom.push(entry);
        let mut i = self.bottom.len() - 1;
        if i - self.head < FEW {
            while i > self.head && self.bottom[i - 1].key() > key {
                self.bottom[i] = self.bottom[i - 1];
                i -= 1;
            }
            self.bottom[i] = entry;
        } else {
            let at = self.head + self.bottom[self.head..i].partition_point(|e| e.key() < key);
            self.bottom.copy_within(at..i, at + 1);
            self.bottom[at] = entry;
            if self.bottom.len() - self.head > MANY {
                self.spread_bottom();
            }
        }
    }

    /// Spreads a sorted row that has grown long over a rung; one of a single instant stays.
    #[cold]
    fn spread_bottom(&mut self) {
        let (first, last) = (self.bottom[self.head].time, self.bottom[self.bottom.len() - 1].time);
        if first == last {
            return;
        }
        let end = match self.rungs[..self.depth].last() {
            Some(r) => r.boundary(),
            None => self.top_start.min(last + 1),
        };
        let mut entries = std::mem::take(&mut self.spare);
        entries.clear();
        entries.extend_from_slice(&self.bottom[self.head..]);
        self.bottom.clear();
        self.head = 0;
        if self.depth == 0 {
            self.top_start = end;
        }
        self.spread(first, end, &mut entries);
        self.spare = entries;
    }

    /// Spreads events of `start..end` over a new finest rung.
    fn spread(&mut self, start: u64, end: u64, entries: &mut Vec<Entry<E>>) {
        let range = end - start;
        let wanted = (entries.len() / PER_BUCKET).next_power_of_two() as u64;
        let width = range.div_ceil(wanted.clamp(2, MAX_BUCKETS)).max(1).next_power_of_two();
        let shift = width.trailing_zeros();
        let used = ((range - 1) >> shift) as usize + 1;
        if self.rungs.len() == self.depth {
            self.rungs.push(Rung { start: 0, shift: 0, next: 0, count: 0, buckets: Vec::new() });
        }
        let rung = &mut self.rungs[self.depth];
        self.depth += 1;
        rung.start = start;
        rung.shift = shift;
        rung.next = 0;
        rung.count = entries.len();
        if rung.buckets.len() < used {
            rung.buckets.resize_with(used, Vec::new);
        }
        for e in entries.drain(..) {
            rung.buckets[((e.time - start) >> shift) as usize].push(e);
        }
    }

    /// Fills the sorted row with the next events; `false` if there is none.
    fn refill(&mut self) -> bool {
        self.bottom.clear();
        self.head = 0;
        loop {
            if self.depth == 0 {
                if self.top.is_empty() {
                    self.top_start = u64::MAX;
                    return false;
                }
                if self.top.len() <= FEW {
                    std::mem::swap(&mut self.bottom, &mut self.top);
                    self.bottom.sort_unstable_by_key(Entry::key);
                    self.top_start = u64::MAX;
                    return true;
                }
                let (mut least, mut most) = (u64::MAX, 0);
                for e in &self.top {
                    least = least.min(e.time);
                    most = most.max(e.time);
                }
                let mut entries = std::mem::take(&mut self.top);
                self.top_start = most.saturating_add(1);
                if least == most {
                    // One instant: the sequence tells them apart.
                    self.bottom.append(&mut entries);
                    self.bottom.sort_unstable_by_key(Entry::key);
                    self.top = entries;
                    return true;
                }
                self.spread(least, self.top_start, &mut entries);
                self.top = entries;
            }
            let rung = &mut self.rungs[self.depth - 1];
            if rung.count == 0 {
                self.depth -= 1;
                continue;
            }
            while rung.buckets[rung.next].is_empty() {
                rung.next += 1;
            }
            let at = rung.next;
            rung.next += 1;
            let n = rung.buckets[at].len();
            rung.count -= n;
            if n > FEW && rung.shift > 0 {
                let (start, end) = (rung.start + ((at as u64) << rung.shift), rung.boundary());
                std::mem::swap(&mut self.spare, &mut rung.buckets[at]);
                let mut entries = std::mem::take(&mut self.spare);
                self.spread(start, end, &mut entries);
                self.spare = entries;
                continue;
            }
            std::mem::swap(&mut self.bottom, &mut rung.buckets[at]);
            self.bottom.sort_unstable_by_key(Entry::key);
            return true;
        }
    }

    /// Takes the next event, and makes its time the time it is.
    #[inline]
    #[allow(
        clippy::should_implement_trait,
        reason = "a kernel is no iterator: it is scheduled into between steps"
    )]
    pub fn next(&mut self) -> Option<E> {
        if self.head >= self.bottom.len() && !self.refill() {
            return None;
        }
        let e = self.bottom[self.head];
        self.head += 1;
        self.pending -= 1;
        self.handled += 1;
        self.now = Time(e.time);
        Some(e.event)
    }

    /// The time of the next event.
    pub fn peek(&mut self) -> Option<Time> {
        if self.head >= self.bottom.len() && !self.refill() {
            return None;
        }
        Some(Time(self.bottom[self.head].time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    /// The same operations on a binary heap of (time, priority, sequence).
    #[derive(Default)]
    struct Heap {
        heap: BinaryHeap<Reverse<(u64, u8, u64, u32)>>,
        sequence: u64,
    }

    fn check(operations: &[(u64, u8, bool)], scale: u64) -> Result<(), TestCaseError> {
        let (mut kernel, mut heap) = (Kernel::new(), Heap::default());
        let mut now = 0;
        for (i, (delay, priority, take)) in operations.iter().enumerate() {
            let time = now + delay * scale;
            kernel.schedule(Time(time), *priority, i as u32);
            heap.heap.push(Reverse((time, *priority, heap.sequence, i as u32)));
            heap.sequence += 1;
            if *take {
                let Reverse((t, _, _, e)) = heap.heap.pop().expect("one was pushed");
                prop_assert_eq!(kernel.next(), Some(e));
                prop_assert_eq!(kernel.now(), Time(t));
                now = t;
            }
            prop_assert_eq!(kernel.pending(), heap.heap.len());
        }
        let snapshot = kernel.clone();
        for mut k in [kernel, snapshot] {
            let mut rest = heap.heap.clone();
            while let Some(Reverse((t, _, _, e))) = rest.pop() {
                prop_assert_eq!(k.peek(), Some(Time(t)));
                prop_assert_eq!(k.next(), Some(e));
            }
            prop_assert_eq!(k.next(), None);
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Few distinct times, so that ties abound; and delays of all sizes.
        #[test]
        fn the_order_is_that_of_a_heap(
            operations in prop::collection::vec((prop_oneof![0u64..4, 0u64..1000, 0u64..1_000_000_000], 0u8..3, prop::bool::weighted(0.4)), 1..3000),
            scale in prop_oneof![Just(0u64), Just(1), Just(1_000_003)],
        ) {
            check(&operations, scale)?;
        }
    }

    /// Many pending, so that rungs lie three deep; half of them in one short time.
    #[test]
    fn the_order_is_that_of_a_heap_with_many_pending() {
        let mut x = 7u64;
        let mut random = |n: u64| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x % n
        };
        let operations: Vec<(u64, u8, bool)> = (0..200_000)
            .map(|i| {
                let delay = if random(2) == 0 { random(5_000) } else { random(3_600_000_000_000) };
                (delay, random(3) as u8, i > 100_000)
            })
            .collect();
        check(&operations, 1).unwrap();
    }

    #[test]
    #[should_panic(expected = "in the past")]
    fn nothing_is_scheduled_in_the_past() {
        let mut k = Kernel::new();
        k.at(Time(10), 0);
        k.next();
        k.at(Time(9), 1);
    }
}
