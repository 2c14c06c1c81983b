// What the page was made of, in columns; times are nanoseconds, rows are numbered from 0.
const D = JSON.parse(document.getElementById('data').textContent);
const N = D.at.length;
const AT = new Float64Array(N);
for (let i = 0, t = 0; i < N; i++) AT[i] = t += D.at[i];
const KIND = D.kind.map(k => D.kinds[k]);
const END = Math.max(D.end, N ? AT[N - 1] : 0);
const $ = id => document.getElementById(id);

// Kinds that are no news by themselves: they carry causes, and are drawn small or not at all.
const QUIET = new Set(['spawn', 'timer', 'disk_write', 'disk_op', 'disk_sync', 'span_open', 'span_close', 'probe',
  'reach', 'connection', 'fault_hit', 'duplicate', 'operation']);
const DOWN = new Set(['crash', 'power_loss', 'stop', 'wipe']);

const first = new Uint8Array(N);
{
  const started = new Set();
  for (let i = 0; i < N; i++) if (KIND[i] === 'start' && !started.has(D.node[i])) { started.add(D.node[i]); first[i] = 1; }
}
// What shows the violation; the violation itself, if nobody said what does.
const EVIDENCE = new Set(D.evidence);
const WHY = D.evidence.length ? D.evidence : D.focus >= 0 && (D.prev[D.focus] || D.cause[D.focus]) ? [D.focus] : [];
const shown = i => EVIDENCE.has(i) || i === D.focus || !QUIET.has(KIND[i]) && !first[i];
// Those that one can step to.
const MAJOR = [];
for (let i = 0; i < N; i++) if (shown(i)) MAJOR.push(i);

const prevOf = i => D.prev[i] ? i - D.prev[i] : -1;
const causeOf = i => D.cause[i] ? i - D.cause[i] : -1;

// 1 what it rests on, 2 what rests on it, 3 itself. The violation rests on what shows it.
function cone(row) {
  const lit = new Uint8Array(N);
  const itself = row === D.focus && WHY.length ? WHY : [row];
  const open = [...itself];
  while (open.length) {
    const i = open.pop();
    for (const j of [prevOf(i), causeOf(i)]) if (j >= 0 && !lit[j]) { lit[j] = 1; open.push(j); }
  }
  for (const i of itself) lit[i] = 3;
  if (row === D.focus) { lit[row] = 3; return lit; }
  for (let i = row + 1; i < N; i++) {
    const p = prevOf(i), c = causeOf(i);
    if (p >= 0 && lit[p] > 1 || c >= 0 && lit[c] > 1) lit[i] = 2;
  }
  return lit;
}

const M = D.messages;
const ARRIVED = 0, LOST = 1, UNDER_WAY = 2, COPY = 3, REFUSED = 4, RESENT = 5;
// The messages of each row, at either end.
const messagesAt = new Map();
M.send.forEach((s, m) => {
  for (const row of [s, M.end[m]]) if (row >= 0) {
    if (!messagesAt.has(row)) messagesAt.set(row, []);
    messagesAt.get(row).push(m);
  }
});
const lostSends = new Set(M.send.filter((_, m) => M.fate[m] === LOST || M.fate[m] === REFUSED));

function timeText(ns, step) {
  // Cut, not rounded, as in the story.
  const ms = step === undefined ? Math.floor(ns / 1e3) / 1e3 : ns / 1e6;
  if (step === undefined && ns >= 1e10) return (ms / 1e3).toLocaleString('en-US', { minimumFractionDigits: 6, maximumFractionDigits: 6 }) + ' s';
  if (step === undefined) return ms.toLocaleString('en-US', { minimumFractionDigits: 3, maximumFractionDigits: 3 }) + ' ms';
  if (ns === 0) return '0';
  const digits = u => Math.max(0, Math.min(6, -Math.floor(Math.log10(step / u) + 1e-9)));
  if (step >= 1e9) return (ns / 1e9).toLocaleString('en-US', { maximumFractionDigits: digits(1e9) }) + ' s';
  if (step >= 1e4) return ms.toLocaleString('en-US', { maximumFractionDigits: digits(1e6) }) + ' ms';
  return (ns / 1e3).toLocaleString('en-US', { maximumFractionDigits: digits(1e3) }) + ' µs';
}
const nodeName = n => n >= 0 ? D.nodes[n] : 'world';
function what(i) {
  const text = D.texts[D.text[i]];
  switch (KIND[i]) {
    case 'send': return (D.node[i] === D.peer[i] ? 'sends itself ' : 'sends ' + nodeName(D.peer[i]) + ' ') + text;
    case 'deliver': return 'receives ' + text + ' from ' + nodeName(D.peer[i]);
    case 'drop': return 'message to or from ' + nodeName(D.peer[i]) + ' is lost: ' + text;
    default: return text || KIND[i];
  }
}
