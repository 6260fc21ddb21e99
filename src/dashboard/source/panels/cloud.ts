// Every individual: score against what it costs, with the Pareto front.

import { PointChart } from "../charts/point_chart";
import { legendMark } from "../charts/marks";
import type { ScoreMode } from "../charts/score_axis";
import type { Context } from "../context";
import { fill, h, setText } from "../dom";
import { compact, counted, duration, grouped, words } from "../format";
import { Front } from "../math/front";
import { extent } from "../math/scales";
import { logarithmicTicks } from "../math/ticks";
import { choice, panel, select } from "./panel";
import { Plot } from "./plot";
import { countsOf, type Grouping, groupsOf, SCORE_MODES, shared } from "./points_view";
import { whyNoPoints } from "./waiting";

type Cost = "parameters" | "multiply_adds" | "seconds";

const COSTS: readonly (readonly [Cost, string])[] = [
  ["parameters", "Parameters"],
  ["multiply_adds", "Multiply-adds"],
  ["seconds", "Training time"],
];

export class CloudPanel {
  readonly root: HTMLElement;
  private readonly chart: PointChart;
  private readonly plot: Plot;
  private readonly legend = h("div", { class: "legend", role: "group", "aria-label": "shown groups" });
  private readonly caption = h("p", { class: "caption" });
  private cost: Cost = "parameters";
  private mode: ScoreMode = "focus";
  private grouping: Grouping = "maker";
  private readonly hidden = new Set<number>();
  private front = new Front();
  private frontOf: { points: object | null; cost: Cost; length: number } = { points: null, cost: "parameters", length: 0 };
  private drawn = "";
  private legendKey = "";

  constructor(private readonly context: Context) {
    const canvases: [HTMLCanvasElement, HTMLCanvasElement] = [h("canvas"), h("canvas")];
    this.chart = new PointChart(...canvases);
    this.plot = new Plot(context, "Every individual, score against cost", canvases, this.chart, () => this.front.rows);
    const { root, tools } = panel("cloud", "All individuals", this.plot.root, h("div", { class: "foot" }, this.legend, this.caption));
    const table = h("a", { href: "#individuals", class: "quiet" }, "As a table");
    tools.append(
      this.plot.reset,
      table,
      choice("coloured by", [["maker", "Makers"], ["outcome", "Outcomes"]] as const, this.grouping, (by) => this.regroup(by)),
      select("against", COSTS, (cost) => this.choose(() => (this.cost = cost as Cost))),
      select("scale of scores", SCORE_MODES, (mode) => this.choose(() => (this.mode = mode as ScoreMode))),
    );
    this.root = root;
    context.store.on(["points", "run", "nodes", "connection"], () => this.update());
    context.store.on(["theme"], () => this.chart.redraw());
  }

  private choose(change: () => void): void {
    change();
    this.chart.zoomed = null;
    this.plot.reset.hidden = true;
    this.drawn = "";
    this.update();
  }

  private regroup(by: Grouping): void {
    this.grouping = by;
    this.hidden.clear();
    this.drawn = "";
    this.update();
  }

  private update(): void {
    const { store } = this.context;
    this.plot.setEmpty(whyNoPoints(store) || this.whyNoCosts());
    const state = `${store.points.length} ${store.run?.score_name} ${store.run?.task}`;
    if (state === this.drawn) return;
    this.drawn = state;
    this.updateFront();
    this.draw();
  }

  // A journal of an older version may not have all costs.
  private whyNoCosts(): string {
    const { points } = this.context.store;
    return extent(points[this.cost], points.length) ? "" : "This run's journal does not hold that.";
  }

  private draw(): void {
    const { store } = this.context;
    const groups = groupsOf(store, this.grouping);
    this.drawLegend();
    const title = COSTS.find(([cost]) => cost === this.cost)?.[1].toLowerCase() ?? "";
    const front = this.front.rows.length;
    setText(this.caption, front > 0 ? `${counted(front, "network")} on the Pareto front of score and ${title}.` : "");
    this.chart.set({
      ...shared(store, groups, this.mode, this.hidden),
      x: store.points[this.cost],
      xKind: "logarithmic",
      xTitle: `${title}, log scale`,
      xTicks: logarithmicTicks,
      xWrite: () => (this.cost === "seconds" ? duration : compact),
      isLeftOut: (row) => store.points.isOvertaken(row),
      stairs: this.front.rows,
      stairsEnd: "last",
    });
  }

  private updateFront(): void {
    const { points } = this.context.store;
    const known = this.frontOf;
    if (known.points !== points || known.cost !== this.cost) {
      this.front = new Front();
      this.frontOf = { points, cost: this.cost, length: 0 };
    }
    for (; this.frontOf.length < points.length; this.frontOf.length++) this.front.offer(this.frontOf.length, points[this.cost], points.scores);
  }

  private drawLegend(): void {
    const { store } = this.context;
    const groups = groupsOf(store, this.grouping);
    const counts = countsOf(store, groups);
    const key = JSON.stringify([this.grouping, groups.words, counts, [...this.hidden]]);
    if (key === this.legendKey) return;
    this.legendKey = key;
    const focused = [...this.legend.children].indexOf(document.activeElement as Element);
    fill(this.legend, ...groups.words.map((word, group) => counts[group] > 0 && this.entry(word, group, counts[group])));
    if (focused >= 0) (this.legend.children[focused] as HTMLElement | undefined)?.focus();
  }

  private entry(word: string, group: number, count: number): HTMLElement {
    const groups = groupsOf(this.context.store, this.grouping);
    const pressed = !this.hidden.has(group);
    const toggle = () => {
      if (pressed) this.hidden.add(group);
      else this.hidden.delete(group);
      this.draw();
    };
    const properties = { type: "button", "aria-pressed": String(pressed), onclick: toggle };
    return h("button", properties, legendMark(groups.marks[group]), words(word), h("span", { class: "n" }, grouped(count)));
  }
}
