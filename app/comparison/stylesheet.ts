/** Of the comparison's page; colours are chosen for contrast in light and dark, and for eyes that confuse red and green. */
export const stylesheet = `
:root { color-scheme: light dark; --page: #fff; --card: #f7f8fa; --line: #dfe3e8; --ink: #1a1f27; --faint: #5a6472;
  --reference: #8592a6; --current: #1f6feb; --drift: #b42318; --drift-soft: #fde8e6; --ok: #14683c; --ok-soft: #e2f4ea; --unsure: #8a5a00; --unsure-soft: #fdf0d5; }
@media (prefers-color-scheme: dark) { :root { --page: #12151a; --card: #1a1e25; --line: #303742; --ink: #e7eaef; --faint: #9aa5b4;
  --reference: #7d8aa0; --current: #58a6ff; --drift: #ff9a8f; --drift-soft: #4a1c18; --ok: #6fd39c; --ok-soft: #153624; --unsure: #f0bf66; --unsure-soft: #42310d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 3rem; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.3; margin: 0 0 .75rem; } h2 { font-size: 1.1rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
p { margin: .25rem 0 .75rem; overflow-wrap: anywhere; }
a { color: inherit; text-decoration-color: var(--faint); text-underline-offset: .15em; } a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 2px solid var(--current); outline-offset: 2px; }
.faint { color: var(--faint); } h2 .type { font-weight: 400; font-size: .875rem; }
.badge { display: inline-block; padding: 0 .5em; border-radius: 1em; font-size: .8rem; font-weight: 600; line-height: 1.6; vertical-align: .1em; white-space: nowrap; color: var(--unsure); background: var(--unsure-soft); }
h1 .badge { font-size: 1rem; } .badge.drift, .badge.new { color: var(--drift); background: var(--drift-soft); } .badge.ok { color: var(--ok); background: var(--ok-soft); }
.files { margin: 0 0 .5rem; } .files div { display: flex; gap: .25rem .75rem; flex-wrap: wrap; } .files dt { min-width: 6.5rem; color: var(--faint); } .files dd { margin: 0; overflow-wrap: anywhere; }
.key { display: inline-block; width: .7rem; height: .7rem; margin-right: .4rem; border-radius: 2px; } .key.reference { background: var(--reference); } .key.current { background: var(--current); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; } main > .scroll > table { width: 100%; margin: .5rem 0 1.5rem; }
th, td { padding: .3rem .75rem .3rem 0; text-align: left; font-weight: 400; border-bottom: 1px solid var(--line); white-space: nowrap; }
thead th { color: var(--faint); font-size: .8rem; } tbody th { max-width: 18rem; overflow: hidden; text-overflow: ellipsis; }
.number { text-align: right; font-variant-numeric: tabular-nums; } td:last-child, th:last-child { padding-right: 0; }
td.bar { width: 30%; min-width: 6rem; } td.bar svg { display: block; width: 100%; height: 10px; }
.fill { fill: var(--reference); } .fill.drift { fill: var(--drift); } .whisker { stroke: var(--ink); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
section { margin: 0 0 1rem; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; scroll-margin-top: 1rem; }
figure { margin: .75rem 0; } .plot { display: block; width: 100%; height: 9rem; border-bottom: 1px solid var(--line); }
rect.reference { fill: var(--reference); } rect.current { fill: var(--current); } rect.hover { fill: transparent; } g:hover rect.hover { fill: var(--line); }
.ticks { display: flex; justify-content: space-between; font-size: .8rem; color: var(--faint); font-variant-numeric: tabular-nums; }
.categories { list-style: none; margin: .75rem 0; padding: 0; font-size: .9rem; } .categories li { display: grid; grid-template-columns: minmax(6rem, 14rem) 1fr 9.5rem; gap: .75rem; align-items: center; padding: .1rem 0; }
.categories .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; } .categories svg { display: block; width: 100%; height: 1.1rem; }
summary { cursor: pointer; color: var(--faint); font-size: .9rem; } .tables th { white-space: normal; } .tables { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; padding-top: .5rem; }
footer { font-size: .85rem; margin-top: 2rem; }
@media (max-width: 40rem) { .tables th, .tables td { padding-right: .5rem; } table .type, main > .scroll .missing { display: none; } main > .scroll .bar { display: none; } tbody th { max-width: 9rem; }
  .categories li { grid-template-columns: 1fr auto; gap: 0 .75rem; padding: .2rem 0; } .categories svg { grid-column: 1 / -1; grid-row: 2; } }
@media print { body { max-width: none; } section { break-inside: avoid; } }
`;
