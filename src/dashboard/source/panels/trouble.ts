// How evaluations ended, and what went wrong in whose words.

import { legendMark } from "../charts/marks";
import type { Context } from "../context";
import { fill, h, show } from "../dom";
import { duration, grouped, percent, words } from "../format";
import type { Failure, Run } from "../model";
import { outcomeMark } from "../series";
import { panel } from "./panel";

/** Most messages that are shown; the coordinator sends the latest fifty. */
const MESSAGES_MAX = 50;

export class TroublePanel {
  readonly root: HTMLElement;
  private readonly outcomes = h("ul", { class: "outcomes" });
  private readonly incidents = h("ul", { class: "incidents" });
  private readonly failures = h("ol", { class: "failures", tabindex: 0, "aria-label": "latest failures" });
  private readonly latest = h("div", { class: "latest" }, this.failures);
  private readonly calm = h("p", { class: "empty" }, "Nothing has failed.");
  private shown = "";

  constructor(private readonly context: Context) {
    const { root } = panel("trouble", "Outcomes and failures", this.outcomes, this.incidents, this.calm, this.latest);
    this.root = root;
    context.store.on(["run"], () => this.update());
  }

  private update(): void {
    const { run } = this.context.store;
    if (!run) return;
    const key = JSON.stringify([run.outcomes, run.incidents, run.failures]);
    if (key === this.shown) return;
    this.shown = key;
    fill(this.outcomes, ...outcomeRows(run));
    fill(this.incidents, ...run.incidents.map((text) => h("li", {}, text)));
    show(this.incidents, run.incidents.length > 0);
    fill(this.failures, ...run.failures.slice(0, MESSAGES_MAX).map(failureRow));
    show(this.latest, run.failures.length > 0);
    show(this.calm, run.failures.length === 0 && run.incidents.length === 0);
  }
}

function outcomeRows(run: Run): HTMLElement[] {
  const all = run.outcomes.reduce((sum, [, count]) => sum + count, 0);
  const rows = run.outcomes.filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
  return rows.map(([word, count], place) => {
    const mark = outcomeMark(word, place);
    const bar = h("i", { class: `series${mark.series}` });
    bar.style.width = `${(count / all) * 100}%`;
    return h("li", {}, legendMark(mark), h("span", { class: "word" }, words(word)), h("span", { class: "bar" }, bar), h("span", { class: "n" }, grouped(count)), h("span", { class: "n soft" }, percent(count / all)));
  });
}

function failureRow(failure: Failure): HTMLElement {
  const where = [failure.evaluation !== null && `evaluation ${failure.evaluation}`, failure.node && `on ${failure.node}`, failure.at_s !== null && `after ${duration(failure.at_s)}`];
  const head = h("p", { class: "head" }, legendMark(outcomeMark(failure.outcome)), h("strong", {}, words(failure.outcome)), h("span", { class: "soft" }, where.filter((part) => part).join(" · ")));
  return h("li", {}, head, h("p", { class: "message" }, failure.message || "no message"));
}
