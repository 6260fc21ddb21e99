// A chart of points that one can walk: by pointer (hover, click, a drawn rectangle zooms) and by keyboard (arrows from
// point to point, Enter opens, Escape leaves). What is plotted is the owner's.

import type { PointChart } from "../charts/point_chart";
import type { Context } from "../context";
import { h, setText, show } from "../dom";
import type { Direction } from "../math/grid";
import { rowWords, Tip } from "./tip";

/** A pointer that moves less than this between down and up has clicked. */
const CLICK_PX = 5;

const ARROWS: Record<string, Direction> = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };

export class Plot {
  readonly root: HTMLElement;
  readonly reset = h("button", { type: "button", class: "quiet", hidden: true }, "Whole view");
  readonly empty = h("p", { class: "empty" });
  private readonly tip: Tip;
  private readonly said = h("p", { class: "unseen", "aria-live": "polite" });
  private down: { x: number; y: number } | null = null;
  private active = false;

  constructor(
    private readonly context: Context,
    label: string,
    private readonly canvases: [HTMLCanvasElement, HTMLCanvasElement],
    private readonly chart: PointChart,
    /** Rows worth stopping at: Page Up, Page Down, Home and End go along them. */
    private readonly stops: () => number[],
  ) {
    this.tip = new Tip(context);
    const keys = "Arrow keys go from network to network, Page Up and Page Down along the line, Enter opens, plus, minus and 0 zoom.";
    const properties = { class: "plot", tabindex: 0, role: "application", "aria-roledescription": "chart of points", "aria-label": `${label}. ${keys}` };
    this.root = h("div", properties, ...canvases, this.empty, this.tip.root, this.said);
    this.listen();
    this.reset.addEventListener("click", () => this.zoomOut());
    context.store.on(["hovered"], () => this.chart.hover(context.store.hovered));
    // With new points the scales move, and the card moves with its point.
    context.store.on(["points"], () => this.active && requestAnimationFrame(() => this.active && this.goTo(context.store.hovered, false)));
  }

  /** Shows instead of the chart why there is none yet; "" shows the chart. */
  setEmpty(text: string): void {
    setText(this.empty, text);
    show(this.empty, text !== "");
    for (const canvas of this.canvases) canvas.style.visibility = text === "" ? "visible" : "hidden";
  }

  private listen(): void {
    const { root } = this;
    root.addEventListener("pointerdown", (event) => this.press(event));
    root.addEventListener("pointermove", (event) => this.move(event));
    root.addEventListener("pointerup", (event) => this.release(event));
    root.addEventListener("pointerleave", () => this.leave());
    root.addEventListener("pointercancel", () => this.leave());
    root.addEventListener("dblclick", () => this.zoomOut());
    root.addEventListener("blur", () => this.leave());
    root.addEventListener("keydown", (event) => this.key(event));
  }

  private press(event: PointerEvent): void {
    if (event.button === 0) this.down = this.place(event);
  }

  private move(event: PointerEvent): void {
    const here = this.place(event);
    if (this.down && event.pointerType === "mouse" && far(this.down, here) >= CLICK_PX) {
      this.root.setPointerCapture(event.pointerId);
      this.chart.select([this.down.x, this.down.y, here.x, here.y]);
      return;
    }
    this.goTo(this.chart.at(here.x, here.y), false);
  }

  private release(event: PointerEvent): void {
    const here = this.place(event);
    const down = this.down;
    this.down = null;
    this.chart.select(null);
    if (!down) return;
    if (far(down, here) < CLICK_PX) this.click(here);
    else if (event.pointerType === "mouse") this.zoom([down.x, down.y, here.x, here.y]);
  }

  private click(here: { x: number; y: number }): void {
    const row = this.chart.at(here.x, here.y);
    if (row !== null) this.context.open(this.context.store.points.ids[row]);
  }

  private leave(): void {
    if (!this.active || this.down) return;
    this.active = false;
    this.tip.hide();
    this.context.store.hover(null);
  }

  private zoom(box: [number, number, number, number]): void {
    if (Math.abs(box[2] - box[0]) < CLICK_PX || Math.abs(box[3] - box[1]) < CLICK_PX) return;
    this.chart.zoom(box);
    show(this.reset, true);
  }

  private zoomOut(): void {
    if (this.chart.zoomed === null) return;
    this.chart.zoom(null);
    show(this.reset, false);
    if (document.activeElement === this.reset) this.root.focus();
  }

  private goTo(row: number | null, say: boolean): void {
    const place = row === null ? null : this.chart.placeOf(row);
    if (row === null || !place) {
      if (this.active) this.leave();
      return;
    }
    this.active = true;
    this.context.store.hover(row);
    this.tip.show(row, place, this.root.clientWidth);
    if (!say) return;
    const { lead, size, origin } = rowWords(this.context.store.points, row, this.context.store.run?.task ?? "classification");
    setText(this.said, `network ${lead}, ${size}, ${origin}`);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.root) return;
    if (this.perform(event.key)) event.preventDefault();
  }

  private perform(key: string): boolean {
    const row = this.context.store.hovered;
    if (key in ARROWS || key === "Home" || key === "End" || key === "PageUp" || key === "PageDown") return this.walk(key, row);
    if (key === "Enter" || key === " ") {
      if (row !== null) this.context.open(this.context.store.points.ids[row]);
      return true;
    }
    if (key === "Escape") {
      if (row !== null) this.leave();
      else this.zoomOut();
      return true;
    }
    return this.zoomBy(key, row);
  }

  private walk(key: string, row: number | null): boolean {
    const stops = this.stops().filter((stop) => this.chart.placeOf(stop) !== null);
    const here = row === null || this.chart.placeOf(row) === null ? null : row;
    if (key === "Home" || key === "End") this.goTo(stops[key === "Home" ? 0 : stops.length - 1] ?? here, true);
    else if (here === null) this.goTo(stops[stops.length - 1] ?? null, true);
    else if (key in ARROWS) this.goTo(this.chart.toward(here, ARROWS[key]) ?? here, true);
    else this.goTo(this.nextStop(stops, here, key === "PageUp" ? 1 : -1) ?? here, true);
    return true;
  }

  // The next stop right (1) or left (-1) of a row.
  private nextStop(stops: number[], row: number, side: 1 | -1): number | undefined {
    const x = (one: number) => this.chart.placeOf(one)?.x ?? 0;
    const beyond = stops.filter((stop) => stop !== row && (x(stop) - x(row)) * side > 0);
    return beyond.sort((a, b) => (x(a) - x(b)) * side)[0];
  }

  private zoomBy(key: string, row: number | null): boolean {
    const place = row === null ? null : this.chart.placeOf(row);
    if (key === "0") this.zoomOut();
    else if ((key === "+" || key === "=") && place) this.chart.zoomAbout(place, 0.5);
    else if (key === "-" && place && this.chart.zoomed) this.chart.zoomAbout(place, 2);
    else return false;
    show(this.reset, this.chart.zoomed !== null);
    this.goTo(row, false);
    return true;
  }

  private place(event: PointerEvent): { x: number; y: number } {
    const { left, top } = this.root.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }
}

function far(a: { x: number; y: number }, b: { x: number; y: number }): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
