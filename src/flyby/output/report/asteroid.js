// One asteroid's own page, at #2024-YR4: what it is, every flyby of it, and all that was said of them.

const SAID = { new: "first said", changed: "changed", unlisted: "no longer listed", relisted: "listed again", withdrawn: "withdrawn" };
const MOVING = { close_approach_date: "", close_approach_at: "", miss_distance_km: "km", relative_velocity_km_s: "km/s", absolute_magnitude_h: "", is_potentially_hazardous: "", is_sentry_object: "" };
// Things that people know, by how large they are in metres.
const THINGS = [
  [4, "a car"], [12, "a bus"], [25, "a tennis court"], [70, "a jumbo jet"], [105, "a football pitch"], [330, "the Eiffel Tower"],
  [830, "the Burj Khalifa, the tallest building"], [2700, "the Golden Gate Bridge"], [8800, "Mount Everest"],
];

const linkTo = (designation) => `#${encodeURIComponent(designation.replaceAll(" ", "-"))}`;

/** "about as large as a bus": the thing that is nearest in size, of what is large enough to be compared. */
function likeText(flyby) {
  const size = middleSize(flyby);
  if (size === null) return "";
  const far = ([metresOf]) => Math.abs(Math.log(metresOf / size));
  const [metresOf, thing] = THINGS.reduce((best, one) => (far(best) <= far(one) ? best : one));
  if (size < metresOf / 2) return `smaller than ${thing}`;
  if (size > metresOf * 2) return "larger than any mountain on Earth";
  return `about as large as ${thing}`;
}

async function showAsteroid(name) {
  const section = element("asteroid");
  const title = (text) => make("h1", { id: "asteroid-title", tabIndex: -1, textContent: text });
  const back = () => make("p", {}, make("a", { href: "#", className: "back", textContent: "← All flybys" }));
  section.replaceChildren(back(), title(name), make("p", { className: "muted", textContent: "Reading the record …" }));
  let record;
  try {
    record = await wholeRecord();
  } catch {
    section.replaceChildren(back(), title(name), make("p", { textContent: `This browser cannot unpack the record: a newer one can, or the command flyby show ${name}.` }));
    return;
  }
  if (asteroidAsked() !== name) return;
  const { exact, near } = found(record, name);
  if (!exact) {
    section.replaceChildren(back(), title("Not in this record"), make("p", { textContent: `No asteroid is called “${plainText(name)}” here.${near.length ? " Is it one of these?" : ""}` }),
      make("ul", {}, ...near.map((asteroid) => make("li", {}, nameLink(asteroid)))));
    section.querySelector("h1").focus();
    return;
  }
  tellAsteroid(exact, back(), title(nameText(exact)));
  section.querySelector("h1").focus();
}

function tellAsteroid(asteroid, back, title) {
  document.title = `${nameText(asteroid)} · flyby`;
  const soonest = asteroid.flybys.filter((flyby) => flyby.isComing);
  const inOrder = [...soonest, ...asteroid.flybys.filter((flyby) => !flyby.isComing).reverse()];
  const [told] = inOrder;
  const like = likeText(told);
  const pairs = [
    ["Size", `${sizeText(told)}${like ? `, ${like}` : ""}`],
    ["Brightness H", told.absolute_magnitude_h === null ? "unknown" : figures(told.absolute_magnitude_h, 4)],
    ["Hazard", hazardText(told)],
    ...(told.is_sentry_object === null ? [] : [["Impact-risk list", told.is_sentry_object ? "yes (Sentry)" : "no"]]),
    ...(told.neo_id ? [["NASA id", told.neo_id]] : []),
  ];
  const many = asteroid.flybys.length > 1;
  const parts = [back, title,
    make("dl", { className: "pairs" }, ...pairs.flatMap(([label, text]) => [make("dt", { textContent: label }), make("dd", { textContent: text })])),
    ...(data.simulated ? [] : [linksOf(asteroid)])];
  if (many) parts.push(make("h2", { textContent: `${count(asteroid.flybys.length, "flyby")} on record` }), flybysOf(inOrder));
  const storied = inOrder.filter((flyby) => flyby.versions.length > 0);
  const pictures = [];
  storied.forEach((flyby, n) => {
    const [story, picture] = storyOf(flyby, n);
    parts.push(story);
    if (picture) pictures.push(picture);
  });
  const untold = inOrder.filter((flyby) => flyby.versions.length === 0);
  if (untold.length) {
    if (!many) parts.push(make("h2", { textContent: flybyTitle(untold[0]) }), make("p", { className: "muted", textContent: sureText(untold[0]) }));
    parts.push(make("p", { className: "small muted" }, `Of ${many ? "what is not told here" : "this flyby"}, ${count(untold.reduce((sum, flyby) => sum + flyby.revisions, 0), "version is", "versions are")} in the database: `, make("code", { textContent: `flyby show "${plainText(asteroid.designation)}"` }), " tells them."));
  }
  element("asteroid").replaceChildren(...parts);
  shownAsteroid = { asteroid, pictures };
  drawHistories();
}

