// The small card beside a point: which network it is. What the points do not tell is asked for when a pointer rests.

import { compact, duration, NOTHING, score, words } from "../format";
import type { Context } from "../context";
import { fill, h, setText, show } from "../dom";
import type { Points } from "../points";

/** How long a pointer rests before the network is asked for. */
const REST_MS = 140;

export class Tip {
  readonly root = h("div", { class: "tip", hidden: true });
  private timer = 0;
  private row: number | null = null;

  constructor(private readonly context: Context) {}

  hide(): void {
    this.row = null;
    clearTimeout(this.timer);
    show(this.root, false);
  }

  /** Shows a row's card near a place in a host of this width. */
  show(row: number, place: { x: number; y: number }, width: number): void {
    if (this.row !== row) this.write(row);
    this.row = row;
    show(this.root, true);
    const wide = Math.min(280, width - 16);
    const left = place.x + 16 + wide > width ? Math.max(8, place.x - wide - 16) : place.x + 16;
    this.root.style.width = `${wide}px`;
    this.root.style.transform = `translate(${Math.round(left)}px, ${Math.round(Math.max(4, place.y - 30))}px)`;
  }

  private write(row: number): void {
    const { store, details } = this.context;
    const id = store.points.ids[row];
    const lines = rowWords(store.points, row, store.run?.task ?? "classification");
    const summary = h("p", { class: "summary" }, details.peek(id)?.summary ?? "…");
    fill(this.root, h("p", { class: "lead" }, lines.lead), summary, h("p", {}, lines.size), h("p", {}, lines.origin));
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.complete(id, row, summary), REST_MS);
  }

  private async complete(id: number, row: number, summary: HTMLElement): Promise<void> {
    try {
      const individual = await this.context.details.get(id);
      if (this.row === row) setText(summary, individual.summary || "no summary");
    } catch {
      setText(summary, NOTHING);
    }
  }
}

/** What the points tell of a row, in words. */
export function rowWords(points: Points, row: number, task: "classification" | "regression"): { lead: string; size: string; origin: string } {
  const outcome = words(points.outcomeWords[points.outcomes[row]] ?? "");
  const maker = points.makerWords[points.makers[row]] ?? "";
  const origin = [maker && `by ${maker}`, outcome, `after ${duration(points.finished_s[row])}`];
  return {
    lead: `#${points.ids[row]}  ${score(points.scores[row], task)}`,
    size: `${compact(points.parameters[row])} parameters · ${compact(points.multiply_adds[row])} multiply-adds · ${duration(points.seconds[row])}`,
    origin: origin.filter((part) => part).join(" · "),
  };
}
