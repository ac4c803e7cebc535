"""What the pages beside lists have in style beyond `pages/page.css`."""

CSS = """
h3 { font-size: 1.15rem; margin: 2.2rem 0 .5rem; overflow-wrap: anywhere; }
h3 small { color: var(--quiet); font-weight: 400; font-size: .85rem; margin-left: .5rem; }
header ol { max-width: 50rem; margin: .3rem 0 .9rem; padding-left: 1.3rem; }
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
.strip .pictures { gap: 4px; margin: 0; }
.out img { outline: 3px solid var(--bad); outline-offset: -3px; }
"""
