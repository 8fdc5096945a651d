// Steps in a real Chromium for the frame of the console, one JSON line each, as browser.mjs has them. frame.py asks for them and checks what they tell.
import { readFileSync } from "node:fs";
import {
  accessible,
  axe,
  browser,
  button,
  context,
  dialog,
  enter,
    heading,
  inEnglish,
  open,
  page,
  provoking,
  serve,
  shots,
  still,
  url,
  walk,
  watch,
} from "./page.mjs";

const ROOMS = { name: "Rooms", exact: true };
/** Each message as it stands in the sources, and in German; below those that no German is like. */
const SAID = ["first", "rest"].flatMap((name) => {
  const text = readFileSync(new URL(`../../../console/src/locales/de/${name}.po`, import.meta.url), "utf8");
  const joined = (lines) => JSON.parse(`"${lines.split('\n').map((l) => l.slice(1, -1)).join('')}"`);
  return [...text.matchAll(/^msgid ((?:".*"\n)+)msgstr ((?:".*"\n?)+)/gm)]
    .map(([, id, say]) => [joined(id.trim()), joined(say.trim())])
    .filter(([id]) => id);
});
const GERMAN = new Set(SAID.map(([, say]) => say));
const ENGLISH = SAID.map(([id]) => id).filter((id) => !GERMAN.has(id) && !/[{<]/.test(id));
/** Is in the English catalogue of the first page alone. */
const ONLY_ENGLISH = "Cold files elsewhere";

/** In the browser: texts and names on the page that are such messages, or hold a word that no German has; but for what people and the server say. */
function leftIn([english, names]) {
  const known = new Set(english);
  const words = /\b(the|and|of|with|this|that|which|from|by|files(?!\.)|folders|rules?|jobs?|shares?|never|ago)\b/i;
  const left = new Set();
  const look = (text, e) => {
    const t = text?.trim();
    // What is code, and what people called things, has no language.
    if (t && !e.closest("code, kbd, pre, .mono, textarea, noscript, script, style, .anticon") && !names.includes(t) && (known.has(t) || words.test(t)))
      left.add(t);
  };
  for (const e of document.body.querySelectorAll("*")) {
    for (const n of e.childNodes) if (n.nodeType === 3) look(n.nodeValue, e);
    for (const name of ["aria-label", "title", "placeholder", "alt"]) look(e.getAttribute(name), e);
  }
  return [...left];
}

const HOME = { timezoneId: "Asia/Kolkata", locale: "de-DE" };
const box = (of = page) => of.getByRole("combobox", { name: "Search, go to or do" });
const gone = (what) => what.waitFor({ state: "hidden" });
const here = () => page.locator('nav[aria-label="Rooms"] [aria-current="page"]').innerText();
const at = () => {
  const now = new URL(page.url());
  return now.pathname + now.search;
};

/** What somebody sees: the words, what stands in fields, what is chosen and open. Times that go on are left out. */
async function view(of) {
  await of.locator("h1").first().waitFor();
  await of.waitForFunction(() => !document.querySelector('.ant-skeleton, .ant-spin-spinning, [aria-busy="true"]'));
  await of.waitForTimeout(300);
  return of.evaluate(() => {
    const seen = (e) => e.checkVisibility({ visibilityProperty: true });
    const words = (e) =>
      e
        ? e.innerText
            .replace(/\b(Now is [^.]*|known \d+ \w+ \d+, [\d:]+|now|\d+ (second|minute)s? (ago|from now)|in \d+ (second|minute)s?|took [^,]* ms|worked out in [^.,]*)\b/g, "~")
            .replace(/\d+(\.\d+)? (ms|s)\b/g, "~")
            .replace(/\s+/g, " ")
            .trim()
        : "";
    const fields = [...document.querySelectorAll("#main input, #main textarea, .ant-modal input")]
      .filter(seen)
      .map((e) => (e.type === "checkbox" || e.type === "radio" ? e.checked : e.value));
    const chosen = [...document.querySelectorAll("#main .ant-select-content, #main .ant-select-selection-item")].filter(seen).map(words);
    const marks = [...document.querySelectorAll('#main [aria-selected="true"], #main [aria-sort], #main [aria-expanded="true"]')]
      .filter(seen)
      .map((e) => `${e.getAttribute("aria-sort") ?? ""}${words(e).slice(0, 60)}`);
    return {
      main: words(document.querySelector("#main")),
      over: [...document.querySelectorAll(".ant-modal, .ant-drawer-content-wrapper, .ant-drawer-section")].filter(seen).map(words),
      fields,
      chosen,
      marks,
    };
  });
}

/** The address in a browser that was never there before, but knows who it is. */
async function fresh(address, english = true) {
  const other = await browser.newContext({
    viewport: page.viewportSize(),
    reducedMotion: "reduce",
    ...HOME,
    storageState: { cookies: (await context.storageState()).cookies, origins: [] },
  });
    if (english) await other.addInitScript(inEnglish);
  const tab = await other.newPage();
  watch(tab);
  await tab.goto(url + address);
  return [other, tab];
}

/** By the keys alone, with what the palette offers for a text. */
async function command(text, group) {
  await page.keyboard.press("Control+k");
  await box().waitFor();
  await page.keyboard.type(text);
  const first = page.getByRole("group", { name: group, exact: true }).getByRole("option").first();
  await first.waitFor();
  const id = await first.getAttribute("id");
  for (let i = 0; i < 60 && (await box().getAttribute("aria-activedescendant")) !== id; i++)
    await page.keyboard.press("ArrowDown");
  const said = await first.innerText();
  await page.keyboard.press("Enter");
  await gone(box());
  return said;
}

/** Tab until what has the focus is called so. */
async function tabTo(name, where = "document") {
  // A dialog takes the focus a moment after it is seen.
  if (await page.locator(".ant-modal-wrap:visible").count())
    await page.waitForFunction(() => document.activeElement?.closest('[role="dialog"]'));
  for (let i = 0; i < 120; i++) {
    const now = await page.evaluate(() => {
      const e = document.activeElement;
      const label = e.id && document.querySelector(`label[for="${e.id}"]`);
      return (e.getAttribute("aria-label") ?? label?.innerText ?? e.innerText ?? "").trim();
    });
    if (now === name) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not come to ${name} in ${where}`);
}

/** What has the focus shows that it has. */
const marked = () =>
  page.evaluate(() => {
    const e = document.activeElement;
    const shows = (x) => {
      const s = getComputedStyle(x);
      return (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== "none";
    };
    const box = e.getBoundingClientRect();
    const top = document.elementFromPoint(box.left + box.width / 2, box.top + Math.min(box.height, 20) / 2);
    return { shows: shows(e) || shows(e.closest(".ant-select, .ant-input-affix-wrapper, .ant-picker, .code, .ant-input-number, label, tr") ?? e), covered: !!top && !e.contains(top) && !top.contains(e) && !e.closest("label")?.contains(top) };
  });

const STEPS = {
  async open(a) {
    await open(a, HOME);
    await enter("admin", a.password);
    await page.getByText("Live", { exact: true }).waitFor();
    return { lang: await page.evaluate(() => navigator.language) };
  },

  async rooms() {
    const names = await page.getByRole("navigation", ROOMS).getByRole("link").allInnerTexts();
    const marks = {};
    for (const name of names) {
      await page.getByRole("navigation", ROOMS).getByRole("link", { name, exact: true }).click();
      await heading(name);
      marks[name] = await here();
    }
    const inside = await page.getByRole("navigation", { name: "Settings" }).getByRole("link").allInnerTexts();
    return { names, marks, inside };
  },

  /** The operator goes from one customer to another: from a list, from a page of one thing, and comes again by the front door. */
  async switching({ volume, first, second, search }) {
    const choose = async (name) => {
      await page.getByRole("combobox", { name: "Customer" }).click();
      await page.keyboard.type(name);
      await page.locator(".ant-select-dropdown:visible .ant-select-item-option", { hasText: name }).first().click();
      await page.waitForURL(/customer=/);
    };
    await walk(`/hosts?q=${search}`);
    await heading("Hosts");
    await choose(first);
    const list = at();
    await walk(`/volumes/${volume}/files`);
    await heading(/^Files of/);
    await choose(first);
    const kept = at();
    await choose(second);
    await heading("Files");
    const noun = at();
    await page.goto(`${url}/`);
    await heading("Overview");
    await page.waitForURL(/customer=/);
    const door = at();
    await page.getByRole("combobox", { name: "Customer" }).click();
    await page.locator(".ant-select-dropdown:visible .ant-select-item-option", { hasText: "All customers" }).click();
    await page.waitForURL((u) => !u.searchParams.has("customer"));
    await page.goto(`${url}/`);
    await heading("Overview");
    await still();
    return { list, kept, noun, door, all: at() };
  },

  async palette({ host, volume, share, rule, file, customer }) {
    await walk("/");
    await heading("Overview");
    const went = {};
    for (const [what, text, group] of [
      ["room", "recalls", "Go to"],
      ["inner", "plan", "Go to"],
      ["host", host, "Hosts"],
      ["share", share, "Shares"],
      ["rule", rule, "Rules"],
      ["job", "scan", "Jobs"],
      ["volume", volume, "Volumes"],
      ["file", file, "Files"],
      ["customer", customer, "Customers"],
    ]) {
      await command(text, group);
      await page.waitForTimeout(200);
      went[what] = at();
    }
    await page.keyboard.press("Control+k");
    await page.getByRole("group", { name: "Recent" }).waitFor();
    const recent = await page.getByRole("group", { name: "Recent" }).getByRole("option").allInnerTexts();
    const wrong = await axe("palette");
    await page.keyboard.type("zzzznothing");
    await page.getByText("Nothing is called").waitFor();
    wrong.push(...(await axe("palette, nothing")));
    await page.keyboard.press("Escape");
    await gone(box());
    await command("add share", "Do");
    await page.getByRole("dialog").getByText("Add share").first().waitFor();
    went.act = at();
    await page.keyboard.press("Escape");
    await gone(page.getByRole("dialog"));
    await command("dark", "Do");
    await page.locator('html[data-look="dark"]').waitFor({ state: "attached" });
    await command("colours as", "Do");
    await page.locator('html[data-look="light"]').waitFor({ state: "attached" });
    await command("show all keys", "Do");
    await dialog().getByText("search in this room").waitFor();
    const keys = await dialog().innerText();
    await page.keyboard.press("Escape");
    await gone(page.getByRole("dialog"));
    return { went, recent, wrong, keys };
  },

  /** One time in all its shapes, and a number of the region. */
  async times({ address }) {
    await walk(address);
    await still();
    const time = page.locator("#main time").first();
    await time.waitFor();
    const relative = await time.innerText();
    const iso = await time.getAttribute("datetime");
    await time.hover();
    await page.getByRole("tooltip").waitFor();
    const pointed = await page.getByRole("tooltip").innerText();
    await page.keyboard.press("Escape");
    await gone(page.getByRole("tooltip"));
    await page.mouse.move(0, 0);
    await time.focus();
    await page.getByRole("tooltip").waitFor();
    const focused = await page.getByRole("tooltip").innerText();
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("t");
    const local = await time.innerText();
    await page.keyboard.press("t");
    const utc = await time.innerText();
    await page.keyboard.press("t");
    return { relative, iso, pointed, focused, local, utc };
  },

  async settings() {
    await walk("/settings");
    await heading("Settings");
    const german = await page.locator("#main").innerText();
    await page.getByRole("combobox", { name: "Written as in" }).click();
    await page.locator(".ant-select-dropdown:visible .ant-select-item-option", { hasText: "United States" }).click();
    await page.getByText("1,234,567 files").waitFor();
    await page.getByRole("combobox", { name: "Written as in" }).click();
    await page.locator(".ant-select-dropdown:visible .ant-select-item-option", { hasText: "As the browser says" }).click();
    await page.getByText("1.234.567 files").waitFor();
    await page.getByRole("switch", { name: "Single keys" }).click();
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("?");
    await page.waitForTimeout(200);
    const off = await page.getByRole("dialog").count();
    await page.getByRole("switch", { name: "Single keys" }).click();
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("?");
    await dialog().getByText("search in this room").waitFor();
    await page.keyboard.press("Escape");
    await gone(page.getByRole("dialog"));
    return { german, off };
  },

  /** A room as an address says, and the same address elsewhere. gives: the address once all has been brought up. */
  async deep({ address }) {
    await page.mouse.move(0, 0); // a chart below it would tell of its parts
    await walk(address);
    await page.waitForTimeout(100);
    await view(page);
    const there = at();
    const [other, tab] = await fresh(there);
    try {
      // Until both have all that comes: it is loaded piece by piece.
      for (let i = 0; ; i++) {
        const first = await view(page);
        const second = await view(tab);
        const same = JSON.stringify(first) === JSON.stringify(second);
        if (same || i === 10) return { at: there, same, first, second };
        await page.waitForTimeout(400);
      }
    } finally {
      await other.close();
    }
  },

  /** What is done with a mouse in a room comes into its address. */
  async done({ address, volume, long }) {
    const went = {};
    await walk(`/volumes/${volume}/files?below=1&q=take-00`);
    await heading(/^Files of/);
    await button("/Active/reel 0/take-0000.mov").waitFor();
    await page.getByRole("columnheader", { name: /^Size/ }).click();
    await page.waitForURL(/sort=size/);
    await button("/Active/reel 0/take-0000.mov").click();
    await page.waitForURL(/open=/);
    went.files = at();
    await dialog().getByText("Owner").first().waitFor();
    await page.keyboard.press("Escape");
    await page.waitForURL((u) => !u.searchParams.has("open"));
    await walk(`/volumes/${volume}?tab=folders`);
    await button("Open Archive").first().click();
    await page.waitForURL(/unfold=/);
    went.folders = at();
    await walk(address);
    await page.locator(".ant-table-row-expand-icon").first().click();
    await page.waitForURL(/event=/);
    went.audit = at();
    await walk(long);
    await button("Load more").click();
    await page.waitForURL(/pages=2/);
    went.pages = at();
    went.rows = await page.locator(".ant-table-row").count();
    return went;
  },

  accessible: ({ pages }) => {
    const all = pages.map((path) => [path, /./]);
    return accessible(
      [
        ["light", 1440, all],
        ["dark", 1440, all],
        ["light", 390, all],
        ["dark", 390, all],
      ],
      ["minor", "moderate", "serious", "critical"],
    );
  },

  /** On a phone: the bar at the bottom, and all rooms behind it. */
  async phone() {
    await page.setViewportSize({ width: 390, height: 844 });
    await walk("/");
    await heading("Overview");
    await page.getByRole("navigation", { name: "Nearest rooms" }).getByRole("link", { name: "Jobs" }).click();
    await heading("Jobs");
        await button("Menu").click();
    await page.getByRole("navigation", ROOMS).waitFor();
    const names = await page.getByRole("navigation", ROOMS).getByRole("link").allInnerTexts();
    const wrong = await axe("menu");
    await page.getByRole("navigation", ROOMS).getByRole("link", { name: "Shares", exact: true }).click();
    await heading("Shares");
    await gone(page.getByRole("navigation", ROOMS));
    await button("Search").click();
    await box().waitFor();
    wrong.push(...(await axe("palette on a phone")));
    if (shots) await page.screenshot({ path: `${shots}/phone-palette.png` });
    await page.keyboard.press("Escape");
    await gone(box());
    await page.setViewportSize({ width: 1440, height: 900 });
    return { names, wrong };
  },

  /** A share, a rule, its plan and a run, with the keyboard alone; whatever has the focus on the way shows it and lies under nothing. */
  async keyboard({ share, rule, where, volume, host, customer }) {
    await page.setViewportSize({ width: 1440, height: 900 });
    const unmarked = [];
    const look = async (what) => {
      const m = await marked();
      if (!m.shows) unmarked.push(`${what}: not marked`);
      if (m.covered) unmarked.push(`${what}: covered`);
    };
    await walk("/");
    await heading("Overview");
    await command(customer, "Customers");
    await page.locator(".ant-select", { hasText: customer }).first().waitFor(); // the address comes before what is made of it
    await command("enrol a host", "Do");
    await dialog().getByText("Enrol a host").first().waitFor();
    await tabTo("Make a token");
    await look("Make a token");
    await page.keyboard.press("Enter");
    await dialog().locator(".cmd code").first().waitFor();
    await tabTo("Done");
    await page.keyboard.press("Enter");
    await gone(page.getByRole("dialog"));
    await command("add share", "Do");
    await dialog().getByText("Add share").first().waitFor();
    await tabTo("Name");
    await look("Name");
    await page.keyboard.type(share);
    await tabTo("Address");
    await page.keyboard.type("file:///srv/nowhere");
    await tabTo("Add");
    await look("Add");
    await page.keyboard.press("Enter");
    await gone(page.getByRole("dialog"));
    await page.locator(".ant-table-row", { hasText: share }).waitFor();
    await command(volume, "Volumes");
    await heading(/^Files of/);
    await command("new rule", "Do");
    await heading("New rule");
    await tabTo("Which files");
    await look("Which files");
    await page.keyboard.press("Control+a");
    await page.keyboard.type(where);
    await page.getByText("Understood as").waitFor();
    await tabTo("Name");
    await page.keyboard.type(rule);
    await tabTo("Add rule");
    await look("Add rule");
    await page.keyboard.press("Enter");
    await page.getByText("Saved", { exact: true }).waitFor();
    await heading(rule);
    const saved = at();
    await command(host, "Hosts");
    await heading("Hosts");
    await command(rule, "Rules");
    await heading(rule);
    await tabTo("Open the plan");
    await look("Open the plan");
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "Plan" }).waitFor();
    const plan = await page.getByRole("region", { name: "Plan" }).innerText();
    await command(rule, "Rules");
    await heading(rule);
    await tabTo("Run now");
    await look("Run now");
    await page.keyboard.press("Enter");
    await button("Run", dialog()).waitFor();
    await tabTo("Run");
    await look("Run");
    await page.keyboard.press("Enter");
    await heading(/^Job/);
    return { unmarked, saved, plan, job: await page.locator("h1").innerText() };
  },

  /** Each stop of the Tab key on a page: in sight, marked, and not below a bar. */
  async stops({ address, most }) {
    const before = await page.locator("h1").first().innerText();
    await walk(address);
    // The room before is shown until the next one's code is there.
    await page.waitForFunction((was) => document.querySelector("h1") && document.querySelector("h1").innerText !== was, before);
    await still();
    await page.evaluate(() => {
      document.activeElement?.blur();
      window.scrollTo(0, 0);
    });
    const wrong = [];
    let n = 0;
    for (; n < most; n++) {
      await page.keyboard.press("Tab");
      const who = await page.evaluate(() => {
        const e = document.activeElement;
        return e === document.body ? "" : `${e.tagName} ${e.getAttribute("aria-label") ?? e.innerText ?? ""}`.slice(0, 50);
      });
      if (!who) break;
      let m = await marked();
      // A mark may come in a moment: Ant Design lets it grow.
      for (let i = 0; i < 20 && (!m.shows || m.covered); i++) {
        await page.waitForTimeout(50);
        m = await marked();
      }
      if (!m.shows) wrong.push(`${address}: ${who} is not marked`);
      if (m.covered) wrong.push(`${address}: ${who} lies under something`);
    }
    return { wrong, stops: n };
  },

    /** Nobody chose a language and the browser's is German: all is German, until English is chosen, and the page is not loaded again for that. */
  async german({ pages, names }) {
    const [other, tab] = await fresh("/", false);
    try {
      const loaded = [];
      tab.on("response", async (r) => {
        if (/\.js$/.test(new URL(r.url()).pathname)) loaded.push(await r.text().catch(() => ""));
      });
      await tab.reload();
      await tab.getByRole("heading", { level: 1, name: "Übersicht" }).waitFor();
      const lang = await tab.evaluate(() => document.documentElement.lang);
      const wrong = [];
      let seen = 0;
      for (const width of [1440, 390]) {
        await tab.setViewportSize({ width, height: 900 });
        for (const path of pages) {
          await walk(path, tab);
          await tab.locator("h1").first().waitFor();
          await still(tab);
          await tab.waitForTimeout(300);
          wrong.push(...(await axe(`${path} ${width}`, undefined, tab)));
          wrong.push(...(await tab.evaluate(leftIn, [ENGLISH, names])).map((text) => `${path} ${width}: “${text}” is left`));
          const over = await tab.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
          if (over > 0) wrong.push(`${path} at ${width} is ${over} px too wide`);
          if (shots) await tab.screenshot({ fullPage: true, path: `${shots}/german-${width}-${path.replace(/\W+/g, "-")}.png` });
          seen++;
        }
      }
      await tab.setViewportSize({ width: 1440, height: 900 });
      const english = loaded.some((text) => text.includes(ONLY_ENGLISH));
      await walk("/settings", tab);
      await tab.evaluate(() => {
        window.still = true;
      });
      await tab.getByRole("radio", { name: "English" }).check();
      await tab.getByRole("heading", { level: 1, name: "Settings" }).waitFor();
      const chosen = await tab.evaluate(() => [document.documentElement.lang, window.still === true, document.title]);
      await tab.getByRole("radio", { name: "As the browser says" }).click(); // and has another name then
      await tab.getByRole("heading", { level: 1, name: "Einstellungen" }).waitFor();
      return { lang, wrong, seen, english, chosen };
    } finally {
      await other.close();
    }
  },

  async before_it_ends() {
    await walk("/hosts");
    await heading("Hosts");
    await page.locator(".ant-table-row").first().waitFor();
    return {};
  },

  /** altod was ended: the frame says so, and since when what is shown is known. */
  async stale() {
    const strip = page.locator(".fresh");
    await strip.waitFor();
    const told = await strip.innerText();
    const rows = await page.locator(".ant-table-row").count();
    const badge = await page.locator(".livebadge").innerText();
    const wrong = await provoking(["502", "503", "CONNECTION", "Failed to load"], () => axe("stale"));
    if (shots) await page.screenshot({ path: `${shots}/stale.png` });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.waitForTimeout(300);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (shots) await page.screenshot({ path: `${shots}/stale-phone.png` });
    await page.setViewportSize({ width: 1440, height: 900 });
    return { told, rows, badge, wrong, over };
  },

  async live_again() {
    await page.getByText("Live", { exact: true }).waitFor();
    await gone(page.locator(".fresh"));
    return {};
  },

  /** Somebody who may only look: no act that would be refused, and only the own customer. */
  async auditor({ name, password, customer }) {
    await button("admin: account").click();
    await page.getByRole("menuitem", { name: "Log out" }).click();
    await page.getByLabel("Name").waitFor();
    await enter(name, password);
    await page.getByText(customer, { exact: true }).waitFor();
    const rooms = await page.getByRole("navigation", ROOMS).getByRole("link").allInnerTexts();
    const switcher = await page.getByRole("combobox", { name: "Customer" }).count();
    await page.keyboard.press("Control+k");
    await box().waitFor();
    const offered = await page.getByRole("option").allInnerTexts();
    await page.keyboard.press("Escape");
    await gone(box());
    await page.goto(`${url}/shares?do=add`);
    await heading("Shares");
    await still();
    const dialogs = await page.getByRole("dialog").count();
    await page.goto(`${url}/users`);
    await page.getByText("There is nothing here").waitFor();
    return { rooms, switcher, offered, dialogs };
  },
};

await serve(STEPS);
