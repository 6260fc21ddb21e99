// Scales: from values to pixels and back. Pure arithmetic; what a value means is known to those who ask.

export interface Scale {
  readonly kind: "linear" | "logarithmic" | "error";
  readonly from: number;
  readonly to: number;
  /** Pixel of a value; values outside the domain lie outside the range. */
  at(value: number): number;
  /** Value at a pixel. */
  value(pixel: number): number;
}

/** Smallest error (1 - score) that the error scale tells apart: a score of 1 must have a place on it. */
export const ERROR_MIN = 1e-5;

type Bend = { there(value: number): number; back(bent: number): number };

const straight: Bend = { there: (value) => value, back: (bent) => bent };
const logarithm: Bend = { there: (value) => Math.log10(Math.max(value, 1e-12)), back: (bent) => 10 ** bent };
const error: Bend = {
  there: (value) => -Math.log10(Math.max(1 - value, ERROR_MIN)),
  back: (bent) => 1 - 10 ** -bent,
};
const bends = { linear: straight, logarithmic: logarithm, error };

/** A scale of a kind from a domain to a range of pixels. A domain without width is widened. */
export function scale(kind: Scale["kind"], domain: [number, number], range: [number, number]): Scale {
  const bend = bends[kind];
  let low = bend.there(domain[0]);
  let high = bend.there(domain[1]);
  if (!(high > low)) [low, high] = [low - 0.5, low + 0.5];
  const slope = (range[1] - range[0]) / (high - low);
  return {
    kind,
    from: bend.back(low),
    to: bend.back(high),
    at: (value) => range[0] + (bend.there(value) - low) * slope,
    value: (pixel) => bend.back(low + (pixel - range[0]) / slope),
  };
}

/** Smallest and greatest of the finite values; null where there are none. */
export function extent(values: ArrayLike<number>, length = values.length): [number, number] | null {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < length; i++) {
    const value = values[i];
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : null;
}

/** The domain with a share of its width added at both ends, on the scale's own terms. */
export function padded(kind: Scale["kind"], domain: [number, number], share: number): [number, number] {
  const bend = bends[kind];
  const [low, high] = [bend.there(domain[0]), bend.there(domain[1])];
  const room = (high - low || 1) * share;
  return [bend.back(low - room), bend.back(high + room)];
}

/** Most values that a quantile looks at: of more, evenly spaced ones. */
const SAMPLE_MAX = 4096;

/** Quantiles of the finite values, from a sample of at most `SAMPLE_MAX`. Empty where there are none. */
export function quantiles(values: ArrayLike<number>, length: number, shares: number[]): number[] {
  const sample: number[] = [];
  const step = Math.max(1, Math.floor(length / SAMPLE_MAX));
  for (let i = 0; i < length; i += step) if (Number.isFinite(values[i])) sample.push(values[i]);
  if (sample.length === 0) return [];
  sample.sort((a, b) => a - b);
  return shares.map((share) => sample[Math.round(share * (sample.length - 1))]);
}

/**
 * The lowest score that is drawn in its place when the eye is to rest on the good ones: a few failures must not squeeze
 * those into a line. What is lower lies on the edge.
 */
export function focusFloor(scores: ArrayLike<number>, length: number): number | null {
  const range = extent(scores, length);
  if (!range) return null;
  const [median, high] = quantiles(scores, length, [0.5, 0.95]);
  const floor = median - 2 * (Math.max(high, median) - median) - 0.02 * (range[1] - range[0]);
  return Math.max(range[0], Math.min(floor, range[1]));
}
