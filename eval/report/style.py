"""The page's style sheet: light, dark and paper; colours that colour-blind readers can tell apart.

The hues are Okabe and Ito's, made darker on light ground and lighter on dark ground.
"""

CSS = """
:root {
  color-scheme: light dark;
  --ground: #f6f6f4; --card: #ffffff; --ink: #1c1e21; --quiet: #61666d; --rule: #dcdcd8;
  --grid: #e6e6e2; --impostor: #7d828a; --good: #00694c; --bad: #a33b00; --tint: #f0f1ef;
  --series-1: #0072b2; --series-2: #d55e00; --series-3: #009e73;
  --series-4: #b3568f; --series-5: #8a6a00; --series-6: #3d3d9e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15171a; --card: #1d2024; --ink: #e6e7e9; --quiet: #9ea4ac; --rule: #353a40;
    --grid: #2c3136; --impostor: #9299a2; --good: #5cc9a3; --bad: #f3955a; --tint: #25292e;
    --series-1: #56b4e9; --series-2: #f08a4b; --series-3: #2fc79a;
    --series-4: #dd93c0; --series-5: #e3b93c; --series-6: #a3a3f5;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
main, header, footer { max-width: 76rem; margin: 0 auto; padding: 0 1.5rem; }
header { padding-top: 3rem; }
footer { padding-bottom: 3rem; color: var(--quiet); font-size: .85rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; letter-spacing: -.015em; }
h2 { font-size: 1.35rem; margin: 3rem 0 .2rem; letter-spacing: -.01em; }
h3 { font-size: 1rem; margin: 2rem 0 .6rem; }
p { margin: .2rem 0 1rem; max-width: 46rem; }
.quiet { color: var(--quiet); }
.scroll {
  overflow-x: auto; background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
  margin: .8rem 0 1.2rem;
}
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
caption {
  caption-side: top; text-align: left; color: var(--quiet); padding: .7rem .9rem .3rem;
}
th, td { padding: .5rem .7rem; text-align: left; vertical-align: top; }
thead th {
  color: var(--quiet); font-weight: 500; border-bottom: 1px solid var(--rule);
  white-space: nowrap; vertical-align: bottom;
}
tbody th { font-weight: 500; min-width: 9rem; overflow-wrap: break-word; }
tbody tr + tr > * { border-top: 1px solid var(--grid); }
.model { display: flex; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td small, th small { display: block; color: var(--quiet); font-weight: 400; font-size: .78rem; }
.legend li { display: flex; }
.legend {
  display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; list-style: none; padding: 0;
  margin: 1rem 0 .8rem; font-size: .875rem;
}
.swatch { flex: none; width: 1.7em; height: .7em; margin: .42em .5em 0 0; }
.figs {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); gap: .5rem 1rem;
  font-variant-numeric: tabular-nums; min-width: 30rem;
}
.figs > div > small:first-child { color: var(--ink); }
.figures {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(27rem, 100%), 1fr)); gap: 1rem;
}
figure {
  margin: 0; background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
  padding: .9rem 1rem 1rem; break-inside: avoid;
}
figcaption { font-size: .85rem; color: var(--quiet); margin-bottom: .5rem; }
figcaption b { color: var(--ink); font-weight: 600; }
figure svg { display: block; width: 100%; height: auto; max-width: 40rem; margin: 0 auto; }
figure svg * { stroke-linejoin: round; stroke-linecap: butt; }
.pairs {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(15.5rem, 1fr)); gap: .8rem;
  list-style: none; padding: 0; margin: .6rem 0 1.2rem;
}
.pairs li {
  background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: .7rem;
  font-size: .78rem; line-height: 1.4; break-inside: avoid; overflow-wrap: break-word;
}
.faces { display: flex; gap: 4px; margin-bottom: .5rem; }
.faces > * {
  flex: 1; width: 50%; aspect-ratio: 1; object-fit: contain; background: var(--tint);
  border-radius: 4px; display: grid; place-items: center; color: var(--quiet);
}
.verdict { display: flex; justify-content: space-between; font-size: .85rem; }
.verdict b { font-variant-numeric: tabular-nums; }
.good { color: var(--good); } .bad { color: var(--bad); }
summary { cursor: pointer; font-weight: 600; padding: .4rem 0; overflow-wrap: anywhere; }
ul.notes { padding-left: 1.1rem; max-width: 50rem; font-size: .9rem; }
ul.notes li { margin: .35rem 0; }
dl {
  display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem; margin: 0;
  padding: .9rem; font-size: .82rem;
}
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: .95em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
@media (max-width: 40rem) {
  dl { grid-template-columns: 1fr; }
  dd { margin-bottom: .5rem; }
  .figs { min-width: 9rem; }
}
@media print {
  :root {
    color-scheme: light;
    --ground: #fff; --card: #fff; --ink: #000; --quiet: #444; --rule: #bbb; --grid: #ddd;
    --impostor: #777; --good: #00553d; --bad: #8a3200; --tint: #f2f2f2;
    --series-1: #0072b2; --series-2: #d55e00; --series-3: #009e73;
    --series-4: #b3568f; --series-5: #8a6a00; --series-6: #3d3d9e;
  }
  body { font-size: 10pt; }
  main, header, footer { max-width: none; padding: 0; }
  .figures { grid-template-columns: 1fr 1fr; }
  .figs { min-width: 0; }
  .scroll { overflow: visible; }
  table { font-size: 8pt; }
  th, td { padding: .3rem .4rem; }
  h2, h3, caption { break-after: avoid; }
  tr { break-inside: avoid; }
}
"""
