use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// An interval of days, `from` inclusive and `till` exclusive; an open end is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayInterval {
    /// First day inside.
    pub from: Option<Date>,
    /// First day after.
    pub till: Option<Date>,
}

impl DayInterval {
    /// All days.
    pub const ALWAYS: DayInterval = DayInterval { from: None, till: None };

    /// Whether the day lies inside.
    pub fn contains(&self, day: Date) -> bool {
        self.from.is_none_or(|f| f <= day) && self.till.is_none_or(|t| day < t)
    }

    /// Whether no day can lie inside (`till` not after `from`).
    pub fn is_empty(&self) -> bool {
        matches!((self.from, self.till), (Some(f), Some(t)) if t <= f)
    }

    /// The days that lie in both; empty if none does.
    pub fn intersect(&self, other: &DayInterval) -> DayInterval {
        let till = match (self.till, other.till) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        // An open start is before every day, as `None` is before `Some`.
        DayInterval { from: self.from.max(other.from), till }
    }

    /// Whether some day lies in both.
    pub fn overlaps(&self, other: &DayInterval) -> bool {
        let starts_before = |a: Option<Date>, b: Option<Date>| match (a, b) {
            (Some(a), Some(b)) => a < b,
            _ => true,
        };
        !self.is_empty()
            && !other.is_empty()
            && starts_before(self.from, other.till)
            && starts_before(other.from, self.till)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn from_is_inside_and_till_is_not() {
        let i = DayInterval { from: Some(date(2025, 10, 21)), till: Some(date(2025, 10, 23)) };
        assert!(!i.contains(date(2025, 10, 20)));
        assert!(i.contains(date(2025, 10, 21)));
        assert!(!i.contains(date(2025, 10, 23)));
        assert!(DayInterval::ALWAYS.contains(date(1, 1, 1)));
    }
}
