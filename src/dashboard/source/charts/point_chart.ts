// Every individual as a point, with a staircase over them: the best so far, or the Pareto front. Draws, finds the point
// at a pixel or in a direction, zooms. Whose points they are, and what a click means, is the panel's.

import { visible } from "../math/decimate";
import { Grid, type Direction } from "../math/grid";
import { extent, padded, scale } from "../math/scales";
import type { Mark } from "../series";
import { colours } from "../theme";
import { type Axis, drawAxes, FONT, type Plane, TICK_PX } from "./axes";
import { seriesColour, trace } from "./marks";
import { scoreAxis, scoreDomain, type ScoreKind, type ScoreMode } from "./score_axis";
import { Surface } from "./surface";

/** What is drawn. Columns may be longer than `length`. */
export interface PointData {
  length: number;
  x: ArrayLike<number>;
  xKind: "linear" | "logarithmic";
  xTitle: string;
  xTicks: (from: number, to: number, count: number) => number[];
  xWrite: (ticks: number[]) => (value: number) => string;
  scores: ArrayLike<number>;
  scoreKind: ScoreKind;
  mode: ScoreMode;
  /** Index into `marks` for each row. */
  groups: Uint8Array;
  marks: Mark[];
  hidden: ReadonlySet<number>;
  isLeftOut: (row: number) => boolean;
  /** Rows of the staircase, in the order of `x`. */
  stairs: number[];
  stairsEnd: "edge" | "last";
}

export interface Domain {
  x: [number, number];
  y: [number, number];
}

/** Height of the lane below the plane for individuals without a score. */
const LANE = 15;
/** How far a pointer may miss a point. */
const REACH = 18;
/** Steps up to which each has a knot. */
const KNOTS_MAX = 80;
/** Points up to which marks have their full size and shape. */
const LARGE_MARKS_MAX = 1500;

export class PointChart {
  zoomed: Domain | null = null;
  private readonly base: Surface;
  private readonly above: Surface;
  private data: PointData | null = null;
  private plane: Plane = { left: 52, top: 26, right: 0, bottom: 0 };
  private axes: { x: Axis; y: Axis } | null = null;
  private xs = new Float32Array(0);
  private ys = new Float32Array(0);
  private grid: Grid | null = null;
  private hovered: number | null = null;
  private picked: number | null = null;
  private box: [number, number, number, number] | null = null;
  private hasLane = false;

  constructor(base: HTMLCanvasElement, above: HTMLCanvasElement) {
    this.base = new Surface(base, () => this.drawBase(), () => this.project());
    this.above = new Surface(above, () => this.drawAbove());
  }

  set(data: PointData): void {
    this.data = data;
    this.project();
    this.redraw();
  }

  redraw(): void {
    this.base.invalidate();
    this.above.invalidate();
  }

  hover(row: number | null): void {
    this.hovered = row;
    this.above.invalidate();
  }

  pick(row: number | null): void {
    this.picked = row;
    this.above.invalidate();
  }

  /** The rectangle that is being drawn with the pointer. */
  select(box: [number, number, number, number] | null): void {
    this.box = box;
    this.above.invalidate();
  }

  /** Row at a pixel, or null. */
  at(x: number, y: number): number | null {
    const row = this.grid?.nearest(x, y, REACH) ?? -1;
    return row < 0 ? null : row;
  }

  toward(row: number, direction: Direction): number | null {
    const next = this.grid?.toward(row, direction) ?? -1;
    return next < 0 ? null : next;
  }

  /** Where a row is drawn; null where it is not in sight. */
  placeOf(row: number): { x: number; y: number } | null {
    const [x, y] = [this.xs[row], this.ys[row]];
    return x >= 0 && y >= 0 ? { x, y } : null;
  }

  /** Zooms to a rectangle of pixels, or out. */
  zoom(box: [number, number, number, number] | null): void {
    this.zoomed = box && this.axes ? domainOf(box, this.axes, this.plane) : null;
    this.project();
    this.redraw();
  }

