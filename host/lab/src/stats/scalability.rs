//! The growth of throughput with load. Assumes Gunther's Universal Scalability Law ("Guerrilla
//! Capacity Planning", 2007, chapter 4): X(n) = λn / (1 + σ(n − 1) + κn(n − 1)).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The law's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scalability {
    /// λ: throughput at a load of one.
    pub lambda: f64,
    /// σ: the share of the work that waits for others (contention).
    pub sigma: f64,
    /// κ: the cost of each pair that must agree (coherence); from 1/√κ on, more load gives
    /// less throughput.
    pub kappa: f64,
    /// The largest relative error of a point.
    pub worst: f64,
}

impl Scalability {
    /// Returns the throughput at a load.
    pub fn throughput(&self, n: f64) -> f64 {
        self.lambda * n / (1.0 + self.sigma * (n - 1.0) + self.kappa * n * (n - 1.0))
    }

    /// Returns the load with the highest throughput; `None` if throughput grows without bound.
    pub fn peak(&self) -> Option<f64> {
        (self.kappa > 0.0).then(|| ((1.0 - self.sigma) / self.kappa).max(1.0).sqrt())
    }

    /// Fits points of load and throughput by least squares of the relative errors; `None` for fewer
    /// than 4 points, or if no law fits. Written as n/X the law is linear in 1/λ, σ/λ and κ/λ, which
    /// makes the fit exact; a parameter that would be negative, and so meaningless, is dropped.
    pub fn fit(points: &[(f64, f64)]) -> Option<Self> {
        if points.len() < 4 || points.iter().any(|(n, x)| *n < 1.0 || *x <= 0.0) {
            return None;
        }
        let terms: [fn(f64) -> f64; 3] = [|_| 1.0, |n| n - 1.0, |n| n * (n - 1.0)];
        // Of the choices with only positive parameters, the one with the least error.
        let choices: [&[usize]; 4] = [&[0, 1, 2], &[0, 1], &[0, 2], &[0]];
        let fits = choices.into_iter().filter_map(|used| {
            let used: Vec<_> = used.iter().map(|term| (*term, terms[*term])).collect();
            let mut weights = [0.0; 3];
            let functions: Vec<_> = used.iter().map(|(_, function)| *function).collect();
            for ((term, _), weight) in used.iter().zip(least_squares(points, &functions)?) {
                weights[*term] = weight;
            }
            let [base, contention, coherence] = weights;
            (base > 0.0 && contention >= 0.0 && coherence >= 0.0).then(|| Self {
                lambda: 1.0 / base,
                sigma: contention / base,
                kappa: coherence / base,
                worst: 0.0,
            })
        });
        let square = |law: &Self| -> f64 {
            let errors = points.iter().map(|(n, x)| law.throughput(*n) / x - 1.0);
            errors.map(|error| error * error).sum()
        };
        let mut best = fits.min_by(|a, b| square(a).total_cmp(&square(b)))?;
        let errors = points.iter().map(|(n, x)| (best.throughput(*n) / x - 1.0).abs());
        best.worst = errors.fold(0.0, f64::max);
        Some(best)
    }
}

/// Returns the weights with which the functions of n sum to n/X, with relative errors.
fn least_squares(points: &[(f64, f64)], functions: &[fn(f64) -> f64]) -> Option<Vec<f64>> {
    let size = functions.len();
    // The normal equations, with the right side as the last column.
    let mut rows = vec![vec![0.0; size + 1]; size];
    for (n, x) in points {
        let values: Vec<f64> = functions.iter().map(|f| f(*n) * x / n).collect();
        for (row, a) in rows.iter_mut().zip(&values) {
            for (cell, b) in row.iter_mut().zip(values.iter().chain([&1.0])) {
                *cell += a * b;
            }
        }
    }
    solve(rows)
}

/// Solves linear equations by Gaussian elimination with pivoting; `None` if they are singular.
fn solve(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let size = rows.len();
    for column in 0..size {
        let largest = (column..size)
            .max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()))?;
        rows.swap(column, largest);
        let pivot = rows[column].clone();
        if pivot[column].abs() < f64::MIN_POSITIVE {
            return None;
        }
        for (index, row) in rows.iter_mut().enumerate() {
            if index != column {
                let factor = row[column] / pivot[column];
                row.iter_mut().zip(&pivot).for_each(|(cell, above)| *cell -= factor * above);
            }
        }
    }
    let weights = rows.iter().enumerate().map(|(n, row)| row[size] / row[n]);
    Some(weights.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_law_itself_is_found_again() {
        let law = Scalability { lambda: 1_000.0, sigma: 0.05, kappa: 1e-6, worst: 0.0 };
        let loads = [1.0, 10.0, 100.0, 1_000.0, 10_000.0];
        let points = loads.map(|n| (n, law.throughput(n)));
        let found = Scalability::fit(&points).unwrap();
        assert!((found.lambda / law.lambda - 1.0).abs() < 1e-6, "{found:?}");
        assert!((found.sigma / law.sigma - 1.0).abs() < 1e-6, "{found:?}");
        assert!((found.kappa / law.kappa - 1.0).abs() < 1e-6, "{found:?}");
        assert!((found.peak().unwrap() - 975.0).abs() < 1.0, "{found:?}");
    }

    #[test]
    fn no_parameter_is_negative_and_too_few_points_have_no_law() {
        // Superlinear, so contention would have to be negative.
        let points = [(1.0, 10.0), (2.0, 25.0), (4.0, 60.0), (8.0, 140.0)];
        let found = Scalability::fit(&points).unwrap();
        assert!(found.sigma >= 0.0 && found.kappa >= 0.0, "{found:?}");
        assert_eq!(Scalability::fit(&points[..3]), None);
    }
}
