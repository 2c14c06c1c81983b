// The picture: two canvases, one for what stands still and one for what moves over it.
const base = $('base'), over = $('over'), stage = $('stage');
const view = { width: 0, height: 0, gutter: 150, top: 0, axis: 0, lane: 40, faults: 0, right: 42, pad: 16 };
const state = { row: -1, hover: -1, lit: null, past: 0, future: 0, head: 1, playing: false };
const FAULTS_SHOWN = 8, LABELS_MAX = 36, HEADS_MAX = 900, MERGE_FROM = 6000;
const LANES = D.nodes.length;

const colors = {};
function readColors() {
  const css = getComputedStyle(document.documentElement);
  for (const name of ['ink', 'soft', 'faint', 'line', 'hair', 'panel', 'bg', 'bad', 'good', 'msg', 'lost', 'copy', 'past',
    'future', 'fault', 'fault-bg']) colors[name] = css.getPropertyValue('--' + name).trim();
}
const SANS = 'system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans","DejaVu Sans",sans-serif';

const plotWidth = () => view.width - view.gutter - view.right - 2 * view.pad;
const xAt = place => view.gutter + view.pad + (place - scale.from) / (scale.to - scale.from) * plotWidth();
const xOf = row => xAt(scale.pos[row]);
const placeAt = x => scale.from + (x - view.gutter - view.pad) / plotWidth() * (scale.to - scale.from);
const yOf = lane => view.axis + 12 + view.lane * (lane + .5);

function layout() {
  const ratio = window.devicePixelRatio || 1;
  view.width = stage.clientWidth;
  view.gutter = view.width < 900 ? 124 : 150;
  stage.parentElement.style.setProperty('--gutter', view.gutter + view.pad - 40 + 'px');
  view.faults = Math.min(D.faults.length, FAULTS_SHOWN);
  view.top = 8;
  view.axis = view.top + view.faults * 21 + (view.faults ? 6 : 0) + 24;
  view.lane = Math.min(66, Math.max(15, 560 / Math.max(1, LANES)));
  view.height = Math.round(view.axis + 12 + view.lane * Math.max(1, LANES) + 14);
  for (const canvas of [base, over]) {
    canvas.width = Math.round(view.width * ratio);
    canvas.height = Math.round(view.height * ratio);
    canvas.style.height = view.height + 'px';
    canvas.getContext('2d').setTransform(ratio, 0, 0, ratio, 0, 0);
  }
}

function cut(g, text, width) {
  if (g.measureText(text).width <= width) return text;
  let a = 0, b = text.length;
  while (a < b) { const m = (a + b + 1) >> 1; if (g.measureText(text.slice(0, m) + '…').width <= width) a = m; else b = m - 1; }
  return a ? text.slice(0, a) + '…' : '';
}

function drawBase() {
  const g = base.getContext('2d');
  g.clearRect(0, 0, view.width, view.height);
  g.lineCap = 'butt';
  drawAxis(g);
  drawLanes(g);
  g.save();
  g.beginPath();
  g.rect(view.gutter, 0, view.width - view.gutter, view.height);
  g.clip();
  drawFaults(g);
  drawMoments(g);
  drawMessages(g);
  if (state.lit) drawCone(g);
  drawMarks(g);
  g.restore();
  drawGutter(g);
}

