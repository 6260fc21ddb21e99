// Learning curves of one training: scores above, losses below, over the same epochs.

import type { CurvePoint } from "../model";
import { extent, padded, scale } from "../math/scales";
import { decimalsOf, linearTicks } from "../math/ticks";
import { colours } from "../theme";
import { type Axis, drawAxes, type Plane } from "./axes";
import { scoreAxis, type ScoreKind } from "./score_axis";
import { Surface } from "./surface";

interface Line {
  series: number;
  dashed: boolean;
  values: (number | null)[];
}

/** Space left and right of the planes. */
const [LEFT, RIGHT] = [52, 12];

export class Curves {
  private readonly surface: Surface;
  private curve: CurvePoint[] = [];
  private kind: ScoreKind = { task: "classification", name: "accuracy" };

  constructor(canvas: HTMLCanvasElement) {
    this.surface = new Surface(canvas, () => this.draw());
  }

  set(curve: CurvePoint[], kind: ScoreKind): void {
    [this.curve, this.kind] = [curve, kind];
    this.surface.invalidate();
  }

  redraw(): void {
    this.surface.invalidate();
  }

  /** The epoch at a pixel. */
  at(x: number): CurvePoint | null {
    if (this.curve.length === 0) return null;
    const share = (x - LEFT) / (this.surface.width - LEFT - RIGHT);
    const epoch = this.epochs()[0] + share * (this.epochs()[1] - this.epochs()[0]);
    return this.curve.reduce((a, b) => (Math.abs(b.epoch - epoch) < Math.abs(a.epoch - epoch) ? b : a));
  }

  private epochs(): [number, number] {
    return [this.curve[0].epoch, this.curve[this.curve.length - 1].epoch];
  }

  private draw(): void {
    if (this.curve.length === 0) return;
    const { height } = this.surface;
    const middle = Math.round(height * 0.5);
    this.drawScores({ ...this.sides(), top: 24, bottom: middle - 26 });
    this.drawLosses({ ...this.sides(), top: middle + 18, bottom: height - 38 });
  }

  private sides(): { left: number; right: number } {
    return { left: LEFT, right: this.surface.width - RIGHT };
  }

  private drawScores(plane: Plane): void {
    const values = this.curve.map((point) => point.validation_score);
    const range = extent(values.map((value) => value ?? NaN));
    if (!range) return;
    const y = scoreAxis("all", padded("linear", range, 0.08), [plane.bottom, plane.top], this.kind);
    this.drawIn(plane, { ...y, title: `validation ${y.title}` }, "", [{ series: 2, dashed: false, values }]);
  }

  private drawLosses(plane: Plane): void {
    const train = this.curve.map((point) => point.training_loss);
    const valid = this.curve.map((point) => point.validation_loss);
    const range = extent([...train, ...valid].map((value) => value ?? NaN));
    if (!range) return;
    const mapped = scale("linear", padded("linear", range, 0.06), [plane.bottom, plane.top]);
    const ticks = linearTicks(mapped.from, mapped.to, 4);
    const decimals = decimalsOf(ticks);
    const y = { scale: mapped, ticks, write: (value: number) => value.toFixed(decimals), title: "loss: training dashed, validation solid" };
    this.drawIn(plane, y, "epoch", [
      { series: 0, dashed: true, values: train },
      { series: 2, dashed: false, values: valid },
    ]);
  }

  private drawIn(plane: Plane, y: Axis, title: string, lines: Line[]): void {
    const { context } = this.surface;
    const mapped = scale("linear", this.epochs(), [plane.left, plane.right]);
    const whole = linearTicks(...this.epochs(), 6).filter((tick) => Number.isInteger(tick));
    drawAxes(context, plane, { scale: mapped, ticks: whole, write: String, title }, y);
    for (const line of lines) this.drawLine(line, mapped.at, y.scale.at);
  }

  private drawLine(line: Line, x: (value: number) => number, y: (value: number) => number): void {
    const { context } = this.surface;
    context.strokeStyle = context.fillStyle = colours().series[line.series];
    context.lineWidth = 1.8;
    context.setLineDash(line.dashed ? [5, 4] : []);
    context.beginPath();
    let drawing = false;
    line.values.forEach((value, k) => {
      if (value === null) return void (drawing = false);
      const at: [number, number] = [x(this.curve[k].epoch), y(value)];
      if (drawing) context.lineTo(...at);
      else context.moveTo(...at);
      drawing = true;
    });
    context.stroke();
    context.setLineDash([]);
    if (this.curve.length <= 40) this.drawDots(line, x, y);
  }

  private drawDots(line: Line, x: (value: number) => number, y: (value: number) => number): void {
    const { context } = this.surface;
    line.values.forEach((value, k) => {
      if (value === null) return;
      context.beginPath();
      context.arc(x(this.curve[k].epoch), y(value), 2.2, 0, 2 * Math.PI);
      context.fill();
    });
  }
}
