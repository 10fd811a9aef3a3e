// What clients say, checked as far as the struct demands; the rest is the engine's to judge.
const KINDS = new Set(['limit', 'market', 'cancel', 'orders']);
const REFERENCE = /^[\x21-\x7e]{1,36}$/;
const SYMBOL = /^[A-Z0-9]{1,8}$/;
const U32_MAX = 2 ** 32 - 1;

/** An expression alone would take ["a"], and null, for text. */
function isText(value, expression) {
  return typeof value === 'string' && expression.test(value);
}

/** The command that a client's message is, or a text that says why it is none. */
export function commandOf(message, account) {
  if (typeof message !== 'object' || message === null) return 'A command is a JSON object';
  const { kind, side = 'buy', symbol = '', reference = '', price = 0, quantity = 0 } = message;
  if (!KINDS.has(kind)) return `kind is one of ${[...KINDS].join(', ')}`;
  if (side !== 'buy' && side !== 'sell') return 'side is buy or sell';
  if (kind !== 'orders' && !isText(reference, REFERENCE)) return 'reference is 1 to 36 characters';
  const isOrder = kind === 'limit' || kind === 'market';
  if (isOrder && !isText(symbol, SYMBOL)) return 'symbol is missing';
  for (const [name, value] of Object.entries({ price, quantity })) {
    if (!Number.isInteger(value) || value < 0 || value > U32_MAX) return `${name} is no integer`;
  }
  return {
    kind,
    side,
    symbol: isOrder ? symbol : '',
    account,
    reference: kind === 'orders' ? '' : reference,
    price: kind === 'limit' ? price : 0,
    quantity: isOrder ? quantity : 0,
  };
}
