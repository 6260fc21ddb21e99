// What the two charts of points have in common: the columns that they draw, grouped by maker or by outcome.

import type { PointData } from "../charts/point_chart";
import type { ScoreMode } from "../charts/score_axis";
import { makerMark, outcomeMark, type Mark } from "../series";
import type { Store } from "../store";

export type Grouping = "maker" | "outcome";

export interface Groups {
  words: string[];
  marks: Mark[];
  of: Uint8Array;
}

export function groupsOf(store: Store, grouping: Grouping): Groups {
  const { points } = store;
  const words = grouping === "maker" ? points.makerWords : points.outcomeWords;
  const mark = grouping === "maker" ? makerMark : outcomeMark;
  return { words, marks: words.map((word, place) => mark(word, place)), of: grouping === "maker" ? points.makers : points.outcomes };
}

/** How many individuals each group has. */
export function countsOf(store: Store, groups: Groups): number[] {
  const counts = new Array<number>(groups.words.length).fill(0);
  for (let row = 0; row < store.points.length; row++) if (groups.of[row] < counts.length) counts[groups.of[row]] += 1;
  return counts;
}

/** The part of a chart's data that does not depend on its x. */
export function shared(store: Store, groups: Groups, mode: ScoreMode, hidden: ReadonlySet<number>) {
  const { points, run } = store;
  return {
    length: points.length,
    scores: points.scores,
    scoreKind: { task: run?.task ?? "classification", name: run?.score_name ?? "score" },
    mode,
    groups: groups.of,
    marks: groups.marks,
    hidden,
  } satisfies Partial<PointData>;
}

export const SCORE_MODES: readonly (readonly [ScoreMode, string])[] = [
  ["focus", "Good scores"],
  ["all", "All scores"],
  ["error", "By error, log"],
];
