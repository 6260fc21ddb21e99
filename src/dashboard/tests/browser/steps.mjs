// What a person does on the page and sees there, as steps that checks are made of.

/** Expression: the text of the page has these words. */
export const says = (words) => `(document.body?.innerText ?? "").includes(${JSON.stringify(words)})`;

/** Expression: text of the first element that a selector finds. */
export const textOf = (selector) => `(document.querySelector(${JSON.stringify(selector)})?.innerText ?? "")`;

/** Fails with what was expected where it is not so. */
export function must(what, holds) {
  if (!holds) throw new Error(`expected: ${what}`);
}

/** Goes to the chart of all individuals by keyboard alone, opens one, and closes it again. */
export async function openByKeyboard(page) {
  await page.value(`document.querySelector("#cloud .plot").focus()`);
  for (const key of ["End", "ArrowLeft", "ArrowLeft"]) await page.press(key);
  await page.until("the arrow keys say which network they are at", `${textOf("#cloud .unseen")}.startsWith("network #")`);
  await page.press("Enter");
  await page.until("Enter opens it", `document.querySelector("dialog.detail")?.open && ${textOf("dialog.detail")}.includes("made by")`);
  await page.until("its layers are listed", `document.querySelectorAll("dialog.detail .layers tbody tr").length > 1`);
  await page.press("Escape");
  await page.until("Escape closes it", `!document.querySelector("dialog.detail").open`);
  must("focus goes back to the chart", await page.value(`document.activeElement === document.querySelector("#cloud .plot")`));
}

/** Walks the table by keyboard and opens a row. */
export async function openRowByKeyboard(page) {
  await page.until("the table has rows", `document.querySelectorAll("#individuals tbody tr").length > 1`);
  await page.value(`document.querySelector("#individuals tbody tr[tabindex='0']").focus()`);
  await page.press("ArrowDown");
  const id = await page.value("document.activeElement.dataset.id");
  await page.press("Enter");
  await page.until("Enter opens the row", `${textOf("dialog.detail h2")} === "Network #${id}"`);
  await page.press("Escape");
  await page.until("Escape closes it", `!document.querySelector("dialog.detail").open`);
}

/** Whether anything of what was injected has run or become an element. */
export async function nothingRan(page) {
  must("no injected script ran", (await page.value("window.ran")) !== true);
  must("no injected element is there", (await page.value(`document.querySelectorAll("body script, img[src='x'], body style").length`)) === 0);
}
