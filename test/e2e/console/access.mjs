// Steps in a real Chromium for the room of accesses, one JSON line each, as browser.mjs has them: {"step": name, ...arguments} in, {"ok": result} or
// {"error": text} out. access.py asks for them and checks what they tell.
import {
  accessibleBoth,
  axe,
  button,
  choose,
  dialog,
  enter,
  heading,
  open,
  page,
  provoking,
  serve,
  shots,
  still,
  url,
  walk,
} from "./page.mjs";

const main = () => page.locator("#main");
const gone = (what) => what.waitFor({ state: "hidden" });
const row = (text) => page.locator(".ant-table-row", { hasText: text }).first();
const shown = () => page.locator(".ant-table-row .path").allInnerTexts();

async function tab(volume, name, more = "") {
  await walk(`/access/${volume}?tab=${name}${more}`);
  await heading(/^Access of /);
  await still();
}

const STEPS = {
  async open(a) {
    await open(a, { timezoneId: "Asia/Kolkata" });
    await enter("admin", a.password);
    await still();
    return {};
  },

  /** By the menu to the list, and on to the filespace. */
  async list({ name }) {
    await page
      .getByRole("navigation", { name: "Rooms" })
      .getByRole("link", { name: "Access", exact: true })
      .click();
    await heading("Access");
    await row(name).waitFor();
    const text = await row(name).innerText();
    await page.getByRole("link", { name, exact: true }).click();
    await heading(`Access of ${name}`);
    await still();
    return { text, state: await main().innerText() };
  },

  /** A volume by the mounts of its host: chosen by keys alone from the kind on. */
  async add_mounted({ host, path }) {
    await page
      .getByRole("navigation", { name: "Rooms" })
      .getByRole("link", { name: "Files", exact: true })
      .click();
    await heading("Files");
    await button("Add volume").first().click();
    let answer;
    const kept = new Promise((go) => (answer = go));
    await page.route("**/filespaces", async (route) => {
      await kept;
      await route.fulfill({
        status: 500,
        contentType: "application/problem+json",
        body: JSON.stringify({ type: "about:blank", title: "It failed", status: 500, code: "internal" }),
      });
    });
    await choose("Host", host, dialog());
    await choose("Kind", "LucidLink", dialog());
    await page.getByRole("status", { name: "Loading what is mounted" }).waitFor();
    const told = await provoking(["500"], async () => {
      answer();
      await dialog().getByRole("alert").waitFor();
      const text = await dialog().innerText();
      await page.unroute("**/filespaces");
      await dialog().getByRole("button", { name: "Try again" }).click();
      await dialog().getByRole("radio").first().waitFor();
      return text;
    });
    const wanted = dialog().getByRole("radio", { name: path });
    await dialog().getByRole("combobox", { name: "Kind" }).focus();
    await page.keyboard.press("Tab");
    for (let i = 0; i < 64 && !(await wanted.isChecked()); i++) {
      await page.keyboard.press(i === 0 ? "Space" : "ArrowDown");
      // The choice under the keys is what the field says.
      await page.waitForFunction(
        () => document.querySelector('[role="dialog"] #path')?.value === document.activeElement.value,
      );
    }
    const filled = {
      kind: await dialog().locator(".ant-select", { hasText: "LucidLink" }).count(),
      path: await dialog().getByLabel("Folder on that host").inputValue(),
      name: await dialog().getByLabel("Name").inputValue(),
    };
    if (shots) await page.screenshot({ path: `${shots}/mounted.png` });
    const wrong = await axe("mounted");
    await button("Add", dialog()).click();
    await gone(page.getByRole("dialog"));
    await row(filled.name).waitFor();
    return { told, filled, wrong };
  },

  /** A host that no agent has enrolled as. */
  async add_unreachable({ host }) {
    await button("Add volume").first().click();
    await choose("Host", host, dialog());
    await choose("Kind", "LucidLink", dialog());
    await dialog().getByText("This host cannot be reached").waitFor();
    const text = await dialog().innerText();
    await page.keyboard.press("Escape");
    await gone(page.getByRole("dialog"));
    return { text };
  },

  async follow({ volume }) {
    await tab(volume, "live");
    await page.locator(".tag", { hasText: /^following$/ }).waitFor();
    return { rows: await shown() };
  },

  /** Until a row with this text is there; nothing is loaded again for it. */
  async arrives({ text }) {
    await row(text).waitFor();
    return { first: (await shown())[0] };
  },

  async pause() {
    await button("Pause").click();
    await page.locator(".tag", { hasText: /^paused$/ }).waitFor();
    return {};
  },

  async waiting() {
    const go = page.getByRole("button", { name: /^Go on, [\d,]+ waiting$/ });
    await go.waitFor();
    return { rows: await shown(), button: await go.innerText() };
  },

  async go_on({ text }) {
    await page.getByRole("button", { name: /^Go on/ }).click();
    await row(text).waitFor();
    return {};
  },

  /** altod does not answer: what was shown stays, and it says so. */
  async interrupted() {
    await page.locator(".tag", { hasText: /^interrupted$/ }).waitFor();
    const told = await main().innerText();
    return { rows: await shown(), told };
  },

  async back_again({ text }) {
    await row(text).waitFor();
    await page.locator(".tag", { hasText: /^following$/ }).waitFor();
    return {};
  },

  /** From a row to all of one person, and back. */
  async person({ user }) {
    await page.getByRole("link", { name: user, exact: true }).first().click();
    await page.waitForURL(/user=/);
    // The rows of all are there for a moment, and then none while those of one are asked for.
    await page.waitForFunction((name) => {
      const rows = [...document.querySelectorAll(".ant-table-row")];
      return rows.length > 0 && rows.every((r) => r.innerText.includes(name));
    }, user);
    const rows = await page.locator(".ant-table-row").allInnerTexts();
    await button("Show all").click();
    await page.waitForURL((u) => !u.searchParams.has("user"));
    return { rows };
  },

  /** One whose name is no text: by keys, among those that are known. */
  async person_of_bytes({ volume, part, path }) {
    await tab(volume, "live");
    await page.getByRole("combobox", { name: "Person" }).click();
    await page.keyboard.type(part);
    await page.locator(".ant-select-item-option:visible", { hasText: part }).first().waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForURL(/user_b64=/);
    await page.waitForFunction(() => document.querySelectorAll(".ant-table-row").length === 1);
    await row(path).waitFor();
    const at = new URL(page.url()).searchParams.get("user_b64");
    const rows = await shown();
    await button("Show all").click();
    await page.waitForURL((u) => !u.searchParams.has("user_b64"));
    return { at, rows };
  },

  async file({ volume, path }) {
    await tab(volume, "live", `&path=${encodeURIComponent(path)}`);
    await page.locator(".ant-table-row").first().waitFor();
    const rows = await shown();
    const folder = await main()
      .getByRole("link", { name: "Folder", exact: true })
      .getAttribute("href");
    await main().getByRole("link", { name: "Why?", exact: true }).click();
    await heading("Why?");
    await page.getByText("Rules, in order").waitFor();
    const why = await main().innerText();
    await button("Accesses").click();
    await heading(/^Access of /);
    await page.locator(".ant-table-row").first().waitFor();
    return { rows, folder, why, again: await shown() };
  },

  async busiest({ volume, by }) {
    await tab(volume, "busiest", `&by=${by}&period=month`);
    // The rows of the choice before stay until the new ones are there.
    await page.locator("thead th", { hasText: { user: "Person", host: "Host", folder: "Folder" }[by] }).first().waitFor();
    await page.locator(".ant-table-row").first().waitFor();
    await still();
    return { rows: await page.locator(".ant-table-row").allInnerTexts() };
  },

  /** By keys to an hour with accesses, and into it. */
  async hours({ volume }) {
    await tab(volume, "hours");
    await page.getByRole("grid").waitFor();
    const cells = page.locator('.heat [role="gridcell"].open');
    const label = await cells.first().getAttribute("aria-label");
    const [day, hour] = (await cells.first().getAttribute("data-at"))
      .split("-")
      .map(Number);
    const start = page.locator('.heat [tabindex="0"]');
    await start.focus();
    const [d, h] = (await start.getAttribute("data-at")).split("-").map(Number);
    for (let i = d; i !== day; i += Math.sign(day - d))
      await page.keyboard.press(day > d ? "ArrowDown" : "ArrowUp");
    for (let i = h; i !== hour; i += Math.sign(hour - h))
      await page.keyboard.press(hour > h ? "ArrowRight" : "ArrowLeft");
    const at = await page.evaluate(() =>
      document.activeElement.getAttribute("aria-label"),
    );
    const summary = await main().innerText();
    await page.keyboard.press("Enter");
    await page.waitForURL(/hour=/);
    await page.locator(".ant-table-row").first().waitFor();
    return {
      label,
      at,
      summary,
      hour: new URL(page.url()).searchParams.get("hour"),
      rows: await page.locator(".ant-table-row").allInnerTexts(),
    };
  },

  async clients({ volume, search }) {
    await tab(volume, "clients");
    await page.locator(".ant-table-row").first().waitFor();
    const all = await main().innerText();
    const first = await page.locator(".ant-table-row").first().innerText();
    await page.getByLabel("Search client, host or user").first().fill(search);
    await page.waitForURL(/q=/);
    await page.waitForFunction(
      () => document.querySelectorAll(".ant-table-row").length === 1,
    );
    return { all, first, found: await page.locator("tbody").innerText() };
  },

  async lines({ volume }) {
    await tab(volume, "lines");
    await page.getByText("Lines that were passed over", { exact: true }).waitFor();
    return main().innerText();
  },

  /** A name is added; meanwhile() is somebody else's change, made before Save is pressed. */
  async settings({ volume, name }) {
    await tab(volume, "settings");
    await page.getByRole("combobox", { name: "Users" }).click();
    await page.keyboard.type(name);
    await page.keyboard.press("Enter");
    await button("Save").waitFor();
    return {};
  },

  async save_conflict() {
    await provoking(["412"], async () => {
      await button("Save").click();
      await page.getByText("Somebody changed this volume meanwhile").waitFor();
    });
    await button("Save mine").click();
    await page.getByText("Saved; the agent takes it").waitFor();
    return {};
  },

  async state({ volume }) {
    await tab(volume, "state");
    return main().innerText();
  },

  /** The state changes on the page by itself. */
  async becomes({ state }) {
    await page
      .locator(".head .tag", { hasText: new RegExp(`^${state}$`) })
      .waitFor({ timeout: 120_000 }); // the agent passes over errors of less than half a minute, and tells each half minute
    return main().innerText();
  },

  async overview() {
    await walk("/");
    await heading("Overview");
    await page.getByText(/filespaces? needs? somebody/).or(page.getByText(/to their ends/)).first().waitFor();
    return main().innerText();
  },

  /** A rule for a filespace: which way its files go stands there before it is saved; then it is run. */
  async archive({ volume, name, where }) {
    await page.goto(`${url}/rules/new?volume=${volume}`);
    await heading("New rule");
    const told = page.getByRole("note");
    await told.waitFor();
    const way = await told.innerText();
    await choose("Does", "Tier");
    await page.getByText("Files of this volume cannot become stubs").waitFor();
    await button("Archive instead").click();
    await told.waitFor();
    await page.getByLabel("Which files").and(page.locator("textarea")).fill(where);
    await page.getByText("Understood as").waitFor();
    await page.getByLabel("Name", { exact: true }).fill(name);
    await button("Add rule").click();
    await page.getByText("Saved", { exact: true }).waitFor();
    await heading(name);
    await button("Run now").click();
    await page.getByRole("dialog").last().waitFor();
    await button("Run", dialog()).click();
    await heading("Job: archive");
    await page.locator(".tag", { hasText: /^done$/ }).first().waitFor();
    return { way, job: await main().innerText() };
  },

  /** Back by a click, where it is shown as archived. */
  async recall({ volume, file }) {
    await page.goto(`${url}/volumes/${volume}/files?below=1&q=${encodeURIComponent(file)}`);
    const one = row(file);
    await one.locator(".tag", { hasText: /^archived$/ }).waitFor();
    if (shots) await page.screenshot({ path: `${shots}/archived.png` });
    await one.getByRole("button", { name: "Recall" }).click();
    await one.locator(".tag", { hasText: /^resident$/ }).waitFor();
    await page.getByText("1 file brought back").waitFor();
    return {};
  },

  accessible: ({ pages }) => accessibleBoth(pages),
};

await serve(STEPS);
