/** Text in columns. */

/** Rows in columns; columns of nothing but numbers to the right. */
export function columns(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const isRight = head.map((_, column) => rows.every((row) => /^[\d.,-]*$/.test(row[column]!)));
  return all
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column]!;
          return isRight[column] ? cell.padStart(width) : cell.padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A number for people: thousands apart, one digit behind the point where there is a fraction. */
export function count(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 1 });
}

/** A text of somebody else's that must not move the cursor of a terminal. */
export function plain(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '\ufffd');
}
