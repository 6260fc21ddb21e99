// The page of a real run in a real browser.
//
//   node tests/browser/real.mjs URL WORKER PID TEXT
//
// URL: of the coordinator. WORKER, PID: a worker and its process, which is killed. TEXT: what the run's data are called,
// and must be shown as it is. Ends with 77 where there is no Chromium.

import { Browser, chromium } from "./chromium.mjs";
import { must, nothingRan, openByKeyboard, openRowByKeyboard, says, textOf } from "./steps.mjs";

/** How soon a death and a return must show. */
const SOON_MS = 15_000;

const [url, worker, pid, text] = process.argv.slice(2);
const card = `[...document.querySelectorAll("#nodes .node")].find((one) => one.querySelector("strong").innerText === ${JSON.stringify(worker)})`;
const cardSays = (words) => `(${card}?.innerText ?? "").includes(${JSON.stringify(words)})`;

async function watch(page) {
  await page.go(url);
  await page.until("results are shown", says("on the Pareto front"));
  await page.until("it is live", says("live"));
  await page.until("the best has a score", `/^[0-9.]+\\s%$/.test(${textOf(".figure.best dd")})`);
  await page.until("both nodes are here", `document.querySelectorAll("#nodes .node").length === 2 && ${says("2 of 2 here")}`);
  must(`the data's name is shown as it is: ${text}`, await page.value(says(text)));
  await page.until("the best network is drawn", `document.querySelector("#best img")?.naturalWidth > 0`);
  const before = await page.value(textOf(".figure.evaluations dd"));
  await page.until("results come by themselves", `${textOf(".figure.evaluations dd")} !== ${JSON.stringify(before)}`);
  await openByKeyboard(page);
  await openRowByKeyboard(page);
  process.kill(Number(pid), "SIGKILL");
  await page.until("the killed worker shows", `${cardSays("gone")} || ${cardSays("1 restart")}`, SOON_MS);
  await page.until("its return shows", `${cardSays("here")} && ${cardSays("1 restart")} && ${says("2 of 2 here")}`, SOON_MS * 4);
  await nothingRan(page);
  must(`no complaint: ${page.complaints.join("; ")}`, page.complaints.length === 0);
}

const program = chromium();
if (!program) {
  console.log("there is no chromium");
  process.exit(77);
}
const browser = new Browser(program);
try {
  await watch(await browser.page());
} finally {
  await browser.close();
}
