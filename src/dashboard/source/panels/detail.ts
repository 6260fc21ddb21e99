// One individual, opened beside the page: everything that is known of it. Escape closes, and focus goes back to where
// it came from.

import { LineageChart } from "../charts/lineage";
import { legendMark } from "../charts/marks";
import type { Context } from "../context";
import { fill, h, setText, show } from "../dom";
import { duration, grouped, real, score, scoreName, words } from "../format";
import type { Individual } from "../model";
import { makerMark, outcomeMark } from "../series";
import { NetworkView } from "./network";
import { figure } from "./panel";
import { evaluationTable, TrainingView } from "./training";

export class Detail {
  private readonly title = h("h2", { id: "detail-title", tabindex: -1 });
  private readonly said = h("p", { class: "empty", role: "status" });
  private readonly facts = h("dl", { class: "figures small" });
  private readonly summary = h("p", { class: "summary" });
  private readonly origin = h("p", { class: "caption" });
  private readonly lineageHost = h("div", { class: "scroll lineage-host", tabindex: -1 });
  private readonly evaluations = h("div");
  private readonly settings = h("dl", { class: "settings" });
  private readonly genome = h("pre", { tabindex: 0, "aria-label": "genome" });
  private readonly model = h("button", { type: "button", onclick: () => void this.download() }, "Download as ONNX");
  private readonly content: HTMLElement;
  private readonly dialog: HTMLDialogElement;
  private readonly lineage: LineageChart;
  private readonly network: NetworkView;
  private readonly training: TrainingView;
  private id: number | null = null;

  constructor(private readonly context: Context) {
    this.lineage = new LineageChart(this.lineageHost, (id) => this.open(id));
    this.network = new NetworkView(context);
    this.training = new TrainingView(context);
    const close = h("button", { type: "button", class: "quiet", "aria-label": "close", onclick: () => this.dialog.close() }, "Close ✕");
    this.content = h("div", { class: "content" }, this.summary, this.origin, this.facts, ...this.sections());
    this.dialog = h("dialog", { class: "detail", "aria-labelledby": "detail-title" }, h("header", {}, this.title, this.model, close), this.said, this.content);
    this.dialog.addEventListener("close", () => this.closed());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    document.body.append(this.dialog);
  }

  /** Opens an individual; what is remembered of it is shown until the coordinator has answered. */
  open(id: number): void {
    this.id = id;
    setText(this.title, `Network #${id}`);
    const known = this.context.details.peek(id);
    show(this.content, known !== undefined);
    show(this.model, known !== undefined);
    setText(this.said, known ? "" : "Asking for it …");
    if (!this.dialog.open) this.dialog.showModal();
    this.title.focus();
    this.dialog.scrollTop = 0;
    if (known) this.show(known);
    history.replaceState(null, "", `#individual=${id}`);
    void this.fetch(id);
  }

  private sections(): HTMLElement[] {
    const section = (title: string, ...inside: HTMLElement[]) => h("section", {}, h("h3", {}, title), ...inside);
    return [
      section("Layers", h("div", { class: "network" }, this.network.frame, this.network.table)),
      section("Learning curve", this.training.root),
      section("Lineage", this.lineageHost),
      section("Evaluations", this.evaluations),
      section("How it is trained", this.settings),
      h("details", {}, h("summary", {}, "Genome"), this.genome),
    ];
  }

  private closed(): void {
    this.id = null;
    history.replaceState(null, "", location.pathname + location.search);
  }

  private async fetch(id: number): Promise<void> {
    try {
      const individual = await this.context.details.fetch(id);
      if (this.id === id) this.show(individual);
    } catch (error) {
      if (this.id === id) setText(this.said, error instanceof Error ? error.message : String(error));
    }
  }

  private show(individual: Individual): void {
    show(this.content, true);
    show(this.model, true);
    setText(this.said, "");
    setText(this.summary, individual.summary);
    setText(this.origin, individual.operation === "" ? "" : `Came by: ${individual.operation}`);
    fill(this.facts, ...this.factsOf(individual));
    this.network.set(individual);
    this.training.set(individual);
    const { run } = this.context.store;
    this.lineage.set(individual, individual.lineage, run?.task ?? "classification");
    fill(this.evaluations, evaluationTable(individual.evaluations));
    fill(this.settings, ...individual.training.map(([name, value]) => h("div", {}, h("dt", {}, words(name)), h("dd", {}, value))));
    setText(this.genome, JSON.stringify(individual.genome ?? null, null, 2));
  }

  private factsOf(individual: Individual): HTMLElement[] {
    const { run } = this.context.store;
    const outcome = h("span", { class: "marked" }, legendMark(outcomeMark(individual.outcome)), words(individual.outcome) || "under way");
    const maker = h("span", { class: "marked" }, legendMark(makerMark(individual.maker)), individual.maker || "unknown");
    const parents = individual.parents.map((id) => h("button", { type: "button", class: "id", onclick: () => this.open(id) }, `#${id}`));
    return [
      figure(scoreName(run?.score_name ?? "score"), score(individual.score, run?.task ?? "classification")),
      figure("loss", real(individual.loss)),
      figure("parameters", grouped(individual.parameters)),
      figure("multiply-adds", grouped(individual.multiply_adds)),
      figure("outcome", outcome),
      figure("made by", maker),
      figure("born after", duration(individual.born_s)),
      figure("trained for", duration(individual.seconds)),
      figure("parents", parents.length > 0 ? h("span", { class: "marked" }, ...parents) : "none"),
    ];
  }

  private async download(): Promise<void> {
    const { id } = this;
    if (id === null) return;
    try {
      const address = URL.createObjectURL(await this.context.api.model(id));
      h("a", { href: address, download: `network-${id}.onnx` }).click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    } catch (error) {
      setText(this.said, error instanceof Error ? error.message : String(error));
    }
  }
}

/** The individual that the address asks for. */
export function individualFromAddress(): number | null {
  const given = new URLSearchParams(location.hash.slice(1)).get("individual");
  return given !== null && /^\d{1,15}$/.test(given) ? Number(given) : null;
}
