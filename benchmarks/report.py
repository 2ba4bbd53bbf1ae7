"""What was measured, as docs/benchmarks.md and docs/benchmarks.svg.

python -m benchmarks.report MEASURED.json FOLDER
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import altair as alt
import msgspec

from benchmarks.page import page
from benchmarks.results import ALL, DLT_ARROW, DLT_JSON, FIVE, FLOOR_A, FLOOR_B, FLYBY, ONE, Results

#: Okabe and Ito's colours, which most colour-blind people can tell apart.
COLOURS = {FLYBY: "#D55E00", FLOOR_A: "#999999", FLOOR_B: "#555555", DLT_ARROW: "#56B4E9", DLT_JSON: "#0072B2"}


def picture(results: Results) -> alt.HConcatChart:
    """Wall against the days of the range, both logarithmic, and the peak memory of the longest range."""
    points: list[dict[str, Any]] = [
        {"contender": row.contender, "days": row.days, "wall_s": row.wall_s, "peak_mb": row.peak_mb, "of": row.of}
        for row in results.rows
        if row.contender in COLOURS and row.of in (ONE, FIVE, ALL)
    ]
    shown = [name for name in COLOURS if any(point["contender"] == name for point in points)]
    scale = alt.Scale(domain=shown, range=[COLOURS[name] for name in shown])
    walls = (
        alt.Chart(_data(points), title="Wall, by the days asked for")
        .mark_line(point=True)
        .encode(
            x=alt.X(
                "days:Q",
                title="days",
                scale=alt.Scale(type="log", nice=False, padding=12),
                axis=alt.Axis(values=sorted({point["days"] for point in points}), format=","),
            ),
            y=alt.Y(
                "wall_s:Q",
                title="seconds",
                scale=alt.Scale(type="log"),
                axis=alt.Axis(values=[0.1, 0.3, 1, 3, 10, 30, 100, 300], format="~g"),
            ),
            color=alt.Color("contender:N", title=None, scale=scale, legend=alt.Legend(orient="bottom", columns=3)),
        )
        .properties(width=330, height=260)
    )
    bars = alt.Chart(_data(point for point in points if point["of"] == ALL), title=f"Peak memory, {ALL}").encode(
        x=alt.X("peak_mb:Q", title="MB"),
        y=alt.Y("contender:N", title=None, sort=shown),
    )
    labels = bars.mark_text(align="left", dx=3).encode(text=alt.Text("peak_mb:Q", format=",.0f"))
    memory = (bars.mark_bar().encode(color=alt.Color("contender:N", scale=scale)) + labels).properties(
        width=240, height=260
    )
    title = alt.TitleParams("flyby and its peers", subtitle=f"{results.measured_on}, {results.machine}", anchor="start")
    chart: alt.HConcatChart = (
        alt.hconcat(walls, memory, title=title).configure(background="white").configure_view(stroke=None)
    )
    return chart


def _data(points: Iterable[dict[str, Any]]) -> alt.Data:
    return alt.Data(values=list(points))


def main(measured: Path, folder: Path) -> None:
    """Write both files into `folder`."""
    results = msgspec.json.decode(measured.read_bytes(), type=Results)
    (folder / "benchmarks.md").write_text(page(results), encoding="utf-8")
    picture(results).save(folder / "benchmarks.svg")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
