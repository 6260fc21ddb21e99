// The individuals as a table: sorted, searched and paged by the coordinator; walked with the arrow keys.

import type { Query } from "../api";
import { legendMark } from "../charts/marks";
import type { Context } from "../context";
import { fill, h, Keyed, setAttribute, setText } from "../dom";
import { compact, duration, grouped, score, scoreName, words } from "../format";
import type { Item, Listing } from "../model";
import { makerMark, outcomeMark } from "../series";
import { panel, select } from "./panel";

/** Rows on a page. */
const PAGE = 25;
/** How often the page in sight is asked for again while results come. */
const REFRESH_MS = 4000;
/** How long is waited for the next letter of a search. */
const TYPING_MS = 300;

const COLUMNS: readonly (readonly [key: string, title: string, numeric: boolean])[] = [
  ["id", "#", true],
  ["score", "score", true],
  ["parameters", "parameters", true],
  ["multiply_adds", "multiply-adds", true],
  ["outcome", "outcome", false],
  ["maker", "maker", false],
  ["born_s", "born", true],
  ["seconds", "trained", true],
  ["summary", "network", false],
];
/** Columns that the coordinator sorts by. */
const SORTABLE = new Set(["id", "score", "parameters", "multiply_adds", "born_s", "seconds"]);

export class TablePanel {
  readonly root: HTMLElement;
  private readonly query: Query = { sort: "-score", q: "", outcome: "", maker: "", offset: 0, limit: PAGE };
  private readonly rows = h("tbody");
  private readonly keyed: Keyed<Item, HTMLTableRowElement>;
  private readonly heads = COLUMNS.map(([key, title, numeric]) => this.head(key, title, numeric));
  private readonly range = h("span", { class: "soft", role: "status" });
  private readonly before = h("button", { type: "button", onclick: () => this.turn(-1) }, "Previous");
  private readonly after = h("button", { type: "button", onclick: () => this.turn(1) }, "Next");
  private readonly outcomes = select("outcome", [["", "every outcome"]], (word) => this.change({ outcome: word }));
  private readonly makers = select("maker", [["", "every maker"]], (word) => this.change({ maker: word }));
  private total = 0;
  private listing: Listing | null = null;
  private scoreWords = "";
  private asked = 0;
  private timer = 0;
  private askedAt_ms = 0;

  constructor(private readonly context: Context) {
    const { store } = context;
    this.keyed = new Keyed(this.rows, (item) => String(item.id), (item) => this.row(item), (row, item) => this.write(row, item));
    const table = h("table", { class: "individuals" }, h("thead", {}, h("tr", {}, ...this.heads)), this.rows);
    const foot = h("div", { class: "pager" }, this.before, this.after, this.range);
    const { root, tools } = panel("individuals", "Individuals", h("div", { class: "scroll" }, table), foot);
    tools.append(this.search(), this.outcomes, this.makers);
    this.root = root;
    this.rows.addEventListener("keydown", (event) => this.key(event));
    store.on(["points"], () => (this.nameFilters(), this.later()));
    store.on(["hovered"], () => this.mark());
    store.on(["run"], () => this.renameScores());
    store.on(["token"], () => void this.ask());
  }