function drawAxis(g) {
  const low = view.axis + 2, bottom = view.height - 8;
  g.font = '11.5px ' + SANS;
  g.textBaseline = 'alphabetic';
  const taken = [];
  for (const [from, to, since, until] of scale.folds) {
    const a = Math.max(view.gutter, xAt(from)), b = Math.min(view.width, xAt(to));
    if (b - a < 2) continue;
    g.fillStyle = colors.bg;
    g.fillRect(a, low, b - a, bottom - low);
    g.strokeStyle = colors.line;
    g.setLineDash([2, 3]);
    g.beginPath();
    for (const x of [a, b]) { g.moveTo(Math.round(x) + .5, low); g.lineTo(Math.round(x) + .5, bottom); }
    g.stroke();
    g.setLineDash([]);
    const length = '+' + timeText(until - since, (until - since) / 20), wide = g.measureText(length).width;
    if (b - a > wide + 4) {
      g.fillStyle = colors.faint;
      g.textAlign = 'center';
      g.fillText(length, (a + b) / 2, view.axis - 8);
      taken.push([(a + b - wide) / 2 - 6, (a + b + wide) / 2 + 6]);
    }
  }
  g.textAlign = 'center';
  let last = -1e9;
  for (const [x, text] of ticks()) {
    if (x < view.gutter + 4 || x > view.width - 6 || x - last < 26) continue;
    const half = g.measureText(text).width / 2;
    g.strokeStyle = colors.hair;
    g.beginPath();
    g.moveTo(Math.round(x) + .5, low);
    g.lineTo(Math.round(x) + .5, bottom);
    g.stroke();
    if (taken.some(t => x - half < t[1] && x + half > t[0])) continue;
    if (x - half < last + 12 || x + half > view.width - 4) continue;
    g.fillStyle = colors.faint;
    g.fillText(text, x, view.axis - 8);
    last = x + half;
  }
}

function ticks() {
  const list = [];
  if (scale.axis === 'order') {
    const [a, b] = [rowAt(scale.from - 1e-9), rowAt(scale.to)];
    const rows = MAJOR.filter(i => i >= a && i <= b);
    const every = Math.max(1, Math.ceil(rows.length / (plotWidth() / 96)));
    for (let k = 0; k < rows.length; k += every) list.push([xOf(rows[k]), timeText(AT[rows[k]])]);
    return list;
  }
  for (let k = 1; k < scale.knots.length; k++) {
    // Neighbouring stretches of one pace count as one.
    const start = k - 1;
    while (k < scale.knots.length - 1 && !isFold(k) && !isFold(k + 1)) k++;
    if (isFold(k)) continue;
    const [t0, p0] = scale.knots[start], [t1, p1] = scale.knots[k];
    const a = Math.max(p0, scale.from), b = Math.min(p1, scale.to);
    if (b <= a) continue;
    const pace = (t1 - t0) / (p1 - p0 || 1);
    const step = niceStep(pace * (scale.to - scale.from) / plotWidth() * 84);
    if (!(step > 0)) continue;
    const from = t0 + (a - p0) * pace, to = t0 + (b - p0) * pace;
    for (let n = Math.ceil(from / step - 1e-9); n * step <= to + step * 1e-9; n++) {
      list.push([xAt(p0 + (n * step - t0) / pace), timeText(n * step, step)]);
    }
  }
  return list;
}
function isFold(k) {
  const from = scale.knots[k - 1][1];
  return scale.folds.some(f => f[0] === from);
}

function drawLanes(g) {
  const left = view.gutter, right = view.width - 10;
  const off = D.nodes.map(() => []);
  const since = D.nodes.map(() => null);
  const end = (lane, x) => { if (since[lane]) { off[lane].push([since[lane][0], x, since[lane][1]]); since[lane] = null; } };
  for (let i = 0; i < N; i++) {
    const lane = D.node[i];
    if (lane < 0) continue;
    if (DOWN.has(KIND[i])) { end(lane, xOf(i)); since[lane] = [xOf(i), 'down']; }
    else if (KIND[i] === 'pause') since[lane] = [xOf(i), 'paused'];
    else if (KIND[i] === 'start' || KIND[i] === 'resume') end(lane, xOf(i));
  }
  for (let lane = 0; lane < LANES; lane++) {
    end(lane, right);
    const y = Math.round(yOf(lane)) + .5;
    g.lineWidth = 1;
    g.strokeStyle = colors.line;
    g.beginPath();
    g.moveTo(left, y);
    g.lineTo(right, y);
    g.stroke();
    for (let [a, b, how] of off[lane]) {
      a = Math.max(a, left); b = Math.min(b, right);
      if (b <= a) continue;
      const h = Math.min(22, view.lane * .5);
      g.fillStyle = colors.panel;
      g.fillRect(a, y - 2, b - a, 4);
      g.globalAlpha = .55;
      g.fillStyle = how === 'down' ? colors['fault-bg'] : colors.hair;
      g.fillRect(a, y - h / 2, b - a, h);
      g.globalAlpha = 1;
      g.strokeStyle = colors.fault;
      g.setLineDash([3, 4]);
      g.beginPath(); g.moveTo(a, y); g.lineTo(b, y); g.stroke();
      g.setLineDash([]);
    }
  }
}

