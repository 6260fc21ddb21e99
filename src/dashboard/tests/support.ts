// What several tests need: numbers that are the same in every run, and columns of them.

/** Linear congruential generator (Numerical Recipes); its seed is part of the test. */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export function column(length: number, next: () => number): Float64Array {
  return Float64Array.from({ length }, next);
}
