//! Transposition of matrices in memory, eight by eight in registers, or four by four where there are fewer.

#![expect(
    unsafe_code,
    reason = "vector instructions work on pointers; bounds are checked once for a whole matrix"
)]

use super::division::overlapping;
use std::arch::x86_64::{
    __m256, _mm_loadu_ps, _mm_movehl_ps, _mm_movelh_ps, _mm_storeu_ps, _mm_unpackhi_ps, _mm_unpacklo_ps,
    _mm256_loadu_ps, _mm256_permute2f128_ps, _mm256_shuffle_ps, _mm256_storeu_ps, _mm256_unpackhi_ps,
    _mm256_unpacklo_ps,
};

/// Writes `from[row, column]` (rows `from_stride` apart) to `to[column, row]` (columns `to_stride` apart).
pub(super) fn transpose(
    from: &[f32],
    from_stride: usize,
    to: &mut [f32],
    to_stride: usize,
    [rows, columns]: [usize; 2],
) {
    if rows == 0 || columns == 0 {
        return;
    }
    assert!((rows - 1) * from_stride + columns <= from.len());
    assert!((columns - 1) * to_stride + rows <= to.len());
    // SAFETY: the bounds were checked just now; kernels run only where the processor has AVX2.
    unsafe {
        match rows.min(columns) {
            8.. => by_blocks::<8>(from, from_stride, to, to_stride, [rows, columns]),
            4.. => by_blocks::<4>(from, from_stride, to, to_stride, [rows, columns]),
            _ => one_by_one(from, from_stride, to, to_stride, [rows, columns]),
        }
    }
}

/// By blocks of `SIDE` rows and columns, eight or four; the last ones may be moved twice.
#[target_feature(enable = "avx2")]
unsafe fn by_blocks<const SIDE: usize>(
    from: &[f32],
    from_stride: usize,
    to: &mut [f32],
    to_stride: usize,
    [rows, columns]: [usize; 2],
) {
    for row in overlapping(rows, SIDE) {
        for column in overlapping(columns, SIDE) {
            // SAFETY: so many rows and columns from here on are within the matrices.
            unsafe {
                let from = from.as_ptr().add(row * from_stride + column);
                let to = to.as_mut_ptr().add(column * to_stride + row);
                match SIDE {
                    8 => eight(from, from_stride, to, to_stride),
                    _ => four(from, from_stride, to, to_stride),
                }
            }
        }
    }
}

fn one_by_one(
    from: &[f32],
    from_stride: usize,
    to: &mut [f32],
    to_stride: usize,
    [rows, columns]: [usize; 2],
) {
    for column in 0..columns {
        for row in 0..rows {
            to[column * to_stride + row] = from[row * from_stride + column];
        }
    }
}

#[target_feature(enable = "avx2")]
unsafe fn four(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
    // SAFETY: the caller has checked that four rows of four lie behind both pointers.
    unsafe {
        let [a, b, c, d] = std::array::from_fn(|row| _mm_loadu_ps(from.add(row * from_stride)));
        let [low, high] = [_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b)];
        let [other_low, other_high] = [_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d)];
        _mm_storeu_ps(to, _mm_movelh_ps(low, other_low));
        _mm_storeu_ps(to.add(to_stride), _mm_movehl_ps(other_low, low));
        _mm_storeu_ps(to.add(2 * to_stride), _mm_movelh_ps(high, other_high));
        _mm_storeu_ps(to.add(3 * to_stride), _mm_movehl_ps(other_high, high));
    }
}

#[target_feature(enable = "avx2")]
unsafe fn eight(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
    // SAFETY: the caller has checked that eight rows of eight lie behind both pointers.
    unsafe {
        let rows: [__m256; 8] = std::array::from_fn(|row| _mm256_loadu_ps(from.add(row * from_stride)));
        let pairs: [__m256; 8] = std::array::from_fn(|index| {
            let (one, other) = (rows[index & !1], rows[index | 1]);
            if index & 1 == 0 { _mm256_unpacklo_ps(one, other) } else { _mm256_unpackhi_ps(one, other) }
        });
        let fours: [__m256; 8] = std::array::from_fn(|index| {
            let (low, high) =
                (pairs[(index & 4) + (index >> 1 & 1)], pairs[(index & 4) + 2 + (index >> 1 & 1)]);
            if index & 1 == 0 {
                _mm256_shuffle_ps::<0b01_00_01_00>(low, high)
            } else {
                _mm256_shuffle_ps::<0b11_10_11_10>(low, high)
            }
        });
        for index in 0..4 {
            let (upper, lower) = (fours[index], fours[index + 4]);
            _mm256_storeu_ps(to.add(index * to_stride), _mm256_permute2f128_ps::<0x20>(upper, lower));
            _mm256_storeu_ps(to.add((index + 4) * to_stride), _mm256_permute2f128_ps::<0x31>(upper, lower));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_goes_where_it_belongs() {
        for rows in [1, 3, 4, 5, 7, 8, 9, 12, 15, 16, 28] {
            for columns in [1, 2, 4, 6, 8, 11, 16, 20] {
                let (from_stride, to_stride) = (columns + 2, rows + 3);
                let from: Vec<f32> = (0..rows * from_stride).map(|number| number as f32).collect();
                let mut to = vec![-1.0; columns * to_stride];
                transpose(&from, from_stride, &mut to, to_stride, [rows, columns]);
                for (place, found) in to.iter().enumerate() {
                    let (column, row) = (place / to_stride, place % to_stride);
                    let expected = if row < rows { from[row * from_stride + column] } else { -1.0 };
                    assert_eq!(*found, expected, "{rows} x {columns}: row {row}, column {column}");
                }
            }
        }
    }
}