function drawGutter(g) {
  g.textAlign = 'right';
  g.textBaseline = 'middle';
  g.font = (view.lane < 22 ? '11px ' : '600 13px ') + SANS;
  for (let lane = 0; lane < LANES; lane++) {
    g.fillStyle = colors.ink;
    g.fillText(cut(g, D.nodes[lane], view.gutter - 34), view.gutter - 14, yOf(lane));
  }
  if (!view.faults) return;
  g.font = '12px ' + SANS;
  g.fillStyle = colors.soft;
  for (let k = 0; k < view.faults; k++) {
    const last = k === view.faults - 1 && D.faults.length > view.faults;
    const text = last ? '+ ' + (D.faults.length - k) + ' more' : 'fault ' + (k + 1);
    g.fillText(text, view.gutter - 14, view.top + k * 21 + 9);
  }
}

function drawFaults(g) {
  g.font = '11.5px ' + SANS;
  g.textBaseline = 'middle';
  g.textAlign = 'left';
  for (let k = 0; k < view.faults; k++) {
    const fault = D.faults[k], y = view.top + k * 21, middle = y + 9;
    let after = view.gutter + 4;
    if (fault.begin >= 0) {
      const a = Math.max(view.gutter, xOf(fault.begin));
      const b = fault.end >= 0 ? Math.max(a + 3, xOf(fault.end)) : view.width - 8;
      g.fillStyle = colors['fault-bg'];
      g.beginPath(); g.roundRect(a, y, Math.max(3, Math.min(b, view.width + 20) - a), 18, 4); g.fill();
      g.fillStyle = colors.fault;
      g.fillRect(a, y, 3, 18);
      after = a + 9;
      // Beside a bar that is too short for its text, where there is room: in it are its hits.
      const wide = g.measureText(fault.text).width;
      if (wide + 14 > b - a && b + wide + 20 < view.width) after = b + 8;
    }
    g.strokeStyle = colors.fault;
    g.lineWidth = 1;
    let hit = -1e9;
    for (const row of fault.hits) {
      const x = xOf(row);
      if (x < view.gutter || x > view.width || x - hit < 3) continue;
      hit = x;
      if (fault.hits.length < 40) {
        const to = D.node[row] >= 0 ? yOf(D.node[row]) : view.axis;
        g.globalAlpha = .55;
        g.setLineDash([2, 3]);
        g.beginPath(); g.moveTo(x, middle + 6); g.lineTo(x, to); g.stroke();
        g.setLineDash([]);
        g.globalAlpha = 1;
      }
      diamond(g, x, middle, 5.5, colors.fault);
      if (fault.begin < 0) after = Math.max(after, x + 11);
    }
    g.fillStyle = colors.ink;
    const room = view.width - 12 - after;
    const text = cut(g, fault.text, fault.begin < 0 && room < 220 ? 1e4 : room);
    if (fault.begin < 0 && room < 220 && fault.hits.length) {
      g.textAlign = 'right';
      g.fillText(cut(g, fault.text, xOf(fault.hits[0]) - 11 - view.gutter), xOf(fault.hits[0]) - 11, middle);
      g.textAlign = 'left';
    } else g.fillText(text, after, middle);
  }
}

function diamond(g, x, y, r, color) {
  g.fillStyle = color;
  g.beginPath(); g.moveTo(x, y - r); g.lineTo(x + r, y); g.lineTo(x, y + r); g.lineTo(x - r, y); g.closePath(); g.fill();
}
function cross(g, x, y, r, color, width = 2.2) {
  g.strokeStyle = color;
  g.lineWidth = width;
  g.beginPath(); g.moveTo(x - r, y - r); g.lineTo(x + r, y + r); g.moveTo(x + r, y - r); g.lineTo(x - r, y + r); g.stroke();
}

