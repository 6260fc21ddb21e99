// Who made how many over the course of the run: bands that fill the height.

import type { Shares } from "../math/shares";
import type { Mark } from "../series";
import { colours } from "../theme";
import { Surface } from "./surface";

export class ShareBands {
  private readonly surface: Surface;
  private shares: Shares = { starts: [], shares: [] };
  private marks: Mark[] = [];

  constructor(canvas: HTMLCanvasElement) {
    this.surface = new Surface(canvas, () => this.draw());
  }

  set(shares: Shares, marks: Mark[]): void {
    [this.shares, this.marks] = [shares, marks];
    this.surface.invalidate();
  }

  redraw(): void {
    this.surface.invalidate();
  }

  private draw(): void {
    const { context, width, height } = this.surface;
    const count = this.shares.starts.length;
    this.shares.starts.forEach((_, k) => {
      let top = height;
      const [left, right] = [Math.round((k * width) / count), Math.round(((k + 1) * width) / count)];
      this.marks.forEach((mark, kind) => {
        const tall = this.shares.shares[kind][k] * height;
        top -= tall;
        context.fillStyle = colours().series[mark.series];
        context.globalAlpha = 0.85;
        context.fillRect(left, top, right - left, tall);
      });
    });
    context.globalAlpha = 1;
  }
}