/** Where NASA has more about it, as query/asteroids.py has it. */
function linksOf({ designation }) {
  const links = {
    "What JPL knows of it": "https://ssd.jpl.nasa.gov/tools/sbdb_lookup.html#/?sstr=",
    "Its approaches at CNEOS": "https://cneos.jpl.nasa.gov/ca/?des=",
  };
  return make("p", { className: "row" }, ...Object.entries(links).map(([textContent, where]) => make("a", { textContent, href: where + encodeURIComponent(designation), rel: "noopener noreferrer", target: "_blank" })));
}

/** What is shown, to be told again in another unit. */
let shownAsteroid = null;

function retellAsteroid() {
  if (!shownAsteroid || element("asteroid").hidden) return;
  const section = element("asteroid");
  tellAsteroid(shownAsteroid.asteroid, section.firstElementChild, section.querySelector("h1"));
}

async function drawHistories() {
  const shown = shownAsteroid;
  await vega;
  if (shown === null || shown !== shownAsteroid) return;
  await Promise.all(shown.pictures.map((picture) => picture()));
  document.documentElement.dataset.told = decodeURIComponent(linkTo(shown.asteroid.designation).slice(1));
}

function flybyTitle(flyby) {
  const where = isWide(flyby) ? `between ${rangeWords(flyby)}` : `at ${distanceText(flyby.miss_distance_km)}`;
  return `${whenText(flyby)}${isTimed(flyby) ? " UTC" : ""}: ${flyby.isComing ? "passes" : "passed"} ${where}`;
}

function flybysOf(flybysInOrder) {
  const rows = flybysInOrder.map((flyby) => make("tr", {},
    make("td", { className: "when", textContent: whenText(flyby) }),
    make("td", { className: "number", textContent: distanceCell(flyby) }),
    make("td", { className: "number wide", textContent: `${flyby.relative_velocity_km_s.toFixed(1)} km/s` }),
    make("td", {}, ...[flyby.state ?? (flyby.isComing ? "to come" : "")])));
  return tableBox("Flybys on record", [["When (UTC)", ""], ["Distance", "number"], ["Speed", "number wide"], ["", ""]], rows);
}

function rangeText(version) {
  if (typeof version.miss_distance_max_km !== "number") return null;
  return `${figures(version.miss_distance_min_km / KM[unit], 3)}–${figures(version.miss_distance_max_km / KM[unit], 3)}`;
}

/** All that was said of one flyby, and how to draw it, if that shows anything. */
function storyOf(flyby, n) {
  const before = new Map();
  const versions = flyby.versions.map((version) => {
    // NeoWs gives a minute whatever it is worth: how sure it is, JPL says.
    const told = { ...version, close_approach_sigma_min: version.close_approach_sigma_min ?? flyby.close_approach_sigma_min };
    const earlier = before.get(version.title);
    before.set(version.title, told);
    const moves = earlier ? Object.entries(MOVING).filter(([field]) => earlier[field] !== told[field]).map(([field, measure]) => ({ field, unit: measure, before: earlier[field], after: told[field] })) : [];
    if (earlier && rangeText(earlier) !== rangeText(told)) moves.push({ field: "range", unit: UNIT_NAMES[unit], before: rangeText(earlier), after: rangeText(told) });
    return { ...told, moves };
  });
  const rows = versions.map((version) => make("tr", {},
    make("td", { className: "when", textContent: momentText(version.seen_from) }),
    make("td", { textContent: `${version.title}, ${version.revision}` }),
    make("td", { textContent: SAID[version.change] ?? version.change }),
    make("td", { className: "number", textContent: distanceCell(version) }),
    make("td", { className: "when", textContent: whenText(version) }),
    make("td", { className: "told" }, tellMoves(version), make("span", { className: "answer", textContent: version.raw_path ?? "" }))));
  const id = `history-${n}`;
  const chart = make("div", { className: "chart", id });
  const story = make("article", {},
    make("h2", { textContent: flybyTitle(flyby) }),
    make("p", { className: "muted", textContent: `${figures(flyby.relative_velocity_km_s, 3)} km/s${flyby.state ? `, ${flyby.state}` : ""}. ${sureText(flyby)}` }),
  );
  const spec = historyOf(versions);
  if (spec) story.append(chart, make("ul", { className: "legend" }, ...spec.legend));
  story.append(
    tableBox(`What was said of ${nameText(flyby)}`, [["Since (UTC)", ""], ["Said by, version", ""], ["What", ""], ["Distance", "number"], ["Passes (UTC)", ""], ["What moved, and the answer behind it", ""]], rows, "story"),
  );
  return [story, spec && (() => draw(id, "The distance as it was said, over time; the table below has the same in words", spec.picture))];
}

