//! Transposition of matrices in memory, eight by eight in registers.

#![expect(
    unsafe_code,
    reason = "vector instructions work on pointers; bounds are checked once for a whole matrix"
)]

use std::arch::x86_64::{
    __m256, _mm256_loadu_ps, _mm256_permute2f128_ps, _mm256_shuffle_ps, _mm256_storeu_ps, _mm256_unpackhi_ps,
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
    unsafe { by_eights(from, from_stride, to, to_stride, [rows, columns]) }
}

#[target_feature(enable = "avx2")]
unsafe fn by_eights(
    from: &[f32],
    from_stride: usize,
    to: &mut [f32],
    to_stride: usize,
    [rows, columns]: [usize; 2],
) {
    let (whole_rows, whole_columns) = (rows & !7, columns & !7);
    for row in (0..whole_rows).step_by(8) {
        for column in (0..whole_columns).step_by(8) {
            // SAFETY: eight rows and columns from here on are within the matrices.
            unsafe {
                block(
                    from.as_ptr().add(row * from_stride + column),
                    from_stride,
                    to.as_mut_ptr().add(column * to_stride + row),
                    to_stride,
                );
            }
        }
    }
    rest(from, from_stride, to, to_stride, [0..whole_rows, whole_columns..columns]);
    rest(from, from_stride, to, to_stride, [whole_rows..rows, 0..columns]);
}

fn rest(
    from: &[f32],
    from_stride: usize,
    to: &mut [f32],
    to_stride: usize,
    [rows, columns]: [std::ops::Range<usize>; 2],
) {
    for column in columns {
        for row in rows.clone() {
            to[column * to_stride + row] = from[row * from_stride + column];
        }
    }
}

#[target_feature(enable = "avx2")]
unsafe fn block(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
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
