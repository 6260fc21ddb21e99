// The picture of a lineage: generations from left to right, the strongest line along the top. Each ancestor can be
// reached by the arrow keys and opened.

import { s, fill } from "../dom";
import { score as writeScore, type Task } from "../format";
import { lineageLayout, type Layout, type Place } from "../math/lineage";
import type { Relative } from "../model";
import { makerMark } from "../series";

/** Pixels from one generation to the next, and from one row to the next. */
const [COLUMN, ROW] = [64, 34];
const [LEFT, TOP] = [30, 20];

export class LineageChart {
  private layout: Layout<Relative> | null = null;
  private shown = "";

  constructor(
    private readonly host: HTMLElement,
    private readonly open: (id: number) => void,
  ) {
    host.addEventListener("keydown", (event) => this.key(event));
  }

  set(root: Relative, ancestors: Relative[], task: Task): void {
    const key = JSON.stringify([root.id, root.score, ancestors.length, task]);
    if (key === this.shown) return;
    this.shown = key;
    this.layout = lineageLayout(root, ancestors);
    this.draw(this.layout, task);
  }

  private draw(layout: Layout<Relative>, task: Task): void {
    const [width, height] = [LEFT * 2 + (layout.columns - 1) * COLUMN, TOP * 2 + 16 + (layout.rows - 1) * ROW];
    const edges = layout.edges.map((edge) => path(edge.from, edge.to, edge.trunk));
    const places = layout.places.map((place) => this.node(place, task, place.column === layout.columns - 1));
    const label = `${layout.places.length} networks in ${layout.columns} generations, the oldest at the left`;
    const svg = s("svg", { class: "lineage", width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label });
    svg.append(...edges, ...places);
    fill(this.host, svg);
    this.host.scrollLeft = this.host.scrollWidth;
  }

  private node(place: Place<Relative>, task: Task, isRoot: boolean): SVGGElement {
    const { of } = place;
    const mark = makerMark(of.maker);
    const [x, y] = [LEFT + place.column * COLUMN, TOP + place.row * ROW];
    const score = writeScore(of.score, task);
    const label = `network ${of.id}, ${score}, by ${of.maker || "unknown"}: ${of.summary}`;
    const properties = {
      class: `ancestor${place.trunk ? " trunk" : ""}`,
      role: "button",
      tabindex: isRoot ? 0 : -1,
      "data-id": of.id,
      "aria-label": label,
      transform: `translate(${x} ${y})`,
    };
    const node = s("g", properties, s("title", {}, label), s("circle", { r: place.trunk ? 6.5 : 4.5, class: `series${mark.series}` }));
    if (place.trunk || this.isSmall()) node.append(s("text", { y: 19, "text-anchor": "middle" }, score));
    node.addEventListener("click", () => this.open(of.id));
    return node;
  }

  private isSmall(): boolean {
    return (this.layout?.places.length ?? 0) <= 40;
  }

  private key(event: KeyboardEvent): void {
    const focused = event.target instanceof Element ? event.target.closest(".ancestor") : null;
    const here = this.layout?.places.find((place) => String(place.of.id) === focused?.getAttribute("data-id"));
    if (!here) return;
    if (event.key === "Enter" || event.key === " ") this.open(here.of.id);
    else if (!this.move(here, event.key)) return;
    event.preventDefault();
  }

  private move(here: Place<Relative>, key: string): boolean {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    if (!step || !this.layout) return false;
    const [dx, dy] = step;
    const ahead = (place: Place<Relative>) => (place.column - here.column) * dx + (place.row - here.row) * dy;
    const aside = (place: Place<Relative>) => Math.abs((place.column - here.column) * dy) + Math.abs((place.row - here.row) * dx);
    const far = (place: Place<Relative>) => ahead(place) + 2 * aside(place);
    const next = this.layout.places.filter((place) => ahead(place) > 0).sort((a, b) => far(a) - far(b))[0];
    if (next) this.focus(next.of.id);
    return true;
  }

  private focus(id: number): void {
    for (const node of this.host.querySelectorAll(".ancestor")) {
      const chosen = node.getAttribute("data-id") === String(id);
      node.setAttribute("tabindex", chosen ? "0" : "-1");
      if (chosen && node instanceof SVGElement) node.focus();
    }
  }
}

function path(from: Place<Relative>, to: Place<Relative>, trunk: boolean): SVGPathElement {
  const [x1, y1] = [LEFT + from.column * COLUMN, TOP + from.row * ROW];
  const [x2, y2] = [LEFT + to.column * COLUMN, TOP + to.row * ROW];
  const bend = Math.min(36, (x2 - x1) / 2);
  const d = `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  return s("path", { d, class: trunk ? "trunk" : "" });
}