  /** Zooms about a place, by a factor below 1 inwards. */
  zoomAbout(place: { x: number; y: number }, factor: number): void {
    const { left, top, right, bottom } = this.plane;
    const [dx, dy] = [((right - left) * factor) / 2, ((bottom - top) * factor) / 2];
    this.zoom([place.x - dx, place.y - dy, place.x + dx, place.y + dy]);
  }

  private project(): void {
    const { data, base } = this;
    if (!data || base.width === 0) return;
    this.hasLane = hasUnscored(data);
    this.plane = { left: 52, top: 26, right: base.width - 12, bottom: base.height - 42 - (this.hasLane ? LANE : 0) };
    this.axes = this.axesOf(data);
    if (!this.axes) {
      this.grid = null;
      return;
    }
    this.place(data, this.axes);
    this.grid = new Grid(this.xs, this.ys, data.length, base.width, base.height);
  }

  private axesOf(data: PointData): { x: Axis; y: Axis } | null {
    const { left, top, right, bottom } = this.plane;
    const yDomain = this.zoomed?.y ?? scoreDomain(data.mode, data.scores, data.length);
    const xDomain = this.zoomed?.x ?? xDomainOf(data);
    if (!xDomain || !yDomain) return null;
    const y = scoreAxis(data.mode, yDomain, [bottom, top], data.scoreKind);
    const mapped = scale(data.xKind, xDomain, [left, right]);
    const ticks = data.xTicks(mapped.from, mapped.to, Math.max(2, (right - left) / TICK_PX.x));
    return { x: { scale: mapped, ticks, write: data.xWrite(ticks), title: data.xTitle }, y };
  }

  // Pixels of every row; -1 where it is not shown.
  private place(data: PointData, axes: { x: Axis; y: Axis }): void {
    if (this.xs.length < data.length) [this.xs, this.ys] = [new Float32Array(data.length * 2), new Float32Array(data.length * 2)];
    const { left, right, top, bottom } = this.plane;
    for (let row = 0; row < data.length; row++) {
      const x = axes.x.scale.at(data.x[row]);
      const score = data.scores[row];
      const y = score === score ? axes.y.scale.at(score) : bottom + LANE / 2 + 3;
      const outside = score === score && (y > bottom || y < top);
      const inside = x >= left - 0.5 && x <= right + 0.5 && !(outside && this.zoomed !== null);
      const shown = inside && !data.hidden.has(data.groups[row]) && !data.isLeftOut(row);
      this.xs[row] = shown ? x : -1;
      // What lies beyond the scale is drawn on its edge.
      this.ys[row] = !shown ? -1 : outside ? Math.min(Math.max(y, top), bottom - 1) : y;
    }
  }

  private drawBase(): void {
    const { data, axes, base } = this;
    if (!data || !axes) return;
    drawAxes(base.context, { ...this.plane, bottom: this.plane.bottom + (this.hasLane ? LANE : 0) }, axes.x, axes.y);
    if (this.hasLane) this.drawLane();
    this.drawPoints(data);
    this.drawStairs(data, axes);
  }

  private drawLane(): void {
    const { context } = this.base;
    const { left, right, bottom } = this.plane;
    context.fillStyle = colours().line;
    context.globalAlpha = 0.35;
    context.fillRect(left, bottom + 2, right - left, LANE - 2);
    context.globalAlpha = 1;
    context.fillStyle = colours().soft;
    context.font = FONT;
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillText("none", left - 7, bottom + LANE / 2 + 2);
  }

  private drawPoints(data: PointData): void {
    const { context, width, height } = this.base;
    const size: [number, number] = [width, height];
    const rows = visible(this.xs, this.ys, () => true, data.length, size, data.length > 20_000 ? 2 : 1);
    const r = rows.length > LARGE_MARKS_MAX ? 1.9 : rows.length > 300 ? 2.7 : 3.6;
    context.globalAlpha = rows.length > LARGE_MARKS_MAX ? 0.62 : 0.72;
    data.marks.forEach((mark, group) => {
      const shape = rows.length > LARGE_MARKS_MAX ? "square" : mark.shape;
      context.fillStyle = seriesColour(mark);
      context.beginPath();
      for (const row of rows) if (data.groups[row] === group) trace(context, shape, this.xs[row], this.ys[row], r);
      context.fill();
    });
    context.globalAlpha = 1;
  }

