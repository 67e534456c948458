use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Sub};

use serde::{Deserialize, Serialize};

/// A number that is not finite was offered as a quantity.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{given} is not a finite number of {unit}")]
pub struct NotFinite {
    /// What was offered.
    pub given: f64,
    /// The unit it was offered in.
    pub unit: &'static str,
}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $unit:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub struct $name(f64);

        impl $name {
            /// Nothing of it.
            pub const ZERO: $name = $name(0.0);
            /// The unit, as printed.
            pub const UNIT: &'static str = $unit;

            /// A quantity of a number known to be finite.
            ///
            /// # Panics
            /// If the number is not finite; what comes from outside goes through [`Self::try_new`].
            #[inline]
            pub fn new(value: f64) -> Self {
                assert!(value.is_finite(), concat!("a finite number of ", $unit));
                Self(value)
            }

            /// A quantity of a number from outside.
            ///
            /// # Errors
            /// If the number is not finite.
            pub fn try_new(value: f64) -> Result<Self, NotFinite> {
                if value.is_finite() { Ok(Self(value)) } else { Err(NotFinite { given: value, unit: $unit }) }
            }

            /// The bare number, in the unit of the type's name.
            #[inline]
            pub fn get(self) -> f64 {
                self.0
            }
        }
        impl Eq for $name {}
        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.0.total_cmp(&other.0)
            }
        }
        impl Add for $name {
            type Output = Self;
            #[inline]
            fn add(self, o: Self) -> Self {
                Self(self.0 + o.0)
            }
        }
        impl AddAssign for $name {
            #[inline]
            fn add_assign(&mut self, o: Self) {
                self.0 += o.0;
            }
        }
        impl Sub for $name {
            type Output = Self;
            #[inline]
            fn sub(self, o: Self) -> Self {
                Self(self.0 - o.0)
            }
        }
        impl Mul<f64> for $name {
            type Output = Self;
            #[inline]
            fn mul(self, k: f64) -> Self {
                Self(self.0 * k)
            }
        }
        impl Div<$name> for $name {
            type Output = f64;
            #[inline]
            fn div(self, o: Self) -> f64 {
                self.0 / o.0
            }
        }
        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
                iter.fold(Self::ZERO, Add::add)
            }
        }
    };
}

quantity!(
    /// A length in kilometres.
    Km,
    "km"
);
quantity!(
    /// A duration in hours.
    Hours,
    "h"
);
quantity!(
    /// A mass in metric tonnes.
    Tonnes,
    "t"
);
quantity!(
    /// An amount of money in US dollars, the currency in which amounts of several currencies are added.
    Usd,
    "USD"
);
quantity!(
    /// A mass of greenhouse gas, in kilograms of CO2 equivalent, well to wheel.
    KgCo2e,
    "kg CO2e"
);

impl Km {
    /// The length of `n` international nautical miles (1,852 m by definition).
    pub fn from_nautical_miles(n: f64) -> Self {
        Self::new(n * 1.852)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uom::si::f64::Length;
    use uom::si::length::{kilometer, nautical_mile};

    #[test]
    fn nautical_miles_agree_with_uom() {
        let theirs = Length::new::<nautical_mile>(250.0).get::<kilometer>();
        assert!((Km::from_nautical_miles(250.0).get() - theirs).abs() < 1e-9);
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        assert!(Hours::try_new(f64::NAN).is_err());
        assert!(Hours::try_new(f64::INFINITY).is_err());
        assert_eq!(Hours::try_new(2.5), Ok(Hours::new(2.5)));
    }
}
