// Builds the page: `source/` becomes `dist/`, which is committed and goes into the binary.
//
//   node build.mjs           writes dist/
//   node build.mjs --check   says whether dist/ is what source/ builds to
//   node build.mjs --test    bundles the unit tests and runs them with node's own runner

import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, "dist");

// All that is served together must stay small: it lies in the binary, and a phone fetches it.
const BYTES_MAX = 100_000;

async function bundle(entry, loader) {
  const result = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: ["es2022", "chrome109", "firefox110", "safari16"],
    charset: "utf8",
    legalComments: "none",
    loader,
  });
  return result.outputFiles[0].text;
}

function page() {
  const text = readFileSync(join(root, "source/index.html"), "utf8");
  const lines = text.replaceAll(/<!--.*?-->\n?/gs, "").split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "").join("\n") + "\n";
}

async function built() {
  const files = {
    "index.html": page(),
    "app.js": await bundle("source/main.ts"),
    "style.css": await bundle("source/style/page.css"),
  };
  const bytes = Object.values(files).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes > BYTES_MAX) throw new Error(`dist/ would have ${bytes} bytes; at most ${BYTES_MAX} are allowed`);
  return { files, bytes };
}

async function write() {
  const { files, bytes } = await built();
  mkdirSync(dist, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dist, name), text);
  console.log(`dist/: ${bytes} bytes`);
}

function read(name) {
  try {
    return readFileSync(join(dist, name), "utf8");
  } catch {
    return "";
  }
}

async function check() {
  const { files } = await built();
  const stale = Object.keys(files).filter((name) => read(name) !== files[name]);
  if (stale.length === 0) return;
  console.error(`not what source/ builds to: dist/${stale.join(", dist/")}; run \`npm run build\` in src/dashboard`);
  process.exit(1);
}

async function test() {
  const folder = mkdtempSync(join(tmpdir(), "dashboard-tests-"));
  try {
    const tests = readdirSync(join(root, "tests")).filter((name) => name.endsWith(".test.ts"));
    await build({
      absWorkingDir: root,
      entryPoints: tests.map((name) => `tests/${name}`),
      bundle: true,
      platform: "node",
      format: "esm",
      outdir: folder,
      outExtension: { ".js": ".mjs" },
      define: { SOURCE_FOLDER: JSON.stringify(join(root, "source")) },
      sourcemap: "inline",
    });
    const files = tests.map((name) => join(folder, name.replace(/\.ts$/, ".mjs")));
    const run = spawnSync(process.execPath, ["--enable-source-maps", "--test", "--test-force-exit", "--test-reporter=spec", ...files], { stdio: "inherit" });
    process.exitCode = run.status ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const ways = { "--check": check, "--test": test };
await (ways[process.argv[2]] ?? write)();
