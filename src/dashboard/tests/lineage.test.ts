import assert from "node:assert/strict";
import { test } from "node:test";
import { type Ancestor, lineageLayout } from "../source/math/lineage";
import { numbers } from "./support";

function tree(size: number, seed: number): Ancestor[] {
  const next = numbers(seed);
  return Array.from({ length: size }, (_, k) => {
    const parents = k < 3 ? [] : [1 + Math.floor(next() * k), 1 + Math.floor(next() * k)].slice(0, next() < 0.5 ? 1 : 2);
    return { id: k + 1, parents, score: next() < 0.1 ? null : next() };
  });
}

test("parents stand left of their children, nobody on another's place", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const all = tree(80, seed);
    const layout = lineageLayout(all[79], all.slice(0, 79));
    const taken = new Set(layout.places.map((place) => `${place.column} ${place.row}`));
    assert.equal(taken.size, layout.places.length, `seed ${seed}`);
    for (const { from, to } of layout.edges) assert.ok(from.column < to.column, `seed ${seed}: ${from.of.id} and ${to.of.id}`);
    const root = layout.places.find((place) => place.of.id === 80);
    assert.deepEqual([root?.column, root?.row, root?.trunk], [layout.columns - 1, 0, true]);
  }
});

test("the trunk goes through the best parents", () => {
  const all = [
    { id: 1, parents: [], score: 0.2 },
    { id: 2, parents: [], score: 0.6 },
    { id: 3, parents: [1, 2], score: 0.7 },
    { id: 4, parents: [1], score: 0.9 },
    { id: 5, parents: [3, 4], score: 0.95 },
  ];
  const layout = lineageLayout(all[4], all.slice(0, 4));
  const trunk = layout.places.filter((place) => place.trunk).map((place) => place.of.id);
  assert.deepEqual(trunk.sort(), [1, 4, 5]);
  assert.deepEqual(layout.edges.filter((edge) => edge.trunk).map((edge) => `${edge.from.of.id} ${edge.to.of.id}`).sort(), ["1 4", "4 5"]);
});

test("circles, unknown parents and a parent named twice do no harm", () => {
  const root: Ancestor = { id: 3, parents: [2, 2, 99], score: 1 };
  const layout = lineageLayout(root, [{ id: 2, parents: [3, 2], score: null }]);
  assert.deepEqual([layout.places.length, layout.edges.length, layout.columns], [2, 1, 2]);
  assert.equal(lineageLayout(root, []).places.length, 1);
});
