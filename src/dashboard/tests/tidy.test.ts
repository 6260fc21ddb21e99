// The house's rules for the sources themselves: data never becomes markup, no circles, no long files.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";

declare const SOURCE_FOLDER: string;

const LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;

const files = readdirSync(SOURCE_FOLDER, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
const text = (name: string) => readFileSync(join(SOURCE_FOLDER, name), "utf8");

test("nothing that comes from outside can become markup or code", () => {
  const markup = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|\beval\(|new Function|srcdoc|javascript:/;
  for (const name of files) assert.doesNotMatch(text(name), markup, name);
});

test("nothing outside the coordinator is asked for", () => {
  const address = /https?:\/\/(?!www\.w3\.org\/2000\/svg)/;
  for (const name of files) assert.doesNotMatch(text(name).replaceAll(/\/\/ .*$/gm, ""), address, name);
});

test("imports make no circles", () => {
  const imports = new Map(files.map((name) => [name, importsOf(name)]));
  const done = new Set<string>();
  const visit = (name: string, way: string[]) => {
    assert.ok(!way.includes(name), `a circle: ${[...way, name].join(" -> ")}`);
    if (done.has(name)) return;
    for (const other of imports.get(name) ?? []) visit(other, [...way, name]);
    done.add(name);
  };
  for (const name of files) visit(name, []);
});

function importsOf(name: string): string[] {
  const found = [...text(name).matchAll(/from "(\.[^"]+)"/g)].map((match) => match[1]);
  return found.map((path) => `${relative(SOURCE_FOLDER, resolve(SOURCE_FOLDER, dirname(name), path))}.ts`);
}

test("arithmetic knows nothing of the page, charts nothing of panels", () => {
  for (const name of files) {
    const others = importsOf(name);
    if (name.startsWith("math/")) for (const other of others) assert.match(other, /^math\//, name);
    if (name.startsWith("charts/")) for (const other of others) assert.doesNotMatch(other, /^panels\//, name);
  }
});

test("files and functions are short, and say what they are for", () => {
  for (const name of files) {
    const lines = text(name).split("\n");
    assert.ok(lines.length <= LINES_MAX, `${name} has ${lines.length} lines`);
    assert.match(lines[0], /^\/\/ \S/, `${name} does not open with what it is for`);
    let start: number | null = null;
    lines.forEach((line, k) => {
      if (/^(export )?(async )?function |^ {2}(private |async |static )*[a-z]\w*\(.*\{$/.test(line)) start = k;
      if (!/^ {0,2}\}$/.test(line) || start === null) return;
      assert.ok(k - start < FUNCTION_LINES_MAX, `${name}:${start + 1} is long`);
      start = null;
    });
  }
});
