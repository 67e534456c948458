//! Sums that do not lose what is small beside what is large.

/// A sum with the error of each addition carried along (Neumaier 1974): as good as with twice the digits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    total: f64,
    lost: f64,
}

impl Sum {
    /// Adds a number.
    #[inline]
    pub fn add(&mut self, x: f64) {
        let sum = self.total + x;
        self.lost +=
            if self.total.abs() >= x.abs() { (self.total - sum) + x } else { (x - sum) + self.total };
        self.total = sum;
    }

    /// The sum.
    #[inline]
    pub fn value(self) -> f64 {
        self.total + self.lost
    }
}

impl FromIterator<f64> for Sum {
    fn from_iter<I: IntoIterator<Item = f64>>(numbers: I) -> Sum {
        let mut sum = Sum::default();
        numbers.into_iter().for_each(|x| sum.add(x));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_survive_large_ones() {
        let numbers = [1.0, 1e100, 1.0, -1e100];
        assert_eq!(numbers.into_iter().collect::<Sum>().value(), 2.0);
    }
}
