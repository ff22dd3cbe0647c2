/**
 * Of every page. Ink on paper, one accent for trouble (`--trouble`), a quiet green for what was measured and is well, hatching
 * and outlines for what was not measured. Contrast is 4.5 or more for text, 3 or more for marks, in light and dark.
 */
export const stylesheet = `
:root { color-scheme: light dark; --page: #fcfcfb; --card: #fff; --line: #dcdfe3; --ink: #191d23; --faint: #59626e; --link: #1b4f8f;
  --trouble: #b3360b; --trouble-soft: #fdeee7; --on-trouble: #fff; --well: #3f7d5c; --reference: #8a94a3; --current: #3c5f8c; --hatch: #8a93a0; }
@media (prefers-color-scheme: dark) { :root { --page: #111419; --card: #181c22; --line: #2e353f; --ink: #e4e7eb; --faint: #9aa4b1; --link: #8db8ec;
  --trouble: #ff9166; --trouble-soft: #3a2018; --on-trouble: #1b0d06; --well: #63a785; --reference: #76818f; --current: #86aee0; --hatch: #727d8b; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 76rem; padding: 0 1.25rem 2rem; background: var(--page); color: var(--ink); font: 14px/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: .15em; } a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px; } main:focus { outline: none; }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; top: .5rem; z-index: 1; padding: .4rem .8rem; background: var(--card); border: 1px solid var(--line); }
.patterns { position: absolute; } .visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.top { display: flex; justify-content: space-between; align-items: center; gap: .5rem 1rem; flex-wrap: wrap; padding: .6rem 0; border-bottom: 1px solid var(--line); }
.top ol { display: flex; flex-wrap: wrap; gap: .25rem; margin: 0; padding: 0; list-style: none; } .top li { overflow-wrap: anywhere; } .top li + li::before { content: "/"; margin-right: .25rem; color: var(--faint); }
.home { font-weight: 650; color: var(--ink); text-decoration: none; } .session { display: flex; gap: .6rem; align-items: center; }
h1 { font-size: 1.45rem; line-height: 1.25; margin: 1.1rem 0 .35rem; font-weight: 650; overflow-wrap: anywhere; text-wrap: balance; }
h2 { font-size: 1.05rem; margin: 1.8rem 0 .5rem; font-weight: 650; } h3 { font-size: 1rem; margin: 0 0 .3rem; font-weight: 650; overflow-wrap: anywhere; }
p { margin: .3rem 0 .6rem; max-width: 62rem; overflow-wrap: anywhere; } .lead { font-size: 1rem; }
.faint, .ago { color: var(--faint); } .ago { white-space: nowrap; } time { white-space: nowrap; }
.trouble-text { color: var(--trouble); font-weight: 600; }
footer { margin-top: 2.5rem; padding-top: .5rem; border-top: 1px solid var(--line); color: var(--faint); font-size: .9rem; }
.scroll { overflow-x: auto; } .card > :first-child { margin-top: 0; } .card > :last-child { margin-bottom: 0; } .card { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; margin: 0 0 .75rem; }
.card.trouble { border-left: 4px solid var(--trouble); }
table { border-collapse: collapse; width: 100%; } th, td { padding: .32rem .9rem .32rem 0; text-align: left; font-weight: 400; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th, thead td { color: var(--faint); font-size: .86rem; white-space: nowrap; } td:last-child, th:last-child { padding-right: 0; }
.number { text-align: right; white-space: nowrap; } tbody th { overflow-wrap: anywhere; min-width: 9rem; } td.wide { min-width: 14rem; }
.series th:nth-child(1) { width: 30%; } .series th:nth-child(2) { width: 20%; } .series th:nth-child(3) { width: 17%; } .series th:nth-child(4) { width: 17%; }
tr.trouble > th:first-child { box-shadow: -3px 0 0 var(--trouble); } tr.trouble > th a { font-weight: 600; }
.group > th { padding-top: .9rem; color: var(--faint); font-size: .86rem; border-bottom-color: var(--faint); }
.mark { flex: none; vertical-align: -.1em; fill: currentColor; } .mark .line { fill: none; stroke: currentColor; stroke-width: 1.6; } .mark .dashed { stroke-dasharray: 2 1.6; }
.state { white-space: nowrap; } .state.trouble, .mark.trouble, .state.watched, .mark.watched { color: var(--trouble); } .state.trouble { font-weight: 600; } .mark.well { color: var(--well); } .state.unmeasured, .mark.unmeasured { color: var(--faint); }
.badge { display: inline-block; padding: 0 .5em; border-radius: 3px; font-size: .86rem; font-weight: 650; line-height: 1.55; white-space: nowrap; border: 1px solid var(--faint); color: var(--ink); vertical-align: .08em; }
.badge.page { background: var(--trouble); border-color: var(--trouble); color: var(--on-trouble); } .badge.ticket { border-color: var(--trouble); color: var(--trouble); } .badge.over { color: var(--faint); border-style: dashed; }
.tag { padding: 0 .35em; border: 1px solid var(--trouble); border-radius: 3px; color: var(--trouble); font-size: .8rem; }
.strip { display: block; max-width: 100%; } .cell.trouble { fill: var(--trouble); } .cell.watched { fill: none; stroke: var(--trouble); } .cell.well { fill: var(--well); } .cell.unmeasured { fill: url(#hatch); } .hatch { stroke: var(--hatch); stroke-width: 1.6; fill: none; }
.pairs { margin: .3rem 0 .6rem; } .pairs div { display: flex; flex-wrap: wrap; gap: 0 .8rem; padding: .08rem 0; } .pairs dt { min-width: 9rem; color: var(--faint); } .pairs dd { margin: 0; overflow-wrap: anywhere; flex: 1 1 14rem; }
details { margin: .3rem 0; } summary { cursor: pointer; color: var(--faint); width: fit-content; } summary:hover { color: var(--ink); }
pre { margin: .4rem 0 .8rem; padding: .7rem .9rem; background: var(--card); border: 1px solid var(--line); border-radius: 6px; overflow-x: auto; font: 13px/1.5 ui-monospace, monospace; } code { font: .93em ui-monospace, monospace; overflow-wrap: anywhere; } pre.text { white-space: pre-wrap; overflow-wrap: anywhere; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: .9rem 1.75rem; } .charts > * { min-width: 0; } .scroll + .charts { margin-top: 1rem; }
.chart { margin: 0; } figcaption { margin-bottom: .3rem; display: flex; flex-wrap: wrap; gap: 0 .6rem; align-items: baseline; }
.plot { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .4rem; } .plot > svg { display: block; width: 100%; height: 7.5rem; border-bottom: 1px solid var(--faint); background: linear-gradient(var(--line), var(--line)) 0 0 / 100% 1px no-repeat; }
.scale { display: flex; flex-direction: column; justify-content: space-between; text-align: right; color: var(--faint); font-size: .8rem; min-width: 3rem; line-height: 1; } .ticks { display: flex; justify-content: space-between; gap: .5rem; color: var(--faint); font-size: .8rem; padding-left: 3.4rem; }
.chart path, .key path { fill: none; vector-effect: non-scaling-stroke; stroke-width: 1.75; } .line-0, .dot-0 { stroke: var(--current); } .line-1, .dot-1 { stroke: var(--faint); stroke-dasharray: 6 3; } .line-2, .dot-2 { stroke: var(--well); stroke-dasharray: 2 3; } .line-3, .dot-3 { stroke: var(--ink); stroke-dasharray: 9 3 2 3; } .chart path.estimate, .key path.estimate { stroke-dasharray: 1.5 3; } .chart path.band { stroke: none; opacity: .13; } .chart path.band-0 { fill: var(--current); } .chart path.band-1 { fill: var(--faint); } .chart path.band-2 { fill: var(--well); } .chart path.band-3 { fill: var(--ink); }
.chart path.dot { stroke-width: 5; stroke-linecap: round; stroke-dasharray: none; } .chart path.dot.doubtful { stroke-width: 3; opacity: .6; } .chart path.level { stroke: var(--faint); stroke-width: 1; stroke-dasharray: 4 4; } .ground { fill: var(--trouble-soft); }
rect.volume { fill: var(--reference); } rect.volume.trouble { fill: var(--trouble); } rect.reference { fill: var(--reference); } rect.current { fill: var(--current); } rect.current.grew { fill: var(--trouble); } rect.hover { fill: transparent; } g:hover > rect.hover { fill: var(--line); }
.keys { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; margin: .2rem 0 .4rem; } .key svg { margin-right: .35rem; vertical-align: middle; }
.shares { list-style: none; margin: .3rem 0 .6rem; padding: 0; } .shares li { display: grid; grid-template-columns: minmax(5rem, 12rem) minmax(3rem, 1fr) 9.5rem; gap: .8rem; align-items: center; padding: .1rem 0; } .shares .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; } .shares svg { display: block; width: 100%; height: 1rem; }
.notice { padding: .55rem .9rem; border: 1px solid var(--line); border-left: 4px solid var(--well); background: var(--card); border-radius: 4px; } .notice.refused { border-left-color: var(--trouble); } .nothing { color: var(--faint); }
form.actions { display: grid; gap: .8rem; } .fields, .choices { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: end; } .choices { gap: .6rem 1.6rem; } .choice { display: flex; gap: .5rem; align-items: center; flex-wrap: wrap; } label { display: grid; gap: .15rem; color: var(--faint); font-size: .9rem; } .fields label:nth-of-type(2) { flex: 1 1 16rem; }
input, select, button { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--faint); border-radius: 4px; padding: .35rem .6rem; min-height: 2.2rem; } input { min-width: 0; width: 100%; } button { cursor: pointer; } button:hover { border-color: var(--ink); } button.main { background: var(--ink); color: var(--page); border-color: var(--ink); } button.quiet { padding: .1rem .5rem; min-height: 1.7rem; }
.login { max-width: 26rem; margin: 3rem auto; } .login form { display: grid; gap: .8rem; }
.timeline { list-style: none; margin: .3rem 0; padding: 0; } .timeline li { display: grid; grid-template-columns: 13rem minmax(0, 1fr); gap: .2rem .9rem; padding: .28rem 0 .28rem .8rem; border-left: 2px solid var(--line); } .timeline li.trouble { border-left-color: var(--trouble); } .timeline .what { overflow-wrap: anywhere; }
.steps { margin: .3rem 0 .6rem; padding-left: 1.3rem; } .sub { margin: 1rem 0 .3rem; font-size: .93rem; font-weight: 650; }
.progress { display: block; width: 12rem; max-width: 100%; height: 8px; margin-top: .2rem; } .progress .have { fill: var(--current); } .progress .whole { fill: none; stroke: var(--faint); }
@media (max-width: 44rem) { body { padding: 0 .8rem 2rem; } .optional { display: none; } th, td { padding-right: .6rem; } tbody th { min-width: 6rem; } td.wide { min-width: 9rem; } .fleet tr { display: grid; grid-template-columns: minmax(0, 1fr) auto; border-bottom: 1px solid var(--line); padding: .45rem 0; } .fleet thead { display: none; } .fleet th, .fleet td { border: 0; padding: .05rem 0; } .fleet .wide { grid-column: 1 / -1; } .fleet td.optional { display: none; }
  .shares li { grid-template-columns: minmax(0, 1fr) auto; gap: 0 .75rem; padding: .2rem 0; } .shares svg { grid-column: 1 / -1; grid-row: 2; } .timeline li { grid-template-columns: minmax(0, 1fr); } .pairs dt { min-width: 7rem; } .ticks { padding-left: 0; } input, select, button { min-height: 2.75rem; } }
@media print { .actions, .top { display: none; } body { max-width: none; } }
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
`;
