//! Simulated time: whole microseconds, so that order and sums are exact.

use std::ops::{Add, Sub};

/// Microseconds in an hour.
const TICKS_PER_H: f64 = 3.6e9;

/// An instant, in microseconds since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

/// A length of time, in microseconds; never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub u64);

impl Time {
    /// The start of the run.
    pub const START: Time = Time(0);

    /// The instant some hours after the start; what is negative or no number is the start.
    pub fn from_h(h: f64) -> Time {
        Time(Span::from_h(h).0)
    }
    /// Hours since the start.
    pub fn h(self) -> f64 {
        self.0 as f64 / TICKS_PER_H
    }
    /// How long it is since an earlier instant.
    #[inline]
    pub fn since(self, earlier: Time) -> Span {
        Span(self.0 - earlier.0)
    }
}

impl Span {
    /// No time.
    pub const ZERO: Span = Span(0);

    /// A length in hours, rounded to the microsecond; what is negative or no number is none.
    #[inline]
    pub fn from_h(h: f64) -> Span {
        // A cast of floating point to integer saturates, and takes no number for 0.
        Span((h * TICKS_PER_H + 0.5) as u64)
    }
    /// Hours.
    pub fn h(self) -> f64 {
        self.0 as f64 / TICKS_PER_H
    }
}

impl Add<Span> for Time {
    type Output = Time;
    #[inline]
    fn add(self, s: Span) -> Time {
        Time(self.0 + s.0)
    }
}

impl Sub<Span> for Time {
    type Output = Time;
    #[inline]
    fn sub(self, s: Span) -> Time {
        Time(self.0.saturating_sub(s.0))
    }
}

impl Add for Span {
    type Output = Span;
    #[inline]
    fn add(self, s: Span) -> Span {
        Span(self.0 + s.0)
    }
}
