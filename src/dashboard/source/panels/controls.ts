// What can be done to the run. The buttons are there when a token is.

import type { Context } from "../context";
import { fill, h, show } from "../dom";
import { Access, remember } from "./access";
import { ask } from "./ask";

export class Controls {
  readonly root = h("div", { class: "controls", role: "group", "aria-label": "control of the run" });
  private readonly pause = this.button("Pause", () => this.togglePause());
  private readonly budget = this.button("Add budget …", () => this.addBudget());
  private readonly stop = this.button("Stop …", () => this.askStop(), "danger");
  private readonly lock = this.button("Control …", () => this.unlock(), "quiet");

  constructor(private readonly context: Context) {
    this.root.append(this.pause, this.budget, this.stop, this.lock);
    context.store.on(["token", "run"], () => this.update());
    this.update();
  }

  private button(words: string, press: () => unknown, kind = ""): HTMLButtonElement {
    return h("button", { type: "button", class: kind, onclick: () => void press() }, words);
  }

  private update(): void {
    const { token, run } = this.context.store;
    const usable = token !== null && run !== null && run.ending === "";
    for (const button of [this.pause, this.budget, this.stop]) show(button, usable);
    show(this.lock, token === null && run !== null && run.ending === "");
    const words = run?.paused ? "Resume" : "Pause";
    if (this.pause.textContent !== words) fill(this.pause, words);
  }

  private async togglePause(): Promise<void> {
    await command(this.context, this.context.store.run?.paused ? "run/resume" : "run/pause");
  }

  private async addBudget(): Promise<void> {
    const given = await ask({
      title: "Add to the budget",
      text: "The search ends with the budget that is spent first. What you leave empty stays as it is.",
      fields: [
        { name: "evaluations", label: "Evaluations" },
        { name: "minutes", label: "Minutes" },
      ],
      action: "Add",
    });
    if (!given) return;
    const body: Record<string, number> = {};
    if (given.evaluations) body.evaluations = Math.round(given.evaluations);
    if (given.minutes) body.seconds = given.minutes * 60;
    if (Object.keys(body).length > 0) await command(this.context, "run/budget", body);
  }

  private async askStop(): Promise<void> {
    const text = "The run ends with the best network so far, as Ctrl-C ends it. It can be resumed.";
    if (await ask({ title: "Stop the run?", text, action: "Stop the run", danger: true })) await command(this.context, "run/stop");
  }

  private unlock(): void {
    const dialog = h("dialog", { class: "ask", "aria-label": "token" });
    dialog.append(new Access(this.context, () => dialog.close()).root, h("div", { class: "buttons" }, h("button", { type: "button", onclick: () => dialog.close() }, "Cancel")));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }
}

/** Tells the coordinator to do something, and says what came of it. A token that is refused is forgotten. */
export async function command(context: Context, path: string, body: object = {}): Promise<void> {
  try {
    context.notify(await context.api.command(path, body), "good");
  } catch (error) {
    context.notify(error instanceof Error ? error.message : String(error), "bad");
    if ((error as { status?: number }).status === 401) {
      remember(null);
      context.store.setToken(null);
    }
  }
}
