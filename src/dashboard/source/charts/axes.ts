// The plane of a chart with its two axes: quiet lines, figures at the ticks, a title at each end.

import type { Scale } from "../math/scales";
import { colours } from "../theme";

/** Where the plane lies on its surface, in pixels. */
export interface Plane {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface Axis {
  scale: Scale;
  ticks: number[];
  write: (value: number) => string;
  title: string;
}

export const FONT = '11px Inter, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

/** About how many pixels a tick of each axis wants. */
export const TICK_PX = { x: 84, y: 44 };

export function drawAxes(context: CanvasRenderingContext2D, plane: Plane, x: Axis, y: Axis): void {
  const { line, soft } = colours();
  context.font = FONT;
  context.fillStyle = soft;
  context.strokeStyle = line;
  context.lineWidth = 1;
  drawVertical(context, plane, y);
  drawHorizontal(context, plane, x);
  context.textBaseline = "alphabetic";
  context.textAlign = "left";
  context.fillText(y.title, plane.left, plane.top - 9);
  context.textAlign = "right";
  context.fillText(x.title, plane.right, plane.bottom + 34);
}

function drawVertical(context: CanvasRenderingContext2D, plane: Plane, axis: Axis): void {
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const tick of axis.ticks) {
    const at = Math.round(axis.scale.at(tick)) + 0.5;
    if (at < plane.top - 1 || at > plane.bottom + 1) continue;
    stroke(context, plane.left, at, plane.right, at);
    context.fillText(axis.write(tick), plane.left - 7, at);
  }
}

function drawHorizontal(context: CanvasRenderingContext2D, plane: Plane, axis: Axis): void {
  context.textAlign = "center";
  context.textBaseline = "top";
  stroke(context, plane.left, plane.bottom + 0.5, plane.right, plane.bottom + 0.5);
  let free = -Infinity;
  for (const tick of axis.ticks) {
    const at = Math.round(axis.scale.at(tick)) + 0.5;
    if (at < plane.left - 1 || at > plane.right + 1) continue;
    stroke(context, at, plane.bottom, at, plane.bottom + 4);
    const text = axis.write(tick);
    const half = context.measureText(text).width / 2 + 5;
    if (at - half < free) continue;
    context.fillText(text, Math.min(at, plane.right - half + 8), plane.bottom + 8);
    free = at + half;
  }
}

function stroke(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}
