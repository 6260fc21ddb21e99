// How an individual was trained: the learning curve of one of its evaluations, and all of them with what they said.

import { Curves } from "../charts/curves";
import type { Context } from "../context";
import { fill, h, setText, show } from "../dom";
import { duration, kindWords, real, score, words } from "../format";
import type { CurvePoint, Evaluation, Individual } from "../model";
import { isTrouble } from "../series";
import { choice } from "./panel";

export class TrainingView {
  readonly root: HTMLElement;
  private readonly canvas = h("canvas", { class: "curves", role: "img" });
  private readonly curves = new Curves(this.canvas);
  private readonly chooser = h("div");
  private readonly caption = h("p", { class: "caption" });
  private readonly none = h("p", { class: "empty" }, "No learning curve was kept.");
  private readonly figures = h("details", {}, h("summary", {}, "The curve in figures"));
  private evaluation: Evaluation | null = null;
  private shown = "";

  constructor(private readonly context: Context) {
    this.root = h("div", { class: "training" }, this.chooser, this.none, this.canvas, this.caption, this.figures);
    this.canvas.addEventListener("pointermove", (event) => this.tell(this.curves.at(event.offsetX)));
    this.canvas.addEventListener("pointerleave", () => this.tell(null));
    this.figures.addEventListener("toggle", () => this.writeFigures());
    context.store.on(["theme"], () => this.curves.redraw());
  }

  set(individual: Individual): void {
    const drawn = individual.evaluations.filter((evaluation) => evaluation.curve.length > 0);
    const key = JSON.stringify([individual.id, drawn.map((evaluation) => [evaluation.id, evaluation.kind, evaluation.curve.length])]);
    if (key === this.shown) return;
    this.shown = key;
    const longest = drawn.reduce((best, one, place) => (one.curve.length >= drawn[best].curve.length ? place : best), 0);
    const options = drawn.map((evaluation, place) => [String(place), labelOf(evaluation)] as const);
    const choose = (place: string) => this.showOne(drawn[Number(place)] ?? null);
    fill(this.chooser, drawn.length > 1 && choice("evaluation", options, String(longest), choose));
    this.showOne(drawn[longest] ?? null);
  }

  private showOne(evaluation: Evaluation | null): void {
    this.evaluation = evaluation;
    const there = evaluation !== null;
    show(this.none, !there);
    show(this.canvas, there);
    show(this.figures, there);
    const { run } = this.context.store;
    this.curves.set(evaluation?.curve ?? [], { task: run?.task ?? "classification", name: run?.score_name ?? "score" });
    this.tell(null);
    this.writeFigures();
  }

  private tell(point: CurvePoint | null): void {
    const told = point ?? this.evaluation?.curve[this.evaluation.curve.length - 1] ?? null;
    const text = told === null ? "" : this.words(told);
    setText(this.caption, text);
    this.canvas.setAttribute("aria-label", `learning curve; ${text}`);
  }

  private words(point: CurvePoint): string {
    const task = this.context.store.run?.task ?? "classification";
    return `Epoch ${point.epoch}: validation ${score(point.validation_score, task)}, loss ${real(point.validation_loss)} (training ${real(point.training_loss)}).`;
  }

  private writeFigures(): void {
    if (!this.figures.open || !this.evaluation) return;
    const task = this.context.store.run?.task ?? "classification";
    const names = ["epoch", "training loss", "validation loss", "validation score"];
    const rows = this.evaluation.curve.map((point) => {
      const texts = [String(point.epoch), real(point.training_loss), real(point.validation_loss), score(point.validation_score, task)];
      return h("tr", {}, ...texts.map((text) => h("td", { class: "n" }, text)));
    });
    const head = h("thead", {}, h("tr", {}, ...names.map((name) => h("th", { scope: "col", class: "n" }, name))));
    fill(this.figures, this.figures.children[0], h("div", { class: "scroll tall" }, h("table", {}, head, h("tbody", {}, ...rows))));
  }
}

function labelOf(evaluation: Evaluation): string {
  const attempt = evaluation.attempt !== null && evaluation.attempt > 1 ? `, attempt ${evaluation.attempt}` : "";
  return `${kindWords(evaluation.kind) || "evaluation"}${attempt}`;
}

/** All evaluations of an individual, with their messages. */
export function evaluationTable(evaluations: Evaluation[]): HTMLElement {
  const rows = evaluations.map((evaluation) => {
    const texts = [labelOf(evaluation), words(evaluation.outcome || evaluation.state) || "under way", evaluation.node, duration(evaluation.seconds)];
    const message = evaluation.message !== "" && h("tr", {}, h("td", { colspan: 4, class: `message${isTrouble(evaluation.outcome) ? " bad" : ""}` }, evaluation.message));
    return [h("tr", {}, ...texts.map((text, k) => h("td", { class: k === 3 ? "n" : "" }, text))), message];
  });
  const head = h("thead", {}, h("tr", {}, ...["evaluation", "outcome", "node", "time"].map((name, k) => h("th", { scope: "col", class: k === 3 ? "n" : "" }, name))));
  return h("div", { class: "scroll" }, h("table", {}, head, h("tbody", {}, ...rows.flat().filter((row) => row !== false))));
}
