// Opens reports in a headless Chromium, without network: on a wide and a narrow screen, light and dark, with and without
// scripts. `cargo xtask test --browser` runs it: check.mjs CHROMIUM MODULES SCREENSHOTS REPORT…
import { createRequire } from "node:module";
import { readFileSync, mkdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [executablePath, modules, screenshots, ...reports] = process.argv.slice(2);
const require = createRequire(join(resolve(modules), "index.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(screenshots, { recursive: true });

const faults = [];
let where = "";
const expect = (holds, fault) => holds || faults.push(`${where}: ${fault}`);

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
let passed = 0;
for (const report of reports) {
  const name = `${basename(dirname(resolve(report)))}-${basename(report, ".html")}`;
  for (const width of [1280, 390]) {
    for (const colorScheme of ["light", "dark"]) {
      for (const javaScriptEnabled of [true, false]) {
        where = `${name}, ${width} px, ${colorScheme}, ${javaScriptEnabled ? "with" : "without"} scripts`;
        const before = faults.length;
        const viewport = { width, height: 900 };
        const context = await browser.newContext({ viewport, colorScheme, javaScriptEnabled, offline: true });
        const page = await context.newPage();
        page.on("console", (message) => expect(message.type() !== "error", `console: ${message.text()}`));
        page.on("pageerror", (error) => expect(false, `script: ${error.message}`));
        page.on("request", (request) =>
          expect(/^(file|data):/.test(request.url()), `asked for ${request.url().slice(0, 80)}`),
        );
        await page.goto(pathToFileURL(resolve(report)).href);
        await page.waitForTimeout(200);
        await fits(page, width);
        const shot = `${name}-${width}-${colorScheme}${javaScriptEnabled ? "" : "-plain"}.png`;
        await page.screenshot({ path: join(screenshots, shot), fullPage: true });
        if (javaScriptEnabled) {
          await tables(page);
          await curves(page);
          await scatter(page);
          await space(page);
          await decoder(page);
          await everyControl(page);
          await fits(page, width);
          await accessible(page);
          await page.emulateMedia({ media: "print", colorScheme: "light" });
          expect((await page.pdf()).length > 1000, "it cannot be printed");
          for (const part of await page.locator(".live").all()) {
            const [tool, picture] = [part.locator(".tool"), part.locator(".still")];
            expect(!(await tool.isVisible()) && (await picture.isVisible()), "a tool is printed rather than its picture");
          }
        } else {
          await still(page);
        }
        await context.close();
        if (faults.length === before) passed++;
      }
    }
  }
}
await browser.close();
for (const fault of faults) console.error(fault);
console.log(`${passed} passed, ${reports.length * 8 - passed} failed`);
process.exit(faults.length ? 1 : 0);

// Until the page has drawn itself at its new place, the pointer would meet what was there before.
async function centre(part) {
  await part.evaluate((element) => {
    element.scrollIntoView({ block: "center" });
    return new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  });
}

async function fits(page, width) {
  const seen = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(seen <= width, `the page is ${seen} px wide`);
}

async function accessible(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  for (const { id, impact, nodes } of found.violations) {
    const serious = impact === "serious" || impact === "critical";
    expect(!serious, `axe: ${impact}: ${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 120)).join(" | ")}`);
  }
}

// A click sorts upwards, another downwards, the third brings back the order as written.
async function tables(page) {
  for (const table of await page.locator("table.sortable:has(th button)").all()) {
    const rows = () => table.locator("tbody tr").allInnerTexts();
    const before = await rows();
    const heading = table.locator("thead th").last();
    const orders = [];
    for (const order of ["ascending", "descending", null]) {
      await heading.locator("button").click();
      expect((await heading.getAttribute("aria-sort")) === order, `a table is not ${order}`);
      orders.push(await rows());
    }
    expect(String(orders[2]) === String(before), "the third click does not restore a table");
    const different = new Set(await table.locator("tbody tr > :last-child").allInnerTexts()).size > 1;
    const body = before.filter((row) => !/^(mean|total|all)\b/.test(row));
    if (different && body.length > 1) {
      expect(String(orders[0]) !== String(orders[1]), "sorting a table downwards changes nothing");
    }
  }
}

async function curves(page) {
  const section = page.locator(".interactive:has(.curves)");
  if (!(await section.count())) return;
  const panel = section.locator(".curve:has(.plot)").first();
  if (!(await panel.count())) return;
  const plot = panel.locator(".plot");
  await centre(plot);
  const readout = () => panel.locator(".readout").innerText();
  const labels = () => plot.locator(".tick").allTextContents();
  const path = () => plot.locator("polyline.line:not(.raw)").first().getAttribute("points");
  const box = await plot.boundingBox();
  const at = (share) => [box.x + 52 + share * (box.width - 62), box.y + box.height / 2];
  const last = await readout();
  await page.mouse.move(...at(0.3));
  const early = await readout();
  expect(early !== last && /step/.test(early), `pointing at a curve reads ${early}`);
  const whole = await labels();
  await page.mouse.down();
  await page.mouse.move(...at(0.6), { steps: 4 });
  await page.mouse.up();
  expect(String(await labels()) !== String(whole), "dragging does not zoom");
  await section.getByRole("button", { name: "show all" }).click();
  await page.mouse.move(2, 2);
  expect(String(await labels()) === String(whole), "`show all` does not show all");
  const rough = await path();
  await section.getByLabel("smoothing").fill("0.9");
  expect((await path()) !== rough, "smoothing changes nothing");
  await section.getByLabel("smoothing").fill("0");
  await section.getByLabel("axis").selectOption("log");
  const log = await path();
  await section.getByLabel("axis").selectOption("linear");
  expect((await path()) !== log, "the axis does not change");
  await section.getByLabel("axis").selectOption("auto");
  const epochs = await plot.locator(".epoch").count();
  await section.getByLabel("epochs").uncheck();
  expect((await plot.locator(".epoch").count()) === 0 && epochs > 0, "epochs are not marked or cannot be hidden");
  await section.getByLabel("epochs").check();
  await plot.focus();
  for (const key of ["ArrowLeft", "ArrowLeft", "+"]) await page.keyboard.press(key);
  expect(String(await labels()) !== String(whole), "the key + does not zoom");
  await page.keyboard.press("0");
  expect(String(await labels()) === String(whole), "the key 0 does not show all");
}

// Pointing at a sample shows it; the colours and the chosen classes change.
async function scatter(page) {
  for (const plot of await page.locator(".scatter").all()) {
    const map = plot.locator("canvas.map").first();
    await centre(map);
    const about = () => plot.locator(".about").innerText();
    const before = await about();
    const box = await map.boundingBox();
    for (const share of [0.3, 0.4, 0.5, 0.6, 0.7]) {
      await page.mouse.move(box.x + share * box.width, box.y + share * box.height);
    }
    expect((await about()) !== before, "pointing at a map shows no sample");
    await map.focus();
    const first = await about();
    await page.keyboard.press("ArrowRight");
    expect((await about()) !== first, "the arrow keys do not move to another sample");
    const inked = () => map.evaluate((canvas) => canvas.toDataURL());
    const colours = plot.getByLabel("colour by");
    if (await colours.count()) {
      const options = await colours.locator("option").evaluateAll((all) => all.map((option) => option.value));
      const images = [];
      for (const option of options) {
        await colours.selectOption(option);
        images.push(await inked());
      }
      expect(new Set(images).size === options.length, "the colours of a map do not change");
      await colours.selectOption(options[0]);
    }
    const key = plot.locator(".key button").first();
    if (await key.count()) {
      const all = await inked();
      await key.click();
      expect((await inked()) !== all, "choosing a class does not change the map");
      await key.click();
    }
  }
}

// Moving a slider changes the decoded image.
async function space(page) {
  for (const tool of await page.locator(".space").all()) {
    const image = () => tool.locator("canvas").first().evaluate((canvas) => canvas.toDataURL());
    for (const slider of await tool.locator('input[type="range"]').all()) {
      const [before, value] = [await image(), await slider.inputValue()];
      await slider.fill(await slider.getAttribute("min"));
      const low = await image();
      await slider.fill(await slider.getAttribute("max"));
      expect((await image()) !== low || before !== low, "a slider does not change the image");
      await slider.fill(value);
    }
  }
}

// The page decodes as the model does, whatever the sample; sliders and classes change what is decoded.
async function decoder(page) {
  for (const tool of await page.locator(".decoder").all()) {
    const seen = () => tool.evaluate((own) => {
      const canvas = own.querySelectorAll("canvas")[1];
      return canvas ? canvas.toDataURL() : own.querySelectorAll("polyline")[1].getAttribute("points");
    });
    const difference = async () => Number((await tool.locator(".readout").innerText()).split(":")[1]);
    const samples = tool.getByLabel("start from");
    const isMadeUp = (await samples.locator("option").first().innerText()) === "first";
    for (const sample of await samples.locator("option").evaluateAll((all) => all.map((one) => one.value))) {
      await samples.selectOption(sample);
      const off = await difference();
      expect(isMadeUp ? off < 1e-6 : off >= 0, `sample ${sample} is decoded with a difference of ${off}`);
    }
    const encoded = await seen();
    for (const slider of await tool.locator('input[type="range"]').all()) {
      await slider.fill(await slider.getAttribute("min"));
      const low = await seen();
      await slider.fill(await slider.getAttribute("max"));
      expect((await seen()) !== low, "a slider of the decoder changes nothing");
    }
    await tool.getByRole("button", { name: "as encoded" }).click();
    expect((await seen()) === encoded, "`as encoded` does not return to the sample");
    const classes = tool.getByLabel("class");
    if (await classes.count()) {
      const options = await classes.locator("option").evaluateAll((all) => all.map((one) => one.value));
      const images = [];
      for (const option of options) {
        await classes.selectOption(option);
        images.push(await seen());
      }
      expect(new Set(images).size > 1, "the class changes nothing");
    }
    const random = tool.getByRole("button", { name: "draw from the prior" });
    if (await random.count()) {
      const before = await seen();
      await random.click();
      expect((await seen()) !== before, "a draw from the prior changes nothing");
    }
  }
}

// Whatever can be pressed or moved is, and nothing may fail.
async function everyControl(page) {
  for (const pressed of await page.locator("button:visible, summary:visible").all()) await pressed.click();
  for (const select of await page.locator("select:visible").all()) {
    for (const option of await select.locator("option").evaluateAll((all) => all.map((one) => one.value))) {
      await select.selectOption(option);
    }
  }
  for (const link of await page.locator(".contents a").all()) {
    const target = await link.getAttribute("href");
    expect((await page.locator(target).count()) === 1, `the contents link to ${target}`);
    await link.click();
  }
}

async function still(page) {
  for (const picture of await page.locator(".still").all()) {
    expect(await picture.isVisible(), "a picture needs scripts");
  }
  expect((await page.locator(".controls").count()) === 0, "controls are shown that do nothing");
}