// The end of chaos, and the violation.
function drawMoments(g) {
  for (let i = 0; i < N; i++) {
    if (KIND[i] !== 'heal' && i !== D.focus) continue;
    const x = Math.round(xOf(i)) + .5, bad = i === D.focus;
    g.strokeStyle = bad ? colors.bad : colors.good;
    g.lineWidth = bad ? 1.6 : 1;
    g.setLineDash(bad ? [] : [5, 4]);
    g.beginPath(); g.moveTo(x, view.axis - 2); g.lineTo(x, view.height - 8); g.stroke();
    g.setLineDash([]);
  }
  if (D.focus < 0 || xOf(D.focus) <= view.width) return;
  g.font = '11.5px ' + SANS;
  g.textAlign = 'right';
  g.textBaseline = 'middle';
  g.fillStyle = colors.bad;
  g.fillText('violated at ' + timeText(AT[D.focus]) + ' →', view.width - 10, view.height - 8);
}

// The ends of a message as points, and where its line stops.
function lineOf(m) {
  const s = M.send[m], e = M.end[m], fate = M.fate[m];
  const from = D.node[s], to = D.peer[s];
  if (from < 0 || to < 0) return null;
  const x1 = xOf(s), y1 = yOf(from);
  let x2 = e >= 0 ? xOf(e) : x1 + 46, y2 = yOf(to);
  if (from === to) { y2 = y1; if (x2 < x1 + 8) x2 = x1 + 8; }
  if (fate === LOST || fate === REFUSED || fate === RESENT) {
    const part = fate === RESENT ? .3 : .58;
    x2 = Math.min(Math.max(x2, x1 + 12), x1 + 64);
    y2 = y1 + (y2 - y1) * part;
    if (fate === RESENT) x2 = x1 + 7;
  } else if (fate === UNDER_WAY) {
    x2 = x1 + 22;
    y2 = y1 + (y2 - y1) * .42;
  }
  return [x1, y1, x2, y2];
}

function tone(m) {
  if (!state.lit) return 0;
  const a = state.lit[M.send[m]], b = M.end[m] >= 0 ? state.lit[M.end[m]] : a;
  if (!a || M.fate[m] !== UNDER_WAY && !b) return -1;
  return a === 2 || b === 2 ? 2 : 1;
}

function drawMessages(g) {
  const groups = new Map(), right = view.width + 80, left = view.gutter - 80;
  const seen = M.send.length > MERGE_FROM ? new Set() : null;
  let visible = 0;
  const labels = [];
  for (let m = 0; m < M.send.length; m++) {
    const line = lineOf(m);
    if (!line || Math.max(line[0], line[2]) < left || Math.min(line[0], line[2]) > right) continue;
    const key = tone(m) * 10 + M.fate[m];
    if (seen && M.fate[m] === ARRIVED) {
      const same = key + ' ' + line[1] + ' ' + line[3] + ' ' + Math.round(line[0]) + ' ' + Math.round(line[2]);
      if (seen.has(same)) continue;
      seen.add(same);
    }
    visible++;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(line);
    if (visible <= LABELS_MAX && M.fate[m] !== RESENT) labels.push([m, line]);
  }
  const crowd = visible > 3000 ? .35 : visible > 800 ? .55 : 1;
  for (const [key, lines] of [...groups].sort((a, b) => a[0] - b[0])) {
    const fate = ((key % 10) + 10) % 10, toned = Math.round((key - fate) / 10);
    const plain = fate === LOST || fate === REFUSED || fate === RESENT ? colors.lost : fate === COPY ? colors.copy : colors.msg;
    g.globalAlpha = toned < 0 ? .16 : toned === 0 && (fate === ARRIVED) ? crowd : 1;
    g.strokeStyle = toned > 0 && fate !== LOST && fate !== REFUSED ? (toned === 1 ? colors.past : colors.future) : plain;
    drawGroup(g, fate, lines, toned, visible);
  }
  g.globalAlpha = 1;
  if (visible <= LABELS_MAX) drawLabels(g, labels);
}

