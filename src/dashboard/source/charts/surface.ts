// A canvas that fits its place: sharp on every screen, drawn at most once a frame, drawn again when its size changes.

export class Surface {
  readonly context: CanvasRenderingContext2D;
  /** In CSS pixels. */
  width = 0;
  height = 0;
  private asked = false;

  constructor(
    readonly canvas: HTMLCanvasElement,
    private readonly draw: (surface: Surface) => void,
    private readonly sized: (surface: Surface) => void = () => undefined,
  ) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("this browser draws on no canvas");
    this.context = context;
    new ResizeObserver(() => this.fit()).observe(canvas);
  }

  /** Asks for a drawing before the next frame. */
  invalidate(): void {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.paint();
    });
  }

  private fit(): void {
    const { clientWidth, clientHeight } = this.canvas;
    const ratio = devicePixelRatio || 1;
    [this.width, this.height] = [clientWidth, clientHeight];
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
    if (clientWidth === 0) return;
    this.sized(this);
    this.paint();
  }

  private paint(): void {
    if (this.width === 0 || this.height === 0) return;
    const ratio = this.canvas.width / this.width;
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, this.width, this.height);
    this.draw(this);
  }
}
