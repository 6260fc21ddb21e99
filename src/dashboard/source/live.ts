// Keeps the store up to date: the whole at first, then event by event; again and again where the connection breaks.
// Draws nothing, and decides nothing but when to ask.

import { ApiError, type Api } from "./api";
import * as decode from "./decode";
import { EventParser, type ServerEvent } from "./sse";
import type { Store } from "./store";

/** Waits before another try, in milliseconds: short at first, then patient. */
const WAITS_MS = [1000, 2000, 4000, 8000, 15_000];
/** The coordinator says something at least every ten seconds; three times that is silence. */
const SILENCE_MS = 30_000;
/** How often is asked where the coordinator has no room for another listener. */
const POLL_MS = 5000;
/** After so many rounds of asking, listening is tried again. */
const POLLS_MAX = 12;

/** How long is waited after the n-th failure in a row. */
export function waitAfter_ms(failures: number): number {
  return WAITS_MS[Math.min(Math.max(failures - 1, 0), WAITS_MS.length - 1)];
}

/** Whom it asks. */
export type Source = Pick<Api, "run" | "nodes" | "points" | "events">;

export class Live {
  private failures = 0;
  private wake: () => void = () => undefined;
  private fetching: Promise<void> | null = null;
  private stopper = new AbortController();
  private again = false;

  constructor(
    private readonly store: Store,
    private readonly api: Source,
  ) {}

  /** Runs as long as the page. */
  async keep(): Promise<never> {
    for (;;) {
      try {
        await this.round();
      } catch (error) {
        await this.failed(error);
      }
    }
  }

  /** Tries at once, with whatever token there is now. */
  retry(): void {
    this.failures = 0;
    this.again = true;
    this.stopper.abort();
    this.wake();
  }

  private async round(): Promise<void> {
    const { store, api } = this;
    this.stopper = new AbortController();
    this.again = false;
    if (store.connection.kind === "refused") store.setConnection({ kind: "connecting" });
    // At first all at once. Later the run comes first: it may be another one, whose points are to be fetched anew.
    const first = store.run === null ? this.catchUp() : null;
    const [run, nodes] = await Promise.all([api.run(), api.nodes(), first]);
    store.setRun(run);
    store.setNodes(nodes);
    if (first === null) await this.catchUp();
    try {
      await this.listen(await api.events(store.points.next, this.stopper.signal));
    } catch (error) {
      if (!(error instanceof ApiError && (error.status === 429 || error.status === 503))) throw error;
      await this.poll();
    }
  }

  private async failed(error: unknown): Promise<void> {
    if (this.again) return;
    if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
      this.store.setConnection({ kind: "refused" });
      await this.sleep(600_000);
      return;
    }
    this.failures += 1;
    const wait_ms = waitAfter_ms(this.failures);
    const why = error instanceof ApiError ? error.message : "the coordinator does not answer";
    this.store.setConnection({ kind: "lost", why, retryAt_ms: Date.now() + wait_ms });
    await this.sleep(wait_ms);
  }

  private connected(kind: "live" | "polling"): void {
    this.failures = 0;
    if (this.store.connection.kind !== kind) this.store.setConnection({ kind });
  }

  private async poll(): Promise<void> {
    this.connected("polling");
    for (let polls = 0; polls < POLLS_MAX; polls++) {
      await this.sleep(POLL_MS);
      this.store.setRun(await this.api.run());
      this.store.setNodes(await this.api.nodes());
      await this.catchUp();
    }
  }

  private async listen(answer: Response): Promise<void> {
    if (!answer.body) throw new Error("no stream");
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new EventParser();
    this.connected("live");
    for (;;) {
      const { done, value } = await unlessSilent(reader.read(), this.stopper);
      if (done) throw new Error("the stream has ended");
      for (const event of parser.push(value)) await this.take(event);
    }
  }

  private async take({ event, data }: ServerEvent): Promise<void> {
    if (event === "run") this.store.setRun(decode.run(JSON.parse(data)));
    if (event === "nodes") this.store.setNodes(decode.nodes(JSON.parse(data)));
    if (event !== "points") return;
    const batch = decode.points(JSON.parse(data));
    if (batch.after === this.store.points.next && batch.ids.length > 0) this.store.addPoints(batch);
    else if (batch.next > this.store.points.next || batch.after === null) await this.catchUp();
  }

  // Fetches what is new until there is nothing more; several callers share one fetch.
  private catchUp(): Promise<void> {
    this.fetching ??= this.fetchNew().finally(() => (this.fetching = null));
    return this.fetching;
  }

  private async fetchNew(): Promise<void> {
    for (;;) {
      const points = this.store.points;
      const batch = await this.api.points(points.next);
      if (points !== this.store.points) continue;
      if (batch.ids.length > 0 || !this.store.pointsCame) this.store.addPoints(batch);
      if (batch.ids.length === 0) return;
    }
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => (clearTimeout(timer), resolve());
    });
  }
}

async function unlessSilent<T>(reading: Promise<T>, stopper: AbortController): Promise<T> {
  const timer = setTimeout(() => stopper.abort(), SILENCE_MS);
  try {
    return await reading;
  } finally {
    clearTimeout(timer);
  }
}
