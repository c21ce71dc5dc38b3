/** The page's only style sheet; it follows the reader's choice of light or dark, and prints. */
export const style = `
:root{--ink:#1b1f24;--dim:#5b6570;--line:#d9dee4;--back:#fff;--card:#f6f8fa;--good:#1a7f4b;--bad:#c0362c;--some:#9a6700;--run:#2b50d8;--good-area:#9fd8b8;--bad-area:#e9a8a2}
@media (prefers-color-scheme:dark){:root{--ink:#e8ecf1;--dim:#9aa5b1;--line:#333b45;--back:#14181d;--card:#1c2229;--good:#4cc38a;--bad:#f2796f;--some:#e3b341;--run:#a9b9ff;--good-area:#24694a;--bad-area:#8d403a}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1180px;padding:32px 24px 64px;font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;color:var(--ink);background:var(--back)}
h1{font-size:26px;margin:0 0 4px}h2{font-size:18px;margin:36px 0 12px}p{margin:4px 0}.dim{color:var(--dim)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:12px;margin:20px 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 14px}
.card b{display:block;font-size:22px;line-height:1.3}.card span{color:var(--dim);font-size:13px}
.good{color:var(--good)}.bad{color:var(--bad)}.some{color:var(--some)}
svg{width:100%;height:auto;background:var(--card);border:1px solid var(--line);border-radius:8px}
svg .grid{stroke:var(--line)}svg .axis{fill:var(--dim);font-size:12px}
svg .completed{fill:var(--good-area)}svg .failed{fill:var(--bad-area)}svg .running{fill:none;stroke:var(--run);stroke-width:1.5}
.legend span{margin-right:18px}.legend i{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:6px;vertical-align:-1px}
svg{min-width:600px}.wide,.table{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;padding:7px 10px;border-bottom:1px solid var(--line);vertical-align:top}
th{position:sticky;top:0;background:var(--back);font-weight:600;color:var(--dim)}td{overflow-wrap:anywhere}
td.number,th.number{text-align:right;white-space:nowrap}td.status,td.code{white-space:nowrap}td.name{min-width:10em}td.text{min-width:16em}
a{color:inherit}details summary{cursor:pointer}ul{margin:4px 0;padding-left:18px}code{font-size:13px}
@media print{body{max-width:none;padding:0}th{position:static}}`
