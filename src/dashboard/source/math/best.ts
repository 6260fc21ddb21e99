// The best so far: the rows that raised it, in the order in which they ended. Pure.

export class BestSoFar {
  /** Rows, each better than all before. */
  rows: number[] = [];
  private seen = 0;

  /** Takes in the rows that are new. */
  extend(scores: ArrayLike<number>, length: number): void {
    for (; this.seen < length; this.seen++) {
      const last = this.rows[this.rows.length - 1];
      if (Number.isFinite(scores[this.seen]) && (last === undefined || scores[this.seen] > scores[last])) {
        this.rows.push(this.seen);
      }
    }
  }

  /** The row that is best now. */
  get row(): number | undefined {
    return this.rows[this.rows.length - 1];
  }
}
