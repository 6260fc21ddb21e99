// The course of the search: every score as it came, and the best so far, over time or over evaluations.

import { PointChart } from "../charts/point_chart";
import type { ScoreMode } from "../charts/score_axis";
import type { Context } from "../context";
import { h, setText } from "../dom";
import { clock, compact, counted, duration, score, scoreName } from "../format";
import { linearTicks, timeTicks } from "../math/ticks";
import { choice, panel, select } from "./panel";
import { Plot } from "./plot";
import { groupsOf, SCORE_MODES, shared } from "./points_view";
import { whyNoPoints } from "./waiting";

type Over = "time" | "evaluations";

export class CoursePanel {
  readonly root: HTMLElement;
  private readonly chart: PointChart;
  private readonly plot: Plot;
  private readonly caption = h("p", { class: "caption" });
  private over: Over = "time";
  private mode: ScoreMode = "focus";
  private counts = new Float64Array(0);
  private readonly hidden = new Set<number>();

  constructor(private readonly context: Context) {
    const canvases: [HTMLCanvasElement, HTMLCanvasElement] = [h("canvas"), h("canvas")];
    this.chart = new PointChart(...canvases);
    const { store } = context;
    this.plot = new Plot(context, "Best score over the course of the search", canvases, this.chart, () => store.best.rows);
    const { root, tools } = panel("course", "Best so far", this.plot.root, this.caption);
    const over = [["time", "Time"], ["evaluations", "Evaluations"]] as const;
    tools.append(
      this.plot.reset,
      choice("over", over, this.over, (chosen) => this.choose(() => (this.over = chosen))),
      select("scale of scores", SCORE_MODES, (mode) => this.choose(() => (this.mode = mode as ScoreMode))),
    );
    this.root = root;
    store.on(["points", "run", "nodes", "connection"], () => this.update());
    store.on(["theme"], () => this.chart.redraw());
  }

  private choose(change: () => void): void {
    change();
    this.chart.zoomed = null;
    this.plot.reset.hidden = true;
    this.drawn = "";
    this.update();
  }

  private drawn = "";

  private update(): void {
    const { store } = this.context;
    this.plot.setEmpty(whyNoPoints(store));
    setText(this.caption, this.words());
    const state = `${store.points.length} ${store.run?.score_name} ${store.run?.task}`;
    if (state === this.drawn) return;
    this.drawn = state;
    const isTime = this.over === "time";
    this.chart.set({
      ...shared(store, groupsOf(store, "maker"), this.mode, this.hidden),
      x: isTime ? store.points.finished_s : this.numbers(),
      xKind: "linear",
      xTitle: isTime ? "time since the start" : "evaluations",
      xTicks: isTime ? timeTicks : linearTicks,
      xWrite: () => (isTime ? clock : compact),
      isLeftOut: () => false,
      stairs: store.best.rows,
      stairsEnd: "edge",
    });
  }

  // 1, 2, 3, ...: the number of each evaluation.
  private numbers(): Float64Array {
    const { length } = this.context.store.points;
    if (this.counts.length < length) this.counts = Float64Array.from({ length: length * 2 }, (_, row) => row + 1);
    return this.counts;
  }

  private words(): string {
    const { store } = this.context;
    const row = store.best.row;
    if (row === undefined || !store.run) return "";
    const { points, run, best } = store;
    const since = points.length - 1 - row;
    const age = run.elapsed_s === null ? "" : ` (${duration(Math.max(0, run.elapsed_s - points.finished_s[row]))})`;
    const when = since === 0 ? "by the latest evaluation" : `${counted(since, "evaluation")}${age} ago`;
    return `${scoreName(run.score_name)} ${score(points.scores[row], run.task)} by #${points.ids[row]}; raised ${counted(best.rows.length, "time")}, last ${when}.`;
  }
}
