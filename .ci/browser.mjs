// Opens every page of target/browser/pages from disk, and checks what no other test can: that the
// browser has nothing to complain of, that no request leaves the page, that hostile text stays text,
// that 5,000 messages are painted within a second, and that a click lights up what an event rests on and
// what rests on it.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const folder = process.argv[2];
const { chromium } = createRequire(path.join(folder, 'package.json'))('playwright-core');
const pages = fs.readdirSync(path.join(folder, 'pages')).filter(name => name.endsWith('.html')).sort();
assert(pages.length >= 6, 'the pages are missing');
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
  for (const [width, scheme] of [[1280, 'light'], [1280, 'dark'], [800, 'light'], [390, 'light']]) {
    const { page, close } = await open(name, { width, height: 900 }, scheme);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert(wide <= 0, name + ' is ' + wide + ' px too wide at ' + width);
    const split = await page.evaluate(() => [...document.querySelectorAll('.crumb')].filter(c => c.getClientRects().length > 1
      || c.offsetHeight > 30).length);
    assert.equal(split, 0, name + ' breaks its crumbs at ' + width);
    const story = await page.evaluate(() => {
      const rows = [...document.querySelectorAll('.story tbody tr')], box = document.querySelector('.told .scroll');
      return box && [Math.max(...rows.map(row => row.offsetHeight)), box.scrollHeight - box.clientHeight];
    });
    assert(!story || story[0] < 900 && story[1] <= 0, name + ' hides its story at ' + width + ': ' + story);
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

/** What an event rests on and what rests on it, counted by brute force. */
const cones = rows => {
  const { data } = window.stormglass, all = data.id.map((_, row) => row);
  const before = row => [data.prev[row], data.cause[row]].filter(back => back).map(back => row - back);
  const past = new Set(), open = [...rows], future = new Set(rows);
  while (open.length) for (const row of before(open.pop())) if (!past.has(row)) { past.add(row); open.push(row); }
  for (const row of all) if (before(row).some(led => future.has(led))) future.add(row);
  rows.forEach(row => { past.delete(row); future.delete(row); });
  return [past.size, future.size];
};

/** The violation lights up all that shows it rests on, an early event what rests on it, and exactly that. */
async function lights(name) {
  const { page, close } = await open(name, { width: 1280, height: 900 }, 'light');
  const { focus, evidence } = await page.evaluate(() => window.stormglass.data);
  const lit = () => page.evaluate(() => window.stormglass.lit());
  const [past] = await page.evaluate(cones, evidence.length ? evidence : [focus]);
  assert.equal(await lit(), null, 'nothing is lit before the click');
  assert.equal(await page.locator('#details .shown-by button').count(), Math.min(6, evidence.length));
  assert(past > 1, name + ': the violation rests on nothing');
  const picture = () => page.locator('#stage').screenshot();
  const before = await picture();
  for (const ask of [() => page.click('#why'), () => page.press('#over', 'v')]) {
    await page.press('#over', 'Escape');
    await ask();
    assert.deepEqual(await lit(), [past, 0], name);
    assert.match(await page.locator('#details').textContent(), new RegExp('The violation.*' + past + ' events in (its|their) past'));
  }
  await page.waitForTimeout(100);
  assert(!before.equals(await picture()), 'the picture did not change');
  await page.mouse.move(2, 2);
  await shot(page, path.basename(name, '.html') + '-lit');
  // The first message that arrives: it is early, and much rests on it.
  const early = await page.evaluate(() => { const m = window.stormglass.data.messages; return m.send[m.end.findIndex(end => end >= 0)]; });
  const [led, rests] = await page.evaluate(cones, [early]);
  await page.evaluate(row => window.stormglass.select(row), early);
  assert(rests > 1, name + ': nothing rests on event ' + early);
  assert.deepEqual(await lit(), [led, rests], name + ': of event ' + early);
  await close();
}

/** A click on the very event does what the button does. */
async function clicks(name) {
  const { page, close } = await open(name, { width: 1280, height: 900 }, 'light');
  await page.locator('#stage').scrollIntoViewIfNeeded();
  const [x, y] = await page.evaluate(() => window.stormglass.place(window.stormglass.data.focus));
  await page.locator('#over').click({ position: { x, y } });
  assert((await page.evaluate(() => window.stormglass.lit()))[0] > 1);
  await close();
}

/** At first it shows what the story tells; "fit" shows the rest, and again the story. */
async function frames(name) {
  const { page, close } = await open(name, { width: 1280, height: 900 }, 'light');
  const view = () => page.evaluate(() => window.stormglass.view());
  const first = await view();
  assert(first[0] > .1, name + ' begins at ' + first);
  assert((await page.locator('#rows').evaluate(rows => rows.scrollTop)) > 0, 'the traces begin with those of that time');
  await page.click('#fit');
  assert.deepEqual(await view(), [0, 1]);
  await page.click('#fit');
  assert.deepEqual(await view(), first);
  await close();
}

/** Where nothing is violated, nothing is said of a violation. */
async function holds(name) {
  const { page, close } = await open(name, { width: 1280, height: 900 }, 'light');
  assert.doesNotMatch(await page.locator('#details').textContent(), /violation|press v/);
  assert.equal(await page.locator('#why').isVisible(), false);
  await page.press('#over', 'v');
  assert.equal(await page.evaluate(() => window.stormglass.lit()), null);
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
for (const name of pages.filter(name => /^(failure|shown|checkout-.*-\d+)\.html$/.test(name))) await lights(name);
await clicks('failure.html');
await clicks('shown.html');
await frames('shown.html');
await holds('holds.html');
await paints('long.html');
await staysText('hostile.html');
await browser.close();
console.log(pages.length + ' pages looked at, screenshots in ' + folder);
