import assert from "node:assert/strict";
import { test } from "node:test";
import { BestSoFar } from "../source/math/best";
import { thinned, visible } from "../source/math/decimate";
import { frontOf } from "../source/math/front";
import { Grid } from "../source/math/grid";
import { ERROR_MIN, extent, focusFloor, padded, quantiles, scale } from "../source/math/scales";
import { sharesOver } from "../source/math/shares";
import { decimalsOf, errorTicks, linearTicks, logarithmicTicks, timeTicks } from "../source/math/ticks";
import { column, numbers } from "./support";

const close = (a: number, b: number) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));

test("every scale maps its domain onto its range and back", () => {
  for (const [kind, domain] of [["linear", [3, 9]], ["logarithmic", [20, 4e6]], ["error", [0.5, 0.999]]] as const) {
    const mapped = scale(kind, [...domain], [300, 20]);
    assert.ok(close(mapped.at(domain[0]), 300) && close(mapped.at(domain[1]), 20), kind);
    for (const pixel of [20, 111, 260]) assert.ok(close(mapped.at(mapped.value(pixel)), pixel), kind);
  }
});

test("the error scale gives each ninth the same room, and a perfect score a place", () => {
  const mapped = scale("error", [0.9, 0.999], [0, 200]);
  assert.ok(close(mapped.at(0.99), 100));
  assert.ok(Number.isFinite(mapped.at(1)));
  assert.ok(close(mapped.at(1), mapped.at(1 - ERROR_MIN)));
});

test("a domain without width is widened rather than divided by", () => {
  for (const kind of ["linear", "logarithmic", "error"] as const) assert.ok(Number.isFinite(scale(kind, [0.5, 0.5], [0, 10]).at(0.5)));
});

test("extents and quantiles leave out what is no number", () => {
  assert.deepEqual(extent([NaN, 4, -2, Infinity]), [-2, 4]);
  assert.equal(extent([NaN]), null);
  assert.deepEqual(quantiles([NaN, 3, 1, 2], 4, [0, 0.5, 1]), [1, 2, 3]);
  assert.deepEqual(padded("linear", [0, 10], 0.1), [-1, 11]);
});

test("a few failures do not set the floor of good scores", () => {
  const next = numbers(5);
  const scores = column(2000, () => (next() < 0.02 ? 0.1 : 0.95 + 0.04 * next()));
  const floor = focusFloor(scores, scores.length) as number;
  assert.ok(floor > 0.85 && floor < 0.95, String(floor));
  assert.equal(focusFloor([NaN], 1), null);
  assert.equal(focusFloor([0.5, 0.5], 2), 0.5);
});

test("ticks are round, within the axis, and about as many as wanted", () => {
  assert.deepEqual(linearTicks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(linearTicks(0.93, 1, 4), [0.94, 0.96, 0.98, 1]);
  assert.deepEqual(logarithmicTicks(1000, 1e6, 9), [1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1e6]);
  assert.deepEqual(logarithmicTicks(1, 1000, 5), [1, 10, 100, 1000]);
  assert.deepEqual(logarithmicTicks(1, 1e9, 5), [1, 100, 10_000, 1e6, 1e8]);
  assert.deepEqual(timeTicks(0, 200, 4), [0, 60, 120, 180]);
  assert.deepEqual(errorTicks(0.9, 0.99, 6), [0.9, 0.95, 0.98, 0.99]);
  const next = numbers(9);
  for (let k = 0; k < 500; k++) {
    const from = (next() - 0.5) * 10 ** (next() * 12 - 6);
    const to = from + 10 ** (next() * 12 - 6);
    const ticks = linearTicks(from, to, 6);
    assert.ok(ticks.length <= 13, `${from} ${to}: ${ticks}`);
    for (const tick of ticks) assert.ok(tick >= from - 1e-6 * Math.abs(to) && tick <= to + 1e-6 * Math.abs(to), `${from} ${to}: ${tick}`);
  }
});

test("as many decimals are written as tell ticks apart", () => {
  assert.equal(decimalsOf([0, 20, 40]), 0);
  assert.equal(decimalsOf([98.5, 99, 99.5]), 1);
  assert.equal(decimalsOf([0.9475, 0.95]), 4);
});

test("the front is what brute force finds, whatever the order", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const next = numbers(seed);
    const size = 60;
    // Coarse values, so that equals occur.
    const cost = column(size, () => Math.ceil(next() * 15));
    const score = column(size, () => (next() < 0.1 ? NaN : Math.round(next() * 12) / 12));
    const beats = (a: number, b: number) => cost[a] <= cost[b] && score[a] >= score[b] && (cost[a] < cost[b] || score[a] > score[b]);
    const rows = [...cost.keys()].filter((row) => !Number.isNaN(score[row]));
    const best = rows.filter((row) => !rows.some((other) => beats(other, row)));
    const wanted = new Set(best.map((row) => `${cost[row]} ${score[row]}`));
    const found = frontOf(cost, score);
    assert.deepEqual(new Set(found.map((row) => `${cost[row]} ${score[row]}`)), wanted, `seed ${seed}`);
    assert.equal(found.length, wanted.size, `seed ${seed}: one of each`);
    for (let k = 1; k < found.length; k++) assert.ok(cost[found[k]] > cost[found[k - 1]] && score[found[k]] > score[found[k - 1]], `seed ${seed}`);
  }
});

