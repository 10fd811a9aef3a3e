/**
 * What producers of this thread hold back: shown at the end of the turn of the event loop, and
 * before the thread blocks on whatever ring, because what it waits for may depend on it.
 */
const pending: (() => void)[] = [];

/** Calls `publish`, which must not throw, at the end of the turn or before the thread blocks. */
export function publishAtTurnEnd(publish: () => void): void {
  if (pending.push(publish) === 1) queueMicrotask(publishPending);
}

/** Shows everything now. */
export function publishPending(): void {
  if (pending.length === 0) return;
  for (const publish of pending.splice(0)) publish();
}
