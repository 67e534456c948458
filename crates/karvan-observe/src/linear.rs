//! Small dense systems, by nalgebra.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

/// A symmetric positive definite matrix, factored.
pub(crate) struct Factored(Cholesky<f64, Dyn>);

impl Factored {
    /// Factors a matrix of `n` rows given by its lower triangle; `None` if it is not positive definite.
    pub(crate) fn new(n: usize, at: impl Fn(usize, usize) -> f64) -> Option<Self> {
        Cholesky::new(DMatrix::from_fn(n, n, |i, j| if i >= j { at(i, j) } else { at(j, i) })).map(Self)
    }

    /// Solves for one right-hand side.
    pub(crate) fn solve(&self, b: &[f64]) -> Vec<f64> {
        self.0.solve(&DVector::from_column_slice(b)).as_slice().to_vec()
    }

    /// The inverse, by rows.
    pub(crate) fn inverse(&self) -> Vec<Vec<f64>> {
        let m = self.0.inverse();
        m.row_iter().map(|r| r.iter().copied().collect()).collect()
    }

    /// Logarithm of the determinant.
    pub(crate) fn ln_det(&self) -> f64 {
        self.0.l_dirty().diagonal().iter().map(|d| 2.0 * d.ln()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Closed form of a matrix of two rows.
    #[test]
    fn two_rows() {
        let m = [[4.0, 1.0], [1.0, 3.0]];
        let f = Factored::new(2, |i, j| m[i][j]).unwrap();
        assert!((f.ln_det() - 11f64.ln()).abs() < 1e-12);
        let x = f.solve(&[1.0, 2.0]);
        assert!((x[0] - 1.0 / 11.0).abs() < 1e-12 && (x[1] - 7.0 / 11.0).abs() < 1e-12);
        assert!((f.inverse()[0][0] - 3.0 / 11.0).abs() < 1e-12);
        assert!(Factored::new(2, |i, j| if i == j { 1.0 } else { 2.0 }).is_none());
    }
}
