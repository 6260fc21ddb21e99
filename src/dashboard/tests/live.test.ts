import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../source/api";
import * as decode from "../source/decode";
import { Live, type Source } from "../source/live";
import { Store } from "../source/store";

/** A coordinator with so many points, whose stream the test writes. */
class Coordinator implements Source {
  count = 0;
  status = 200;
  eventsStatus = 200;
  fetched: number[] = [];
  listened: number[] = [];
  private controller: ReadableStreamDefaultController<Uint8Array> | null = null;

  async run() {
    if (this.status !== 200) throw new ApiError(this.status, "no");
    return decode.run({ name: "digits", directory: "runs/digits-1" });
  }

  async nodes() {
    return decode.nodes({ nodes: [] });
  }

  async points(after: number) {
    if (this.status !== 200) throw new ApiError(this.status, "no");
    this.fetched.push(after);
    return decode.points(this.batch(after, this.count));
  }

  async events(after: number, signal: AbortSignal) {
    if (this.eventsStatus !== 200) throw new ApiError(this.eventsStatus, "full");
    this.listened.push(after);
    const stream = new ReadableStream<Uint8Array>({ start: (controller) => void (this.controller = controller) });
    signal.addEventListener("abort", () => this.controller?.error(signal.reason));
    return new Response(stream);
  }

  say(event: string, data: unknown) {
    this.controller?.enqueue(new TextEncoder().encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
  }

  hangUp() {
    this.controller?.close();
  }

  batch(after: number, next: number) {
    const ids = Array.from({ length: next - after }, (_, k) => after + k + 1);
    return { after, next, ids, scores: ids.map((id) => id / 1000), outcomes: ids.map(() => 0), outcome_words: ["completed"] };
  }
}

function begin(coordinator = new Coordinator()) {
  const store = new Store();
  const live = new Live(store, coordinator);
  void live.keep();
  return { coordinator, store, live };
}

async function until(what: string, so: () => boolean) {
  const end = Date.now() + 20_000;
  while (!so()) {
    assert.ok(Date.now() < end, `waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const ids = (store: Store) => [...store.points.ids.subarray(0, store.points.length)];

test("what there is comes first, then what happens, and what was missed is fetched", async () => {
  const coordinator = new Coordinator();
  coordinator.count = 3;
  const { store } = begin(coordinator);
  await until("live", () => store.connection.kind === "live");
  assert.deepEqual([ids(store), coordinator.listened], [[1, 2, 3], [3]]);
  coordinator.say("points", coordinator.batch(3, 5));
  await until("five points", () => store.points.length === 5);
  const fetches = coordinator.fetched.length;
  coordinator.say("points", coordinator.batch(3, 5));
  coordinator.count = 9;
  coordinator.say("points", coordinator.batch(8, 9));
  await until("nine points", () => store.points.length === 9);
  assert.deepEqual(ids(store), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(coordinator.fetched[fetches], 5);
});

test("a stream that ends is opened again where it was", async () => {
  const { store, coordinator, live } = begin();
  await until("live", () => store.connection.kind === "live");
  coordinator.say("points", coordinator.batch(0, 2));
  await until("two points", () => store.points.length === 2);
  coordinator.count = 4;
  coordinator.hangUp();
  await until("lost", () => store.connection.kind === "lost");
  live.retry();
  await until("live again", () => store.connection.kind === "live");
  assert.deepEqual([ids(store), coordinator.listened], [[1, 2, 3, 4], [0, 4]]);
});

test("whoever is refused waits for a token, and then tries at once", async () => {
  const coordinator = new Coordinator();
  coordinator.status = 401;
  const { store, live } = begin(coordinator);
  await until("refused", () => store.connection.kind === "refused");
  coordinator.status = 200;
  live.retry();
  await until("live", () => store.connection.kind === "live");
});

test("where there is no room to listen, it is asked now and then", async () => {
  const coordinator = new Coordinator();
  coordinator.eventsStatus = 503;
  coordinator.count = 2;
  const { store } = begin(coordinator);
  await until("polling", () => store.connection.kind === "polling");
  coordinator.count = 3;
  await until("three points", () => store.points.length === 3);
});

test("an error says when it is tried again", async () => {
  const coordinator = new Coordinator();
  coordinator.status = 500;
  const { store } = begin(coordinator);
  await until("lost", () => store.connection.kind === "lost");
  const { connection } = store;
  assert.ok(connection.kind === "lost" && connection.retryAt_ms > Date.now() - 60_000 && connection.why === "no");
  coordinator.status = 200;
  await until("live", () => store.connection.kind === "live");
});
