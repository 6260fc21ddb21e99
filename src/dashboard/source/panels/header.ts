// The head of the page: which run this is, what it does, whether we hear from it, light or dark.

import type { Context } from "../context";
import { fill, h, setAttribute, setText } from "../dom";
import { grouped, stageWords } from "../format";
import type { Run } from "../model";
import type { Connection, Store } from "../store";
import type { ThemeSwitch } from "../theme";
import { Controls } from "./controls";

const CONNECTIONS: Record<Connection["kind"], string> = {
  connecting: "connecting",
  live: "live",
  polling: "every 5 s",
  lost: "connection lost",
  refused: "token wanted",
};

export class Header {
  readonly root: HTMLElement;
  private readonly name = h("h1", {}, "Hatchery");
  private readonly what = h("p", { class: "what" });
  private readonly stage = h("span", { class: "chip" });
  private readonly link = h("span", { class: "link", role: "status" });
  private readonly theme: HTMLButtonElement;

  constructor(
    private readonly context: Context,
    private readonly themes: ThemeSwitch,
  ) {
    const { store } = context;
    this.theme = h("button", { type: "button", class: "quiet", onclick: () => (themes.next(), this.nameTheme()) });
    const title = h("div", { class: "title" }, h("div", { class: "line" }, this.name, this.stage), this.what);
    const side = h("div", { class: "side" }, this.link, new Controls(context).root, this.theme);
    this.root = h("header", { class: "top" }, title, side);
    this.nameTheme();
    store.on(["run"], () => this.updateRun());
    store.on(["connection"], () => this.updateLink());
    this.updateLink();
  }

  private nameTheme(): void {
    const names = { auto: "◐ auto", light: "○ light", dark: "● dark" };
    setText(this.theme, names[this.themes.theme]);
    setAttribute(this.theme, "aria-label", `colours: ${this.themes.theme}; change`);
  }

  private updateRun(): void {
    const { run } = this.context.store;
    if (!run) return;
    setText(this.name, run.name || "a run without a name");
    setText(this.what, about(run));
    const [text, kind] = stageOf(run);
    setText(this.stage, text);
    setAttribute(this.stage, "class", `chip ${kind}`);
    document.title = titleOf(this.context.store);
  }

  private updateLink(): void {
    const { kind } = this.context.store.connection;
    setAttribute(this.link, "class", `link ${kind}`);
    fill(this.link, h("i", { "aria-hidden": "true" }), CONNECTIONS[kind]);
    document.body.classList.toggle("stale", kind === "lost");
  }
}

/** What the run does now, and the colour that goes with it. */
export function stageOf(run: Run): [string, string] {
  if (run.ending !== "") return ["ended", "plain"];
  if (run.paused) return ["paused", "warn"];
  return [stageWords(run.stage) || "running", "good"];
}

function about(run: Run): string {
  const { data } = run;
  const parts = [
    data.source,
    data.samples !== null && `${grouped(data.samples)} samples`,
    data.inputs && `inputs ${data.inputs}`,
    data.classes !== null && run.task === "classification" && `${data.classes} classes`,
    run.seed && `seed ${run.seed}`,
    run.directory,
    run.version && `Hatchery ${run.version}`,
  ];
  return parts.filter((part) => part).join(" · ");
}

function titleOf(store: Store): string {
  const score = store.run?.best?.score;
  const lead = typeof score === "number" ? `${(score * (store.run?.task === "regression" ? 1 : 100)).toFixed(2)} ` : "";
  return `${lead}${store.run?.name ?? ""} · Hatchery`;
}
