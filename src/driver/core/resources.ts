/** What has to be given back, in the reverse order of taking, at the end or when a start fails. */
export class Resources {
  readonly #undo: (() => void)[] = [];

  /** Notes how `value` is given back. Returns it. */
  keep<T>(value: T, undo: (value: T) => void): T {
    this.#undo.push(() => undo(value));
    return value;
  }

  release(): void {
    while (this.#undo.length > 0) this.#undo.pop()!();
  }
}
