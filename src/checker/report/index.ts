/** Telling what a check found: in the terminal, as a page, as a graph, as a litmus test. */
export { dotText } from './dot.ts';
export { litmusText } from './litmus/index.ts';
export type { LitmusText } from './litmus/index.ts';
export { pageText } from './page.ts';
export type { PageOptions } from './page.ts';
export { findRepairs, repairText } from './repair.ts';
export type { Repair, RepairedAccess, RepairOptions, Repairs } from './repair.ts';
export { coverageText } from './report.ts';
export { resultText } from './text.ts';
export type { TextOptions } from './text.ts';