  private drawStairs(data: PointData, axes: { x: Axis; y: Axis }): void {
    if (data.stairs.length === 0) return;
    const { context } = this.base;
    const { left, top, right, bottom } = this.plane;
    context.save();
    context.beginPath();
    context.rect(left - 5, top - 6, right - left + 10, bottom - top + 12);
    context.clip();
    const steps = data.stairs.map((row) => [axes.x.scale.at(data.x[row]), axes.y.scale.at(data.scores[row])]);
    context.beginPath();
    steps.forEach(([x, y], k) => {
      if (k === 0) context.moveTo(x, y);
      else context.lineTo(x, steps[k - 1][1]);
      context.lineTo(x, y);
    });
    if (data.stairsEnd === "edge") context.lineTo(right, steps[steps.length - 1][1]);
    strokeTwice(context);
    this.drawKnots(steps);
    context.restore();
  }

  private drawKnots(steps: number[][]): void {
    if (steps.length > KNOTS_MAX) return;
    const { context } = this.base;
    context.fillStyle = colours().card;
    context.strokeStyle = colours().ink;
    context.lineWidth = 1.5;
    context.beginPath();
    for (const [x, y] of steps) trace(context, "circle", x, y, 3);
    context.fill();
    context.stroke();
  }

  private drawAbove(): void {
    const { context } = this.above;
    const { ink, accent } = colours();
    if (this.box) {
      const [left, top, right, bottom] = this.box;
      context.fillStyle = accent;
      context.globalAlpha = 0.14;
      context.fillRect(left, top, right - left, bottom - top);
      context.globalAlpha = 1;
      context.strokeStyle = accent;
      context.strokeRect(left, top, right - left, bottom - top);
    }
    this.ring(this.picked, accent, 7);
    this.ring(this.hovered, ink, 6);
  }

  private ring(row: number | null, colour: string, r: number): void {
    const place = row === null ? null : this.placeOf(row);
    if (!place) return;
    const { context } = this.above;
    for (const [width, stroke] of [[5, colours().card], [2, colour]] as const) {
      context.lineWidth = width;
      context.strokeStyle = stroke;
      context.beginPath();
      context.arc(place.x, place.y, r, 0, 2 * Math.PI);
      context.stroke();
    }
  }
}

// A line that stands out from points of any colour: its own, on a rim of the paper's.
function strokeTwice(context: CanvasRenderingContext2D): void {
  context.lineJoin = "round";
  context.lineWidth = 4.5;
  context.strokeStyle = colours().card;
  context.stroke();
  context.lineWidth = 1.8;
  context.strokeStyle = colours().ink;
  context.stroke();
}

function hasUnscored(data: PointData): boolean {
  for (let row = 0; row < data.length; row++) {
    if (data.scores[row] !== data.scores[row] && !data.isLeftOut(row)) return true;
  }
  return false;
}

function xDomainOf(data: PointData): [number, number] | null {
  if (data.xKind === "linear") {
    const range = extent(data.x, data.length);
    return range && [0, Math.max(range[1], 1)];
  }
  const range = extent(data.x, data.length);
  return range && padded("logarithmic", [Math.max(range[0], 1), Math.max(range[1], 1)], 0.03);
}

function domainOf(box: [number, number, number, number], axes: { x: Axis; y: Axis }, plane: Plane): Domain {
  const within = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);
  const left = within(Math.min(box[0], box[2]), plane.left, plane.right - 2);
  const right = within(Math.max(box[0], box[2]), left + 2, plane.right);
  const top = within(Math.min(box[1], box[3]), plane.top, plane.bottom - 2);
  const bottom = within(Math.max(box[1], box[3]), top + 2, plane.bottom);
  return {
    x: [axes.x.scale.value(left), axes.x.scale.value(right)],
    y: [axes.y.scale.value(bottom), axes.y.scale.value(top)],
  };
}
