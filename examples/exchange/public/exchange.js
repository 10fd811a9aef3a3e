// The page: connects, shows what the gateway tells, and sends orders.
import { Orders } from './orders.js';

const RETRY_MS = 500;
const TAPE = 50;
const STATES = { up: 'Exchange is open', down: 'Engine is down', off: 'Not connected' };

const $ = (id) => document.getElementById(id);
const entry = $('entry');
const books = new Map();
let trades = [];
let symbol = 'RNDO';
let account;
let orders;
let socket;
let engine = 'off';

const money = (cents) => (cents / 100).toFixed(2);
const cents = (text) => Math.round(Number(text) * 100);

// ---- talking to the gateway

function connect() {
  const protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  socket = new WebSocket(`${protocol}//${location.host}/trade/${account}`);
  socket.addEventListener('message', ({ data }) => hear(JSON.parse(data)));
  socket.addEventListener('close', () => {
    setEngine('off');
    setTimeout(connect, RETRY_MS);
  });
}

const say = (message) => {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
};

function hear(message) {
  switch (message.type) {
    case 'engine':
      setEngine(message.state);
      if (message.state === 'up') catchUp();
      break;
    case 'book':
      books.set(message.symbol, message);
      showSymbols();
      if (message.symbol === symbol) showBook();
      break;
    case 'tape':
      ({ trades } = message);
      showTape();
      break;
    case 'trade':
      trades = [...trades, message].slice(-TAPE);
      showTape();
      break;
    case 'report':
      if (message.kind === 'rejected') note(`${message.detail}.`);
      orders.reported(message);
      showOrders();
      break;
    case 'refused':
      note(message.detail + (orders.refused(message) ? ': the order was not taken.' : '.'));
      showOrders();
      break;
    default:
  }
}

/** The engine is there: what is open, and again what it has not answered. */
function catchUp() {
  say({ kind: 'orders' });
  for (const command of orders.again()) say(command);
}

function setEngine(state) {
  const before = engine;
  engine = state;
  const status = $('status');
  status.dataset.state = state;
  status.textContent = STATES[state];
  $('send').disabled = state !== 'up';
  if (state === 'down') note('The engine is down. Orders it has confirmed are safe.');
  else if (state === 'off' && account !== undefined) note('The connection is lost; trying again.');
  else if (before === 'down') note('The engine was down, and is back. All it confirmed is there.');
  else note('');
}

function note(text) {
  const notice = $('notice');
  notice.textContent = text;
  notice.hidden = text === '';
}

// ---- showing

function row(...cells) {
  const line = document.createElement('tr');
  for (const cell of cells) {
    const data = document.createElement('td');
    data.append(cell);
    line.append(data);
  }
  return line;
}

function button(text, label, action) {
  const element = document.createElement('button');
  element.type = 'button';
  element.textContent = text;
  element.setAttribute('aria-label', label);
  element.addEventListener('click', action);
  return element;
}

function showSymbols() {
  const names = [...books.keys()].sort((a, b) => a.localeCompare(b));
  $('symbols').replaceChildren(
    ...names.map((name) => {
      const choose = button(name, name, () => {
        symbol = name;
        showSymbols();
        showBook();
        showTape();
      });
      choose.setAttribute('aria-pressed', String(name === symbol));
      return choose;
    }),
  );
}

function showBook() {
  const { bids, asks } = books.get(symbol);
  const most = Math.max(1, ...[...bids, ...asks].map(([, quantity]) => quantity));
  const level = ([price, quantity, count]) => {
    const choose = button(money(price), `Price ${money(price)}`, () => {
      entry.price.value = money(price);
    });
    const line = row(choose, String(quantity), String(count));
    line.style.setProperty('--depth', `${(100 * quantity) / most}%`);
    return line;
  };
  $('book-title').textContent = `Book of ${symbol}`;
  $('asks').replaceChildren(...asks.map(level).toReversed());
  $('bids').replaceChildren(...bids.map(level));
  const isBoth = bids.length > 0 && asks.length > 0;
  $('spread').textContent = isBoth ? `Spread ${money(asks[0][0] - bids[0][0])}` : 'No spread';
}

function showTape() {
  const own = trades.filter((trade) => trade.symbol === symbol).toReversed();
  $('tape').replaceChildren(
    ...own.map(({ time, price, quantity, side }) => {
      const line = row(new Date(time).toLocaleTimeString(), money(price), String(quantity));
      line.children[1].className = `side-${side}`;
      return line;
    }),
  );
}

function showOrders() {
  const list = orders.list();
  $('no-orders').hidden = list.length > 0;
  $('orders').replaceChildren(...list.map(showOrder));
}

function showOrder({ reference, side, symbol: name, price, quantity, remaining, state, detail }) {
  const what = document.createElement('span');
  what.className = `side-${side}`;
  what.textContent = `${side === 'buy' ? 'Buy' : 'Sell'} ${quantity} ${name}`;
  const isOpen = state === 'open';
  const cancel = isOpen
    ? button('Cancel', `Cancel ${what.textContent}`, () => say({ kind: 'cancel', reference }))
    : '';
  const limit = price === 0 ? 'market' : money(price);
  const line = row(what, limit, `${quantity - remaining} of ${quantity}`, state, cancel);
  line.dataset.state = state;
  line.toggleAttribute('data-open', isOpen || state === 'waiting');
  line.title = detail ?? '';
  return line;
}

// ---- what people do

$('login').addEventListener('submit', (event) => {
  event.preventDefault();
  account = event.target.account.value;
  for (const each of event.target.elements) each.disabled = true;
  orders = new Orders(sessionStorage, account);
  showOrders();
  connect();
});

entry.addEventListener('change', () => {
  entry.price.disabled = entry.kind.value === 'market';
  $('send').textContent = entry.side.value === 'buy' ? 'Buy' : 'Sell';
});

entry.addEventListener('submit', (event) => {
  event.preventDefault();
  note('');
  const { side, kind, quantity, price } = entry;
  const command = {
    kind: kind.value,
    side: side.value,
    symbol,
    reference: newReference(),
    price: kind.value === 'limit' ? cents(price.value) : 0,
    quantity: Number(quantity.value),
  };
  orders.sent(command);
  showOrders();
  say(command);
});

/** Nobody else's: 16 random bytes. */
function newReference() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
