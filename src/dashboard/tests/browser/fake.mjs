// The page in a real browser against the coordinator that only pretends: small, large and hostile runs, a killed worker,
// a broken connection, the keyboard, the buttons. Skipped, and says so, where there is no Chromium.

import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Browser, chromium } from "./chromium.mjs";
import { must, nothingRan, openByKeyboard, openRowByKeyboard, says, textOf } from "./steps.mjs";

const server = join(dirname(fileURLToPath(import.meta.url)), "../fake/server.mjs");

async function fake(...options) {
  const child = spawn(process.execPath, [server, ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise((resolve, reject) => {
    child.stdout.once("data", (text) => resolve(String(text).trim()));
    child.once("exit", (code) => reject(new Error(`the fake coordinator ended with ${code}`)));
  });
  const base = url.replace(/#.*/, "");
  return { url, base, play: (what) => fetch(`${base}fake/${what}`, { method: "POST" }), stop: () => child.kill() };
}

async function visit(browser, options, steps, view = {}) {
  const coordinator = await fake(...options);
  const page = await browser.page(view);
  try {
    await steps(page, coordinator);
  } finally {
    coordinator.stop();
    await page.send("Page.close");
  }
}

async function goesOn(page, { base, play }) {
  await page.go(base);
  await page.until("results are shown", says("Pareto front of score"));
  await page.until("it is live", says("live"));
  must("no buttons without a token", !(await page.value(says("Stop …"))));
  const before = await page.value(textOf(".figure.evaluations dd"));
  await page.until("results come by themselves", `${textOf(".figure.evaluations dd")} !== ${JSON.stringify(before)}`);
  await play("kill/worker-2");
  await page.until("a killed worker is shown as gone", `${textOf("#nodes")}.includes("gone")`);
  await play("revive/worker-2");
  await page.until("its return is shown", `!${textOf("#nodes")}.includes("gone") && ${textOf("#nodes")}.includes("1 restart")`);
  await openByKeyboard(page);
  await openRowByKeyboard(page);
  must(`no complaint: ${page.complaints.join("; ")}`, page.complaints.length === 0);
}

async function isControlled(page, { url, play }) {
  await page.go(url);
  await page.until("a token brings the buttons", says("Stop …"));
  must("the token is not left in the address", !(await page.value("location.href")).includes("token"));
  await page.value(`[...document.querySelectorAll(".controls button")].find((one) => one.textContent === "Pause").click()`);
  await page.until("the pause is shown", says("somebody asked for it"));
  await page.value(`[...document.querySelectorAll(".controls button")].find((one) => one.textContent === "Resume").click()`);
  await page.until("the run goes on", `!${says("somebody asked for it")}`);
  await play("mute");
  await page.until("a broken connection is shown", says("No connection to the coordinator"));
  await page.until("it is tried again", `!${says("No connection to the coordinator")}`);
}

async function endsWhileWatched(page, { base, stop }) {
  await page.go(base);
  await page.until("the end is shown", says("The run has ended"));
  stop();
  await page.until("the countdown is shown", says("Next try in"));
  must("it is said to have ended", await page.value(says("The coordinator has ended with its run")));
  must("what was known stays", await page.value(says("Pareto front of score")));
}

async function isHostile(page, { base }) {
  await page.go(base);
  await page.until("an injected name is shown as text", `${textOf("h1")}.startsWith("<script>")`);
  await page.until("the network is drawn", `document.querySelector("#best img")?.naturalWidth > 0`);
  await openByKeyboard(page);
  await openRowByKeyboard(page);
  await nothingRan(page);
}

async function isLarge(page, { base }) {
  const start = performance.now();
  await page.go(base);
  await page.until("a hundred thousand are shown", `/^100/.test(${textOf(".figure.evaluations dd")}) && ${says("on the Pareto front")}`);
  console.log(`a hundred thousand individuals are shown after ${Math.round(performance.now() - start)} ms`);
  await openByKeyboard(page);
}

async function isPolled(page, { base }) {
  await page.go(base);
  await page.until("it is polled where there is no room for listeners", says("every 5 s"));
  await page.until("results are shown", says("Pareto front of score"));
}

async function isClosed(page, { base }) {
  await page.go(base);
  await page.until("the token is asked for", says("This needs the coordinator's token"));
  await page.value(`document.querySelector(".banner input").value = "secret"; document.querySelector(".banner form").requestSubmit()`);
  await page.until("it opens with the token", says("Pareto front of score"));
}

async function isEmpty(page, { base }) {
  await page.go(base);
  await page.until("it says why there is nothing", says("No result yet"));
  must(`no complaint: ${page.complaints.join("; ")}`, page.complaints.length === 0);
}

async function fitsAPhone(page, { base }) {
  await page.go(base);
  await page.until("results are shown", says("Pareto front of score"));
  must("nothing is wider than the screen", (await page.value("document.documentElement.scrollWidth")) <= 360);
}

const checks = [
  [goesOn, ["--count", "80", "--rate", "8"]],
  [isControlled, ["--count", "80"]],
  [endsWhileWatched, ["--count", "80", "--ended"]],
  [isHostile, ["--count", "60", "--hostile"]],
  [isLarge, ["--count", "100000"]],
  [isPolled, ["--count", "30", "--busy"]],
  [isClosed, ["--count", "30", "--open", "secret"]],
  [isEmpty, ["--rate", "0.01"]],
  [fitsAPhone, ["--count", "60", "--hostile"], { width: 360, height: 740, mobile: true }],
];

const program = chromium();
if (!program) {
  console.log("skipped: there is no chromium, so the page is not tried in a browser");
  process.exit(0);
}
const browser = new Browser(program);
try {
  for (const [check, options, view] of checks) {
    await visit(browser, options, check, view).catch((error) => {
      throw new Error(`${check.name}: ${error.message}`, { cause: error });
    });
    console.log(`ok ${check.name}`);
  }
} finally {
  await browser.close();
}
