// The Pareto front of score against cost, kept as rows arrive. Pure.

/** Rows of which none is at least as good in both and better in one: by cost upwards, scores rise. */
export class Front {
  /** Row numbers, cheapest first. */
  rows: number[] = [];

  /** Considers one row; true where it joins. A row as good as one that is there already stays out. */
  offer(row: number, cost: ArrayLike<number>, score: ArrayLike<number>): boolean {
    if (!Number.isFinite(score[row]) || !Number.isFinite(cost[row])) return false;
    const place = this.place(cost[row], cost);
    const before = this.rows[place - 1];
    if (before !== undefined && score[before] >= score[row]) return false;
    let end = place;
    while (end < this.rows.length && score[this.rows[end]] <= score[row]) end++;
    this.rows.splice(place, end - place, row);
    // One of the same cost that is worse lies just before.
    if (before !== undefined && cost[before] === cost[row]) this.rows.splice(place - 1, 1);
    return true;
  }

  // How many of the front cost no more.
  private place(value: number, cost: ArrayLike<number>): number {
    let [low, high] = [0, this.rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cost[this.rows[middle]] <= value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The front of many rows at once. */
export function frontOf(cost: ArrayLike<number>, score: ArrayLike<number>, length = cost.length): number[] {
  const front = new Front();
  for (let row = 0; row < length; row++) front.offer(row, cost, score);
  return front.rows;
}
