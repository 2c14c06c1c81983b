// The requests under the picture, on its axis. Only the rows that are in view are in the document.
const SPAN = 24, rows = $('rows'), sizer = $('sizer');
const [BEGIN, FINISH, LASTS, DEPTH, WHO, LABEL, OUTCOME, LOOK, WORK, PATH] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const LOOKS = ['', ' error', ' bad', ' open'], UNANSWERED = 2, OPEN = 3;
let pool = [];
sizer.style.height = D.spans.length * SPAN + 'px';

function el(name, className, parent) {
  const made = document.createElement(name);
  made.className = className;
  if (parent) parent.append(made);
  return made;
}
function newRow() {
  const row = el('div', 'span', sizer);
  row.setAttribute('role', 'listitem');
  const who = el('span', 'who', row), plot = el('span', 'plot', row);
  const made = { row, who, plot, wait: el('span', 'wait', plot), work: [], path: [], label: el('span', 'label', plot) };
  row.addEventListener('click', () => select(D.spans[made.k][BEGIN]));
  // A second click shall mark no text.
  row.addEventListener('mousedown', event => { if (event.detail > 1) event.preventDefault(); });
  row.addEventListener('dblclick', () => showTrace(made.k));
  return made;
}

function drawWaterfall() {
  const spans = D.spans;
  if (!spans.length) return;
  const from = Math.max(0, Math.floor(rows.scrollTop / SPAN) - 2);
  const to = Math.min(spans.length, from + Math.ceil((rows.clientHeight || 340) / SPAN) + 5);
  while (pool.length < to - from) pool.push(newRow());
  pool.forEach((made, k) => {
    made.row.hidden = from + k >= to;
    if (!made.row.hidden) fill(made, from + k);
  });
}

// As many bars as there are pieces, each from one row to another.
function bars(made, kind, pieces, left, until) {
  const list = made[kind];
  while (list.length < pieces.length) {
    list.push(el('span', kind));
    made.plot.insertBefore(list[list.length - 1], made.label);
  }
  list.forEach((bar, n) => {
    bar.hidden = n >= pieces.length;
    if (bar.hidden) return;
    const [begin, end, failed] = pieces[n], a = xOf(begin);
    bar.classList.toggle('failed', failed === 1);
    bar.style.left = left(a) + 'px';
    bar.style.width = Math.max(kind === 'work' ? 3 : 1, (end >= 0 ? xOf(end) : until) - a) + 'px';
  });
}

function fill(made, k) {
  const span = D.spans[k], { row, who, plot, wait, label } = made, look = span[LOOK];
  made.k = k;
  const shift = view.gutter, left = x => x - shift;
  const a = xOf(span[BEGIN]), b = span[FINISH] < 0 ? xAt(1) + 18 : xOf(span[FINISH]);
  row.className = 'span' + LOOKS[look] + (k && !span[DEPTH] ? ' first' : '') + (state.row === span[BEGIN] ? ' on' : '');
  row.style.top = k * SPAN + 'px';
  who.style.width = view.gutter - 14 + 'px';
  who.style.paddingLeft = 20 + Math.min(span[DEPTH], 6) * 12 + 'px';
  who.textContent = D.texts[span[WHO]];
  plot.style.left = view.gutter + 'px';
  wait.style.left = left(a) + 'px';
  wait.style.width = Math.max(2, b - a) + 'px';
  bars(made, 'work', span[WORK], left, b);
  bars(made, 'path', span[PATH], left, b);
  const outcome = D.texts[span[OUTCOME]], lasts = look === OPEN ? 'open at the end' : (look === UNANSWERED ? 'after ' : '') + timeText(span[LASTS]);
  // Of one that is out of view, where to look for it.
  const before = b < view.gutter, after = a > view.width;
  label.textContent = before ? '← ' + timeText(AT[span[BEGIN]]) : after ? timeText(AT[span[BEGIN]]) + ' →'
    : [D.texts[span[LABEL]], outcome, lasts].filter(text => text).join('  ');
  label.classList.toggle('away', before || after);
  const wide = 6.6 * label.textContent.length + 12, plotted = view.width - view.gutter;
  const ends = Math.max(b, ...span[WORK].map(([begin, end]) => end >= 0 ? xOf(end) : xOf(begin)));
  // Behind the line, else before it, else in it: behind its work, if there is room.
  const worked = Math.max(a, ...span[WORK].map(([begin, end]) => end >= 0 ? xOf(end) : b)), inside = Math.max(0, left(worked === a ? a + 10 : worked));
  const place = before ? 0 : after ? plotted - wide : left(ends) + wide < plotted ? left(ends) : left(a) - wide > 0 ? left(a) - wide : inside + wide < left(b) ? inside : Math.max(0, left(a)) + 10;
  label.style.left = place + 'px';
  label.style.textAlign = place < left(a) ? 'right' : 'left';
  label.style.width = place < left(a) ? wide + 'px' : 'auto';
  label.classList.toggle('inside', !before && !after && place > left(a) && place < left(ends));
}

// Zooms to the trace of a line, with a little around it.
function showTrace(k) {
  let first = k, last = k;
  while (first > 0 && D.spans[first][DEPTH]) first--;
  while (last + 1 < D.spans.length && D.spans[last + 1][DEPTH]) last++;
  let from = 1, to = 0;
  for (const span of D.spans.slice(first, last + 1)) {
    from = Math.min(from, scale.pos[span[BEGIN]]);
    to = Math.max(to, span[FINISH] < 0 ? 1 : scale.pos[span[FINISH]]);
  }
  const width = Math.min(1, Math.max((to - from) * 1.3, 1e-6));
  moveTo((from + to - width) / 2, width);
  redraw();
}
