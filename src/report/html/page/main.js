// What the reader does: axis, zoom, selection, playing.
let asked = false;
function redraw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => { asked = false; drawBase(); drawOver(); drawWaterfall(); });
}

function button(text, row, parent) {
  const made = el('button', '', parent);
  made.type = 'button';
  made.textContent = text;
  made.addEventListener('click', () => select(row, true));
}

function select(row, follow) {
  state.row = row;
  state.lit = row >= 0 ? cone(row) : null;
  state.past = state.future = 0;
  if (row >= 0) for (const tone of state.lit) { if (tone === 1) state.past++; else if (tone === 2) state.future++; }
  if (row >= 0 && row === D.focus && EVIDENCE.size && follow !== false) frame();
  else if (row >= 0 && follow !== false) {
    const place = scale.pos[row], width = scale.to - scale.from;
    if (place < scale.from || place > scale.to) moveTo(place - width / 2, width);
  }
  tell();
  for (const line of document.querySelectorAll('.story tr.on')) line.classList.remove('on');
  if (row >= 0) {
    const line = document.querySelector('.story tr[data-e="' + D.id[row] + '"]');
    if (line) line.classList.add('on');
  }
  redraw();
}

// The violation, and the events that show it.
const SHOWN_BY = 6;
function violation(line, box) {
  el('b', '', line).textContent = 'The violation';
  el('span', 'when', line).textContent = timeText(AT[D.focus]);
  el('span', 'what', line).textContent = D.violation;
  if (!EVIDENCE.size) return;
  const list = el('div', 'shown-by', box);
  el('span', '', list).textContent = 'shown by';
  for (const row of D.evidence.slice(0, SHOWN_BY)) {
    const text = timeText(AT[row]) + '  ' + nodeName(D.node[row]) + '  ' + what(row).split('\n')[0];
    button(text.length > 90 ? text.slice(0, 89) + '…' : text, row, list);
  }
  if (D.evidence.length > SHOWN_BY) el('span', '', list).textContent = 'and ' + (D.evidence.length - SHOWN_BY) + ' more';
}

function tell() {
  const box = $('details');
  box.replaceChildren();
  const line = el('div', 'line', box), i = state.row;
  if (i < 0) {
    if (D.focus >= 0) violation(line, box);
    else el('span', 'what', line).textContent = 'Nothing is selected.';
    el('div', 'more', box).textContent = WHY.length ? 'Click an event, or press v to see what the violation rests on.'
      : 'Click an event to see what it rests on, and what rests on it.';
    return;
  }
  if (i === D.focus) violation(line, box);
  else {
    el('span', 'when', line).textContent = timeText(AT[i]);
    el('b', '', line).textContent = nodeName(D.node[i]);
    el('span', 'what', line).textContent = what(i);
  }
  const more = el('div', 'more', box);
  el('span', 'past', more).textContent = state.past + (state.past === 1 ? ' event' : ' events') + (i === D.focus && EVIDENCE.size > 1 ? ' in their past' : ' in its past');
  if (i !== D.focus) el('span', 'future', more).textContent = state.future + ' in its future';
  el('span', '', more).textContent = 'event ' + D.id[i];
  if (i === D.focus && EVIDENCE.size) return;
  if (causeOf(i) >= 0) button('what led to it', causeOf(i), more);
  if (prevOf(i) >= 0) button('before it in its task', prevOf(i), more);
  const payload = D.payloads[i] ?? (KIND[i] === 'deliver' && messagesAt.has(i) ? D.payloads[M.send[messagesAt.get(i)[0]]] : undefined);
  if (payload !== undefined) el('pre', '', box).textContent = D.texts[payload];
}

function tip(row, px, py) {
  const box = $('tip');
  box.hidden = row < 0;
  if (row < 0) return;
  box.textContent = timeText(AT[row]) + '   ' + nodeName(D.node[row]) + '\n' + what(row);
  const x = Math.min(px + 14, view.width - box.offsetWidth - 12);
  box.style.left = Math.max(view.gutter, x) + 'px';
  box.style.top = (py + 18 + box.offsetHeight > view.height ? Math.max(0, py - box.offsetHeight - 12) : py + 18) + 'px';
}

