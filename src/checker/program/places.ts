/** Locations as people know them: `words[2]` instead of bytes, and values as the view has them. */
import { type Element, ELEMENTS } from './elements.ts';
import type { Location } from './locations.ts';
import type { Memory } from './memory.ts';
import type { Session } from './session.ts';

/** A location in a report. */
export interface Place {
  readonly name: string;
  /** The value that the bits stand for. */
  decode(raw: unknown): unknown;
}

interface View {
  readonly element: Element;
  readonly offset: number;
  readonly length: number;
}

function viewsOf(memory: Memory): View[] {
  return [...memory.views.keys()].map((key) => {
    const [name, offset, length] = key.split(' ');
    const element = ELEMENTS.find((each) => each.name === name)!;
    return { element, offset: Number(offset), length: Number(length) };
  });
}

/** The first view whose elements are these bytes. */
function viewAt(views: readonly View[], { offset, size }: Location): View | undefined {
  return views.find(({ element, offset: start, length }) => {
    const from = offset - start;
    return element.size === size && from >= 0 && from % size === 0 && from < length * size;
  });
}

/** `words`, and `words (2)` for the second one of that name. */
function nameOf(session: Session, memory: Memory): string {
  let count = 1;
  for (let index = 0; index < memory.index; index++) {
    if (session.memoryAt(index)?.name === memory.name) count += 1;
  }
  return count === 1 ? memory.name : `${memory.name} (${count})`;
}

function placeIn(location: Location, memory: Memory, name: string): Place {
  const views = viewsOf(memory);
  const view = viewAt(views, location);
  const decode = (raw: unknown): unknown =>
    view === undefined || raw === undefined ? raw : view.element.decode(raw as number | bigint);
  const { offset, size } = location;
  const isOne = views.every((each) => each.offset === 0 && each.element === views[0]!.element);
  const place = isOne && view !== undefined ? `[${offset / size}]` : `+${offset}`;
  return { name: `${name}${place}`, decode };
}

/** Words of the checker's own, after the location or the cell that they are for. */
function hiddenName(label: string, names: ReadonlyMap<string, string>): string {
  const location = /^sleepers of (.*)$/s.exec(label)?.[1];
  return location === undefined ? label : `sleepers of ${names.get(location) ?? location}`;
}

/**
 * All locations of a session as people know them, by number: with an index when the memory has
 * elements of one type alone, else with an offset in bytes. No two have the same name.
 */
export function placesOf(session: Session): readonly Place[] {
  const { locations } = session;
  const places: Place[] = [];
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (let number = 0; number < locations.count; number++) {
    const location = locations.at(number);
    const memory = location.memory < 0 ? undefined : session.memoryAt(location.memory);
    const cell = /^cell \d+ (.*)$/s.exec(location.label)?.[1];
    let place: Place;
    if (memory !== undefined) place = placeIn(location, memory, nameOf(session, memory));
    else place = { name: cell ?? hiddenName(location.label, names), decode: (raw) => raw };
    while (taken.has(place.name)) place = { ...place, name: `${place.name}'` };
    taken.add(place.name);
    names.set(location.label, place.name);
    places.push(place);
  }
  return places;
}
