/** The table of a protocol, as textbooks print it. */
import type { Fill, OwnCell, Protocol, Row, SnoopCell, State } from '../protocol.ts';
import { columns } from './columns.ts';

const HEAD = ['', 'read', 'write', 'evict', 'BusRd', 'BusRdX', 'BusUpgr'];

/** A row for each state, a column for each thing that can happen. */
export function protocolText({ name, source, rows }: Protocol): string {
  const cells = (Object.entries(rows) as [State, Row][]).map(([state, row]) => [
    state,
    ownText(row.read),
    ownText(row.write),
    ownText(row.evict),
    snoopText(row.BusRd),
    snoopText(row.BusRdX),
    snoopText(row.BusUpgr),
  ]);
  return `${name} (${source})\n\n${columns(HEAD, cells)}`;
}

function ownText(cell: OwnCell | undefined): string {
  if (cell === undefined) return '-';
  const { request, next, writesBack } = cell;
  const state = typeof next === 'string' ? next : fillText(next);
  const asked = request === undefined ? state : `${request} → ${state}`;
  return writesBack ? `${asked}, write back` : asked;
}

function fillText({ alone, shared }: Fill): string {
  return `${alone} alone, ${shared} shared`;
}

function snoopText(cell: SnoopCell | undefined): string {
  if (cell === undefined) return '-';
  const { next, supplies, writesBack } = cell;
  const parts: string[] = [next];
  if (supplies !== undefined) parts.push('send');
  if (writesBack) parts.push('write back');
  return parts.join(', ');
}
