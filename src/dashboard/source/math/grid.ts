// A grid over the plane of a chart: which point is nearest to a pointer, and which lies next in a direction. Pure.
//
// Each cell is a chain through `next`, so that a hundred thousand points take two arrays and a few milliseconds.

/** Side of a cell in pixels: about how far a pointer may miss. */
const CELL = 16;
/** What lies rather aside than ahead comes after all that lies ahead, in pixels of distance. */
const ASIDE = 100_000;

export type Direction = "left" | "right" | "up" | "down";

export class Grid {
  private readonly columns: number;
  private readonly lines: number;
  private readonly heads: Int32Array;
  private readonly next: Int32Array;

  /** `x`, `y` in pixels from the chart's corner; points with NaN are left out. */
  constructor(
    private readonly x: Float32Array,
    private readonly y: Float32Array,
    length: number,
    width: number,
    height: number,
  ) {
    this.columns = Math.max(1, Math.ceil(width / CELL));
    this.lines = Math.max(1, Math.ceil(height / CELL));
    this.heads = new Int32Array(this.columns * this.lines).fill(-1);
    this.next = new Int32Array(length);
    for (let i = 0; i < length; i++) this.put(i);
  }

  private put(i: number): void {
    const [column, line] = [Math.floor(this.x[i] / CELL), Math.floor(this.y[i] / CELL)];
    if (!(column >= 0 && column < this.columns && line >= 0 && line < this.lines)) return;
    const cell = line * this.columns + column;
    this.next[i] = this.heads[cell];
    this.heads[cell] = i;
  }

  /** The nearest point within `reach` pixels, or -1. Of equals the latest. */
  nearest(px: number, py: number, reach: number): number {
    let [best, least] = [-1, reach * reach];
    this.visit(px - reach, py - reach, px + reach, py + reach, (i) => {
      const far = (this.x[i] - px) ** 2 + (this.y[i] - py) ** 2;
      if (far < least || (far === least && i > best)) [best, least] = [i, far];
    });
    return best;
  }

  /** All points within a rectangle of pixels, cell by cell; cells are visited whole. */
  visit(left: number, top: number, right: number, bottom: number, each: (i: number) => void): void {
    const clamp = (value: number, count: number) => Math.min(Math.max(Math.floor(value / CELL), 0), count - 1);
    const [first, last] = [clamp(left, this.columns), clamp(right, this.columns)];
    for (let line = clamp(top, this.lines); line <= clamp(bottom, this.lines); line++) {
      for (let column = first; column <= last; column++) {
        for (let i = this.heads[line * this.columns + column]; i >= 0; i = this.next[i]) each(i);
      }
    }
  }

  /** The next point from `from` in a direction: near, and rather ahead than aside. -1 where there is none. */
  toward(from: number, direction: Direction): number {
    const [sx, sy] = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] }[direction];
    let [best, least] = [-1, Infinity];
    this.visit(0, 0, this.columns * CELL, this.lines * CELL, (i) => {
      const [dx, dy] = [this.x[i] - this.x[from], this.y[i] - this.y[from]];
      const ahead = dx * sx + dy * sy;
      const aside = Math.abs(dx * sy) + Math.abs(dy * sx);
      const far = ahead + 2 * aside + (aside > 2 * ahead ? ASIDE : 0);
      if (ahead >= 1 && far < least) [best, least] = [i, far];
    });
    return best;
  }
}
