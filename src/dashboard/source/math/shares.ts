// Who made how many, over the course of a run: births in equal stretches, as shares that add up to one. Pure.

export interface Shares {
  /** Row at which each stretch begins. */
  starts: number[];
  /** For each kind, its share in each stretch. */
  shares: number[][];
}

/** Shares of `kinds` kinds (`of[row]` < kinds) in at most `stretches` stretches of the first `length` rows. */
export function sharesOver(of: ArrayLike<number>, kinds: number, length: number, stretches: number): Shares {
  const count = Math.min(stretches, Math.max(1, Math.floor(length / 8)));
  const starts = Array.from({ length: length > 0 ? count : 0 }, (_, k) => Math.floor((k * length) / count));
  const shares = Array.from({ length: kinds }, () => new Array<number>(starts.length).fill(0));
  starts.forEach((start, k) => {
    const end = starts[k + 1] ?? length;
    for (let row = start; row < end; row++) if (of[row] < kinds) shares[of[row]][k] += 1 / (end - start);
  });
  return { starts, shares };
}
