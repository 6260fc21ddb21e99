// A network: its drawing, and its layers with what each of them costs.

import type { Context } from "../context";
import { fill, h, show } from "../dom";
import { compact, grouped } from "../format";
import type { Individual, Layer } from "../model";

export class NetworkView {
  /** The drawing in its frame, and the table of layers: they may stand apart. */
  readonly frame: HTMLElement;
  readonly table: HTMLElement;
  private readonly picture = h("img", { class: "drawing", alt: "", hidden: true });
  private readonly layers = h("tbody");
  private shown: number | null = null;
  private address: string | null = null;

  constructor(private readonly context: Context) {
    const names = ["layer", "gives", "parameters", "multiply-adds"];
    const head = h("thead", {}, h("tr", {}, ...names.map((name, k) => h("th", { scope: "col", class: k > 1 ? "n" : "" }, name))));
    this.frame = h("div", { class: "frame" }, this.picture);
    this.table = h("div", { class: "scroll" }, h("table", { class: "layers" }, head, this.layers));
  }

  set(individual: Individual): void {
    if (this.shown === individual.id) return;
    this.shown = individual.id;
    const most = (key: "parameters" | "multiply_adds") => Math.max(1, ...individual.layers.map((layer) => layer[key] ?? 0));
    const scale = { parameters: most("parameters"), multiply_adds: most("multiply_adds") };
    fill(this.layers, ...individual.layers.map((layer) => layerRow(layer, scale)));
    void this.draw(individual);
  }

  private async draw({ id, summary }: Individual): Promise<void> {
    try {
      const blob = await this.context.api.drawing(id);
      if (this.shown !== id) return;
      if (this.address !== null) URL.revokeObjectURL(this.address);
      this.address = URL.createObjectURL(blob);
      this.picture.src = this.address;
      this.picture.alt = `network ${id}, layer by layer: ${summary}`;
      show(this.picture, true);
    } catch {
      if (this.shown === id) show(this.picture, false);
    }
  }
}

function layerRow(layer: Layer, most: { parameters: number; multiply_adds: number }): HTMLElement {
  const name = h("th", { scope: "row" }, h("i", { class: `layer ${family(layer.kind)}`, "aria-hidden": "true" }), nameOf(layer));
  const costs = (["parameters", "multiply_adds"] as const).map((key) => {
    const bar = h("i", { "aria-hidden": "true" });
    bar.style.width = `${(Math.max(0, layer[key] ?? 0) / most[key]) * 100}%`;
    return h("td", { class: "n cost", title: grouped(layer[key]) }, bar, h("span", {}, compact(layer[key])));
  });
  return h("tr", {}, name, h("td", { class: "shape" }, layer.output_shape), ...costs);
}

// The ends are told by what they are, genes by what they say.
function nameOf(layer: Layer): string {
  const isEnd = layer.kind === "input" || layer.kind === "output";
  return isEnd && layer.words ? `${layer.kind}, ${layer.words}` : layer.words || layer.kind;
}

/** The family of a kind of layer, which gives its colour: that of the drawing. */
export function family(kind: string): string {
  const text = kind.toLowerCase();
  if (/conv|inception|residual/.test(text)) return "convolution";
  if (text.includes("pool")) return "pool";
  if (text === "input") return "end";
  if (text.includes("dense") || text.includes("classes") || text.includes("output")) return "dense";
  return "helper";
}