function drawGroup(g, fate, lines, toned, visible) {
  const color = g.strokeStyle;
  g.lineWidth = toned > 0 ? 2.2 : fate === ARRIVED && visible > 800 ? 1 : 1.5;
  g.setLineDash(fate === LOST || fate === REFUSED ? [6, 4] : fate === UNDER_WAY ? [2, 4] : []);
  g.beginPath();
  for (const [x1, y1, x2, y2] of lines) {
    if (y1 === y2 && fate !== RESENT) {
      g.moveTo(x1, y1);
      g.bezierCurveTo(x1, y1 - 18, x2, y2 - 18, x2, y2);
    } else if (fate === COPY) {
      const d = Math.hypot(x2 - x1, y2 - y1) || 1, ox = -(y2 - y1) / d * 1.9, oy = (x2 - x1) / d * 1.9;
      g.moveTo(x1 + ox, y1 + oy); g.lineTo(x2 + ox, y2 + oy);
      g.moveTo(x1 - ox, y1 - oy); g.lineTo(x2 - ox, y2 - oy);
    } else { g.moveTo(x1, y1); g.lineTo(x2, y2); }
  }
  g.stroke();
  g.setLineDash([]);
  if (fate === LOST) for (const l of lines) cross(g, l[2], l[3], 4.5, color);
  else if (fate === RESENT) for (const l of lines) cross(g, l[2], l[3], 3, color, 1.6);
  else if (fate === REFUSED) {
    g.lineWidth = 2.4;
    g.beginPath();
    for (const l of lines) { g.moveTo(l[2] - 5, l[3]); g.lineTo(l[2] + 5, l[3]); }
    g.stroke();
  } else if (fate !== UNDER_WAY && (visible <= HEADS_MAX || toned > 0)) heads(g, lines, color);
}

function heads(g, lines, color) {
  const size = view.lane < 24 ? 5 : 7;
  g.fillStyle = color;
  g.beginPath();
  for (const [x1, y1, x2, y2] of lines) {
    if (y1 === y2) continue;
    const d = Math.hypot(x2 - x1, y2 - y1), ux = (x2 - x1) / d, uy = (y2 - y1) / d;
    g.moveTo(x2, y2);
    g.lineTo(x2 - ux * size - uy * size * .45, y2 - uy * size + ux * size * .45);
    g.lineTo(x2 - ux * size + uy * size * .45, y2 - uy * size - ux * size * .45);
    g.closePath();
  }
  g.fill();
}

// Labels where there is room: on messages, and on what a node does.
function drawLabels(g, labels) {
  if (view.lane < 34) return;
  const taken = [];
  const put = (text, x, y, color, align) => {
    const width = g.measureText(text).width, left = align === 'left' ? x : x - width / 2;
    if (left < view.gutter + 2 || left + width > view.width - 2) return false;
    const box = [left - 3, y - 8, left + width + 3, y + 8];
    if (taken.some(t => t[0] < box[2] && box[0] < t[2] && t[1] < box[3] && box[1] < t[3])) return false;
    taken.push(box);
    g.lineWidth = 4; g.lineJoin = 'round'; g.strokeStyle = colors.panel;
    g.textAlign = 'left';
    g.strokeText(text, left, y);
    g.fillStyle = color;
    g.fillText(text, left, y);
    return true;
  };
  g.textBaseline = 'middle';
  g.font = '11.5px ' + SANS;
  for (let i = 0; i < N; i++) {
    if (!EVIDENCE.has(i) && !['note', 'log', 'timeout', 'crash', 'power_loss', 'panic', 'start', 'pause', 'resume', 'disk_fail'].includes(KIND[i]) || first[i]) continue;
    if (D.node[i] < 0) continue;
    const x = xOf(i), y = yOf(D.node[i]);
    const text = cut(g, D.texts[D.text[i]].split('\n')[0], 150);
    g.globalAlpha = state.lit && !state.lit[i] ? .3 : 1;
    const color = KIND[i] === 'note' || KIND[i] === 'log' ? colors.ink : KIND[i] === 'start' || KIND[i] === 'resume' ? colors.good : colors.bad;
    const width = g.measureText(text).width;
    const below = D.node[i] === LANES - 1 || D.node[i] > 0;
    const tries = below ? [[x + 9, y + 15], [x - width - 9, y + 15], [x + 9, y - 15]] : [[x + 9, y - 15], [x - width - 9, y - 15]];
    tries.some(([tx, ty]) => put(text, tx, ty, color, 'left'));
  }
  g.font = '11.5px ' + SANS;
  for (const [m, [x1, y1, x2, y2]] of labels) {
    g.globalAlpha = state.lit && tone(m) < 0 ? .25 : 1;
    const lost = M.fate[m] === LOST || M.fate[m] === REFUSED;
    const text = cut(g, D.texts[D.text[M.send[m]]].split('\n')[0], 140);
    const share = lost ? .55 : .5, x = x1 + (x2 - x1) * share + 8, y = y1 + (y2 - y1) * share;
    const color = lost ? colors.lost : colors.soft;
    put(text, x, y, color, 'left') || put(text, x - 16 - g.measureText(text).width, y, color, 'left');
  }
  g.globalAlpha = 1;
}

