// The axis of scores, which all charts share: the good ones in focus, all of them, or by their errors on a logarithmic
// scale, where the way from 98 to 99 is as long as that from 80 to 90.

import { score as writeScore, scoreName, type Task } from "../format";
import { extent, focusFloor, padded, scale } from "../math/scales";
import { decimalsOf, ticksOf } from "../math/ticks";
import { type Axis, TICK_PX } from "./axes";

export type ScoreMode = "focus" | "all" | "error";

export interface ScoreKind {
  task: Task;
  name: string;
}

/** The domain of a mode; null where nothing has a score. */
export function scoreDomain(mode: ScoreMode, scores: ArrayLike<number>, length: number): [number, number] | null {
  const range = extent(scores, length);
  if (!range) return null;
  if (mode === "all") return padded("linear", range, 0.04);
  const floor = focusFloor(scores, length) ?? range[0];
  if (mode === "error") return padded("error", [Math.max(floor, 0), belowOne(scores, length)], 0.05);
  return padded("linear", [floor, range[1]], 0.04);
}

// A perfect score has no place on a scale of errors: it stands a little above the best of the others.
function belowOne(scores: ArrayLike<number>, length: number): number {
  let best = 0;
  let perfect = false;
  for (let row = 0; row < length; row++) {
    if (scores[row] >= 1) perfect = true;
    else if (scores[row] > best) best = scores[row];
  }
  return perfect ? 1 - (1 - best) / 2 : best;
}

export function scoreAxis(mode: ScoreMode, domain: [number, number], range: [number, number], kind: ScoreKind): Axis {
  const mapped = scale(mode === "error" ? "error" : "linear", domain, range);
  const ticks = ticksOf(mapped, Math.max(2, Math.abs(range[1] - range[0]) / TICK_PX.y)).filter((tick) => kind.task !== "classification" || tick <= 1);
  const factor = kind.task === "classification" ? 100 : 1;
  const decimals = decimalsOf(ticks.map((tick) => tick * factor), 4);
  const write = (value: number) => writeScore(value, kind.task, kind.task === "classification" ? decimals : decimals - 2);
  return { scale: mapped, ticks, write, title: scoreName(kind.name) };
}
