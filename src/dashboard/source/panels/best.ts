// The best network so far: its figures, lineage, learning curve and layers.

import { LineageChart } from "../charts/lineage";
import type { Context } from "../context";
import { fill, h, setText, show } from "../dom";
import type { Individual } from "../model";
import { NetworkView } from "./network";
import { panel } from "./panel";
import { TrainingView } from "./training";
import { whyNoPoints } from "./waiting";

/** How long after a failed answer the best is asked for again. */
const AGAIN_MS = 5000;

export class BestPanel {
  readonly root: HTMLElement;
  private readonly empty = h("p", { class: "empty" });
  private readonly inside: HTMLElement;
  private readonly summary = h("p", { class: "summary" });
  private readonly lineage = h("div", { class: "scroll lineage-host", tabindex: -1 });
  private readonly opener = h("button", { type: "button", class: "quiet" });
  private readonly chart: LineageChart;
  private readonly network: NetworkView;
  private readonly training: TrainingView;
  private wanted: string | null = null;
  private timer = 0;

  constructor(private readonly context: Context) {
    const { store } = context;
    this.chart = new LineageChart(this.lineage, context.open);
    this.network = new NetworkView(context);
    this.training = new TrainingView(context);
    const left = h("div", {}, h("h3", {}, "Learning curve"), this.training.root, h("h3", {}, "Layers"), this.network.table);
    const right = h("div", { class: "drawn" }, this.network.frame);
    const lineage = h("div", {}, h("h3", {}, "Lineage"), this.lineage);
    this.inside = h("div", { hidden: true }, this.summary, h("div", { class: "pair" }, left, right), lineage);
    const { root, tools } = panel("best", "The best network", this.empty, this.inside);
    tools.append(this.opener);
    this.opener.addEventListener("click", () => store.run?.best && context.open(store.run.best.id));
    this.root = root;
    store.on(["run", "points", "nodes", "connection"], () => this.update());
    this.update();
  }

  private update(): void {
    const best = this.context.store.run?.best ?? null;
    show(this.empty, this.inside.hidden === true);
    setText(this.empty, best === null ? whyNoPoints(this.context.store) || "No network has a score yet." : "Asking for the best network …");
    show(this.opener, best !== null);
    if (best === null) return;
    const key = `${best.id} ${best.score} ${this.context.store.run?.ending}`;
    if (this.wanted === key) return;
    this.wanted = key;
    void this.fetch(best.id, key);
  }

  private async fetch(id: number, key: string): Promise<void> {
    try {
      const individual = await this.context.details.fetch(id);
      if (this.wanted === key) this.show(individual);
    } catch {
      clearTimeout(this.timer);
      this.timer = window.setTimeout(() => {
        if (this.wanted === key) this.wanted = null;
        this.update();
      }, AGAIN_MS);
    }
  }

  private show(individual: Individual): void {
    show(this.empty, false);
    show(this.inside, true);
    fill(this.opener, `Open #${individual.id}`);
    setText(this.summary, individual.summary);
    this.network.set(individual);
    this.training.set(individual);
    this.chart.set(individual, individual.lineage, this.context.store.run?.task ?? "classification");
  }
}
