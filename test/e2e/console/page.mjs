// What the steps of browser.mjs and rooms.mjs share: one page in a real Chromium, everything it complains about, and the loop that takes steps, one JSON
// line each: {"step": name, ...arguments} in, {"ok": result} or {"error": text} out.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { gzipSync } from "node:zlib";

const require = createRequire(
  new URL("../../../console/package.json", import.meta.url),
);
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const LIMIT = Number(process.env.ALTO_WAIT_MS ?? 60_000); // ms to wait for anything, on a machine that does much else

export let browser, context, page, url, shots;
export const complaints = [];
const expected = []; // texts of complaints that a step provokes on purpose

export const button = (name, where = page) =>
  where.getByRole("button", { name, exact: true });
export const dialog = () => page.getByRole("dialog").last();
export const heading = (name) =>
  page.getByRole("heading", { level: 1, name }).waitFor();

/** Chooses in a Pick or Select by typing. */
export async function choose(field, text, where = page) {
  await where.getByRole("combobox", { name: field }).first().click();
  await page.keyboard.type(text);
  await page
    .locator(".ant-select-dropdown:visible .ant-select-item-option", {
      hasText: text,
    })
    .first()
    .click();
}

export function watch(to) {
  const complain = (text) => {
    if (!expected.some((e) => text.includes(e)))
      complaints.push(`${to.url()}: ${text}`);
  };
  to.on("console", (m) => {
    if (["error", "warning"].includes(m.type()))
      complain(`${m.type()}: ${m.text()} ${m.location().url}`);
  });
  to.on("pageerror", (e) => complain(`error: ${e.message}`));
  // A stream or a load that a navigation ends is no failure.
  to.on("requestfailed", (r) => {
    if (!/ERR_ABORTED/.test(r.failure()?.errorText ?? ""))
      complain(`${r.url()} failed: ${r.failure()?.errorText}`);
  });
  to.on("response", (r) => {
    if (r.status() >= 400)
      complain(`${r.request().method()} ${r.url()} answered ${r.status()}`);
  });
}

/** Runs an act that makes the browser complain with these texts, and only then. */
export async function provoking(texts, act) {
  expected.push(...texts);
  try {
    return await act();
  } finally {
    await page.waitForTimeout(100);
    expected.splice(0);
  }
}

export async function still(of = page) {
  await of.waitForFunction(
    () =>
      !document.querySelector(
        '.ant-skeleton, .ant-spin-spinning, [aria-busy="true"]',
      ),
  );
}

/** To another room without loading the console again. */
export async function walk(path, of = page) {
  await of.evaluate((to) => {
    window.history.pushState({}, "", to);
    window.dispatchEvent(new PopStateEvent("popstate", { state: {} }));
  }, path);
}

/** Violations on the page as it stands; but for those of other weights. */
export async function axe(name, weights = ["minor", "moderate", "serious", "critical"], of = page) {
  if (!(await of.evaluate(() => "axe" in window))) await of.evaluate(AXE);
  // As high as the page: what lies below a bar that sticks to the window's edge is not covered, only scrolled.
  const size = of.viewportSize();
  const height = await of.evaluate(() => document.documentElement.scrollHeight);
  await of.setViewportSize({ ...size, height: Math.max(size.height, height) });
  const found = await of.evaluate(() =>
    window.axe.run(document, {
      resultTypes: ["violations"],
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    }),
  );
  await of.setViewportSize(size);
  return found.violations
    .filter((v) => weights.includes(v.impact))
    .map(
      (v) =>
        `${name}: ${v.id} (${v.impact}): ${v.nodes
          .slice(0, 3)
          .map(
            (n) =>
              `${n.target.join(" ")} ${(n.any[0] ?? n.all[0] ?? n.none[0])?.message ?? ""}`,
          )
          .join(" | ")}`,
    );
}

/** Each page in each look, [colour scheme, width, [path, heading]...]: violations, and what is wider than the window. */
export async function accessible(looks, weights) {
  const wrong = [];
  let seen = 0;
  await page.mouse.move(0, 0); // what it rested on would be shown as pointed at
  for (const [scheme, width, pages] of looks) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width, height: 900 });
    for (const [path, title] of pages) {
      await walk(path);
      await page.locator("h1").filter({ hasText: title }).first().waitFor();
      await still();
      await page.waitForTimeout(500); // colours change gently
      wrong.push(...(await axe(`${path} ${scheme} ${width}`, weights)));
      const over = await page.evaluate(
        () => document.documentElement.scrollWidth - window.innerWidth,
      );
      if (over > 0) wrong.push(`${path} at ${width} is ${over} px too wide`);
      seen++;
      if (shots)
        await page.screenshot({
          fullPage: true,
          path: `${shots}/${scheme}-${width}-${path.replace(/\W+/g, "-")}.png`,
        });
    }
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.setViewportSize({ width: 1440, height: 900 });
  return { wrong, seen };
}

/** The same pages light and wide, and dark on a phone. */
export const accessibleBoth = (pages) => {
  const all = pages.map((path) => [path, /./]);
  return accessible([
    ["light", 1440, all],
    ["dark", 390, all],
  ]);
};

/** Steps find things by their English names, whatever the browser's language is. */
export const inEnglish = () => {
  const kept = JSON.parse(localStorage.getItem("alto.prefs") ?? "{}");
  if (!("language" in kept))
    localStorage.setItem("alto.prefs", JSON.stringify({ ...kept, language: "en" }));
};

/** The login page, in a context with these options. Gives what was loaded for it: address and bytes compressed, growing. */
export async function open(a, options) {
  ({ url, shots } = a);
  browser = await chromium.launch({
    executablePath: a.chromium,
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
  context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    reducedMotion: "reduce",
    ...options,
  });
  context.setDefaultTimeout(LIMIT);
  await context.addInitScript(inEnglish);
  page = await context.newPage();
  watch(page);
  const sizes = new Map();
  page.on("response", async (r) => {
    if (!/\.(js|css)$/.test(new URL(r.url()).pathname)) return;
    const body = await r.body().catch(() => null); // the browser may be closed by then
    if (body) sizes.set(r.url(), gzipSync(body, { level: 9 }).length);
  });
  await provoking(["401"], async () => {
    await page.goto(url);
    await page.getByLabel("Name").waitFor();
    await page.waitForLoadState("networkidle");
  });
  return sizes;
}

export async function enter(name, password) {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.keyboard.press("Enter");
  await heading("Overview");
}

const STEPS = {
  async complaints() {
    return complaints;
  },

  async close() {
    await browser?.close();
    return {};
  },
};

/** Takes steps until one is "close"; complaints and close are among them. */
export async function serve(steps) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { step, ...a } = JSON.parse(line);
    try {
      process.stdout.write(
        `${JSON.stringify({ ok: (await { ...STEPS, ...steps }[step](a)) ?? {} })}\n`,
      );
    } catch (error) {
      const at = page
        ? await page
            .locator("body")
            .innerText()
            .catch(() => "")
        : "";
      process.stdout.write(
        `${JSON.stringify({ error: `${error.message.slice(0, 1500)}\nat ${page?.url()}:\n${at.slice(0, 1500)}` })}\n`,
      );
      if (shots && page)
        await page
          .screenshot({ path: `${shots}/wrong-${step}.png` })
          .catch(() => undefined);
      // A dialog left open would make all later steps fail too.
      await page?.keyboard.press("Escape").catch(() => undefined);
      expected.splice(0);
    }
    if (step === "close") break;
  }
  process.exit(0);
}
