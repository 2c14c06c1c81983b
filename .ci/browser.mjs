// Opens every page of target/browser/pages from disk, and checks what no other test can: that the
// browser has nothing to complain of, that no request leaves the page, that hostile text stays text,
// that 5,000 messages are painted within a second, and that a click lights up what an event rests on.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const folder = process.argv[2];
const { chromium } = createRequire(path.join(folder, 'package.json'))('playwright-core');
const pages = fs.readdirSync(path.join(folder, 'pages')).filter(name => name.endsWith('.html')).sort();
assert(pages.length >= 4, 'the pages are missing');
// Root has no user namespace of its own in most containers.
const args = process.getuid() === 0 ? ['--no-sandbox'] : [];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args });

/** A page in a context of its own, with everything noted that it must not do. */
async function open(name, size, colorScheme) {
  const url = pathToFileURL(path.join(folder, 'pages', name)).href;
  const context = await browser.newContext({ viewport: size, colorScheme });
  const page = await context.newPage();
  const wrong = [];
  page.on('console', message => wrong.push('console: ' + message.type() + ': ' + message.text()));
  page.on('pageerror', error => wrong.push('error: ' + error.message));
  page.on('dialog', dialog => { wrong.push('dialog: ' + dialog.message()); dialog.dismiss(); });
  page.on('request', request => { if (request.url() !== url) wrong.push('request: ' + request.url()); });
  page.on('popup', () => wrong.push('popup'));
  await page.addInitScript(() => {
    window.shifts = 0;
    new PerformanceObserver(list => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(url);
  if (await page.locator('#data').count()) {
    await page.waitForFunction(() => document.body.dataset.painted, null, { timeout: 10_000 });
  }
  return { page, wrong, close: async () => { assert.deepEqual(wrong, [], name); await context.close(); } };
}

const shot = (page, name) => page.screenshot({ path: path.join(folder, name + '.png'), fullPage: true });

async function looks(name) {
  const stem = path.basename(name, '.html');
  for (const [width, scheme] of [[1280, 'light'], [1280, 'dark'], [800, 'light']]) {
    const { page, close } = await open(name, { width, height: 900 }, scheme);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert(wide <= 0, name + ' is ' + wide + ' px too wide at ' + width);
    const shifts = await page.evaluate(() => window.shifts);
    assert(shifts < 0.1, name + ' moves while it loads: ' + shifts);
    await shot(page, stem + '-' + width + '-' + scheme);
    await close();
  }
}

/** Every button and key, on every page. */
async function works(name) {
  const { page, close } = await open(name, { width: 1280, height: 900 }, 'light');
  if (await page.locator('#data').count()) {
    for (const axis of ['time', 'order']) await page.click('[data-axis=' + axis + ']');
    await page.focus('#over');
    for (const key of ['+', '+', 'ArrowRight', 'ArrowRight', '-', '0', 'v', 'Escape', 'Home', 'End', ' ', ' ', 'f', 't', 'o']) {
      await page.keyboard.press(key);
    }
    await page.locator('#scrub').fill('5000');
    await page.mouse.move(640, 500);
    await page.mouse.wheel(60, 0);
    await page.click('#fit');
    await page.waitForTimeout(100);
  }
  await close();
}

/** A click on the violation lights up its past, and exactly that. */
async function lights(name) {
  const { page, close } = await open(name, { width: 1280, height: 900 }, 'light');
  await page.locator('#stage').scrollIntoViewIfNeeded();
  const [past, place, expected] = await page.evaluate(() => {
    const { data, place } = window.stormglass;
    const seen = new Set(), open = [data.focus];
    while (open.length) {
      const row = open.pop();
      for (const back of [data.prev[row], data.cause[row]]) {
        if (back && !seen.has(row - back)) { seen.add(row - back); open.push(row - back); }
      }
    }
    return [window.stormglass.lit(), place(data.focus), seen.size];
  });
  assert.equal(past, null, 'nothing is lit before the click');
  const before = await page.locator('#stage').screenshot();
  await page.locator('#over').click({ position: { x: place[0], y: place[1] } });
  const lit = await page.evaluate(() => window.stormglass.lit());
  assert(expected > 1 && lit[0] === expected, name + ': ' + lit[0] + ' lit, ' + expected + ' in its past');
  assert.match(await page.locator('#details').textContent(), new RegExp(expected + ' events in its past'));
  await page.waitForTimeout(100);
  const after = await page.locator('#stage').screenshot();
  assert(!before.equals(after), 'the picture did not change');
  await page.mouse.move(2, 2);
  await shot(page, path.basename(name, '.html') + '-lit');
  await close();
}

/** First paint, counted from the start of the navigation, and a redraw of all of it. */
async function paints(name) {
  const { page, close } = await open(name, { width: 1280, height: 900 }, 'light');
  const messages = await page.evaluate(() => window.stormglass.data.messages.send.length);
  assert(messages >= 5000, 'only ' + messages + ' messages');
  const first = Number(await page.evaluate(() => document.body.dataset.painted));
  const again = await page.evaluate(() => {
    const since = performance.now();
    window.stormglass.axis('order');
    return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - since))));
  });
  console.log(name + ': ' + messages + ' messages painted after ' + first + ' ms, redrawn in ' + Math.round(again) + ' ms');
  assert(first < 1000, 'the first paint took ' + first + ' ms');
  assert(again < 1000, 'a redraw took ' + again + ' ms');
  await close();
}

/** Hostile text is shown, and makes neither element nor script. */
async function staysText(name) {
  const { page, close } = await open(name, { width: 1280, height: 900 }, 'light');
  const count = selector => page.locator(selector).count();
  assert.equal(await count('img, iframe, object, embed, link, form'), 0);
  assert.equal(await count('script'), 2, 'data and script alone');
  assert.match(await page.locator('h1').textContent(), /^<\/script><img src=x onerror="alert\(1\)">/);
  await page.evaluate(() => window.stormglass.select(0));
  assert.match(await page.locator('#details pre').textContent(), /<img src=x onerror/);
  const [x, y] = await page.evaluate(() => window.stormglass.place(0));
  await page.locator('#over').hover({ position: { x, y } });
  await page.waitForTimeout(100);
  assert.match(await page.locator('#tip').textContent(), /<img src=x onerror/);
  assert.equal(await count('img, iframe, object, embed, link, form'), 0);
  await close();
}

for (const name of pages) {
  await looks(name);
  await works(name);
}
await lights('failure.html');
await paints('long.html');
await staysText('hostile.html');
await browser.close();
console.log(pages.length + ' pages looked at, screenshots in ' + folder);
