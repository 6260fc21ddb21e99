// Where each ancestor stands in the picture of a lineage: generations from left (oldest) to right, the strongest line
// straight along the top. Pure.

export interface Ancestor {
  id: number;
  parents: number[];
  score: number | null;
}

export interface Place<T extends Ancestor> {
  of: T;
  /** 0 is the oldest generation. */
  column: number;
  row: number;
  /** Whether it is on the line of the best parents. */
  trunk: boolean;
}

export interface Layout<T extends Ancestor> {
  places: Place<T>[];
  /** From parent to child. */
  edges: { from: Place<T>; to: Place<T>; trunk: boolean }[];
  columns: number;
  rows: number;
}

/** Lays out `root` and its ancestors. Parents are always left of their children; who is not in the list is left out. */
export function lineageLayout<T extends Ancestor>(root: T, ancestors: readonly T[]): Layout<T> {
  const all = new Map(ancestors.map((one) => [one.id, one]));
  all.set(root.id, root);
  const depths = generations(root, all);
  const trunk = strongest(root, all);
  const deepest = Math.max(...depths.values());
  const rows = rowsOf(depths, all, trunk);
  const places = [...depths].map(([id, depth]) => ({
    of: all.get(id) as T,
    column: deepest - depth,
    row: rows.get(id) ?? 0,
    trunk: trunk.has(id),
  }));
  return { places, edges: edgesOf(places), columns: deepest + 1, rows: 1 + Math.max(...places.map((place) => place.row)) };
}

// A parent was born before its child: its number is smaller. Whatever says otherwise is not followed, so that no
// circle can hold us.
function parentsIn<T extends Ancestor>(one: T, all: Map<number, T>): T[] {
  const known = one.parents.filter((id) => id < one.id).map((id) => all.get(id));
  return [...new Set(known)].filter((parent) => parent !== undefined);
}

// Longest way from the root to each, in generations.
function generations<T extends Ancestor>(root: T, all: Map<number, T>): Map<number, number> {
  const depths = new Map([[root.id, 0]]);
  const youngestFirst = [...all.values()].sort((a, b) => b.id - a.id);
  for (const one of youngestFirst) {
    const depth = depths.get(one.id);
    if (depth === undefined) continue;
    for (const parent of parentsIn(one, all)) {
      depths.set(parent.id, Math.max(depths.get(parent.id) ?? 0, depth + 1));
    }
  }
  return depths;
}

function strongest<T extends Ancestor>(root: T, all: Map<number, T>): Set<number> {
  const line = new Set<number>();
  for (let one: T | undefined = root; one; ) {
    line.add(one.id);
    const better = (a: T, b: T) => ((b.score ?? -Infinity) > (a.score ?? -Infinity) ? b : a);
    const parents: T[] = parentsIn(one, all);
    one = parents.length > 0 ? parents.reduce(better) : undefined;
  }
  return line;
}

// The trunk is row 0; the others stand below, near their children, youngest generation first.
function rowsOf<T extends Ancestor>(depths: Map<number, number>, all: Map<number, T>, trunk: Set<number>): Map<number, number> {
  const rows = new Map<number, number>();
  const columns = new Map<number, number[]>();
  for (const [id, depth] of depths) columns.set(depth, [...(columns.get(depth) ?? []), id]);
  const wish = new Map<number, number>();
  for (const depth of [...columns.keys()].sort((a, b) => a - b)) {
    const ids = columns.get(depth) ?? [];
    ids.sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0) || b - a);
    let row = 1;
    for (const id of ids) rows.set(id, trunk.has(id) ? 0 : row++);
    for (const id of ids) {
      for (const parent of parentsIn(all.get(id) as T, all)) {
        wish.set(parent.id, Math.min(wish.get(parent.id) ?? Infinity, rows.get(id) ?? 0));
      }
    }
  }
  return rows;
}

function edgesOf<T extends Ancestor>(places: Place<T>[]): Layout<T>["edges"] {
  const at = new Map(places.map((place) => [place.of.id, place]));
  return places.flatMap((to) => {
    const parents = [...new Set(to.of.parents)].filter((id) => id < to.of.id).map((id) => at.get(id));
    const known = parents.filter((from) => from !== undefined);
    return known.map((from) => ({ from, to, trunk: from.trunk && to.trunk && from.column === trunkBefore(to, places) }));
  });
}

// Column of the nearest of the trunk left of a place.
function trunkBefore<T extends Ancestor>(to: Place<T>, places: Place<T>[]): number {
  return Math.max(-1, ...places.filter((one) => one.trunk && one.column < to.column).map((one) => one.column));
}
