// The frame that all panels share: a section with a heading, tools at its right, and a body.

import { type Child, h, setAttribute } from "../dom";

export interface Panel {
  root: HTMLElement;
  tools: HTMLElement;
  body: HTMLElement;
}

export function panel(id: string, title: string, ...body: Child[]): Panel {
  const tools = h("div", { class: "tools" });
  const heading = h("h2", { id: `${id}-title` }, title);
  const inside = h("div", { class: "body" }, ...body);
  const root = h("section", { class: "panel", id, "aria-labelledby": `${id}-title` }, h("header", {}, heading, tools), inside);
  return { root, tools, body: inside };
}

/** Buttons of which one is chosen. */
export function choice<T extends string>(
  label: string,
  options: readonly (readonly [value: T, words: string])[],
  chosen: T,
  choose: (value: T) => void,
): HTMLElement {
  const buttons = options.map(([value, words]) => {
    const button = h("button", { type: "button", "aria-pressed": String(value === chosen) }, words);
    button.addEventListener("click", () => {
      for (const other of buttons) setAttribute(other, "aria-pressed", String(other === button));
      choose(value);
    });
    return button;
  });
  return h("div", { class: "choice", role: "group", "aria-label": label }, ...buttons);
}

/** A list of which one is chosen. */
export function select(label: string, options: readonly (readonly [string, string])[], choose: (value: string) => void): HTMLSelectElement {
  const list = h("select", { "aria-label": label }, ...options.map(([value, words]) => h("option", { value }, words)));
  list.addEventListener("change", () => choose(list.value));
  return list;
}

/** One figure with its name. */
export function figure(name: string, value: Child, note: Child = null): HTMLElement {
  return h("div", { class: "figure" }, h("dt", {}, name), h("dd", {}, value, note && h("small", {}, note)));
}

/** A short word on a coloured ground. */
export function chip(text: string, kind: string): HTMLElement {
  return h("span", { class: `chip ${kind}` }, text);
}
