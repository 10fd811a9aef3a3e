/** The page's icon: two rings that come round. */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none"
 stroke="#0b8a7c" stroke-linecap="round">
<path stroke-width="4" d="M16 3.5a12.5 12.5 0 1 1-11.8 8.4"/>
<path stroke-width="3.5" d="M16 10a6 6 0 1 1-5.4 3.4"/></svg>`;

/** The page's elements. `{icon}`, `{style}` and `{script}` are put in by `index.ts`. */
export const MARKUP = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rondo gateway</title>
<link rel="icon" href="data:image/svg+xml,{icon}">
<style>{style}</style>
</head>
<body>
<div class="page">
<header>
<svg viewBox="0 0 32 32" fill="none" stroke="currentColor" stroke-linecap="round"
 aria-hidden="true">
<path stroke-width="3.5" d="M16 3.5a12.5 12.5 0 1 1-11.8 8.4"/>
<path stroke-width="3" opacity=".6" d="M16 10a6 6 0 1 1-5.4 3.4"/>
</svg>
<div><h1>Rondo gateway</h1><p>Try it: connect, say something, see what comes back.</p></div>
</header>
<main class="columns">
<div class="stack">
<form class="card" id="connection">
<h2>Connection</h2>
<label for="path">Path</label>
<input class="path" id="path" value="/echo" spellcheck="false" autocapitalize="off"
 autocomplete="off">
<div class="presets" role="group" aria-label="Paths to choose">
<button type="button" data-path="/echo">/echo</button>
<button type="button" data-path="/topics/lobby">/topics/lobby</button>
</div>
<button class="primary wide" id="connect">Connect</button>
</form>
<section class="card trips" aria-labelledby="latency-title">
<h2 id="latency-title">Round trip</h2>
<dl>
<dt>Last</dt><dd id="last">–</dd>
<dt>Median</dt><dd id="median">–</dd>
<dt>Sent / received</dt><dd id="counts">0 / 0</dd>
</dl>
<svg class="chart" id="chart" viewBox="0 0 240 48" preserveAspectRatio="none" role="img"
 aria-label="The latest round trips">
<line x1="0" y1="47" x2="240" y2="47" vector-effect="non-scaling-stroke"/>
<polyline points="" vector-effect="non-scaling-stroke"/>
</svg>
<button type="button" class="wide" id="measure" disabled>Send 20 pings</button>
</section>
</div>
<section class="card conversation" aria-labelledby="conversation-title">
<div class="bar">
<h2 id="conversation-title">Messages</h2>
<span class="state" id="state" role="status" data-state="closed">Not connected</span>
</div>
<ol class="log" id="log" role="log" aria-label="Messages" tabindex="0" hidden></ol>
<p class="empty" id="empty">On <strong>/echo</strong>, everything comes back to you. In a topic,
everybody hears what you say: open this page twice and connect both to the same one.</p>
<form class="composer" id="composer">
<label class="hidden" for="message">Message</label>
<input id="message" placeholder="Write a message" autocomplete="off" disabled>
<button class="primary" id="send" disabled>Send</button>
</form>
</section>
</main>
<footer>Any WebSocket client can do this: <span id="url"></span></footer>
</div>
<script>{script}</script>
</body>
</html>
`;
