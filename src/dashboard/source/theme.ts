// Light or dark, and the colours that canvases draw with: they are the style sheet's, read from it.

import type { Store } from "./store";

export type Theme = "auto" | "light" | "dark";

const KEY = "hatchery-theme";

export interface Colours {
  card: string;
  ink: string;
  soft: string;
  line: string;
  accent: string;
  bad: string;
  /** Series 0..7; told apart by eyes of every kind (after M. Okabe and K. Ito, 2008). */
  series: string[];
}

let known: Colours | null = null;

/** The colours of now. */
export function colours(): Colours {
  known ??= read();
  return known;
}

function read(): Colours {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim() || "#888";
  const series = [0, 1, 2, 3, 4, 5, 6, 7].map((k) => colour(`s${k}`));
  const [card, ink, soft, line, accent, bad] = ["card", "ink", "soft", "line", "accent", "bad"].map(colour);
  return { card, ink, soft, line, accent, bad, series };
}

export function themeOf(text: string | null): Theme {
  return text === "light" || text === "dark" ? text : "auto";
}

export class ThemeSwitch {
  theme: Theme = themeOf(stored());

  constructor(private readonly store: Store) {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.apply());
    this.apply();
  }

  /** auto, light, dark, auto, ... */
  next(): void {
    this.theme = this.theme === "auto" ? "light" : this.theme === "light" ? "dark" : "auto";
    try {
      localStorage.setItem(KEY, this.theme);
    } catch {
      // Storage is closed to us: the choice lasts as long as the page.
    }
    this.apply();
  }

  private apply(): void {
    const { dataset } = document.documentElement;
    if (this.theme === "auto") delete dataset.theme;
    else dataset.theme = this.theme;
    known = null;
    this.store.tell("theme");
  }
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
