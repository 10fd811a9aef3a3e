/** The page's style: light and dark, no fonts or images from anywhere. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f5f4f0;
  --surface: #ffffff;
  --sunken: #faf9f6;
  --line: #dedbd2;
  --text: #1f2328;
  --quiet: #626a73;
  --accent: #0b6b61;
  --accent-strong: #08574f;
  --on-accent: #ffffff;
  --out: #e4f1ee;
  --warn: #9a5b00;
  --bad: #b3261e;
  --focus: #0b6b61;
  --shadow: 0 1px 2px rgb(30 30 20 / 6%), 0 6px 24px rgb(30 30 20 / 5%);
  --mono: ui-monospace, 'SF Mono', 'Cascadia Mono', 'JetBrains Mono', Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a;
    --surface: #1c2024;
    --sunken: #171a1e;
    --line: #31373d;
    --text: #e7e9eb;
    --quiet: #9aa4ad;
    --accent: #5fd0bf;
    --accent-strong: #7fe0d1;
    --on-accent: #06231f;
    --out: #1d3531;
    --warn: #e9b35c;
    --bad: #ff8f85;
    --focus: #5fd0bf;
    --shadow: 0 1px 2px rgb(0 0 0 / 40%);
  }
}
* { box-sizing: border-box; }
html { height: 100%; }
body {
  margin: 0;
  min-height: 100%;
  background: var(--ground);
  color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif;
}
.page {
  max-width: 68rem;
  margin: 0 auto;
  padding: 1.5rem 1.25rem 2rem;
}
header {
  display: flex;
  align-items: center;
  gap: 0.75rem;
  margin-bottom: 1.5rem;
}
header svg { width: 2rem; height: 2rem; flex: none; color: var(--accent); }
h1 { margin: 0; font-size: 1.375rem; line-height: 1.2; letter-spacing: -0.01em; }
h1 + p { margin: 0; color: var(--quiet); font-size: 0.875rem; }
h2 { margin: 0 0 0.75rem; font-size: 0.9375rem; }
.columns {
  display: grid;
  grid-template-columns: minmax(17rem, 20rem) minmax(0, 1fr);
  gap: 1.25rem;
  align-items: stretch;
}
.stack { display: grid; gap: 1.25rem; align-content: start; }
.card {
  background: var(--surface);
  border: 1px solid var(--line);
  border-radius: 0.75rem;
  box-shadow: var(--shadow);
  padding: 1.125rem;
}
.conversation {
  display: flex;
  flex-direction: column;
  height: max(32rem, 100vh - 10.5rem);
  padding: 0;
}
.bar {
  display: flex;
  align-items: center;
  justify-content: space-between;
  gap: 1rem;
  padding: 0.75rem 1.125rem;
  border-bottom: 1px solid var(--line);
}
.bar h2 { margin: 0; }
label, .label { display: block; font-size: 0.8125rem; color: var(--quiet); margin-bottom: 0.25rem; }
input {
  width: 100%;
  min-width: 0;
  padding: 0.5rem 0.75rem;
  border: 1px solid var(--line);
  border-radius: 0.5rem;
  background: var(--sunken);
  color: var(--text);
  font: inherit;
}
input.path { font-family: var(--mono); font-size: 0.875rem; }
input:disabled { color: var(--quiet); }
button {
  padding: 0.5rem 1rem;
  border: 1px solid var(--line);
  border-radius: 0.5rem;
  background: var(--surface);
  color: var(--text);
  font: inherit;
  font-weight: 550;
  cursor: pointer;
}
button:hover:not(:disabled) { border-color: var(--quiet); }
button:disabled { opacity: 0.5; cursor: default; }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button.primary:hover:not(:disabled) {
  background: var(--accent-strong);
  border-color: var(--accent-strong);
}
button.plain {
  padding: 0.125rem 0.5rem;
  border-color: transparent;
  background: transparent;
  color: var(--quiet);
  font-size: 0.8125rem;
  font-weight: 400;
}
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
.presets { display: flex; flex-wrap: wrap; gap: 0.375rem; margin: 0.5rem 0 1rem; }
.presets button {
  padding: 0.125rem 0.5rem;
  border-radius: 1rem;
  color: var(--quiet);
  font: 0.8125rem/1.5 var(--mono);
}
.wide { width: 100%; }
.state { display: inline-flex; align-items: center; gap: 0.5rem; font-size: 0.8125rem; }
.state::before {
  content: '';
  width: 0.5rem;
  height: 0.5rem;
  border-radius: 50%;
  background: var(--quiet);
}
.state[data-state='open']::before { background: var(--accent); }
.state[data-state='connecting']::before,
.state[data-state='closing']::before { background: var(--warn); }
.state[data-state='failed']::before { background: var(--bad); }
dl { display: grid; grid-template-columns: 1fr auto; gap: 0.25rem 1rem; margin: 0 0 0.75rem; }
dt { color: var(--quiet); font-size: 0.875rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; text-align: right; font-size: 0.875rem; }
.chart { display: block; width: 100%; height: 3rem; margin-bottom: 0.75rem; }
.chart polyline { fill: none; stroke: var(--accent); stroke-width: 1.5; stroke-linejoin: round; }
.chart line { stroke: var(--line); }
.log {
  flex: 1 1 0;
  min-height: 12rem;
  overflow-y: auto;
  margin: 0;
  padding: 0.875rem 1.125rem;
  list-style: none;
}
.log li { display: flex; flex-direction: column; align-items: flex-start; margin-bottom: 0.5rem; }
.log .out { align-items: flex-end; }
.log .text {
  max-width: 85%;
  padding: 0.375rem 0.75rem;
  border: 1px solid var(--line);
  border-radius: 0.75rem 0.75rem 0.75rem 0.1875rem;
  background: var(--sunken);
  overflow-wrap: anywhere;
  white-space: pre-wrap;
}
.log .out .text {
  border-color: transparent;
  border-radius: 0.75rem 0.75rem 0.1875rem 0.75rem;
  background: var(--out);
}
.log .meta { padding: 0 0.25rem; color: var(--quiet); font-size: 0.75rem; }
.log .note { align-items: center; color: var(--quiet); font-size: 0.8125rem; text-align: center; }
.log .bad { color: var(--bad); }
.empty { margin: auto; padding: 2rem; max-width: 26rem; color: var(--quiet); text-align: center; }
.composer {
  display: flex;
  gap: 0.5rem;
  padding: 0.875rem 1.125rem;
  border-top: 1px solid var(--line);
}
footer { margin-top: 1.25rem; color: var(--quiet); font-size: 0.8125rem; }
.hidden {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}
[hidden] { display: none !important; }
@media (max-width: 46rem) {
  .page { padding: 1rem 0.875rem 1.5rem; }
  .columns { grid-template-columns: minmax(0, 1fr); }
  .stack { display: contents; }
  .trips { order: 1; }
  .conversation { height: min(34rem, 80vh); }
}
@media (prefers-reduced-motion: no-preference) {
  button { transition: background-color 120ms, border-color 120ms; }
}
`;
