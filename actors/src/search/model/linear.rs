//! The little linear algebra that a Gaussian process needs: lower triangles, row by row.

/// A lower triangle: row `n` has `n + 1` entries.
pub type Triangle = Vec<Vec<f64>>;

const LANES: usize = 8;

/// Sum of products, over the shorter of the two.
pub fn dot(one: &[f64], other: &[f64]) -> f64 {
    let count = one.len().min(other.len());
    let (mut ones, mut others) = (one[..count].chunks_exact(LANES), other[..count].chunks_exact(LANES));
    // Several sums side by side, which the processor can keep in one register.
    let mut lanes = [0.0; LANES];
    for (one, other) in ones.by_ref().zip(others.by_ref()) {
        for lane in 0..LANES {
            lanes[lane] += one[lane] * other[lane];
        }
    }
    let rest: f64 = ones.remainder().iter().zip(others.remainder()).map(|(one, other)| one * other).sum();
    lanes.iter().sum::<f64>() + rest
}

/// Solves `root * x = values` in place, from the first row on.
pub fn forward(root: &[Vec<f64>], values: &mut [f64]) {
    for (place, row) in root.iter().enumerate().take(values.len()) {
        let (before, rest) = values.split_at_mut(place);
        rest[0] = (rest[0] - dot(before, row)) / row[place];
    }
}

/// Solves `transposed root * x = values` in place.
pub fn backward(root: &[Vec<f64>], values: &mut [f64]) {
    for place in (0..values.len()).rev() {
        let (before, rest) = values.split_at_mut(place);
        rest[0] /= root[place][place];
        for (value, part) in before.iter_mut().zip(&root[place]) {
            *value -= part * rest[0];
        }
    }
}

/// One column of the root's own inverse, from its diagonal down.
pub fn inverse_column(root: &[Vec<f64>], column: usize) -> Vec<f64> {
    let mut entries = Vec::with_capacity(root.len() - column);
    for row in &root[column..] {
        let place = entries.len();
        let sum = dot(&row[column..column + place], &entries);
        let unit = if place == 0 { 1.0 } else { 0.0 };
        entries.push((unit - sum) / row[column + place]);
    }
    entries
}

/// Lower triangle of the inverse of what this is the root of.
pub fn inverse(root: &[Vec<f64>]) -> Triangle {
    let columns: Vec<Vec<f64>> = (0..root.len()).map(|column| inverse_column(root, column)).collect();
    let entry = |row: usize, column: usize| dot(&columns[row], &columns[column][row - column..]);
    (0..root.len()).map(|row| (0..=row).map(|column| entry(row, column)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The root of [[4, 2, 2], [2, 5, 3], [2, 3, 6]].
    fn root() -> Triangle {
        vec![vec![2.0], vec![1.0, 2.0], vec![1.0, 1.0, 2.0]]
    }

    #[test]
    fn solving_both_ways_undoes_the_product() {
        let mut values =
            vec![4.0 + 2.0 * 2.0 + 2.0 * 3.0, 2.0 + 5.0 * 2.0 + 3.0 * 3.0, 2.0 + 3.0 * 2.0 + 6.0 * 3.0];
        forward(&root(), &mut values);
        backward(&root(), &mut values);
        for (value, expected) in values.iter().zip([1.0, 2.0, 3.0]) {
            assert!((value - expected).abs() < 1e-12, "{values:?}");
        }
    }

    #[test]
    fn the_inverse_times_the_matrix_is_one() {
        let matrix = [[4.0, 2.0, 2.0], [2.0, 5.0, 3.0], [2.0, 3.0, 6.0]];
        let inverse = inverse(&root());
        let at = |row: usize, column: usize| inverse[row.max(column)][row.min(column)];
        for row in 0..3 {
            for (column, _) in matrix.iter().enumerate() {
                let product: f64 =
                    matrix.iter().enumerate().map(|(middle, line)| at(row, middle) * line[column]).sum();
                let expected = if row == column { 1.0 } else { 0.0 };
                assert!((product - expected).abs() < 1e-12, "{row} {column}: {product}");
            }
        }
    }

    #[test]
    fn long_products_are_summed_to_the_end() {
        let ones = vec![1.0; 21];
        let numbers: Vec<f64> = (0..21).map(f64::from).collect();
        assert_eq!(dot(&ones, &numbers), 210.0);
        assert_eq!(dot(&ones[..3], &numbers), 3.0);
    }
}
