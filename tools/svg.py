"""What stands on a terminal's screen, as an SVG that loads nothing and looks alike everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

WIDTH, HEIGHT, MARGIN, BAR = 8.4, 18, 14, 34
"""Of a cell, of a line, around the text, of the title bar; in pixels."""

COLOURS = {
    "default": "#d6d3e4",
    "black": "#4a4660",
    "red": "#ff7a90",
    "green": "#8ee6a8",
    "brown": "#f2cf7e",
    "blue": "#8db4ff",
    "magenta": "#d5a3ff",
    "cyan": "#7fdcea",
    "white": "#f4f2ff",
}
BACK = "#1c1930"

_TITLE = '<text x="{middle}" y="22" fill="#8f8aa8" text-anchor="middle">{title}</text>'
_HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
    'aria-label="{title}" font-size="14" xml:space="preserve" style="white-space: pre" '
    "font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\">"
)


def drawing(rows: list[Mapping[int, Any]], columns: int, title: str) -> str:
    """The drawing of these rows of pyte cells, in a window with a title."""
    width = round(columns * WIDTH + 2 * MARGIN)
    height = BAR + len(rows) * HEIGHT + MARGIN
    lines = [
        _HEAD.format(width=width, height=height, title=escape(title, quote=True)),
        f'<rect width="{width}" height="{height}" rx="8" fill="{BACK}"/>',
        *(
            f'<circle cx="{20 + 18 * n}" cy="17" r="5" fill="{colour}"/>'
            for n, colour in enumerate(("#ff7a90", "#f2cf7e", "#8ee6a8"))
        ),
        _TITLE.format(middle=f"{width / 2:g}", title=escape(title)),
    ]
    for number, row in enumerate(rows):
        lines += _line(row, columns, BAR + number * HEIGHT)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _line(row: Mapping[int, Any], columns: int, top: int) -> Iterator[str]:
    for begin, cells in _runs(row, columns):
        left, length = MARGIN + begin * WIDTH, len(cells) * WIDTH
        front, back = _colours(cells[0])
        if back:
            yield (
                f'<rect x="{left:g}" y="{top}" width="{length:g}" height="{HEIGHT}" fill="{back}"/>'
            )
        text = "".join(cell.data for cell in cells)
        if not text.strip():
            continue
        bold = ' font-weight="bold"' if cells[0].bold else ""
        yield (
            f'<text x="{left:g}" y="{top + 14}" fill="{front}"{bold} textLength="{length:g}">'
            f"{escape(text)}</text>"
        )


def _runs(row: Mapping[int, Any], columns: int) -> Iterator[tuple[int, list[Any]]]:
    """Neighbouring cells that look alike: where they begin, and they."""
    begin, cells = 0, []
    last = max(
        (n for n in range(columns) if row[n].data.strip() or _colours(row[n])[1]), default=-1
    )
    for number in range(last + 1):
        if cells and _look(cells[0]) != _look(row[number]):
            yield begin, cells
            begin, cells = number, []
        cells.append(row[number])
    if cells:
        yield begin, cells


def _look(cell: Any) -> tuple[Any, ...]:
    return (*_colours(cell), cell.bold)


def _colours(cell: Any) -> tuple[str, str | None]:
    """Of the letters, and of what is behind them if that is not the window's."""
    front = _colour(cell.fg)
    back = None if cell.bg == "default" else _colour(cell.bg)
    return (back or BACK, front) if cell.reverse else (front, back)


def _colour(name: str) -> str:
    plain = name.removeprefix("bright")
    return COLOURS.get(plain) or f"#{plain}"
