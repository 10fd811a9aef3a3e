/** Characters of HTTP's grammar (RFC 9110 §5.5, §5.6), by byte. */

export const TAB = 9;
export const LF = 10;
export const CR = 13;
export const SPACE = 32;
export const DELETE = 127;

/** 1 for bytes that may stand in a token. */
export const IS_TOKEN: Readonly<Uint8Array> = new Uint8Array(256).map((_, byte) =>
  /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(byte)) ? 1 : 0,
);

/** The value of a hexadecimal digit; 255 for any other byte. */
export const HEX_VALUE: Readonly<Uint8Array> = new Uint8Array(256).map((_, byte) => {
  const text = String.fromCharCode(byte);
  return /[0-9A-Fa-f]/.test(text) ? Number.parseInt(text, 16) : 255;
});

/** Whether a byte may stand in a field's value: visible, above ASCII, a space or a tab. */
export function isFieldByte(byte: number): boolean {
  return (byte >= SPACE && byte !== DELETE) || byte === TAB;
}
