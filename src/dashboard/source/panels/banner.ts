// What must not be overlooked, above everything: no connection, no token, a pause, the end.

import type { Context } from "../context";
import { fill, h, setAttribute, setText, show } from "../dom";
import { score, scoreName } from "../format";
import type { Run } from "../model";
import { Access } from "./access";

export class Banner {
  readonly root = h("div", { class: "banners", "aria-live": "polite" });
  private readonly lost = h("div", { class: "banner bad", hidden: true });
  private readonly refused = h("div", { class: "banner", hidden: true });
  private readonly state = h("div", { class: "banner", hidden: true });
  private readonly lead = h("strong");
  private readonly countdown = h("span");
  private timer = 0;
  private shown = "";

  constructor(
    private readonly context: Context,
    retry: () => void,
  ) {
    const again = h("button", { type: "button", onclick: retry }, "Try now");
    this.lost.append(h("span", { class: "grow" }, this.lead, this.countdown), again);
    this.refused.append(new Access(context).root);
    this.root.append(this.lost, this.refused, this.state);
    context.store.on(["connection"], () => this.updateConnection());
    context.store.on(["run"], () => this.updateRun());
  }

  private updateConnection(): void {
    const { connection } = this.context.store;
    const ended = this.context.store.run?.ending ?? "";
    show(this.lost, connection.kind === "lost");
    setAttribute(this.lost, "class", ended === "" ? "banner bad" : "banner");
    setText(this.lead, ended === "" ? "No connection to the coordinator. " : "The coordinator has ended with its run. ");
    show(this.refused, connection.kind === "refused");
    clearInterval(this.timer);
    if (connection.kind !== "lost") return;
    const count = () => {
      const left = Math.max(0, Math.ceil((connection.retryAt_ms - Date.now()) / 1000));
      this.countdown.textContent = `${sentence(connection.why)} ${left > 0 ? `Next try in ${left} s.` : "Trying …"} What you see is as it was.`;
    };
    count();
    this.timer = window.setInterval(count, 500);
  }

  private updateRun(): void {
    const { run } = this.context.store;
    if (!run) return;
    const [lead, text, kind] = stateWords(run);
    const key = lead + text;
    if (key === this.shown) return;
    this.shown = key;
    show(this.state, key !== "");
    this.state.className = `banner ${kind}`;
    fill(this.state, h("span", {}, h("strong", {}, lead), text));
  }
}

function sentence(text: string): string {
  return text === "" ? "" : `${text[0].toUpperCase()}${text.slice(1)}.`;
}

function stateWords(run: Run): [string, string, string] {
  if (run.ending !== "") {
    const best = run.best ? ` Best ${scoreName(run.score_name)} ${score(run.best.score, run.task)} by #${run.best.id}; everything is in ${run.directory}.` : "";
    return ["The run has ended: ", `${run.ending}.${best}`, "good"];
  }
  if (run.paused) return ["Paused: ", `${run.paused_reason || "what is under way ends, nothing more is handed out"}.`, "warn"];
  return ["", "", ""];
}
