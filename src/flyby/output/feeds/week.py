"""The week in a picture, to be shown on other people's pages: SVG, PNG, and HTML without scripts that holds it.

Everything is escaped by ElementTree and written in ASCII, so that it can stand in a page of any encoding. Picture and
fragment set no styles, so that they can stand in a page of any policy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from math import log10, sqrt
from xml.etree import ElementTree as ET

from flyby.days import DAY
from flyby.output.feeds import words
from flyby.query.sure import is_timed

DAYS = 7
WIDTH, HEIGHT = 800, 450
LEFT, RIGHT, TOP, BOTTOM = 70, 780, 70, 390
#: The distances at the bottom and the top of the picture, in LD.
NEAR, FAR = 0.1, 200.0
#: How many flybys are named.
NAMED = 3
NAME = 24
INK, PAPER, DOT, CLOSE = "#1b1f24", "#ffffff", "#3d7fc1", "#d0463c"
#: Text that says less, and lines: so much of the ink.
MUTED, LINE = "0.75", "0.2"
STYLE = (
    "body{margin:8px;background:Canvas;color:CanvasText;font:1rem/1.5 system-ui,sans-serif}"
    "h1{font-size:1.1rem}figure{margin:0}figcaption{max-width:60em}"
)
FONT = "system-ui, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif"


@dataclass(frozen=True, slots=True)
class Week:
    """What passes in the seven days from `first`, rows of `coming.sql`."""

    first: date
    flybys: Sequence[words.Flyby]
    simulated: bool
    site: str | None

    @property
    def closest(self) -> list[words.Flyby]:
        return sorted(self.flybys, key=lambda flyby: (flyby["miss_distance_km"], flyby["flyby_id"]))[:NAMED]

    @property
    def title(self) -> str:
        last = self.first + (DAYS - 1) * DAY
        simulated = "Simulated: asteroids" if self.simulated else "Asteroids"
        return f"{simulated} passing the Earth, {self.first:%-d %B} to {last:%-d %B %Y}"

    @property
    def told(self) -> str:
        """The picture in words."""
        if not self.flybys:
            return "No asteroid is known to pass in these seven days."
        count = len(self.flybys)
        many = "1 asteroid passes" if count == 1 else f"{count:,} asteroids pass"
        inside = sum(flyby["miss_distance_ld"] < 1 for flyby in self.flybys)
        moon = f", {inside:,} of them inside the Moon's distance" if inside else ", none inside the Moon's distance"
        closest = "; ".join(_line(flyby) for flyby in self.closest)
        return f"{many} in these seven days{moon}. The closest: {closest}."


def svg(week: Week) -> bytes:
    """The picture, with its text for who does not see it."""
    picture = _picture(week)
    picture.set("color", INK)
    paper = ET.Element("rect", {"width": str(WIDTH), "height": str(HEIGHT), "fill": PAPER})
    picture.insert(2, paper)  # behind everything but the words
    return _ascii(picture)


def png(picture: bytes) -> bytes | None:
    """The picture in dots, twice its size; None where the extra `report` is not installed."""
    try:
        import vl_convert  # takes a while, and only a new picture needs it
    except ImportError:
        return None
    return bytes(vl_convert.svg_to_png(picture.decode(), scale=2))


def fragment(week: Week) -> bytes:
    """The picture with its words and links, to be put into a page."""
    return _ascii(_figure(week))


def page(week: Week) -> bytes:
    """The same as a page of its own, for a frame."""
    html = ET.Element("html", {"lang": "en"})
    head = ET.SubElement(html, "head")
    ET.SubElement(head, "meta", {"charset": "utf-8"})
    ET.SubElement(head, "meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"})
    ET.SubElement(head, "meta", {"name": "color-scheme", "content": "light dark"})
    _text(head, "title", week.title)
    _text(head, "style", STYLE)
    if week.site:
        for name, content in {"title": week.title, "description": week.told, "image": f"{week.site}/week.png"}.items():
            ET.SubElement(head, "meta", {"property": f"og:{name}", "content": content})
    main = ET.SubElement(ET.SubElement(html, "body"), "main")
    _text(main, "h1", week.title)
    main.append(_figure(week))
    return b"<!DOCTYPE html>\n" + _ascii(html)


def _figure(week: Week) -> ET.Element:
    figure = ET.Element("figure", {"class": "flyby-week"})
    picture = _picture(week)
    picture.attrib.pop("xmlns")  # HTML knows what <svg> is
    picture.set("width", "100%")
    picture.attrib.pop("height")
    figure.append(picture)
    caption = ET.SubElement(figure, "figcaption")
    _text(caption, "p", week.told)
    if week.closest:
        listed = ET.SubElement(caption, "ul")
        for flyby in week.closest:
            _text(ET.SubElement(listed, "li"), "a", _line(flyby)).set("href", words.link(flyby, week.site))
    source = _text(caption, "p", "Distances are from the Earth's centre. Data: NASA and JPL, kept by flyby")
    if week.site:
        source.text = f"{source.text}, "
        _text(source, "a", "where there is more").set("href", f"{week.site}/")
    return figure


def _picture(week: Week) -> ET.Element:
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {WIDTH} {HEIGHT}",
            "width": str(WIDTH),
            "height": str(HEIGHT),
            "role": "img",
            "aria-labelledby": "flyby-week-title flyby-week-told",
            "font-family": FONT,
            "font-size": "14",
            "fill": "currentColor",  # so that it is legible on a page in the dark
        },
    )
    _text(root, "title", week.title).set("id", "flyby-week-title")
    _text(root, "desc", week.told).set("id", "flyby-week-told")
    _label(root, 20, 34, week.title, size=18, weight="bold")
    _scale(root, week)
    for flyby in sorted(week.flybys, key=lambda flyby: -(flyby["diameter_max_m"] or 0.0)):  # the small ones in front
        x, y = _place(week, flyby)
        close = flyby["miss_distance_ld"] < 1
        dot = {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": f"{_radius(flyby):.1f}", "fill": CLOSE if close else DOT}
        _text(ET.SubElement(root, "circle", dot | {"fill-opacity": "0.7"}), "title", _line(flyby))
    below = 0.0
    for flyby in sorted(week.closest, key=lambda flyby: _place(week, flyby)[1]):
        x, y = _place(week, flyby)
        below = max(y + 5, below + 17)  # names do not lie on each other
        radius = _radius(flyby) + 5
        name, right = _cut(words.named(flyby)), x < (LEFT + RIGHT) / 2
        told = f"{name}, {words.short_distance(flyby)}"
        _label(root, x + radius if right else x - radius, below, told, anchor="start" if right else "end")
    about = "These asteroids do not exist." if week.simulated else "Larger dots are larger asteroids."
    _label(root, 20, HEIGHT - 14, f"Distance from the Earth's centre. {about}", opacity=MUTED, size=12)
    _label(root, WIDTH - 20, HEIGHT - 14, "Data: NASA and JPL, kept by flyby", anchor="end", opacity=MUTED, size=12)
    return root


def _scale(root: ET.Element, week: Week) -> None:
    for distance_ld in (0.1, 1, 10, 100):
        y = _height(distance_ld)
        moon = distance_ld == 1
        _rule(root, (LEFT, y), (RIGHT, y), opacity=MUTED if moon else LINE, dashes="4 4" if moon else "none")
        name = "the Moon" if moon else f"{distance_ld:g} LD"
        _label(root, LEFT - 8, y + 5, name, anchor="end", opacity=MUTED, size=12)
    width = (RIGHT - LEFT) / DAYS
    for n in range(DAYS):
        x, day = LEFT + n * width, week.first + n * DAY
        _rule(root, (x, TOP), (x, BOTTOM), opacity=LINE)
        _label(root, x + width / 2, BOTTOM + 22, f"{day:%a %-d %b}", anchor="middle", opacity=MUTED, size=12)


def _rule(
    root: ET.Element, start: tuple[float, float], end: tuple[float, float], *, opacity: str, dashes: str = "none"
) -> None:
    (x1, y1), (x2, y2) = start, end
    ends = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
    look = {"stroke": "currentColor", "stroke-opacity": opacity, "stroke-dasharray": dashes}
    ET.SubElement(root, "line", ends | look)


def _place(week: Week, flyby: words.Flyby) -> tuple[float, float]:
    """Where the flyby is in the picture. Without a moment it stands in the middle of its day."""
    at: datetime | None = flyby["close_approach_at"] if is_timed(flyby) else None
    noon = datetime.combine(flyby["close_approach_date"], time(12))
    moment = at.replace(tzinfo=None) if at else noon
    days = (moment - datetime.combine(week.first, time())) / DAY
    x = LEFT + min(max(days, 0.0), float(DAYS)) * (RIGHT - LEFT) / DAYS
    return x, _height(flyby["miss_distance_ld"])


def _height(distance_ld: float) -> float:
    share = log10(min(max(distance_ld, NEAR), FAR) / NEAR) / log10(FAR / NEAR)
    return BOTTOM - share * (BOTTOM - TOP)


def _radius(flyby: words.Flyby) -> float:
    return min(3 + sqrt(flyby["diameter_max_m"] or 0.0) / 4, 12)


def _line(flyby: words.Flyby) -> str:
    return f"{words.named(flyby)}, {words.when(flyby)}, {words.short_distance(flyby)}"


def _cut(name: str) -> str:
    return name if len(name) <= NAME else f"{name[: NAME - 1]}…"


def _label(
    root: ET.Element,
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    opacity: str = "1",
    size: int = 14,
    weight: str = "normal",
) -> None:
    told = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "fill-opacity": opacity, "font-size": str(size)}
    _text(root, "text", text).attrib.update(told | {"font-weight": weight})


def _text(parent: ET.Element, name: str, text: str) -> ET.Element:
    child = ET.SubElement(parent, name)
    child.text = text
    return child


def _ascii(element: ET.Element) -> bytes:
    # As XML also what is HTML: that escapes attributes whole, and nothing here is empty that HTML wants closed.
    written = ET.tostring(element, encoding="unicode")
    return written.encode("ascii", "xmlcharrefreplace") + b"\n"
