// Steps in a real Chromium for the rooms of imports, figures, rules and plans, one JSON line each, as browser.mjs has them: {"step": name, ...arguments} in,
// {"ok": result} or {"error": text} out. rooms.py asks for them and checks what they tell.
import { readFileSync } from "node:fs";

import {
  accessibleBoth,
  button,
  choose,
  dialog,
  enter,
  heading,
  open,
  page,
  provoking,
  serve,
  still,
  url,
} from "./page.mjs";

const main = () => page.locator("#main");
const tile = (name) =>
  page
    .locator(".tile", { has: page.getByText(name, { exact: true }) })
    .locator(".v");

/** The count that is shown once it is of the text as it stands. */
async function counted() {
  await page.locator(".count:not(.old)").waitFor();
  await page.waitForTimeout(400); // longer than typing is waited for
  await page.locator(".count:not(.old)").waitFor();
  return page.locator(".count").innerText();
}

const STEPS = {
  async open(a) {
    const sizes = await open(a, { acceptDownloads: true });
    await enter("admin", a.password);
    await still();
    // What index.html itself asks for: all that is needed before the first route is known.
    const html = await (await fetch(url)).text();
    const named = [...html.matchAll(/assets\/[^"]+/g)].map((m) => m[0]);
    const at = [...sizes].filter(([n]) => named.some((m) => n.endsWith(m)));
    return {
      kb: Math.round(at.reduce((sum, [, size]) => sum + size, 0) / 1024),
      names: [...sizes.keys()].map((n) => n.replace(/.*\//, "")),
    };
  },

  /** A host without an agent, its volume, and a file that is dropped for it; it is left when its look is there. */
  async upload({ customer, host, volume, path, file }) {
    await page.goto(`${url}/imports/new`);
    await heading("Import a file");
    await button("Add a volume").click();
    await choose("Customer", customer, dialog());
    await dialog().getByLabel("Name of the host").fill(host);
    await dialog().getByLabel("Name of the volume").fill(volume);
    await dialog().getByLabel("Folder on that host").fill(path);
    await button("Add", dialog()).click();
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await page.waitForURL(/volume=/);
    await page.locator('input[type="file"]').setInputFiles(file);
    await page.getByRole("button", { name: /^Upload / }).click();
    await heading(/^Import: /);
    await page.getByRole("button", { name: /^Import about/ }).waitFor();
    await still();
    return main().innerText();
  },

  /** Another column for the path: it is refused to import like this. Then the right one again. */
  async remap({ column, other }) {
    await choose(`What ${column} is`, "not used");
    await page.getByRole("alert").filter({ hasText: "cannot be imported" }).waitFor();
    const barred = await page.getByRole("button", { name: /^Import about/ }).isDisabled();
    const told = await page.getByRole("alert").first().innerText();
    await choose(`What ${column} is`, "Path, whole");
    await page.getByRole("alert").filter({ hasText: "cannot be imported" }).waitFor({ state: "hidden" });
    await still();
    return { barred, told, other };
  },

  async run_import() {
    await page.getByRole("button", { name: /^Import about/ }).click();
    await button("See the figures").waitFor();
    await still();
    const text = await main().innerText();
    const refused = page.getByRole("link", { name: "Download the refused" });
    let csv = "";
    if (await refused.count()) {
      const [got] = await Promise.all([page.waitForEvent("download"), refused.click()]);
      csv = readFileSync(await got.path(), "utf8");
    }
    return { text, csv };
  },

  async imports() {
    await page.goto(`${url}/imports`);
    await heading("Imports");
    await page.locator(".ant-table-row").first().waitFor();
    return page.locator("tbody").innerText();
  },

  async figures({ volume }) {
    await page.goto(`${url}/volumes/${volume}`);
    await page.getByText("By last access").waitFor();
    await page.locator(".recharts-surface").first().waitFor();
    await still();
    const files = await tile("Files").innerText();
    const ext = await page.locator(".ant-card", { hasText: "By extension" }).last().innerText();
    const text = await main().innerText();
    return { files, ext, text };
  },

  /** Through the folders by keys alone: down, open, into the first child, close again. */
  async tree({ volume }) {
    await page.goto(`${url}/volumes/${volume}?tab=folders`);
    await page.getByRole("treegrid").waitFor();
    await page.locator("tr[data-key]").first().waitFor();
    await page.getByRole("rowgroup", { name: "Folders" }).focus();
    const rows = await page.locator("tr[data-key]").count();
    await page.keyboard.press("ArrowRight");
    await page.locator('tr[aria-level="2"][data-key]').first().waitFor();
    const opened = await page.locator("tr[data-key]").count();
    await page.keyboard.press("ArrowDown");
    const at = await page.evaluate(() => document.activeElement.dataset.key);
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    await page.locator('tr[aria-level="2"]').first().waitFor({ state: "hidden" });
    await page.keyboard.press("Enter");
    await page.waitForURL(/folder=/);
    return { rows, opened, at, to: new URL(page.url()).searchParams.get("folder") };
  },

  /** The builder and the text: what is done to one is done to the other; the count follows. */
  async rule({ volume, name, text, wrong }) {
    await page.goto(`${url}/rules/new?volume=${volume}`);
    await heading("New rule");
    const area = page.getByLabel("Which files").and(page.locator("textarea"));
    await page.locator(".builder .rule").first().waitFor();
    await area.fill(wrong);
    await page.locator(".code mark").waitFor();
    const marked = await page.locator(".code mark").innerText();
    await area.fill(text);
    await page.locator(".code mark").waitFor({ state: "hidden" });
    const first = await counted();
    const conditions = await page.locator(".builder .rule").count();
    // In the builder: a larger size, so that the text says so.
    await page.getByRole("spinbutton", { name: "Size" }).first().fill("2");
    await page.waitForFunction(
      () => /2MB/.test(document.querySelector(".code textarea").value),
    );
    const built = await area.inputValue();
    const second = await counted();
    await page.getByText("Understood as").waitFor();
    await page.getByLabel("Name", { exact: true }).fill(name);
    await choose("When it runs", "On days of the week");
    await page.getByText("Next, in").waitFor();
    const schedule = await page.locator(".ant-card", { hasText: "When it runs" }).last().innerText();
    await page.getByRole("switch", { name: "Work only within windows" }).click();
    await page.getByRole("grid").waitFor();
    await page.locator('[data-at="0-12"]').click();
    const windows = await page.locator(".spans").innerText();
    await button("Add rule").click();
    await page.getByText("Saved", { exact: true }).waitFor();
    await heading(name);
    return { marked, first, conditions, built, second, schedule, windows, id: page.url().replace(/.*\/rules\/([0-9a-z]+).*/, "$1") };
  },

  async versions({ rule, text }) {
    await page.goto(`${url}/rules/${rule}`);
    await page.getByLabel("Which files").and(page.locator("textarea")).fill(text);
    await page.getByText("Understood as").waitFor();
    await button("Save").click();
    await page.getByText("Saved", { exact: true }).waitFor();
    await page.getByRole("tab", { name: /^Versions/ }).click();
    await page.locator(".diff ins").first().waitFor();
    return {
      gone: await page.locator(".diff del").allInnerTexts(),
      put: await page.locator(".diff ins").allInnerTexts(),
      rows: await page.locator(".ant-table-row").count(),
    };
  },

  async plan({ volume, rule }) {
    await page.goto(`${url}/plan?volume=${volume}&rule=${rule}`);
    const region = page.getByRole("region", { name: "Plan" });
    await region.waitFor();
    await still();
    const files = await tile("Files").innerText();
    const text = await region.innerText();
    const [got] = await Promise.all([
      page.waitForEvent("download"),
      (async () => {
        await button("Export").click();
        await page.getByRole("menuitem", { name: "The files, as CSV" }).click();
      })(),
    ]);
    const csv = readFileSync(await got.path(), "utf8");
    await page.getByRole("button", { name: /Set what storage costs|Change the prices/ }).click();
    await dialog().getByLabel("Local storage, per TB and month").fill("100");
    await dialog().getByLabel("The share, per TB and month").fill("10.5");
    await dialog().getByLabel("Bringing back, per GB").fill("0.01");
    await button("Save", dialog()).click();
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await page.locator(".tile", { hasText: "Saves a month" }).locator(".v", { hasText: "€" }).waitFor();
    const saved = await tile("Saves a month").innerText();
    return { files, text, csv, saved };
  },

  async compare({ volume, rule }) {
    await page.goto(`${url}/plan?volume=${volume}&rule=${rule}&against=${rule}&againstversion=1`);
    const region = page.getByRole("region", { name: "Comparison" });
    await region.waitFor();
    return { text: await region.innerText() };
  },

  async why({ volume, path }) {
    await page.goto(`${url}/volumes/${volume}/why`);
    await page.getByLabel("Path of a file").fill(path);
    await page.keyboard.press("Enter");
    await page.getByText("Rules, in order").waitFor();
    const told = await main().innerText();
    await provoking(["404"], async () => {
      await page.getByLabel("Path of a file").fill("/nowhere");
      await page.keyboard.press("Enter");
      await page.getByText("No such file is known").waitFor();
    });
    return told;
  },

  accessible: ({ pages }) => accessibleBoth(pages),
};

await serve(STEPS);
