// What need not be drawn: points that others cover, and steps that no pixel shows. Pure.

/**
 * The points that are seen when each takes a cell of `cell` pixels, later ones above earlier: of a hundred thousand a
 * few thousand remain, and the picture is the same. In drawing order.
 */
export function visible(
  x: Float32Array,
  y: Float32Array,
  shown: (i: number) => boolean,
  length: number,
  [width, height]: [number, number],
  cell: number,
): number[] {
  const columns = Math.ceil(width / cell) + 1;
  const taken = new Uint8Array(columns * (Math.ceil(height / cell) + 1));
  const kept: number[] = [];
  for (let i = length - 1; i >= 0; i--) {
    if (!(x[i] >= 0 && x[i] <= width && y[i] >= 0 && y[i] <= height) || !shown(i)) continue;
    const place = Math.floor(y[i] / cell) * columns + Math.floor(x[i] / cell);
    if (taken[place] === 1) continue;
    taken[place] = 1;
    kept.push(i);
  }
  return kept.reverse();
}

/** At most `most` of the items, evenly spaced, the first and the last among them. */
export function thinned<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  const step = (items.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, k) => items[Math.round(k * step)]);
}