test("the best so far only rises, and takes in rows as they come", () => {
  const best = new BestSoFar();
  const scores = [NaN, 0.3, 0.3, 0.2, 0.7, NaN, 0.9];
  best.extend(scores, 4);
  assert.deepEqual(best.rows, [1]);
  best.extend(scores, 7);
  assert.deepEqual(best.rows, [1, 4, 6]);
  assert.equal(best.row, 6);
});

test("the nearest point is what brute force finds, within reach only", () => {
  const next = numbers(3);
  const size = 3000;
  const [x, y] = [new Float32Array(size).map(() => next() * 400), new Float32Array(size).map(() => next() * 300)];
  x[7] = NaN;
  const grid = new Grid(x, y, size, 400, 300);
  for (let k = 0; k < 300; k++) {
    const [px, py] = [next() * 400, next() * 300];
    const far = (i: number) => Math.hypot(x[i] - px, y[i] - py);
    let wanted = -1;
    for (let i = 0; i < size; i++) if (far(i) < 12 && (wanted < 0 || far(i) < far(wanted))) wanted = i;
    const found = grid.nearest(px, py, 12);
    assert.equal(found < 0 ? null : far(found), wanted < 0 ? null : far(wanted));
  }
});

test("the arrow keys reach a point ahead, and end at the edge", () => {
  const grid = new Grid(Float32Array.of(10, 30, 31, 90), Float32Array.of(50, 50, 80, 52), 4, 100, 100);
  assert.equal(grid.toward(0, "right"), 1);
  assert.equal(grid.toward(1, "right"), 3);
  assert.equal(grid.toward(1, "down"), 2);
  assert.equal(grid.toward(3, "right"), -1);
});

test("what is drawn covers the same cells as all points do, the latest on top", () => {
  const next = numbers(11);
  const size = 20_000;
  const [x, y] = [new Float32Array(size).map(() => next() * 200), new Float32Array(size).map(() => next() * 100)];
  x[5] = -1;
  const shown = (i: number) => i % 3 !== 0;
  const kept = visible(x, y, shown, size, [200, 100], 4);
  const cell = (i: number) => `${Math.floor(x[i] / 4)} ${Math.floor(y[i] / 4)}`;
  const latest = new Map<string, number>();
  for (let i = 0; i < size; i++) if (shown(i) && x[i] >= 0) latest.set(cell(i), i);
  assert.deepEqual(new Set(kept), new Set(latest.values()));
  assert.deepEqual(kept, [...kept].sort((a, b) => a - b));
});

test("thinning keeps both ends", () => {
  const items = Array.from({ length: 1000 }, (_, k) => k);
  const kept = thinned(items, 7);
  assert.equal(kept.length, 7);
  assert.deepEqual([kept[0], kept[6]], [0, 999]);
  assert.deepEqual(thinned([1, 2], 7), [1, 2]);
});

test("shares add up to one in every stretch", () => {
  const next = numbers(2);
  const of = Uint8Array.from({ length: 500 }, () => Math.floor(next() * 3));
  const { starts, shares } = sharesOver(of, 3, 500, 20);
  assert.equal(starts.length, 20);
  starts.forEach((_, k) => assert.ok(close(shares.reduce((sum, kind) => sum + kind[k], 0), 1)));
  assert.deepEqual(sharesOver(of, 3, 0, 20).starts, []);
});
