//! Statistics of a run, cheap enough to be always on: levels over time, durations with their histogram, queues.

use crate::time::{Span, Time};

/// Buckets of a histogram for each doubling: quantiles are right to one part in sixteen.
const SUB: u32 = 16;
const BUCKETS: usize = (64 - 4) * SUB as usize;

/// A number that changes over time, with its integral, so that its time-weighted mean is exact.
#[derive(Clone, Debug, Default)]
pub struct Level {
    value: u64,
    most: u64,
    since: Time,
    from: Time,
    area: u128,
}

impl Level {
    /// A level that is `value` from the start.
    pub fn starting(value: u64) -> Self {
        Self { value, most: value, ..Self::default() }
    }
    #[inline]
    fn settle(&mut self, now: Time) {
        self.area += u128::from(self.value) * u128::from(now.since(self.since).0);
        self.since = now;
    }
    /// Raises the level.
    #[inline]
    pub fn add(&mut self, now: Time, by: u64) {
        self.settle(now);
        self.value += by;
        self.most = self.most.max(self.value);
    }
    /// Lowers the level.
    ///
    /// # Panics
    /// If it would fall below 0: something left that was not there.
    #[inline]
    pub fn take(&mut self, now: Time, by: u64) {
        self.settle(now);
        self.value = self.value.checked_sub(by).expect("a level does not fall below 0");
    }
    /// The level now.
    #[inline]
    pub fn value(&self) -> u64 {
        self.value
    }
    /// Its maximum.
    pub fn most(&self) -> u64 {
        self.most
    }
    /// Its integral up to an instant, in units × microseconds.
    pub fn area(&self, now: Time) -> u128 {
        self.area + u128::from(self.value) * u128::from(now.since(self.since).0)
    }
    /// Its mean over time.
    pub fn mean(&self, now: Time) -> f64 {
        let span = now.since(self.from).0;
        if span == 0 { self.value as f64 } else { self.area(now) as f64 / span as f64 }
    }
    /// Forgets what was before: the warm-up.
    pub fn restart(&mut self, now: Time) {
        (self.area, self.since, self.from, self.most) = (0, now, now, self.value);
    }
}

/// Durations: their number, mean, spread and quantiles.
#[derive(Clone, Debug)]
pub struct Durations {
    count: u64,
    sum: u128,
    squares: f64,
    most: u64,
    histogram: Box<[u32]>,
}

impl Default for Durations {
    fn default() -> Self {
        Self { count: 0, sum: 0, squares: 0.0, most: 0, histogram: vec![0; BUCKETS].into() }
    }
}

#[inline]
fn bucket(v: u64) -> usize {
    if v < u64::from(SUB) {
        return v as usize;
    }
    let e = 63 - v.leading_zeros();
    ((e - 3) * SUB + ((v >> (e - 4)) as u32 & (SUB - 1))) as usize
}

/// The least value of a bucket.
fn floor_of(bucket: usize) -> u64 {
    let (octave, part) = (bucket as u32 / SUB, bucket as u64 % u64::from(SUB));
    if octave == 0 { part } else { (u64::from(SUB) + part) << (octave - 1) }
}

impl Durations {
    /// Counts one.
    #[inline]
    pub fn add(&mut self, span: Span) {
        self.count += 1;
        self.sum += u128::from(span.0);
        self.squares += span.0 as f64 * span.0 as f64;
        self.most = self.most.max(span.0);
        self.histogram[bucket(span.0)] += 1;
    }
    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }
    /// Their sum, in microseconds.
    pub fn sum(&self) -> u128 {
        self.sum
    }
    /// Mean, h; 0 of none.
    pub fn mean_h(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 / 3.6e9 }
    }
    /// Standard deviation, h.
    pub fn sd_h(&self) -> f64 {
        if self.count < 2 {
            return 0.0;
        }
        let n = self.count as f64;
        let mean = self.sum as f64 / n;
        (((self.squares - n * mean * mean) / (n - 1.0)).max(0.0)).sqrt() / 3.6e9
    }
    /// The longest, h.
    pub fn most_h(&self) -> f64 {
        Span(self.most).h()
    }
    /// The duration not exceeded by a share `p` of them, h, to one part in sixteen (interpolated in its bucket).
    pub fn quantile_h(&self, p: f64) -> f64 {
        let wanted = p.clamp(0.0, 1.0) * self.count as f64;
        let mut before = 0.0;
        for (i, n) in self.histogram.iter().enumerate() {
            let n = f64::from(*n);
            if n > 0.0 && before + n >= wanted {
                let (low, high) = (floor_of(i) as f64, floor_of(i + 1).min(self.most + 1) as f64);
                return (low + (wanted - before) / n * (high - low).max(0.0)).min(self.most as f64) / 3.6e9;
            }
            before += n;
        }
        self.most_h()
    }
    /// Adds those of another.
    pub fn merge(&mut self, other: &Durations) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
        self.most = self.most.max(other.most);
        for (a, b) in self.histogram.iter_mut().zip(&*other.histogram) {
            *a += b;
        }
    }
    /// Forgets all.
    pub fn clear(&mut self) {
        (self.count, self.sum, self.squares, self.most) = (0, 0, 0.0, 0);
        self.histogram.fill(0);
    }
}

