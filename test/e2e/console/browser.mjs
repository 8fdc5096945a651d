// Steps in a real Chromium, one JSON line each: {"step": name, ...arguments} in, {"ok": result} or {"error": text} out. console.py asks for
// them and checks what they tell; what must hold on every page (no complaint of the browser, no failed request) is gathered here.
import {
  accessible,
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

const row = (text) => page.locator(".ant-table-row", { hasText: text }).first();
/** By the menu; to what is inside of Settings through them. */
const room = async (name) => {
  const inside = ["Customers", "Users", "Imports"].includes(name);
  if (inside)
    await page
      .getByRole("navigation", { name: "Rooms" })
      .getByRole("link", { name: "Settings", exact: true })
      .click();
  await page
    .getByRole("navigation", { name: inside ? "Settings" : "Rooms" })
    .getByRole("link", { name, exact: true })
    .click();
};
const gone = (what) => what.waitFor({ state: "hidden" });

async function menu(of, item) {
  await button(`More for ${of}`).click();
  await page.getByRole("menuitem", { name: item, exact: true }).click();
}

const ROOMS = [
  ["Customers", "/customers"],
  ["Hosts", "/hosts"],
  ["Files", "/volumes"],
  ["Shares", "/shares"],
  ["Rules", "/rules"],
  ["Jobs", "/jobs"],
  ["Audit", "/audit"],
  ["Users", "/users"],
  ["Overview", "/"],
];

const STEPS = {
  async open(a) {
    const sizes = await open(a, {
      permissions: ["clipboard-read", "clipboard-write"],
    });
    return {
      kb: Math.round([...sizes.values()].reduce((x, y) => x + y, 0) / 1024),
      at: page.url(),
    };
  },

  async wrong_login() {
    return provoking(["401"], async () => {
      await page.getByLabel("Name").fill("admin");
      await page.getByLabel("Password", { exact: true }).fill("not this one");
      await button("Log in").click();
      return page.getByRole("alert").first().innerText();
    });
  },

  async log_in({ name, password }) {
    await enter(name, password);
    await page.getByText("Live", { exact: true }).waitFor();
    await still();
  },

  async add_customer({ name }) {
    await room("Customers");
    await button("Add customer").first().click();
    await dialog().getByLabel("Name").fill(`${name} typo`);
    await button("Add", dialog()).click();
    await row(`${name} typo`).waitFor();
    await menu(`${name} typo`, "Rename");
    await dialog().getByLabel("Name").fill(name);
    await button("Save", dialog()).click();
    await page.getByText(`${name} typo`).waitFor({ state: "hidden" });
    await button(name).click();
    await heading("Overview");
    await page.waitForURL(/customer=/);
    await page.getByText("Begin with a host").waitFor();
    return {};
  },

  async enrol_dialog({ name }) {
    await room("Hosts");
    await button("Enrol a host").first().click();
    const chosen = await dialog().locator(".ant-select").first().innerText();
    await button("Make a token", dialog()).click();
    const told = dialog().getByRole("tabpanel").locator(".cmd code");
    await told.first().waitFor();
    const linux = await told.allInnerTexts();
    await button("Copy the enrol command", dialog()).first().click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    await dialog().getByRole("tab", { name: "Windows" }).click();
    await told.filter({ hasText: "msiexec" }).first().waitFor();
    const windows = await told.allInnerTexts();
    await button("Done", dialog()).click();
    await gone(page.getByRole("dialog"));
    await button("Enrol a host").first().click();
    const again = await dialog().innerText();
    await page.keyboard.press("Escape");
    await gone(page.getByRole("dialog"));
    return { chosen, linux, windows, copied, again, name };
  },

  async host_appears({ name }) {
    await row(name).getByText("online").waitFor();
    await menu(name, "Rename");
    await dialog().getByLabel("Name").fill(`${name}-renamed`);
    await page.keyboard.press("Enter");
    await row(`${name}-renamed`).waitFor();
    return row(`${name}-renamed`).innerText();
  },

  async add_share({ name, address, user, password }) {
    await room("Shares");
    await button("Add share").first().click();
    await button("Add", dialog()).click();
    const told = dialog().locator(".ant-form-item-explain-error");
    await told.nth(1).waitFor(); // name and address; they come one after the other
    const needed = await told.allInnerTexts();
    await dialog().getByLabel("Name").fill(name);
    await dialog().getByLabel("Address").fill(address);
    await dialog().getByLabel("User").fill(user);
    await dialog().getByLabel("Password").fill(password);
    await button("Add", dialog()).click();
    await gone(page.getByRole("dialog"));
    await row(name).waitFor();
    return { needed };
  },

  /** Has the share looked at; what its row and then the job tell. */
  async check_share({ name, state }) {
    await room("Shares");
    await row(name).getByRole("button", { name: "Check now" }).click();
    await row(name).getByText("Checked by").waitFor();
    await row(name).locator(".tag", { hasText: state }).waitFor();
    const told = await row(name).innerText();
    await row(name).getByRole("link", { name: "Job" }).click();
    await heading(/Job: check share/);
    await page
      .locator(".tag", { hasText: /^(done|failed)$/ })
      .first()
      .waitFor();
    const job = await page.locator("#main").innerText();
    await room("Shares");
    return { job, row: told };
  },

  async mend_share({ name, password }) {
    await menu(name, "Edit");
    const kept = await dialog().getByLabel("Password").inputValue();
    await dialog().getByLabel("Password").fill(password);
    await button("Save", dialog()).click();
    await gone(page.getByRole("dialog"));
    return { kept };
  },

  async add_volume({ host, name, path, share }) {
    await room("Files");
    await button("Add volume").first().click();
    await choose("Host", host, dialog());
    await dialog().getByLabel("Name").fill(`${name}-x`);
    await dialog().getByLabel("Folder on that host").fill(path);
    await choose("Share for its cold files", share, dialog());
    await button("Add", dialog()).click();
    await gone(page.getByRole("dialog"));
    await row(`${name}-x`).locator(".tag", { hasText: /^ok$/ }).waitFor();
    await menu(`${name}-x`, "Edit");
    await dialog().getByLabel("Name").fill(name);
    await dialog().getByText(share, { exact: true }).first().waitFor();
    await button("Save", dialog()).click();
    await gone(page.getByRole("dialog"));
    await gone(row(`${name}-x`));
    return row(name).innerText();
  },

  async scan({ name, files }) {
    await room("Files");
    await menu(name, "Scan now");
    await heading("Job: scan");
    await page.locator(".tag", { hasText: /^done$/ }).waitFor();
    await room("Files");
    await row(name).getByText(files, { exact: true }).waitFor();
    return row(name).innerText();
  },

  async browse({ name, folder, file }) {
    await row(name).getByRole("link", { name }).click();
    await heading(`Files of ${name}`);
    await button(folder).click();
    await page.waitForURL(/path=/);
    const names = page.locator(".ant-table-row .name");
    await page.locator(".ant-table-row", { hasText: file }).waitFor();
    const shown = await names.count();
    await page.getByRole("columnheader", { name: /^Size/ }).click();
    await page.waitForURL(/sort=size/);
    await page
      .getByRole("searchbox", { name: "Search by name" })
      .or(page.getByLabel("Search by name"))
      .first()
      .fill(file.slice(0, 8));
    await page.waitForResponse((r) => /files\?.*[?&]q=/.test(r.url()));
    await page.locator(".ant-table-row", { hasText: file }).waitFor();
    const found = await names.allInnerTexts();
    await button(file).click();
    await dialog()
      .getByText(/bytes\)/)
      .waitFor();
    const details = await dialog().innerText();
    await page.keyboard.press("Escape");
    await gone(page.getByRole("dialog"));
    return { shown, found, details };
  },

  async rule({ name, volume, wrong, right }) {
    await room("Rules");
    await button("Add rule").first().click();
    await heading("New rule");
    const text = page.getByLabel("Which files").and(page.locator("textarea"));
    await text.fill(wrong);
    await page.locator(".code mark").waitFor();
    const marked = await page.locator(".code mark").innerText();
    const told = await page.locator("#rule-error").innerText();
    const barred = await button("Add rule").isDisabled();
    await text.fill(right);
    await gone(page.locator(".code mark"));
    await page.getByText("Understood as").waitFor();
    await page.getByLabel("Name").fill(name);
    await choose("Volume", volume);
    await button("Preview").click();
    const plan = page.getByRole("region", { name: "Preview" });
    await plan.waitFor();
    const preview = await plan.innerText();
    await button("Add rule").click();
    await page.getByText("Saved").waitFor();
    await heading(name);
    return { marked, told, barred, preview };
  },

  /** Runs it. The job's own route is never answered again once the page is there, so that what is seen comes by live events. */
  async run_rule({ name }) {
    await button("Run now").click();
    await page.getByRole("dialog").last().waitFor();
    await button("Run", dialog()).click();
    await heading("Job: tier");
    await page.getByText("files", { exact: false }).first().waitFor();
    const held = [];
    await page.route(/\/api\/v1\/jobs\/[0-9a-z]{26}$/, (route) => {
      held.push(route);
    });
    const seen = new Set();
    const bar = page.locator("#main .ant-progress").first();
    const end = Date.now() + 60_000;
    while (
      !(await page
        .locator(".tag", { hasText: /^(done|failed|cancelled)$/ })
        .count())
    ) {
      if (Date.now() > end)
        throw new Error(
          `the job did not end on the page, seen ${[...seen].join(", ")}`,
        );
      seen.add(await bar.getAttribute("aria-valuenow"));
      await page.waitForTimeout(60);
    }
    const text = await page.locator("#main").innerText();
    await page.unroute(/\/api\/v1\/jobs\/[0-9a-z]{26}$/);
    for (const route of held)
      await route.abort("aborted").catch(() => undefined);
    return { text, seen: seen.size, held: held.length, name };
  },

  async recall({ volume, folder, file }) {
    await room("Files");
    await row(volume).getByRole("button", { name: "Files" }).click();
    await button(folder).click();
    const one = row(file);
    await one.locator(".tag", { hasText: "stub" }).waitFor();
    const stubs = await page
      .locator(".ant-table-row .tag", { hasText: "stub" })
      .count();
    await one.getByRole("button", { name: "Recall" }).click();
    await one.locator(".tag", { hasText: "resident" }).waitFor();
    await page.getByText("1 file brought back").waitFor();
    return { stubs };
  },

  async tier_again({ file }) {
    await row(file).getByRole("checkbox").check();
    await button("Tier 1").click();
    await row(file).locator(".tag", { hasText: "stub" }).waitFor();
    return {};
  },

  async reconcile({ name }) {
    await room("Files");
    await menu(name, "Reconcile stubs");
    await heading(/Job: reconcile/);
    await page.locator(".tag", { hasText: "done" }).first().waitFor();
    return page.locator("#main").innerText();
  },

  async jobs() {
    await room("Jobs");
    await row("check share").waitFor();
    await choose("Kind", "recall");
    await gone(row("check share"));
    const text = await page.locator("tbody").innerText();
    await page.goto(`${url}/jobs?kind=tier&state=failed`);
    await page.getByText("None fits the filter.").waitFor();
    return { text };
  },

  async overview({ customer }) {
    await page.goto(url);
    await heading("Overview");
    await choose("Customer", customer);
    await page.waitForURL(/customer=/);
    await page.getByText("Space freed").waitFor();
    await page.locator(".recharts-surface").first().waitFor();
    await still();
    return page.locator("#main").innerText();
  },

  async audit() {
    await room("Audit");
    await row("file: recall").waitFor();
    await page.locator(".ant-table-row-expand-icon").first().click();
    await page.getByText("before ").first().waitFor();
    await button("Verify the chain").click();
    return page.getByRole("alert").first().innerText();
  },

  /** Opens each dialog once and closes it by key; the focus must be where it was. */
  async dialogs({ host, volume, share, customer, rule }) {
    const lost = [];
    const shut = async (what) => {
      await dialog().waitFor();
      await page.waitForTimeout(80);
      await page.keyboard.press("Escape");
      await gone(page.getByRole("dialog"));
      const back = () => ["BUTTON", "A", "INPUT"].includes(document.activeElement?.tagName);
      // It comes back when the dialog's closing has ended, a few frames later.
      await page.waitForFunction(back, undefined, { timeout: 3000 }).catch(async () => {
        lost.push(`${what}: the focus is on ${await page.evaluate(() => document.activeElement?.tagName)}`);
      });
    };
    for (const [to, of, items] of [
      ["Customers", customer, ["Rename", "Delete"]],
      ["Hosts", host, ["Rename", "Delete"]],
      ["Files", volume, ["Edit", "Delete"]],
      ["Shares", share, ["Edit", "Delete"]],
      ["Users", "admin", ["Set password"]],
    ]) {
      if (to === "Users")
        await page.goto(`${url}/users`); // of all customers: the operator belongs to none
      else await room(to);
      for (const item of items) {
        await menu(of, item);
        await shut(`${to}, ${item}`);
      }
    }
    await button("Add user").click();
    await shut("Add user");
    await room("Rules");
    await row(rule).getByRole("button", { name: "Run" }).click();
    await shut("Run");
    await row(rule).getByRole("link", { name: rule }).click();
    await button("Delete").click();
    await shut("Delete rule");
    await button("Keyboard help").click();
    await shut("Keyboard help");
    await button("admin: account").click();
    await page.getByRole("menuitem", { name: "Change password" }).click();
    await shut("Change password");
    await button("Appearance").click();
    await page.getByRole("menuitem", { name: /KiB, MiB/ }).click();
    await button("Appearance").click();
    await page.getByRole("menuitem", { name: /kB, MB/ }).click();
    return { lost };
  },

  async delete_needs_the_name({ host }) {
    await room("Hosts");
    await menu(host, "Delete");
    const before = await button("Delete", dialog()).isDisabled();
    await dialog().getByLabel(`Type ${host} to confirm`).fill(host);
    await provoking(["409"], () =>
      button("Delete", dialog())
        .click()
        .then(() => dialog().getByRole("alert").waitFor()),
    );
    const told = await dialog().getByRole("alert").innerText();
    await page.keyboard.press("Escape");
    await gone(page.getByRole("dialog"));
    return { before, told };
  },

  async keys({ host }) {
    await page.goto(`${url}/`);
    await heading("Overview");
    await page.keyboard.press("Tab");
    const first = await page.evaluate(() => document.activeElement.textContent);
    await page.keyboard.press("Enter");
    const skipped = await page.evaluate(() => document.activeElement.id);
    await page.keyboard.press("g");
    await page.keyboard.press("h");
    await heading("Hosts");
    await row(host).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("no such");
    await page.getByText("None has this name").waitFor();
    await page.keyboard.press("?");
    const typed = await page.getByLabel("Search hosts").first().inputValue();
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("?");
    await dialog().getByText("search in this room").waitFor();
    await page.keyboard.press("Escape");
    await gone(page.getByRole("dialog"));
    return { first, skipped, typed };
  },

  /** Every room, light and dark, wide and on a phone: serious violations, and pages that are wider than the window. */
  async accessible({ volume, rule, name: ruleName, job }) {
    const rooms = ROOMS.map(([name, path]) => [path, name]);
    const one = [
      [`/volumes/${volume}/files`, "Files of"],
      [`/rules/${rule}`, ruleName],
      [`/jobs/${job}`, "Job"],
    ];
    await page.goto(url);
    await heading("Overview");
    // The other look on a phone: those that are made differently there.
    const other = rooms.filter(([, name]) => ["Overview", "Shares", "Rules"].includes(name));
    return accessible([
      ["light", 1440, [...rooms, ...one]],
      ["dark", 390, [...other, ...one]],
    ]);
  },

  async auditor({ name, password, customer }) {
    await page.goto(`${url}/users`);
    await button("Add user").click();
    await dialog().getByLabel("Name").fill(name);
    await choose("Role", "Auditor", dialog());
    await choose("Customer", customer, dialog());
    await dialog().getByLabel("Password", { exact: true }).fill(password);
    await button("Add", dialog()).click();
    await gone(page.getByRole("dialog"));
    await row(name).waitFor();
    await button("admin: account").click();
    await page.getByRole("menuitem", { name: "Log out" }).click();
    await page.getByLabel("Name").waitFor();
    await STEPS.log_in({ name, password });
    const rooms = await page
      .getByRole("navigation", { name: "Rooms" })
      .getByRole("link")
      .allInnerTexts();
    const may = [];
    for (const to of ["Hosts", "Files", "Shares", "Rules"]) {
      await room(to);
      await page.locator(".ant-table-row").first().waitFor();
      may.push(
        ...(await page
          .getByRole("button", {
            name: /^(Add|Enrol|Delete|Scan|Check now|Run|Recall)/,
          })
          .allInnerTexts()),
      );
    }
    return { rooms, may };
  },

  async log_out({ name }) {
    await button(`${name}: account`).click();
    await page.getByRole("menuitem", { name: "Log out" }).click();
    await page.getByLabel("Name").waitFor();
    const status = await provoking(["401"], () =>
      page.evaluate(() => fetch("/api/v1/session").then((r) => r.status)),
    );
    await provoking(["401"], async () => {
      await page.goBack();
      await page.getByLabel("Name").waitFor();
    });
    return { status, at: new URL(page.url()).pathname };
  },
};

await serve(STEPS);
