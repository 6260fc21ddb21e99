// The token: from the address (`#token=..`) or typed, kept for this tab only.

import type { Context } from "../context";
import { h } from "../dom";

const KEY = "hatchery-token";

/** Takes the token out of the address, so that it is not left in the history, and remembers it. */
export function tokenFromAddress(): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given === null) return remembered();
  history.replaceState(null, "", location.pathname + location.search);
  remember(given);
  return given;
}

function remembered(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** Keeps a token for this tab; null forgets it. */
export function remember(token: string | null): void {
  try {
    if (token === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, token);
  } catch {
    // Storage is closed to us: the token lasts as long as the page.
  }
}

/** The field that a token is typed into. */
export class Access {
  readonly root: HTMLFormElement;

  constructor(context: Context, done: () => void = () => undefined) {
    const field = h("input", { type: "password", autocomplete: "off", spellcheck: "false", "aria-label": "token", placeholder: "token" });
    const use = (event: Event) => {
      event.preventDefault();
      const token = field.value.trim();
      if (token === "") return;
      field.value = "";
      remember(token);
      context.store.setToken(token);
      done();
    };
    const where = "It is in the file token of the run directory.";
    this.root = h("form", { class: "access", onsubmit: use }, h("p", {}, h("strong", {}, "This needs the coordinator's token. "), where), field, h("button", { type: "submit" }, "Use it"));
  }
}
