// Where each row stands, from 0 to 1, on one of three axes; all parts of the page share it.
const scale = { axis: 'time', pos: new Float64Array(N), folds: [], knots: [], from: 0, to: 1 };

function gaps() {
  const list = [];
  for (let k = 1; k < MAJOR.length; k++) {
    const gap = AT[MAJOR[k]] - AT[MAJOR[k - 1]];
    if (gap > 0) list.push(gap);
  }
  return list.sort((a, b) => a - b);
}

// The knots of folded time: [time, place]. A gap much longer than most becomes a short one.
function fold() {
  const sorted = gaps();
  if (!sorted.length) return null;
  const usual = sorted[Math.floor((sorted.length - 1) * .6)];
  const limit = usual * 8;
  const long = sorted.filter(gap => gap > limit);
  if (!long.length || long.length > 40) return null;
  const active = sorted.filter(gap => gap <= limit).reduce((a, b) => a + b, 0) || usual;
  const width = active * Math.min(.16, .6 / long.length);
  const knots = [[0, 0]], folds = [];
  let place = 0, last = 0;
  const step = (t, folded) => {
    if (t <= last) return;
    const from = place;
    place += folded ? width : t - last;
    knots.push([t, place]);
    if (folded) folds.push([from, place, last, t]);
    last = t;
  };
  for (const i of MAJOR) step(AT[i], AT[i] - last > limit);
  step(END, END - last > limit);
  const whole = place || 1;
  knots.forEach(knot => { knot[1] /= whole; });
  folds.forEach(f => { f[0] /= whole; f[1] /= whole; });
  return { knots, folds };
}
const folded = fold();

function along(knots, t) {
  let a = 0, b = knots.length - 1;
  if (b <= 0) return 0;
  while (b - a > 1) { const m = (a + b) >> 1; if (knots[m][0] <= t) a = m; else b = m; }
  const [t0, p0] = knots[a], [t1, p1] = knots[b];
  return t1 > t0 ? p0 + (p1 - p0) * (t - t0) / (t1 - t0) : p0;
}

function setAxis(axis) {
  scale.axis = axis === 'folded' && !folded ? 'time' : axis;
  scale.folds = [];
  if (scale.axis === 'order') {
    let rank = 0;
    const most = Math.max(1, MAJOR.length - 1);
    for (let i = 0; i < N; i++) {
      if (shown(i)) rank++;
      scale.pos[i] = Math.max(0, rank - 1) / most;
    }
  } else {
    scale.knots = scale.axis === 'folded' ? folded.knots : [[0, 0], [END || 1, 1]];
    if (scale.axis === 'folded') scale.folds = folded.folds;
    for (let i = 0; i < N; i++) scale.pos[i] = along(scale.knots, AT[i]);
  }
}

// The last row at or before a place.
function rowAt(place) {
  let a = 0, b = N;
  while (a < b) { const m = (a + b) >> 1; if (scale.pos[m] <= place + 1e-12) a = m + 1; else b = m; }
  return a - 1;
}
function timeAt(place) {
  if (scale.axis === 'order') { const row = rowAt(place); return row < 0 ? 0 : AT[row]; }
  const knots = scale.knots;
  let a = 0, b = knots.length - 1;
  while (b - a > 1) { const m = (a + b) >> 1; if (knots[m][1] <= place) a = m; else b = m; }
  const [t0, p0] = knots[a], [t1, p1] = knots[b];
  return p1 > p0 ? t0 + (t1 - t0) * (place - p0) / (p1 - p0) : t0;
}
function zoomAt(place, factor) {
  const width = Math.min(1, Math.max(1e-7, (scale.to - scale.from) * factor));
  const share = (place - scale.from) / (scale.to - scale.from);
  moveTo(place - share * width, width);
}
function moveTo(from, width) {
  scale.from = Math.min(Math.max(from, 0), 1 - width);
  scale.to = scale.from + width;
}
// Steps that people read: 1, 2 or 5 times a power of ten.
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map(n => n * power).find(step => step >= least * .999);
}