/// What happens in a queue.
///
/// Little's law holds on every path and not only in the mean: the integral of the length is the sum of the waits, of
/// those who left and of those who still wait. [`Self::little`] holds the two against each other, to the microsecond.
#[derive(Clone, Debug, Default)]
pub struct QueueStats {
    /// Length.
    pub length: Level,
    /// Waits of those who left; those who need not wait count with 0.
    pub waits: Durations,
    /// When those who wait began to, summed, in microseconds.
    began: u128,
}

impl QueueStats {
    /// One begins to wait.
    #[inline]
    pub fn enter(&mut self, now: Time) {
        self.length.add(now, 1);
        self.began += u128::from(now.0);
    }
    /// One who began at `since` waits no longer.
    #[inline]
    pub fn leave(&mut self, now: Time, since: Time) {
        self.length.take(now, 1);
        self.began -= u128::from(since.0);
        self.waits.add(now.since(since));
    }
    /// One need not wait.
    #[inline]
    pub fn pass(&mut self) {
        self.waits.add(Span::ZERO);
    }
    /// Whether the integral of the length is the sum of the waits. Asked of a queue whose statistics were never restarted.
    pub fn little(&self, now: Time) -> bool {
        let waiting = u128::from(self.length.value()) * u128::from(now.0) - self.began;
        self.length.area(now) == self.waits.sum() + waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_lies_in_its_bucket(v in any::<u64>()) {
            let b = bucket(v);
            prop_assert!(floor_of(b) <= v);
            if b + 1 < BUCKETS {
                prop_assert!(v < floor_of(b + 1));
            }
        }

        /// Against sorting: the nearest-rank quantile, to one part in sixteen.
        #[test]
        fn quantiles_are_those_of_the_sorted_values(mut v in prop::collection::vec(1_000u64..1_000_000_000_000, 1..300), p in 0.01f64..0.99) {
            let mut d = Durations::default();
            v.iter().for_each(|x| d.add(Span(*x)));
            v.sort_unstable();
            let rank = ((p * v.len() as f64).ceil() as usize).clamp(1, v.len());
            let exact = Span(v[rank - 1]).h();
            prop_assert!((d.quantile_h(p) - exact).abs() <= exact / 16.0 + 1e-9, "{} {exact}", d.quantile_h(p));
        }

        #[test]
        fn littles_law_is_exact(steps in prop::collection::vec((0u64..1000, any::<bool>()), 1..200)) {
            let (mut q, mut inside, mut now) = (QueueStats::default(), std::collections::VecDeque::new(), Time::START);
            for (dt, enter) in steps {
                now = now + Span(dt);
                if enter {
                    q.enter(now);
                    inside.push_back(now);
                } else if let Some(since) = inside.pop_front() {
                    q.leave(now, since);
                }
                prop_assert!(q.little(now));
            }
        }
    }

    #[test]
    fn a_level_has_its_time_weighted_mean() {
        let mut l = Level::starting(2);
        l.add(Time(10), 4);
        l.take(Time(20), 5);
        assert_eq!(l.mean(Time(40)), (2.0 * 10.0 + 6.0 * 10.0 + 20.0) / 40.0);
        assert_eq!(l.most(), 6);
    }
}
