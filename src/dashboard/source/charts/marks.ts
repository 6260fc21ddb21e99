// Marks of points on a canvas, and the same for legends.

import { s } from "../dom";
import type { Mark, Shape } from "../series";
import { colours } from "../theme";

/** Adds a mark of radius `r` to the current path. */
export function trace(context: CanvasRenderingContext2D, shape: Shape, x: number, y: number, r: number): void {
  if (shape === "circle") {
    context.moveTo(x + r, y);
    context.arc(x, y, r, 0, 2 * Math.PI);
  } else if (shape === "square") {
    context.rect(x - r * 0.88, y - r * 0.88, r * 1.76, r * 1.76);
  } else {
    polygon(context, corners(shape, r).map(([dx, dy]) => [x + dx, y + dy]));
  }
}

function corners(shape: Shape, r: number): [number, number][] {
  if (shape === "diamond") return [[0, -1.25 * r], [1.25 * r, 0], [0, 1.25 * r], [-1.25 * r, 0]];
  if (shape === "triangle") return [[0, -1.2 * r], [1.15 * r, 0.9 * r], [-1.15 * r, 0.9 * r]];
  const [a, b] = [r * 1.15, r * 0.4];
  return [[-a, -a + b], [-a + b, -a], [0, -b], [a - b, -a], [a, -a + b], [b, 0], [a, a - b], [a - b, a], [0, b], [-a + b, a], [-a, a - b], [-b, 0]];
}

function polygon(context: CanvasRenderingContext2D, points: number[][]): void {
  points.forEach(([x, y], k) => (k === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
  context.closePath();
}

/** A mark as a small picture for a legend. Its colour is the style sheet's, by class. */
export function legendMark(mark: Mark): SVGSVGElement {
  const path = { class: `series${mark.series}` };
  const shape =
    mark.shape === "circle"
      ? s("circle", { ...path, cx: 6, cy: 6, r: 4 })
      : mark.shape === "square"
        ? s("rect", { ...path, x: 2.5, y: 2.5, width: 7, height: 7 })
        : s("polygon", { ...path, points: corners(mark.shape, 4).map(([x, y]) => `${x + 6},${y + 6}`).join(" ") });
  return s("svg", { class: "mark", viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": "true" }, shape);
}

export function seriesColour(mark: Mark): string {
  return colours().series[mark.series];
}
