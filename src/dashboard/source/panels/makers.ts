// The makers: who bears how much of the next networks, who bore how many, and how that changed.

import { legendMark } from "../charts/marks";
import { ShareBands } from "../charts/shares";
import type { Context } from "../context";
import { fill, h, show } from "../dom";
import { grouped, percent, score } from "../format";
import { sharesOver } from "../math/shares";
import type { Maker } from "../model";
import { makerMark } from "../series";
import type { Store } from "../store";
import { panel } from "./panel";

/** Most stretches that the course of shares is drawn in. */
const STRETCHES_MAX = 80;

export class MakersPanel {
  readonly root: HTMLElement;
  private readonly rows = h("tbody");
  private readonly bands: ShareBands;
  private readonly canvas = h("canvas", { class: "bands", role: "img", "aria-label": "shares of births over the course of the run" });
  private readonly note = h("p", { class: "caption" }, "Births over the course of the run, oldest at the left.");
  private readonly empty = h("p", { class: "empty" }, "No network has been born yet.");
  private readonly table = h("div", { class: "scroll" });
  private drawnRows = -1;

  constructor(private readonly context: Context) {
    this.bands = new ShareBands(this.canvas);
    const head = h("thead", {}, h("tr", {}, ...["maker", "share now", "births", "best", "raised the best"].map((name, k) => h("th", { scope: "col", class: k > 0 ? "n" : "" }, name))));
    this.table.append(h("table", {}, head, this.rows));
    const { root } = panel("makers", "Makers", this.empty, this.table, this.canvas, this.note);
    this.root = root;
    context.store.on(["run", "points"], () => this.update());
    context.store.on(["theme"], () => this.bands.redraw());
  }

  private update(): void {
    const { store } = this.context;
    const makers = store.run?.makers ?? [];
    show(this.empty, makers.length === 0 && store.points.length === 0);
    show(this.table, makers.length > 0);
    fill(this.rows, ...makers.map((maker, place) => this.row(maker, place)));
    this.drawBands();
  }

  private drawBands(): void {
    const { points } = this.context.store;
    show(this.canvas, points.length > 0);
    show(this.note, points.length > 0);
    if (points.length === this.drawnRows) return;
    this.drawnRows = points.length;
    const shares = sharesOver(points.makers, points.makerWords.length, points.length, STRETCHES_MAX);
    this.bands.set(shares, points.makerWords.map((word, place) => makerMark(word, place)));
  }

  private row(maker: Maker, place: number): HTMLElement {
    const { store } = this.context;
    const { best, raised } = featsOf(store, maker.name);
    const task = store.run?.task ?? "classification";
    const cells = [percent(maker.share), grouped(maker.births), score(best, task), grouped(raised)];
    const name = h("th", { scope: "row" }, legendMark(makerMark(maker.name, place)), maker.name);
    return h("tr", {}, name, ...cells.map((cell) => h("td", { class: "n" }, cell)));
  }
}

// The best score of a maker, and how often it raised the best of all.
function featsOf(store: Store, name: string): { best: number | null; raised: number } {
  const { points } = store;
  const maker = points.makerWords.indexOf(name);
  let best = -Infinity;
  for (let row = 0; row < points.length; row++) if (points.makers[row] === maker && points.scores[row] > best) best = points.scores[row];
  const raised = store.best.rows.filter((row) => points.makers[row] === maker).length;
  return { best: best === -Infinity ? null : best, raised };
}
