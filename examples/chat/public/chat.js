const $ = (id) => document.getElementById(id);

/** Milliseconds until the next attempt to connect; doubles up to the most. */
const DELAY_MIN = 500;
const DELAY_MAX = 15_000;

let socket;
let delay = DELAY_MIN;

$('login').addEventListener('submit', (event) => {
  event.preventDefault();
  void comeIn(event.target);
});

async function comeIn(form) {
  const { name, room } = Object.fromEntries(new FormData(form));
  const response = await logIn(name);
  if (!response.ok) {
    $('problem').textContent = await response.text();
    return;
  }
  $('login').hidden = true;
  $('chat').hidden = false;
  $('title').textContent = room;
  connect(name, room);
}

function logIn(name) {
  return fetch('/login', { method: 'POST', body: JSON.stringify({ name }) });
}

$('say').addEventListener('submit', (event) => {
  event.preventDefault();
  const { text } = event.target.elements;
  if (socket.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ text: text.value }));
  text.value = '';
});

function connect(name, room) {
  $('state').textContent = 'connecting …';
  socket = new WebSocket(`${location.origin.replace('http', 'ws')}/rooms/${room}`);
  socket.addEventListener('open', () => {
    delay = DELAY_MIN;
    $('state').textContent = '';
    // What was said is told again by the server.
    $('lines').replaceChildren();
    $('say').elements.text.focus();
  });
  socket.addEventListener('message', ({ data }) => {
    const event = JSON.parse(data);
    if (event.type === 'line') showLine(event);
    if (event.type === 'people') showPeople(event.people);
  });
  socket.addEventListener('close', () => {
    $('state').textContent = 'connection lost, trying again …';
    // With jitter, so that not everybody comes back at once.
    setTimeout(reconnect, delay * (0.5 + Math.random()), name, room);
    delay = Math.min(delay * 2, DELAY_MAX);
  });
}

/** A server that was started anew does not know the ticket. */
async function reconnect(name, room) {
  await logIn(name).catch(() => undefined);
  connect(name, room);
}

function showLine({ name, text, at }) {
  const line = document.createElement('li');
  const who = document.createElement('b');
  const when = document.createElement('time');
  who.textContent = name;
  when.textContent = new Date(at).toLocaleTimeString();
  line.append(who, text, when);
  $('lines').append(line);
  line.scrollIntoView();
}

function showPeople(people) {
  const items = people.map((name) => {
    const item = document.createElement('li');
    item.textContent = name;
    return item;
  });
  $('people').replaceChildren(...items);
}
