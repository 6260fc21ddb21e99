// A line at the foot of the page that says what came of an action, and goes by itself.

import { h } from "../dom";

/** How long a notice stays. */
const STAY_MS = 8000;

export class Notices {
  readonly root = h("div", { class: "notices", role: "status", "aria-live": "polite" });

  say(text: string, kind: "good" | "bad" = "good"): void {
    const notice = h("p", { class: `notice ${kind}` }, text);
    this.root.append(notice);
    setTimeout(() => notice.remove(), STAY_MS);
  }
}
