import assert from "node:assert/strict";
import { test } from "node:test";
import * as decode from "../source/decode";
import { waitAfter_ms } from "../source/live";
import { spentShare } from "../source/panels/figures";
import { stageOf } from "../source/panels/header";
import { whyNoPoints } from "../source/panels/waiting";
import { Points } from "../source/points";
import { isTrouble, makerMark, outcomeMark } from "../source/series";
import { EventParser } from "../source/sse";
import { Store } from "../source/store";

const batch = (ids: number[], next: number, outcomeWords = ["completed", "crashed"]) =>
  decode.points({
    after: next - ids.length, next, ids, finished_s: ids.map((id) => id * 2), scores: ids.map((id) => (id % 5 === 0 ? null : id / 100)), parameters: ids, multiply_adds: ids,
    seconds: ids, outcomes: ids.map((id) => id % 2), outcome_words: outcomeWords, makers: ids.map(() => 0), maker_words: ["breeder"],
  });

test("points grow beyond their first room and keep every value", () => {
  const points = new Points();
  const ids = Array.from({ length: 10_000 }, (_, k) => k + 1);
  points.append(batch(ids.slice(0, 4000), 4000));
  points.append(batch(ids.slice(4000), 10_000));
  assert.deepEqual([points.length, points.next, points.ids[9999], points.finished_s[9999]], [10_000, 10_000, 10_000, 20_000]);
  assert.ok(Number.isNaN(points.scores[4]));
  assert.equal(points.rowOf(7), 6);
});

test("each batch's words are its own, and end up as one list", () => {
  const points = new Points();
  points.append(batch([1, 2], 2));
  points.append(batch([3, 4], 4, ["crashed", "stopped"]));
  const words = [...points.outcomes.subarray(0, 4)].map((index) => points.outcomeWords[index]);
  assert.deepEqual(words, ["crashed", "completed", "stopped", "crashed"]);
});

test("an individual that is evaluated again is shown once, as it is now", () => {
  const points = new Points();
  points.append(batch([1, 2, 1], 3));
  assert.deepEqual([0, 1, 2].map((row) => points.isOvertaken(row)), [true, false, false]);
});

test("another run at the same address takes nothing of the old one with it", () => {
  const store = new Store();
  store.setRun(decode.run({ name: "a", directory: "runs/a-1" }));
  store.addPoints(batch([1, 2, 3], 3));
  store.setRun(decode.run({ name: "a", directory: "runs/a-1", evaluations: 3 }));
  assert.equal(store.points.length, 3);
  store.setRun(decode.run({ name: "b", directory: "runs/b-1" }));
  assert.deepEqual([store.points.length, store.best.rows.length, store.pointsCame], [0, 0, false]);
});

test("whatever a coordinator leaves out becomes an empty value", () => {
  for (const value of [null, 7, "x", [], {}, { best: null, data: 3, makers: {}, outcomes: [] }]) {
    const run = decode.run(value);
    assert.deepEqual([run.best, run.makers, run.failures, run.data.samples, run.score_name], [null, [], [], null, "score"]);
  }
  assert.deepEqual(decode.individual({}).lineage, []);
  assert.deepEqual(decode.nodes({ nodes: [{ slots: [{}] }] })[0].slots[0].epoch, null);
  assert.deepEqual(decode.points({}).ids, []);
  assert.equal(decode.run({ data: { inputs: [1, 28, 28] } }).data.inputs, "1×28×28");
});

test("events are put together from any pieces", () => {
  const text = "retry: 2000\r\n\r\n: beat\n\nevent: run\ndata: {\"a\":\ndata: 1}\n\nevent: nodes\r\ndata:2\r\n\r\ndata: é\n\n";
  const whole = new EventParser().push(text);
  assert.deepEqual(whole, [{ event: "run", data: '{"a":\n1}' }, { event: "nodes", data: "2" }, { event: "message", data: "é" }]);
  for (let size = 1; size < 12; size++) {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < text.length; at += size) events.push(...parser.push(text.slice(at, at + size)));
    assert.deepEqual(events, whole, `pieces of ${size}`);
  }
});

test("a broken connection is tried again soon, then patiently", () => {
  const waits = [1, 2, 3, 4, 5, 6, 50].map(waitAfter_ms);
  assert.deepEqual(waits, [...waits].sort((a, b) => a - b));
  assert.ok(waits[0] <= 1000 && waits[6] <= 15_000);
});

test("the budget that is further spent counts", () => {
  const run = (from: object) => spentShare(decode.run(from));
  assert.equal(run({}), null);
  assert.equal(run({ evaluations: 30, evaluations_max: 120 }), 0.25);
  assert.equal(run({ evaluations: 30, evaluations_max: 120, elapsed_s: 60, seconds_left: 60 }), 0.5);
  assert.equal(run({ evaluations: 150, evaluations_max: 120 }), 1);
});

test("a run says what it does, also paused and ended", () => {
  assert.deepEqual(stageOf(decode.run({ stage: "search" })), ["searching", "good"]);
  assert.deepEqual(stageOf(decode.run({ stage: "searching", paused: true })), ["paused", "warn"]);
  assert.deepEqual(stageOf(decode.run({ stage: "x", paused: true, ending: "stopped" })), ["ended", "plain"]);
});

test("an empty page says why it is empty", () => {
  const store = new Store();
  assert.match(whyNoPoints(store), /Asking/);
  store.setConnection({ kind: "refused" });
  assert.match(whyNoPoints(store), /token/);
  store.setRun(decode.run({}));
  assert.match(whyNoPoints(store), /first worker/);
  store.setNodes(decode.nodes({ nodes: [{ name: "a", state: "here", slots: [{ evaluation: 1, individual: 1 }] }] }));
  assert.match(whyNoPoints(store), /first network is being trained/);
  store.setRun(decode.run({ ending: "stopped" }));
  assert.match(whyNoPoints(store), /ended before/);
  store.addPoints(batch([1], 1));
  assert.equal(whyNoPoints(store), "");
  const failed = new Store();
  failed.addPoints(batch([5, 10], 2));
  assert.match(whyNoPoints(failed), /2 evaluations have ended, none with a score/);
});

test("makers and outcomes have marks of their own, also those that nobody knows", () => {
  const known = ["breeder", "refiner", "user"].map((name) => makerMark(name));
  assert.equal(new Set(known.map((mark) => mark.series)).size, 3);
  assert.equal(new Set(known.map((mark) => mark.shape)).size, 3);
  for (const name of ["constructor", "__proto__", "<script>", ""]) assert.ok(makerMark(name).shape && outcomeMark(name).shape);
  assert.deepEqual(["completed", "stopped", "crashed", ""].map(isTrouble), [false, false, true, false]);
});
