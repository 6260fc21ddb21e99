import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, clock, compact, counted, duration, grouped, kindWords, NOTHING, percent, real, score, scoreName, stageWords, words } from "../source/format";

const plain = (text: string) => text.replaceAll(/[\u202f\u00a0]/g, " ");

test("whole numbers are grouped", () => {
  assert.deepEqual([0, 999, 1000, 1234567, -45678].map((value) => plain(grouped(value))), ["0", "999", "1 000", "1 234 567", "−45 678"]);
});

test("great numbers are short", () => {
  assert.deepEqual([0, 7, 12.34, 950, 999.96, 1000, 12_345, 4_560_000, 2.5e9].map(compact), ["0", "7", "12.3", "950", "1k", "1k", "12.3k", "4.56M", "2.5G"]);
});

test("scores are written as their task's readers expect", () => {
  assert.equal(plain(score(0.98764, "classification")), "98.76 %");
  assert.equal(score(0.98764, "regression"), "0.9876");
  assert.equal(plain(percent(0.376)), "38 %");
  assert.deepEqual(["r_squared", "accuracy"].map(scoreName), ["R²", "accuracy"]);
});

test("times have their two greatest units", () => {
  const texts = [0.42, 9.96, 59.6, 61, 3600, 3660, 90_000, -5].map((value) => plain(duration(value)));
  assert.deepEqual(texts, ["0.4 s", "10 s", "1 min 00 s", "1 min 01 s", "1 h 00 min", "1 h 01 min", "1 d 1 h", "−5.0 s"]);
  assert.deepEqual([5, 65, 3725].map(clock), ["0:05", "1:05", "1:02:05"]);
});

test("small and great losses keep their digits", () => {
  assert.deepEqual([0, 0.123456, 1.5, 0.00012, 123456].map((value) => real(value)), ["0", "0.1235", "1.5", "1.20e-4", "1.23e+5"]);
});

test("where there is no figure, nothing pretends to be one", () => {
  for (const value of [null, undefined, NaN, Infinity]) {
    assert.deepEqual([grouped, compact, percent, duration, real].map((write) => write(value)), Array(5).fill(NOTHING));
    assert.equal(score(value, "classification"), NOTHING);
  }
});

test("memory is written in binary units", () => {
  assert.deepEqual([0, 900, 412 * 2 ** 20, 1.5 * 2 ** 30].map((value) => plain(bytes(value))), ["0 B", "900 B", "412 MiB", "1.5 GiB"]);
});

test("stages and kinds of evaluations are told in words, also new ones", () => {
  assert.deepEqual(["search", "final", "new_stage", "constructor"].map(stageWords), ["searching", "training the winner", "new stage", "constructor"]);
  assert.deepEqual(["search", "crown"].map(kindWords), ["search", "comparison at full length"]);
});

test("words of the protocol read as words", () => {
  assert.equal(words("out_of_memory"), "out of memory");
  assert.deepEqual([counted(1, "failure"), counted(3, "failure")], ["1 failure", "3 failures"]);
});
