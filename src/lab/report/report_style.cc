#include "lab/report/report_style.h"

namespace ceiling::lab {

// Colours are those of Okabe and Ito, darkened or lightened until each has a contrast of at least
// 4.5 to 1 against the paper (tests/lab/report_test.cc checks it).
std::string_view report_style() {
  return R"css(:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1a1c1e; --muted: #595d61; --rule: #d5d8db; --panel: #f4f5f6;
  --measured: #0072b2; --predicted: #945c00; --spilled: #b54800; --reference: #6a6e72;
  --attention: #00785a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #131517; --ink: #e9ebed; --muted: #a9aeb3; --rule: #3a3f44; --panel: #1d2023;
    --measured: #56b4e9; --predicted: #e69f00; --spilled: #ff8f4d; --reference: #9da2a7;
    --attention: #2bc194;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 17px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
main, header, footer { max-width: 45rem; margin: 0 auto; padding: 0 1.1rem; }
header { padding-top: 2.2rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: .3rem 0 1rem; text-wrap: balance; }
.interval { font-weight: 400; color: var(--muted); white-space: nowrap; }
h1 .interval { font-size: 1.2rem; }
h1 small { font-size: 1rem; font-weight: 400; color: var(--muted); white-space: nowrap; }
h2 { font-size: 1.3rem; margin: 3rem 0 .6rem; padding-top: 1rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .3rem; }
p, ul, ol { max-width: 38rem; margin: .5rem 0; }
a { color: var(--measured); }
:focus-visible { outline: 2px solid var(--measured); outline-offset: 2px; }
.kicker, .note, figcaption, summary { color: var(--muted); font-size: .94rem; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--paper); padding: .3rem .6rem; }
.kicker { max-width: none; }
.chips { list-style: none; display: flex; flex-wrap: wrap; gap: .5rem; padding: 0; margin: 1rem 0; max-width: none; }
.chip { border: 1.5px solid var(--reference); border-radius: 1rem; padding: .1rem .8rem; font-size: .94rem; }
.verdict { font-weight: 500; }
.verdict b { margin-right: .2rem; }
h4 { font-size: 1rem; margin: 1.2rem 0 .2rem; }
.chip b { margin-right: .35rem; }
figure { margin: 1.6rem 0; break-inside: avoid; }
figure h3 { margin: 0; }
figcaption { max-width: 38rem; margin: .1rem 0 .7rem; }
svg { display: block; width: 100%; height: auto; }
.narrow { display: none; }
details { margin: .5rem 0; }
summary { cursor: pointer; width: fit-content; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; margin: .7rem 0; }
caption { text-align: left; color: var(--muted); }
th, td { padding: .3rem .5rem; border-bottom: 1px solid var(--rule); vertical-align: top; text-align: left; }
th { font-weight: 600; }
td { overflow-wrap: break-word; }
th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; }
code, pre { font: .9em/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
pre { background: var(--panel); padding: .7rem .9rem; border-radius: .4rem; white-space: pre-wrap; }
dt { font-weight: 600; margin-top: .6rem; }
dd { margin: 0; }
footer { margin-top: 3rem; padding-bottom: 2.5rem; color: var(--muted); font-size: .9rem; }
.label { fill: var(--ink); paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round; font-size: 13px; font-variant-numeric: tabular-nums; }
.muted { fill: var(--muted); }
.small { font-size: 12px; }
.strong { font-weight: 600; }
.grid { stroke: var(--rule); stroke-width: 1; }
.axis { stroke: var(--muted); stroke-width: 1; }
.block { stroke: var(--rule); stroke-width: 1.5; stroke-dasharray: 2 2; }
.link { stroke: var(--reference); stroke-width: 1; }
.ceiling { stroke: var(--ink); stroke-width: 2; stroke-dasharray: 5 3; fill: none; }
.measured { fill: var(--measured); stroke: var(--paper); stroke-width: 1; }
.hollow { fill: var(--paper); stroke: var(--measured); stroke-width: 2; }
.measured-line { stroke: var(--measured); stroke-width: 2.5; }
.raw { fill: var(--measured); fill-opacity: .35; }
.excluded { fill: none; stroke: var(--reference); stroke-width: 1.5; }
.predicted { fill: var(--paper); stroke: var(--predicted); stroke-width: 2; }
.predicted-thick { stroke: var(--predicted); stroke-width: 4; }
.predicted-thin { stroke: var(--predicted); stroke-width: 1.5; }
.region { fill: var(--rule); fill-opacity: .55; }
.measured-path, .attention-path, .reference-path { fill: none; stroke-width: 2; stroke: var(--measured); }
.attention-path { stroke: var(--attention); }
.reference-path { stroke: var(--reference); }
.measured-dot { fill: var(--measured); }
.attention-dot { fill: var(--attention); }
.reference-dot { fill: var(--reference); }
.context { fill: var(--reference); }
.context-dots { fill: none; stroke: var(--reference); stroke-width: 6; stroke-linecap: round; }
.bar-ceiling, .bar-matrices, .bar-attention, .bar-other { stroke: var(--paper); stroke-width: 1.5; }
.series-0, .series-1, .series-2, .series-3 { fill: none; stroke-width: 2; }
.series-0 { stroke: var(--measured); }
.series-1 { stroke: var(--predicted); stroke-dasharray: 7 3; }
.series-2 { stroke: var(--reference); stroke-dasharray: 2 3; }
.series-3 { stroke: var(--ink); }
.series-0-mark, .series-1-mark, .series-2-mark, .series-3-mark { fill: var(--paper); stroke-width: 2; }
.series-0-mark { stroke: var(--measured); }
.series-1-mark { stroke: var(--predicted); }
.series-2-mark { stroke: var(--reference); }
.series-3-mark { stroke: var(--ink); }
.spill { fill: var(--spilled); stroke: var(--paper); stroke-width: 1; }
.bar-ceiling { fill: var(--ink); }
.bar-matrices { fill: var(--measured); }
.bar-attention { fill: var(--attention); }
.bar-other { fill: var(--reference); }
@media (max-width: 44rem) {
  .wide { display: none; }
  .narrow { display: block; }
  h1 { font-size: 1.45rem; }
  thead { position: absolute; left: -999rem; }
  table, tbody, tr, td, th { display: block; width: 100%; }
  tr { padding: .5rem 0; border-bottom: 1px solid var(--rule); }
  td, td.n { display: flex; justify-content: space-between; gap: 1rem; text-align: right; border: 0; padding: .1rem 0; }
  td::before { content: attr(data-label); color: var(--muted); text-align: left; flex: none; max-width: 50%; }
  td.lead { font-weight: 600; }
}
@media print {
  body { font-size: 10.5pt; }
  .wide { display: block; }
  .narrow { display: none; }
  h2 { break-after: avoid; }
  tr { break-inside: avoid; }
}
)css";
}

}  // namespace ceiling::lab
