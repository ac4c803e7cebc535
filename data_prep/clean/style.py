"""The style sheet of the pages: light and dark, nothing loaded."""

CSS = """
:root {
  color-scheme: light dark;
  --ground: #f6f6f4; --card: #ffffff; --ink: #1c1e21; --quiet: #61666d; --rule: #dcdcd8;
  --bad: #a33b00; --tint: #f0f1ef;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15171a; --card: #1d2024; --ink: #e6e7e9; --quiet: #9ea4ac; --rule: #353a40;
    --bad: #f3955a; --tint: #25292e;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
main, header, footer { max-width: 76rem; margin: 0 auto; padding: 0 1.5rem; }
header { padding-top: 2.5rem; }
footer { padding-bottom: 3rem; color: var(--quiet); font-size: .85rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.015em; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .5rem; overflow-wrap: anywhere; }
h2 small { color: var(--quiet); font-weight: 400; font-size: .85rem; margin-left: .5rem; }
p, ol { max-width: 50rem; margin: .3rem 0 .9rem; }
ol { padding-left: 1.3rem; }
.quiet { color: var(--quiet); }
.notice { border-left: 4px solid var(--bad); padding: .2rem 0 .2rem .9rem; }
code { font: .92em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
pre {
  background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: .8rem 1rem;
  font: .82rem/1.55 ui-monospace, "SF Mono", Menlo, Consolas, monospace; white-space: pre-wrap;
  overflow-wrap: anywhere;
}
summary { cursor: pointer; color: var(--quiet); }
.finding {
  background: var(--card); border: 1px solid var(--rule); border-radius: 8px; margin: 0 0 .7rem;
  padding: .7rem .9rem .8rem; break-inside: avoid;
}
.narrow .all {
  display: grid; gap: .7rem;
  grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr));
}
.narrow .finding { margin: 0; }
.finding > p { margin: 0 0 .6rem; max-width: none; font-size: .88rem; overflow-wrap: anywhere; }
.finding code { font-weight: 600; }
.line { float: right; color: var(--quiet); font-size: .8rem; margin-left: 1rem; }
.strips { display: flex; flex-wrap: wrap; gap: .6rem 1.6rem; }
.strip > b { display: block; font-size: .78rem; font-weight: 500; color: var(--quiet);
  max-width: 31rem; overflow-wrap: anywhere; }
.strip.out > b { color: var(--bad); }
.row { display: flex; flex-wrap: wrap; gap: 4px; }
figure { margin: 0; width: 96px; font-size: .7rem; line-height: 1.3; color: var(--quiet);
  overflow-wrap: anywhere; }
figure img, figure span { display: block; width: 96px; height: 96px; object-fit: contain;
  background: var(--tint); border-radius: 4px; }
figure span { display: grid; place-items: center; text-align: center; }
.out img { outline: 3px solid var(--bad); outline-offset: -3px; }
"""
