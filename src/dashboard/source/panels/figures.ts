// The figures at a glance: the best, how far the budget is spent, how fast it goes.

import type { Context } from "../context";
import { h, setAttribute, setText, show } from "../dom";
import { compact, duration, grouped, percent, score, scoreName } from "../format";
import type { Run } from "../model";

export class Figures {
  readonly root = h("dl", { class: "figures", "aria-label": "figures of the run" });
  private readonly cells = new Map<string, { name: HTMLElement; value: HTMLElement; note: HTMLElement }>();
  private readonly bar = h("i");

  constructor(private readonly context: Context) {
    for (const key of ["best", "size", "evaluations", "time", "rate", "busy"]) this.root.append(this.cell(key));
    this.root.append(h("div", { class: "budget", "aria-hidden": "true" }, this.bar));
    this.root.hidden = true;
    context.store.on(["run"], () => this.update());
  }

  private cell(key: string): HTMLElement {
    const [name, value, note] = [h("dt"), h("dd"), h("dd", { class: "note" })];
    this.cells.set(key, { name, value, note });
    return h("div", { class: `figure ${key}` }, name, value, note);
  }

  private set(key: string, name: string, value: string, note: string): void {
    const cell = this.cells.get(key);
    if (!cell) return;
    setText(cell.name, name);
    setText(cell.value, value);
    setText(cell.note, note);
  }

  private update(): void {
    const { run } = this.context.store;
    show(this.root, run !== null);
    if (!run) return;
    const { best } = run;
    this.set("best", `best ${scoreName(run.score_name)}`, score(best?.score, run.task), best ? `by #${best.id}` : "no result yet");
    this.set("size", "its parameters", compact(best?.parameters), best ? `${compact(best.multiply_adds)} multiply-adds` : "");
    this.set("evaluations", "evaluations", grouped(run.evaluations), evaluationsNote(run));
    this.set("time", "time", duration(run.elapsed_s), timeNote(run));
    this.set("rate", "networks per hour", grouped(run.per_hour), `${grouped(run.individuals)} individuals`);
    this.set("busy", "trainers busy", percent(run.utilisation), this.training());
    const spent = spentShare(run);
    this.bar.style.width = `${(spent ?? 0) * 100}%`;
    setAttribute(this.root, "data-spent", spent === null ? null : spent.toFixed(2));
  }

  private training(): string {
    const slots = (this.context.store.nodes ?? []).filter((node) => node.state !== "gone").flatMap((node) => node.slots);
    const busy = slots.filter((slot) => slot.evaluation !== null || slot.individual !== null).length;
    return slots.length > 0 ? `${busy} of ${slots.length} now` : "";
  }
}

function evaluationsNote(run: Run): string {
  if (run.evaluations_max === null) return "no limit";
  return `of ${grouped(run.evaluations_max)}`;
}

function timeNote(run: Run): string {
  if (run.ending !== "") return "ended";
  return run.seconds_left === null ? "no limit" : `${duration(Math.max(0, run.seconds_left))} left`;
}

/** The share of the budget that is spent: of evaluations or of time, whichever is further. */
export function spentShare(run: Run): number | null {
  const shares: number[] = [];
  if (run.evaluations_max) shares.push(run.evaluations / run.evaluations_max);
  if (run.seconds_left !== null && run.elapsed_s !== null) {
    const whole = run.elapsed_s + Math.max(0, run.seconds_left);
    if (whole > 0) shares.push(run.elapsed_s / whole);
  }
  return shares.length === 0 ? null : Math.min(1, Math.max(...shares));
}

