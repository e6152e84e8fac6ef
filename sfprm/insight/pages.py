"""Blocks as a page: HTML that needs nothing else, Markdown for a pull request, CSV for a sheet.

Names come from an org where anybody may type: HTML is escaped, Markdown cells cannot end their
cell, and no CSV cell begins a formula.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import jinja2

from sfprm.blocks import Bars, Table, Text
from sfprm.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfprm.blocks import Block

__all__ = ["FORMS", "csv_page", "html_page", "markdown_page", "page"]

FORMS = ("html", "markdown", "csv")

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
  :root { color-scheme: light dark; --line: #8884; --bar: #2f6fb2; --other: #c98a2b; }
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto;
         padding: 0 1rem; }
  h1 { font-size: 1.5rem; margin-bottom: .25rem; }
  h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
  .under { opacity: .7; margin-top: 0; }
  .wide { overflow-x: auto; margin-bottom: 1rem; }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
  th, td { padding: .25rem .9rem .25rem 0; text-align: left; vertical-align: top;
           border-bottom: 1px solid var(--line); }
  th { font-weight: 600; }
  .right { text-align: right; white-space: nowrap; }
  .blocks { color: var(--bar); letter-spacing: -.05em; }
  .bars { display: grid; grid-template-columns: max-content 1fr; gap: .2rem .8rem;
          align-items: center; }
  .bar { height: .8rem; background: var(--bar); border-radius: 2px; display: inline-block;
         min-width: 1px; vertical-align: middle; }
  .bar.s1 { background: var(--other); }
  .number { font-size: .85rem; margin-left: .4rem; font-variant-numeric: tabular-nums; }
  .key span { margin-right: 1rem; font-size: .85rem; }
  .key i { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px;
           margin-right: .3rem; vertical-align: -1px; }
</style>
</head>
<body>
<h1>{{ title }}</h1>
<p class="under">{{ under }}</p>
{% for kind, block in blocks %}
{% if kind == "text" %}
{% for line in block.lines %}<p>{{ line }}</p>
{% endfor %}
{% elif kind == "table" %}
{% if block.title %}<h2>{{ block.title }}</h2>{% endif %}
<div class="wide"><table>
<thead><tr>
{% for cell in block.columns %}<th{% if loop.index0 in block.right %} class="right"{% endif %}>
{{- cell }}</th>
{% endfor %}</tr></thead>
<tbody>
{% for row in block.rows %}<tr>
{% for cell in row %}<td{% if loop.index0 in block.right %} class="right"
{%- elif cell.startswith("█") %} class="blocks"{% endif %}>
{{- cell }}</td>
{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% else %}
<h2>{{ block.title }} ({{ block.unit }})</h2>
{% if block.series|length > 1 %}<p class="key">
{% for name in block.series %}<span><i style="background: var({{
  '--bar' if loop.index0 == 0 else '--other' }})"></i>{{ name }}</span>{% endfor %}</p>{% endif %}
<div class="bars">
{% for label, values in block.rows %}<div>{{ label }}</div><div>
{% for value in values %}<div><span class="bar s{{ loop.index0 }}" style="width: {{
  '%.1f'|format(80 * value / most(block)) }}%"></span><span class="number">{{
  '{:,.0f}'.format(value) }}</span></div>
{% endfor %}</div>
{% endfor %}</div>
{% endif %}
{% endfor %}
</body>
</html>
"""

_TEMPLATE = jinja2.Environment(
    autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
).from_string(_PAGE)


def page(form: str, title: str, under: str, blocks: Sequence[Block]) -> str:
    """Blocks in one of FORMS. `under` stands below the title: what, and as of when."""
    match form:
        case "html":
            return html_page(title, under, blocks)
        case "markdown":
            return markdown_page(title, under, blocks)
        case "csv":
            return csv_page(blocks)
    raise BadRequest(
        f"There is no page of the form '{form}'.", hint=f"Choose one of {', '.join(FORMS)}."
    )


def html_page(title: str, under: str, blocks: Sequence[Block]) -> str:
    """One file with its own style; no script, nothing fetched."""
    kinds = {Text: "text", Table: "table", Bars: "bars"}
    return _TEMPLATE.render(
        title=title,
        under=under,
        blocks=[(kinds[type(block)], block) for block in blocks],
        most=lambda bars: max((v for _, values in bars.rows for v in values), default=0) or 1,
    )


def markdown_page(title: str, under: str, blocks: Sequence[Block]) -> str:
    """Tables and paragraphs that GitHub and GitLab show."""
    parts = [f"## {_cell(title)}", _cell(under)]
    for block in blocks:
        match block:
            case Text():
                parts.extend(_cell(line) for line in block.lines)
            case Table():
                parts.extend(_markdown_table(block))
            case Bars():
                parts.extend(_markdown_table(block.as_table(12)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _markdown_table(table: Table) -> list[str]:
    rule = ["---:" if at in table.right else "---" for at in range(len(table.columns))]
    lines = [
        "| " + " | ".join(_cell(cell) for cell in row) + " |"
        for row in (table.columns, rule, *table.rows)
    ]
    return [f"**{_cell(table.title)}**" if table.title else "", "\n".join(lines)]


def _cell(text: str) -> str:
    for special in ("\\", "|", "`", "*", "<", "["):
        text = text.replace(special, "\\" + special)
    return " ".join(text.split())


def csv_page(blocks: Sequence[Block]) -> str:
    """Every table, one under the other, each row led by its table's title."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for block in blocks:
        if isinstance(block, Text):
            continue
        table = block.as_table() if isinstance(block, Bars) else block
        writer.writerow(["table", *table.columns])
        for row in table.rows:
            writer.writerow([_plain(cell) for cell in (table.title, *row)])
    return out.getvalue()


def _plain(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; signed numbers stay numbers."""
    number = cell.replace(",", "").replace("−", "-")
    if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(number):
        return f"'{cell}"
    return number if _is_number(number) else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