  private search(): HTMLInputElement {
    let timer = 0;
    const field = h("input", { type: "search", placeholder: "search networks", "aria-label": "search networks" });
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => this.change({ q: field.value.trim() }), TYPING_MS);
    });
    return field;
  }

  private head(key: string, title: string, numeric: boolean): HTMLTableCellElement {
    const sort = () => this.change({ sort: this.query.sort === `-${key}` ? key : `-${key}` });
    const inside = SORTABLE.has(key) ? h("button", { type: "button", onclick: sort }, title) : title;
    return h("th", { scope: "col", class: `${numeric ? "n " : ""}${key}`, "data-key": key }, inside);
  }

  private change(part: Partial<Query>): void {
    Object.assign(this.query, { offset: 0 }, part);
    void this.ask();
  }

  private turn(pages: number): void {
    this.query.offset = Math.max(0, this.query.offset + pages * PAGE);
    void this.ask();
  }

  private nameFilters(): void {
    const { points } = this.context.store;
    for (const [list, known] of [[this.outcomes, points.outcomeWords], [this.makers, points.makerWords]] as const) {
      if (list.options.length === known.length + 1) continue;
      const chosen = list.value;
      fill(list, list.options[0], ...known.map((word) => h("option", { value: word }, words(word))));
      list.value = chosen;
    }
  }

  // New results: asks again, but not more often than the eye can follow.
  private later(): void {
    if (this.timer !== 0) return;
    const wait_ms = Math.max(0, this.askedAt_ms + REFRESH_MS - Date.now());
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      void this.ask();
    }, wait_ms);
  }

  private async ask(): Promise<void> {
    const mine = ++this.asked;
    this.askedAt_ms = Date.now();
    try {
      const listing = await this.context.api.individuals(this.query);
      if (mine === this.asked) this.show(listing);
    } catch (error) {
      if (mine === this.asked) setText(this.range, error instanceof Error ? error.message : String(error));
    }
  }

  // How scores are called and written is known with the run, which may come after the first rows.
  private renameScores(): void {
    const { run } = this.context.store;
    const words = run ? `${run.score_name} ${run.task}` : "";
    if (words === this.scoreWords) return;
    this.scoreWords = words;
    const title = this.heads[1].querySelector("button");
    if (title && run) setText(title, scoreName(run.score_name));
    if (this.listing) this.show(this.listing);
  }

  private show(listing: Listing): void {
    this.listing = listing;
    this.total = listing.total;
    this.keyed.set(listing.items);
    const { offset, sort } = this.query;
    const last = offset + listing.items.length;
    setText(this.range, this.total === 0 ? "no network" : `${grouped(offset + 1)} to ${grouped(last)} of ${grouped(this.total)}`);
    this.before.disabled = offset === 0;
    this.after.disabled = last >= this.total;
    for (const head of this.heads) {
      const order = sort === head.dataset.key ? "ascending" : sort === `-${head.dataset.key}` ? "descending" : null;
      setAttribute(head, "aria-sort", order);
    }
    this.makeReachable();
  }

  // One row can be reached by Tab; the arrow keys go on from it.
  private makeReachable(): void {
    const rows = [...this.rows.children];
    if (!rows.some((row) => row.getAttribute("tabindex") === "0")) rows[0]?.setAttribute("tabindex", "0");
  }

  private row(item: Item): HTMLTableRowElement {
    const row = h("tr", { tabindex: -1, "data-id": item.id }, ...COLUMNS.map(([key, , numeric]) => h("td", { class: `${numeric ? "n " : ""}${key}` })));
    row.addEventListener("click", () => this.context.open(item.id));
    row.addEventListener("pointerenter", () => this.context.store.hover(this.context.store.points.rowOf(item.id) ?? null));
    row.addEventListener("pointerleave", () => this.context.store.hover(null));
    return row;
  }

  private write(row: HTMLTableRowElement, item: Item): void {
    const { task } = this.context.store.run ?? { task: "classification" as const };
    const texts = [String(item.id), score(item.score, task), grouped(item.parameters), compact(item.multiply_adds), words(item.outcome), item.maker, duration(item.born_s), duration(item.seconds), item.summary];
    const key = texts.join("\n");
    if (row.dataset.shown === key) return;
    row.dataset.shown = key;
    texts.forEach((text, k) => setText(row.cells[k], text));
    if (item.outcome) row.cells[4].prepend(legendMark(outcomeMark(item.outcome)));
    if (item.maker) row.cells[5].prepend(legendMark(makerMark(item.maker)));
    row.cells[8].title = item.summary;
  }

  private mark(): void {
    const { hovered, points } = this.context.store;
    const id = hovered === null ? "" : String(points.ids[hovered]);
    for (const row of this.rows.children) row.classList.toggle("hovered", row.getAttribute("data-id") === id);
  }

  private key(event: KeyboardEvent): void {
    const row = event.target instanceof HTMLElement ? event.target.closest("tr") : null;
    if (!row) return;
    const rows = [...this.rows.children] as HTMLElement[];
    const here = rows.indexOf(row);
    const there = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (event.key === "Enter" || event.key === " ") this.context.open(Number(row.dataset.id));
    else if (event.key === "PageDown" && !this.after.disabled) this.turn(1);
    else if (event.key === "PageUp" && !this.before.disabled) this.turn(-1);
    else if (there !== undefined) this.focus(rows, rows[there]);
    else return;
    event.preventDefault();
  }

  private focus(rows: HTMLElement[], row: HTMLElement | undefined): void {
    if (!row) return;
    for (const other of rows) other.tabIndex = other === row ? 0 : -1;
    row.focus();
  }
}