/** The distance as each source said it, step by step until now, and its range around it; null if nothing ever moved. */
function historyOf(versions) {
  const inUnit = (km) => (km === null ? null : km / KM[unit]);
  const titles = [...new Set(versions.map((version) => version.title))];
  const looks = titles.map((title, n) => ({ title, shape: n ? "square" : "circle", colorName: n ? "--second" : "--accent" }));
  const steps = looks.flatMap(({ title, colorName, shape }) => {
    const its = versions.filter((version) => version.title === title).map((version) => ({
      title, shape, color: color(colorName), at: Date.parse(version.seen_from), change: version.change, isSaid: true,
      distance: inUnit(version.miss_distance_km), least: inUnit(version.miss_distance_min_km), most: inUnit(version.miss_distance_max_km),
    }));
    const last = its.at(-1);
    return last.change === "withdrawn" ? its : [...its, { ...last, at: Math.max(now, last.at), isSaid: false }];
  });
  const all = steps.flatMap((step) => [step.distance, step.least, step.most]).filter((value) => value !== null);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  if (high - low < low * 1e-4) return null;
  const isLog = low > 0 && high / low > 8;
  const space = (high - low) * 0.08;
  const domain = isLog ? [low / 1.2, high * 1.2] : [Math.max(0, low - space), high + space];
  const x = { field: "at", type: "temporal", scale: { type: "utc" }, axis: { title: "as it was said on", grid: false, labelOverlap: true, labelFlush: true, tickCount: 4, format: Math.max(...steps.map((step) => step.at)) - Math.min(...steps.map((step) => step.at)) < 4 * 86400e3 ? "%-d %b %H:%M" : "%-d %b" } };
  const scale = { type: isLog ? "log" : "linear", domain, nice: false };
  const y = { field: "distance", type: "quantitative", scale, axis: { title: `distance in ${UNIT_NAMES[unit]}${isLog ? ", log scale" : ""}`, ...(isLog ? { values: roundBetween(...domain) } : { tickCount: 5 }), labelOverlap: true, format: unit === "km" ? "~s" : "~r" } };
  const tone = { color: { field: "color", type: "nominal", scale: null } };
  const ranged = looks.find(({ title }) => steps.some((step) => step.title === title && step.least !== null));
  return {
    legend: [
      ...looks.map(({ title, shape, colorName }) => make("li", {}, icon(shape, colorName, 11), title)),
      ...(ranged ? [make("li", {}, icon("square", ranged.colorName, 14, 0.18), "its range, 3 sigma")] : []),
    ],
    picture: {
      height: 220,
      tip: (value) => [`${value.title}, ${momentText(new Date(value.at).toISOString())}`, [distanceCell({ miss_distance_km: value.distance * KM[unit], miss_distance_min_km: value.least === null ? null : value.least * KM[unit], miss_distance_max_km: value.most === null ? null : value.most * KM[unit] })]],
      layer: [
        ...(ranged ? [{ data: { values: steps.filter((step) => step.least !== null) }, mark: { type: "area", interpolate: "step-after", opacity: 0.18, tooltip: null }, encoding: { x, y: { ...y, field: "least" }, y2: { field: "most" }, ...tone } }] : []),
        { data: { values: steps }, mark: { type: "line", interpolate: "step-after", strokeWidth: 2, tooltip: null }, encoding: { x, y, ...tone } },
        { name: "versions", data: { values: steps.filter((step) => step.isSaid) }, mark: { type: "point", filled: true, size: 55, opacity: 1, tooltip: { content: "data" } }, encoding: { x, y, ...tone, shape: { field: "shape", type: "nominal", scale: null } } },
      ],
    },
  };
}