// Program order and causes that are no messages.
function drawCone(g) {
  for (const tone of [1, 2]) {
    g.strokeStyle = tone === 1 ? colors.past : colors.future;
    const near = new Path2D(), far = new Path2D();
    for (let i = 0; i < N; i++) {
      const own = state.lit[i];
      if (!own) continue;
      for (const j of [prevOf(i), causeOf(i)]) {
        if (j < 0 || !state.lit[j]) continue;
        const is = own === 2 ? 2 : 1;
        if (is !== tone || own === 2 && state.lit[j] === 1) continue;
        const a = D.node[j], b = D.node[i];
        if (a < 0 || b < 0) continue;
        if (a === b) { near.moveTo(xOf(j), yOf(a)); near.lineTo(xOf(i), yOf(a)); }
        else if (KIND[i] !== 'deliver' && KIND[i] !== 'drop') { far.moveTo(xOf(j), yOf(a)); far.lineTo(xOf(i), yOf(b)); }
      }
    }
    g.lineWidth = 3;
    g.stroke(near);
    g.lineWidth = 1.4;
    g.setLineDash([1, 4]);
    g.lineCap = 'round';
    g.stroke(far);
    g.setLineDash([]);
    g.lineCap = 'butt';
  }
}

function markAt(i) {
  if (D.node[i] >= 0) return [xOf(i), yOf(D.node[i])];
  const cause = causeOf(i);
  if (i === D.focus && cause >= 0 && D.node[cause] >= 0) return [xOf(i), yOf(D.node[cause])];
  return [xOf(i), view.axis + 4];
}

function drawMarks(g) {
  const crowded = MAJOR.length * (1 / (scale.to - scale.from)) > 0 && MAJOR.length > 4000;
  const drawn = new Map();
  for (const i of MAJOR) {
    const kind = KIND[i], x = xOf(i);
    if (x < view.gutter - 8 || x > view.width + 8) continue;
    if (kind === 'drop') continue;
    const dot = kind === 'send' || kind === 'deliver';
    if (dot && !EVIDENCE.has(i) && !(state.lit && state.lit[i])) {
      if (crowded && scale.to - scale.from > .1) continue;
      const cell = D.node[i] + ' ' + Math.round(x);
      if (drawn.has(cell)) continue;
      drawn.set(cell, 1);
    }
    const [, y] = markAt(i);
    g.globalAlpha = state.lit && !state.lit[i] && i !== D.focus ? .22 : 1;
    mark(g, i, kind, x, y);
  }
  g.globalAlpha = 1;
}

function mark(g, i, kind, x, y) {
  const tone = state.lit && state.lit[i] === 1 ? colors.past : state.lit && state.lit[i] === 2 ? colors.future : null;
  const disc = (r, color) => { g.fillStyle = color; g.beginPath(); g.arc(x, y, r, 0, 7); g.fill(); };
  const ring = (r, color, width = 2) => {
    g.fillStyle = colors.panel; g.strokeStyle = color; g.lineWidth = width;
    g.beginPath(); g.arc(x, y, r, 0, 7); g.fill(); g.stroke();
  };
  if (i === D.focus) { ring(8.5, colors.bad, 2.4); disc(4, colors.bad); return; }
  if (EVIDENCE.has(i)) { ring(8, colors.bad, 1.8); disc(4, tone || colors.ink); return; }
  switch (kind) {
    case 'send': case 'deliver': return disc(view.lane < 24 ? 1.6 : 2.6, tone || colors.msg);
    case 'note': case 'log': return disc(4.2, tone || colors.ink);
    case 'timeout': case 'reset': {
      ring(5.2, tone || colors.lost);
      g.beginPath(); g.moveTo(x, y - 3); g.lineTo(x, y); g.lineTo(x + 2.4, y + 1.4); g.lineWidth = 1.3; g.stroke();
      return;
    }
    case 'crash': case 'power_loss': case 'wipe': case 'panic': case 'stop': return cross(g, x, y, 5.5, colors.bad, 3);
    case 'disk_fail': return cross(g, x, y, 3.5, colors.bad);
    case 'start': case 'resume':
      g.fillStyle = colors.good;
      g.beginPath(); g.moveTo(x - 4, y - 6); g.lineTo(x + 6, y); g.lineTo(x - 4, y + 6); g.closePath(); g.fill();
      return;
    case 'pause':
      g.fillStyle = colors.fault; g.fillRect(x - 4, y - 6, 3, 12); g.fillRect(x + 1, y - 6, 3, 12);
      return;
    case 'clock': case 'scale': return ring(4.2, colors.fault);
    case 'property': return ring(5.5, colors.bad);
    default: return;
  }
}

