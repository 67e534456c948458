// Opens reports given as arguments and checks that they stand alone and answer to clicks.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const candidates = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];
const executablePath = candidates.find((p) => p && existsSync(p));
const reports = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
if (!executablePath || reports.length === 0) {
  console.error(executablePath ? "name one report at least" : "no Chromium found; set CHROMIUM to its path");
  process.exit(2);
}

async function check(browser, report, scheme) {
  const context = await browser.newContext({ viewport: { width: 1180, height: 900 }, colorScheme: scheme });
  const page = await context.newPage();
  const address = pathToFileURL(resolve(report)).href;
  const problems = [];
  page.on("console", (m) => m.type() === "error" && problems.push(`console: ${m.text()}`));
  page.on("pageerror", (e) => problems.push(`script: ${e.message}`));
  page.on("requestfailed", (r) => problems.push(`failed: ${r.url()}`));
  page.on("request", (r) => r.url() !== address && problems.push(`asked for ${r.url()}`));
  await page.goto(address, { waitUntil: "load" });

  assert.ok((await page.title()).length > 0, "a title");
  assert.ok((await page.locator("html").getAttribute("lang")).length > 0, "a language");
  assert.equal(await page.locator("h1").count(), 1, "one main heading");
  const chronicle = (await page.locator("body.chronicle").count()) === 1;
  const validation = (await page.locator("body.validation").count()) === 1;
  if (validation) {
    assert.ok((await page.locator("svg .real circle").count()) > 10, "rows that happened are drawn");
    assert.ok((await page.locator("svg rect.bar").count()) >= 3, "coverage is drawn");
    assert.ok((await page.locator("table tbody tr").count()) > 20, "rows are listed");
  } else if (!chronicle) {
    const map = page.locator("svg.map");
    assert.equal(await map.count(), 1, "one map");
    assert.ok((await map.locator("path.land").getAttribute("d")).length > 20, "land on the map");
  }
  const dead = await page.evaluate(() =>
    [...document.querySelectorAll('a[href^="#"]')].map((a) => a.getAttribute("href")).filter((h) => !document.querySelector(h)),
  );
  assert.deepEqual(dead, [], "links inside the page lead somewhere");
  const unnamed = await page.locator("svg[role=img]").evaluateAll((all) =>
    all.filter((s) => !s.querySelector("title")?.textContent || !s.querySelector("desc")?.textContent).length,
  );
  assert.equal(unnamed, 0, "every picture has a title and a description");

  // Without a refusal there are options: their courses, and with two or more, buttons.
  const courses = await page.locator(".courses g.opt").count();
  const sections = await page.locator("section.option").count();
  assert.equal(courses, sections, "as many courses as options");
  for (const path of await page.locator(".courses path").all()) {
    assert.match(await path.getAttribute("d"), /^M[\d.-]+ [\d.-]+l/, "a course is drawn");
  }
  if (sections > 0) {
    assert.equal(await page.locator("svg.chart").count(), 4, "four charts");
    assert.equal(await page.locator("[aria-labelledby=h-timeline] svg g[data-rank]").count(), sections);
  }
  if (sections > 1) {
    const second = page.locator('[data-pick="2"]');
    const first = page.locator('.courses g.opt[data-rank="1"]');
    const mine = page.locator('.courses g.opt[data-rank="2"]');
    const opacity = (e) => e.evaluate((n) => Number(getComputedStyle(n).opacity));
    await second.click();
    await page.waitForTimeout(300);
    assert.equal(await second.getAttribute("aria-pressed"), "true");
    assert.ok((await opacity(first)) < 0.5, "the other course steps back");
    assert.equal(await opacity(mine), 1, "the picked course stays");
    await page.locator('[data-pick=""]').click();
    await page.waitForTimeout(300);
    assert.equal(await opacity(first), 1, "all come back");
  }

  if (chronicle) await filters(page);

  // Headings, tables, names and contrast, by the rules of WCAG 2.1 A and AA.
  await page.evaluate(axe);
  const found = await page.evaluate(() =>
    window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }),
  );
  assert.ok(found.passes.length > 10, "the rules were applied");
  const faults = found.violations.map((v) => `${v.id}: ${v.nodes[0].html.slice(0, 160)} ${v.nodes[0].failureSummary}`);
  assert.deepEqual(faults, [], `accessible in ${scheme}`);

  // Nothing runs over the edge, wide or on a telephone (tables and pictures scroll in their own boxes).
  for (const width of [1180, 390]) {
    await page.setViewportSize({ width, height: 900 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 0, `the page is ${over} px too wide at ${width} px`);
  }
  assert.deepEqual(problems, []);
  await context.close();
}

// A chronicle's filters leave the events that they say, and all come back.
async function filters(page) {
  const seen = () => page.locator(".event:visible");
  const all = await seen().count();
  assert.ok(all > 1, "events");
  const button = page.locator("[data-class-button]").first();
  const word = await button.getAttribute("data-class-button");
  const mine = await page.locator(`.event[data-class="${word}"]`).count();
  await button.click();
  assert.equal(await button.getAttribute("aria-pressed"), "false");
  assert.equal(await seen().count(), all - mine, "a class that is switched off is hidden");
  assert.match(await page.locator("#f-shown").textContent(), new RegExp(`${all - mine}.*${all}`), "the count is said");
  await button.click();
  const state = await page.locator("#f-state option").nth(1).getAttribute("value");
  await page.locator("#f-state").selectOption(state);
  assert.equal(await seen().count(), await page.locator(`.event[data-states~="${state}"]`).count(), "one state's events");
  await page.locator("#f-state").selectOption("");
  await page.locator("#f-words").fill("no such words");
  assert.equal(await seen().count(), 0, "no event has these words");
  assert.equal(await page.locator("section.year:visible").count(), 0, "no empty years");
  await page.locator("#f-words").fill("");
  assert.equal(await seen().count(), all, "all come back");
}

// The page without scripts still shows everything.
async function bare(browser, report) {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(pathToFileURL(resolve(report)).href);
  if ((await page.locator("body.chronicle").count()) === 1) {
    assert.equal(await page.locator(".event:visible").count(), await page.locator(".event").count(), "all events");
    assert.equal(await page.locator(".filters:visible").count(), 0, "no dead filters");
    await context.close();
    return;
  }
  if ((await page.locator("body.validation").count()) === 1) {
    assert.equal(await page.locator("script").count(), 0, "nothing needs a script");
    await context.close();
    return;
  }
  assert.ok(await page.locator("svg.map").isVisible(), "the map needs no script");
  for (const section of await page.locator("section.option").all()) {
    assert.ok(await section.isVisible(), "legs need no script");
  }
  assert.equal(await page.locator(".picker:visible").count(), 0, "no dead buttons");
  await context.close();
}

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
});
let failed = 0;
for (const report of reports) {
  try {
    await check(browser, report, "light");
    await check(browser, report, "dark");
    await bare(browser, report);
    console.log(`ok ${report}`);
  } catch (e) {
    failed += 1;
    console.error(`not ok ${report}\n${e.stack ?? e}`);
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