function chooseAxis(axis) {
  setAxis(axis);
  for (const b of document.querySelectorAll('[data-axis]')) b.setAttribute('aria-pressed', String(b.dataset.axis === scale.axis));
  frame();
  moveHead(state.head);
  redraw();
}
// What the story tells, with a little around it: all of it, if that is most of the run.
function frame() {
  scale.from = 0; scale.to = 1;
  if (!D.frame) return;
  let [from, to] = D.frame.map(row => scale.pos[row]);
  // The violation, too, if it is not far.
  if (scale.pos[D.focus] - from < 2 * (to - from)) to = Math.max(to, scale.pos[D.focus]);
  const around = Math.max((to - from) * .04, 1e-6);
  if (to - from > .7) return;
  scale.from = Math.max(0, from - around);
  scale.to = Math.min(1, to + around);
  // The traces of that time, too.
  const ends = span => span[FINISH] < 0 ? 1 : scale.pos[span[FINISH]];
  const first = D.spans.findIndex(span => !span[DEPTH] && ends(span) >= scale.from && scale.pos[span[BEGIN]] <= scale.to);
  rows.scrollTop = Math.max(0, first) * SPAN;
}
// The frame, and from there the whole.
function fit() {
  const [from, to] = [scale.from, scale.to];
  frame();
  if (from === scale.from && to === scale.to) moveTo(0, 1);
  redraw();
}
function zoom(factor) {
  const middle = state.row >= 0 ? scale.pos[state.row] : (scale.from + scale.to) / 2;
  zoomAt(Math.min(Math.max(middle, scale.from), scale.to), factor);
  redraw();
}
function step(by) {
  let k = MAJOR.findIndex(i => i >= state.row);
  if (state.row < 0) k = by > 0 ? -1 : MAJOR.length;
  const next = MAJOR[Math.min(Math.max(k + by, 0), MAJOR.length - 1)];
  if (next !== undefined) select(next);
}