function drawOver() {
  const g = over.getContext('2d');
  g.clearRect(0, 0, view.width, view.height);
  if (state.head < 1) {
    const x = Math.max(view.gutter, Math.min(view.width, xAt(state.head)));
    g.globalAlpha = .78;
    g.fillStyle = colors.panel;
    g.fillRect(x, 0, view.width - x, view.height);
    g.globalAlpha = 1;
    g.strokeStyle = colors.past;
    g.lineWidth = 1.5;
    g.beginPath(); g.moveTo(x, view.axis - 18); g.lineTo(x, view.height - 6); g.stroke();
    underWay(g);
  }
  for (const [row, color, r] of [[state.hover, colors.soft, 9], [state.row, colors.ink, 10]]) {
    if (row < 0) continue;
    const [x, y] = markAt(row);
    if (x < view.gutter - 4) continue;
    g.strokeStyle = color;
    g.lineWidth = row === state.row ? 2 : 1.5;
    g.beginPath(); g.arc(x, y, r, 0, 7); g.stroke();
  }
}

// Messages that are on their way at the moment that is shown.
function underWay(g) {
  const now = xAt(state.head);
  let left = 400;
  for (let m = 0; m < M.send.length && left; m++) {
    if (scale.pos[M.send[m]] > state.head) break;
    const line = lineOf(m);
    if (!line || line[2] <= now || line[0] > now || line[2] <= line[0]) continue;
    left--;
    const share = (now - line[0]) / (line[2] - line[0]);
    g.fillStyle = M.fate[m] === LOST ? colors.lost : M.fate[m] === COPY ? colors.copy : colors.past;
    g.beginPath();
    g.arc(now, line[1] + (line[3] - line[1]) * share, 4.5, 0, 7);
    g.fill();
  }
}

// What is nearest to a point: an event, else a message's sending.
function hit(px, py) {
  if (px < view.gutter) return -1;
  let best = -1, least = 11 * 11;
  const a = rowAt(placeAt(px - 12)), b = rowAt(placeAt(px + 12));
  for (let i = Math.max(0, a); i <= b && i < N; i++) {
    if (!shown(i) || KIND[i] === 'drop') continue;
    const [x, y] = markAt(i);
    const weight = KIND[i] === 'send' || KIND[i] === 'deliver' ? 1.6 : 1;
    const d = ((x - px) ** 2 + (y - py) ** 2) * (i === D.focus || EVIDENCE.has(i) ? .6 : weight);
    if (d < least) { least = d; best = i; }
  }
  if (best >= 0) return best;
  least = 6;
  for (let m = 0; m < M.send.length; m++) {
    const line = lineOf(m);
    if (!line) continue;
    const [x1, y1, x2, y2] = line, dx = x2 - x1, dy = y2 - y1;
    if (px < Math.min(x1, x2) - 6 || px > Math.max(x1, x2) + 6) continue;
    const t = Math.max(0, Math.min(1, ((px - x1) * dx + (py - y1) * dy) / (dx * dx + dy * dy || 1)));
    const d = Math.hypot(px - x1 - t * dx, py - y1 - t * dy);
    if (d < least) { least = d; best = M.send[m]; }
  }
  return best;
}
