/** What is printed and drawn. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { simulateProgram } from '../interleave/index.ts';
import { PROTOCOL_NAMES, PROTOCOLS } from '../protocols/index.ts';
import { type CacheReport, simulateCache } from '../report.ts';
import { parseTrace } from '../trace/index.ts';
import { pictureOf } from './picture.ts';
import { protocolText } from './table.ts';
import { comparisonText, interleavingsText, reportText } from './text.ts';

const TEXT = `
name tail 0x400 4
name head 0x404 4
thread P0 producer
P0 W tail writer.ts:272
P1 R tail
P1 W head reader.ts:112
P0 W tail writer.ts:272
`;

const REPORT = simulateCache(parseTrace(TEXT));

function lineOf(text: string, pattern: RegExp): string {
  const line = text.split('\n').find((each) => pattern.test(each));
  assert.ok(line !== undefined, `no line like ${pattern} in:\n${text}`);
  return line.trim().replaceAll(/ {2,}/g, ' | ');
}

describe('reportText', () => {
  it('shows each step: access, states, cycles, what happened and why', () => {
    const text = reportText(REPORT);
    assert.match(
      text,
      /^MESI on a bus: 2 cores, 32 KiB each \(64 sets of 8, lines of 64 bytes\)\n/,
    );
    assert.equal(
      lineOf(text, /^ +0 /),
      '0 | P0 W tail 4 | 0x400 | M | I | 204 | BusRdX mem:data (cold)',
    );
    assert.equal(
      lineOf(text, /^ +3 /),
      '3 | P0 W tail 4 | 0x400 | M | I | 84 | BusRdX c1:flush+writeback c1:inv (false sharing)',
    );
  });

  it('shows lines, offsets, source lines and threads', () => {
    const text = reportText(REPORT);
    assert.equal(lineOf(text, /^0x400/), '0x400 | all | 1 | 3 | 3 | 0 | 1 | 1 | 436');
    assert.equal(
      lineOf(text, /writer\.ts/),
      '+0..3 | producer | 0 | 2 | 2 | 0 | 1 | 0 | 288 | tail | writer.ts:272',
    );
    assert.match(text, /false sharing {2,}1 {2,}0 {2,}1\n/);
  });

  it('says what it leaves out', () => {
    const text = reportText(REPORT, { steps: 1 });
    assert.match(text, /… and 3 more\n/);
    const many = simulateCache(parseTrace('P0 R 0\nP0 R 64\nP0 R 128'));
    assert.match(reportText(many, { lines: 1 }), /… and 2 more lines\n/);
  });

  it('has messages and hops of a directory, and no control characters of sites', () => {
    const source = parseTrace('[{"core":0,"kind":"R","address":0,"site":"a\\u001b[31m"}]');
    const text = reportText(simulateCache(source, { interconnect: 'directory', nodes: 2 }));
    assert.match(text, /messages {2}2 \(GetS 1, Data 1\)/);
    assert.match(text, /hops {6}2 one after the other, 0 between nodes; distance 20 in all/);
    assert.match(text, /a\ufffd\[31m/);
    assert.equal(text.includes('\u001b'), false);
  });

  it('takes a trace of nothing', () => {
    assert.match(reportText(simulateCache([])), /^MESI on a bus: 1 core/);
  });
});

describe('comparisonText', () => {
  it('puts reports beside each other', () => {
    const trace = parseTrace(TEXT);
    const rows = PROTOCOL_NAMES.map((protocol) => ({
      title: protocol,
      report: simulateCache(trace, { protocol, interconnect: 'directory' }),
    }));
    const text = comparisonText(rows);
    assert.equal(text.split('\n').length, 7);
    assert.match(lineOf(text, /^MOESI /), /^MOESI /);
    assert.match(text, /messages/);
  });
});

describe('interleavingsText', () => {
  it('shows what interleavings have, and the best and the worst', () => {
    const text = interleavingsText(simulateProgram(parseTrace(`program\n${TEXT}`)));
    assert.match(text, /\n6 interleavings, all there are\n/);
    assert.match(text, /fewest cycles:[^]*most cycles:/);
    const one = interleavingsText(simulateProgram(parseTrace('program\nP0 R 0')));
    assert.match(one, /\n1 interleaving, all there are\n[^]*one of them:/);
  });
});

describe('protocolText', () => {
  it('prints each table', () => {
    for (const name of PROTOCOL_NAMES) {
      const text = protocolText(PROTOCOLS[name]);
      assert.equal(text.split('\n').length, 3 + Object.keys(PROTOCOLS[name].rows).length);
    }
    const text = protocolText(PROTOCOLS.MESI);
    assert.equal(lineOf(text, /^I /), 'I | BusRd → E alone, S shared | BusRdX → M | - | I | I | I');
    assert.equal(
      lineOf(text, /^M /),
      'M | M | M | I, write back | S, send, write back | I, send, write back | -',
    );
  });
});

describe('pictureOf', () => {
  const draw = (report: CacheReport): string => pictureOf(report);

  it('draws a cell for each core and step of a line, with what happened there', () => {
    const picture = draw(REPORT);
    assert.match(picture, /^<\?xml /);
    assert.equal(picture.match(/<title>/g)?.length, 4);
    assert.match(picture, /3: P0 W 0x400 4 writer\.ts:272 \(tail\)\nBusRdX/);
    assert.match(picture, /0x400 tail head: 1 sharing misses, 1 of them false/);
    assert.match(picture, /4 of 4 accesses, those to these lines</);
  });

  it('cannot be broken out of by a site', () => {
    const site = '</title><script>alert(1)</script>\u0000';
    const report = simulateCache([{ core: 0, kind: 'read', address: 0, size: 4, site }]);
    const picture = draw(report);
    assert.equal(picture.includes('<script>'), false);
    assert.equal(picture.includes('\u0000'), false);
  });

  it('draws nothing of nothing', () => {
    assert.match(draw(simulateCache([])), /0 of 0 accesses/);
  });
});
