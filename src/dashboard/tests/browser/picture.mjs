// Pictures of the page, for looking at it and for the README.
//
//   node tests/browser/picture.mjs URL FILE.png [--width N] [--height N] [--scale N] [--dark] [--phone] [--whole]
//                                  [--wait MS] [--run EXPRESSION]

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Browser, chromium } from "./chromium.mjs";

const number = { type: "string" };
const flag = { type: "boolean", default: false };
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { width: number, height: number, scale: number, wait: number, run: number, dark: flag, phone: flag, whole: flag },
});
const [url, file] = positionals;
const program = chromium();
if (!program || !url || !file) {
  console.error(program ? "usage: picture.mjs URL FILE.png" : "there is no chromium");
  process.exit(2);
}
const browser = new Browser(program);
try {
  const [width, height] = options.phone ? [390, 844] : [1440, 1000];
  const page = await browser.page({ width: Number(options.width ?? width), height: Number(options.height ?? height), scale: Number(options.scale ?? (options.phone ? 2 : 1)), dark: options.dark, mobile: options.phone });
  await page.go(url);
  await new Promise((resolve) => setTimeout(resolve, Number(options.wait ?? 2500)));
  if (options.run) {
    console.log(await page.value(options.run));
    await new Promise((resolve) => setTimeout(resolve, 800));
  }
  writeFileSync(file, await page.picture({ whole: options.whole }));
  for (const complaint of page.complaints) console.log(`complaint: ${complaint}`);
} finally {
  await browser.close();
}
