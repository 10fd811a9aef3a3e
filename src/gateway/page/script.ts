/** What the page does, as the browser gets it. */
export const SCRIPT = `
'use strict';
const byId = (id) => document.getElementById(id);
const path = byId('path'), connect = byId('connect'), message = byId('message');
const send = byId('send'), measure = byId('measure'), log = byId('log');
/** Lines of the log that are kept, and round trips that are remembered. */
const LINES = 500, TRIPS = 60, PINGS = 20;

let socket = null;
/** What was sent and has not come back: { text, time, line }. */
let waiting = [];
let trips = [];
let sent = 0, received = 0, pings = 0;

const addressOf = (route) =>
  (location.protocol === 'https:' ? 'wss://' : 'ws://') + location.host + route;

function show(state, text) {
  const open = state === 'open';
  const idle = state === 'closed' || state === 'failed';
  byId('state').dataset.state = state;
  byId('state').textContent = text;
  connect.textContent = idle ? 'Connect' : 'Disconnect';
  connect.classList.toggle('primary', idle);
  connect.disabled = state === 'closing';
  path.disabled = !idle;
  for (const preset of document.querySelectorAll('[data-path]')) preset.disabled = !idle;
  for (const element of [message, send, measure]) element.disabled = !open;
}

function addLine(kind, text, meta) {
  byId('empty').hidden = true;
  log.hidden = false;
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const line = document.createElement('li');
  line.className = kind;
  const body = document.createElement('span');
  body.className = kind.startsWith('note') ? '' : 'text';
  body.textContent = text;
  line.append(body);
  const small = document.createElement('span');
  small.className = 'meta';
  small.textContent = meta || '';
  if (meta !== undefined) line.append(small);
  log.append(line);
  while (log.children.length > LINES) log.firstChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
  return small;
}

const clock = () => new Date().toLocaleTimeString();
const sizeOf = (bytes) => bytes === 1 ? '1 byte' : bytes.toLocaleString() + ' bytes';
const duration = (ms) => ms < 10 ? ms.toFixed(2) + ' ms' : ms.toFixed(0) + ' ms';

function addTrip(ms) {
  trips.push(ms);
  if (trips.length > TRIPS) trips.shift();
  const sorted = [...trips].sort((a, b) => a - b);
  byId('last').textContent = duration(ms);
  byId('median').textContent = duration(sorted[Math.floor(sorted.length / 2)]);
  const top = Math.max(sorted[sorted.length - 1], 0.1);
  const step = 240 / Math.max(trips.length - 1, 1);
  const pointOf = (trip, i) => (i * step).toFixed(1) + ',' + (45 - trip / top * 40).toFixed(1);
  const points = trips.map(pointOf);
  if (points.length === 1) points.push('240,' + points[0].split(',')[1]);
  document.querySelector('#chart polyline').setAttribute('points', points.join(' '));
}

function count() {
  byId('counts').textContent = sent.toLocaleString() + ' / ' + received.toLocaleString();
}

function say(text, isPing) {
  const entry = { text, isPing, time: 0, line: null };
  if (!isPing) {
    const size = new TextEncoder().encode(text).length;
    entry.line = addLine('out', text, clock() + ' · ' + sizeOf(size));
  }
  waiting.push(entry);
  entry.time = performance.now();
  socket.send(text);
  sent += 1;
  count();
}

function nextPing() {
  pings -= 1;
  say('ping ' + (PINGS - pings) + ' ' + crypto.getRandomValues(new Uint32Array(1))[0], true);
}

function hear(data) {
  const now = performance.now();
  received += 1;
  count();
  const binary = typeof data !== 'string';
  const text = binary ? 'binary message' : data;
  const size = binary ? data.byteLength : new TextEncoder().encode(data).length;
  const index = waiting.findIndex((entry) => entry.text === text);
  if (index === -1) {
    addLine('in', text, clock() + ' · ' + sizeOf(size));
    return;
  }
  const [entry] = waiting.splice(index, 1);
  const trip = now - entry.time;
  addTrip(trip);
  if (!entry.isPing) {
    addLine('in', text, clock() + ' · ' + sizeOf(size) + ' · back after ' + duration(trip));
  } else if (pings > 0) {
    nextPing();
  } else {
    measure.disabled = false;
    addLine('note', PINGS + ' pings came back');
  }
}

function open() {
  const route = path.value.startsWith('/') ? path.value : '/' + path.value;
  let wasOpen = false;
  try {
    socket = new WebSocket(addressOf(route));
  } catch (error) {
    show('failed', 'Not a path: ' + error.message);
    return;
  }
  const current = socket;
  current.binaryType = 'arraybuffer';
  show('connecting', 'Connecting');
  current.onopen = () => {
    wasOpen = true;
    show('open', 'Connected to ' + route);
    addLine('note', 'Connected to ' + route + ' at ' + clock());
    message.focus();
  };
  current.onmessage = (event) => hear(event.data);
  current.onclose = (event) => {
    if (socket !== current) return;
    socket = null;
    waiting = [];
    pings = 0;
    const lost = !wasOpen || event.code === 1006;
    let text = 'Cannot connect to ' + route;
    if (wasOpen && lost) text = 'Connection lost';
    else if (wasOpen) text = 'Closed (' + [event.code, event.reason].join(' ').trim() + ')';
    show(lost ? 'failed' : 'closed', text);
    addLine(lost ? 'note bad' : 'note', text + ' at ' + clock());
  };
}

function showAddress() {
  const route = path.value.startsWith('/') ? path.value : '/' + path.value;
  byId('url').textContent = addressOf(route);
}

byId('connection').addEventListener('submit', (event) => {
  event.preventDefault();
  if (socket === null) {
    open();
  } else {
    show('closing', 'Closing');
    socket.close(1000);
  }
});
byId('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  if (socket === null || socket.readyState !== WebSocket.OPEN || message.value === '') return;
  say(message.value, false);
  message.value = '';
});
measure.addEventListener('click', () => {
  measure.disabled = true;
  pings = PINGS;
  nextPing();
});
path.addEventListener('input', showAddress);
for (const preset of document.querySelectorAll('[data-path]')) {
  preset.addEventListener('click', () => {
    path.value = preset.dataset.path;
    showAddress();
    path.focus();
  });
}
const asked = new URLSearchParams(location.search).get('path');
if (asked) path.value = asked;
showAddress();
`;