function moveHead(head) {
  state.head = Math.min(1, Math.max(0, head));
  $('scrub').value = Math.round(state.head * 10000);
  $('clock').textContent = timeText(state.head >= 1 ? END : timeAt(state.head));
  drawOver();
}
function play(on) {
  state.playing = on;
  $('play').textContent = on ? '❚❚' : '▶';
  $('play').setAttribute('aria-label', on ? 'Pause' : 'Play');
  if (!on) return;
  if (state.head >= 1) moveHead(scale.from);
  let last = performance.now();
  const seconds = Math.min(20, Math.max(5, MAJOR.length / 6));
  const frame = now => {
    if (!state.playing) return;
    moveHead(state.head + (now - last) / 1000 / seconds * (scale.to - scale.from));
    last = now;
    if (state.head >= Math.min(1, scale.to)) { if (scale.to < 1) moveHead(scale.to); return play(false); }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

function listen() {
  let drag = null;
  const at = event => { const box = over.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  over.addEventListener('pointerdown', event => { drag = { x: at(event)[0], from: scale.from, moved: false }; });
  over.addEventListener('pointermove', event => {
    const [x, y] = at(event);
    if (drag && (drag.moved || Math.abs(x - drag.x) > 4)) {
      if (!drag.moved) over.setPointerCapture(event.pointerId);
      drag.moved = true;
      over.classList.add('drag');
      tip(-1);
      const width = scale.to - scale.from;
      moveTo(drag.from - (x - drag.x) / plotWidth() * width, width);
      return redraw();
    }
    const row = hit(x, y);
    if (row !== state.hover) { state.hover = row; drawOver(); }
    tip(row, x, y);
  });
  over.addEventListener('pointerleave', () => { state.hover = -1; tip(-1); drawOver(); });
  const up = event => {
    over.classList.remove('drag');
    if (drag && !drag.moved && event.type === 'pointerup') { const row = hit(...at(event)); select(row === state.row ? -1 : row, false); }
    drag = null;
  };
  over.addEventListener('pointerup', up);
  over.addEventListener('pointercancel', up);
  over.addEventListener('wheel', event => {
    if (event.ctrlKey || event.metaKey) { event.preventDefault(); zoomAt(placeAt(at(event)[0]), Math.exp(event.deltaY * .003)); redraw(); }
    else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      const width = scale.to - scale.from;
      moveTo(scale.from + event.deltaX / plotWidth() * width, width);
      redraw();
    }
  }, { passive: false });
  over.addEventListener('keydown', key);
  for (const b of document.querySelectorAll('[data-axis]')) b.addEventListener('click', () => chooseAxis(b.dataset.axis));
  $('zoom-in').addEventListener('click', () => zoom(.5));
  $('zoom-out').addEventListener('click', () => zoom(2));
  $('fit').addEventListener('click', fit);
  $('why').addEventListener('click', () => select(D.focus));
  $('play').addEventListener('click', () => play(!state.playing));
  $('scrub').addEventListener('input', event => { play(false); moveHead(event.target.value / 10000); });
  rows.addEventListener('scroll', drawWaterfall);
  window.addEventListener('hashchange', follow);
  const story = document.querySelector('.story');
  if (story) story.addEventListener('click', event => {
    const line = event.target.closest('tr[data-e]');
    if (!line) return;
    event.preventDefault();
    select(D.id.indexOf(Number(line.dataset.e)));
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { readColors(); redraw(); });
  new ResizeObserver(() => { if (stage.clientWidth !== view.width) { layout(); redraw(); } }).observe(stage);
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const act = {
    ArrowRight: () => step(1), ArrowLeft: () => step(-1), Home: () => select(MAJOR[0] ?? -1), End: () => select(MAJOR[MAJOR.length - 1] ?? -1),
    '+': () => zoom(.5), '=': () => zoom(.5), '-': () => zoom(2), 0: fit,
    ' ': () => play(!state.playing), Escape: () => select(-1), v: () => WHY.length && select(D.focus),
    t: () => chooseAxis('time'), f: () => chooseAxis('folded'), o: () => chooseAxis('order'),
  }[event.key];
  if (act) { event.preventDefault(); act(); }
}

function follow() {
  const id = /^#e(\d+)$/.exec(location.hash);
  const row = id ? D.id.indexOf(Number(id[1])) : -1;
  if (row >= 0) select(row);
}

function copying() {
  const copy = $('copy'), command = $('command');
  if (!copy || !navigator.clipboard) return;
  copy.hidden = false;
  copy.addEventListener('click', async () => {
    try { await navigator.clipboard.writeText(command.textContent); copy.textContent = 'Copied'; }
    catch { getSelection().selectAllChildren(command); }
  });
}

for (const id of ['tools', 'stage', 'scrub-row', 'details', 'picture-help']) $(id).hidden = false;
$('waterfall').hidden = !D.spans.length;
$('why').hidden = !WHY.length;
over.setAttribute('aria-label', 'Space-time diagram of ' + LANES + ' nodes and ' + M.send.length + ' messages');
if (!folded) document.querySelector('[data-axis=folded]').hidden = true;
readColors();
setAxis(folded ? 'folded' : 'time');
layout();
listen();
copying();
chooseAxis(scale.axis);
tell();
drawBase();
drawOver();
drawWaterfall();
follow();
requestAnimationFrame(() => { document.body.dataset.painted = String(Math.round(performance.now())); });
// For whoever asks from the console, and for the tests of the page.
window.stormglass = Object.freeze({ data: D, select, cone, place: row => markAt(row), lit: () => state.lit && [state.past, state.future], axis: chooseAxis, view: () => [scale.from, scale.to] });
