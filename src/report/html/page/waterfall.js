// The requests under the picture, on its axis. Only the rows that are in view are in the document.
const SPAN = 24, rows = $('rows'), sizer = $('sizer');
const [SENT, ARRIVES, ANSWERED, ENDED, STATUS, DEPTH, LABEL] = [0, 1, 2, 3, 4, 5, 6];
let pool = [];

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
  const made = { row, who, plot, wait: el('span', 'wait', plot), work: el('span', 'work', plot), label: el('span', 'label', plot) };
  row.addEventListener('click', () => select(made.sent));
  return made;
}

function drawWaterfall() {
  const spans = D.spans;
  if (!spans.length) return;
  sizer.style.height = spans.length * SPAN + 'px';
  const from = Math.max(0, Math.floor(rows.scrollTop / SPAN) - 2);
  const to = Math.min(spans.length, from + Math.ceil((rows.clientHeight || 340) / SPAN) + 5);
  while (pool.length < to - from) pool.push(newRow());
  pool.forEach((made, k) => {
    made.row.hidden = from + k >= to;
    if (!made.row.hidden) fill(made, from + k);
  });
}

function fill(made, k) {
  const span = D.spans[k], { row, who, plot, wait, work, label } = made;
  made.sent = span[SENT];
  const shift = view.gutter, left = x => x - shift;
  const open = span[ENDED] < 0, ending = open ? '' : KIND[span[ENDED]];
  const a = xOf(span[SENT]), b = open ? xAt(1) + 18 : xOf(span[ENDED]);
  const bad = ending === 'timeout' || ending === 'reset';
  row.className = 'span' + (bad ? ' bad' : open ? ' open' : '') + (span[STATUS] >= 500 ? ' error' : '') + (state.row === span[SENT] ? ' on' : '');
  row.style.top = k * SPAN + 'px';
  who.style.width = view.gutter - 14 + 'px';
  who.style.paddingLeft = 20 + span[DEPTH] * 12 + 'px';
  who.textContent = nodeName(D.peer[span[SENT]]);
  plot.style.left = view.gutter + 'px';
  wait.style.left = left(a) + 'px';
  wait.style.width = Math.max(2, b - a) + 'px';
  work.hidden = span[ARRIVES] < 0;
  if (!work.hidden) {
    const x = xOf(span[ARRIVES]), until = span[ANSWERED] >= 0 ? xOf(span[ANSWERED]) : Math.max(x + 3, b);
    work.style.left = left(x) + 'px';
    work.style.width = Math.max(3, until - x) + 'px';
  }
  const how = bad ? (ending === 'timeout' ? 'timed out after ' : 'reset after ') : span[STATUS] ? span[STATUS] + '  ' : '';
  const lasts = open ? 'open at the end' : timeText(AT[span[ENDED]] - AT[span[SENT]]);
  label.textContent = D.texts[span[LABEL]] + '  ' + how + lasts;
  const wide = 6.6 * label.textContent.length + 12, plotted = view.width - view.gutter;
  const place = left(b) + wide < plotted ? left(b) : left(a) - wide > 0 ? left(a) - wide : Math.max(0, left(a)) + 10;
  label.style.left = place + 'px';
  label.style.textAlign = place < left(a) ? 'right' : 'left';
  label.style.width = place < left(a) ? wide + 'px' : 'auto';
  label.classList.toggle('inside', place > left(a) && place < left(b));
}
