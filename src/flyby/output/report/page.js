// The page's program. Whatever comes from a source is set as text; nothing here makes markup from a string.

const data = JSON.parse(document.getElementById("data").textContent);
const now = Date.parse(data.now);

const KM = { ld: 149597870.7 / 389, km: 1, au: 149597870.7 };
const UNIT_NAMES = { ld: "LD", km: "km", au: "au" };
const STATES = [
  // state, shape, how full, color, meaning
  ["settled", "square", 1, "--accent", "read at least three times, and unchanged for 30 days"],
  ["settling", "square", 0.35, "--accent", "read more than once, may still change"],
  ["fresh", "circle", 0.35, "--accent", "read once"],
  ["suspect", "triangle-up", 1, "--hazard", "the last answer is not believed"],
  ["missing", "square", 0, "--muted", "not read"],
];
const KINDS = {
  new: ["New", "not listed before"],
  revised: ["Revised", "widest moves first"],
  relisted: ["Back", "listed again after an absence"],
  unlisted: ["Not listed any more", "kept, as such things often come back"],
  withdrawn: ["Withdrawn", "away for good, as far as can be told"],
};
const FIELDS = {
  close_approach_date: "day", close_approach_at: "time", miss_distance_km: "distance",
  relative_velocity_km_s: "speed", absolute_magnitude_h: "brightness H", diameter_min_m: "smallest size",
  diameter_max_m: "largest size", is_potentially_hazardous: "potentially hazardous",
  is_sentry_object: "on the impact-risk list", range: "range", neo_id: "NASA id", name: "name",
};
const CSV_COLUMNS = data.flybys.columns.filter((column) => column !== "sources");
const SHOWN_AT_FIRST = 40;
// A table of a whole record would keep a browser busy for long: it grows by so many rows at a time.
const SHOWN_MORE = 500;
// As query/sure.py has them: a time that is uncertain by so many minutes is a day, and a range whose ends differ by less
// than this share of the distance need not be told.
const DAY_MIN = 1440;
const NARROW = 0.1;
const EARTH_KM = 6371;

const flybys = data.flybys.rows.map((row) => {
  const flyby = Object.fromEntries(data.flybys.columns.map((column, n) => [column, row[n]]));
  // Of a flyby whose time of day is not known the middle of its day stands in, where one has to be drawn or sorted.
  flyby.at = Date.parse(flyby.close_approach_at ?? `${flyby.close_approach_date}T12:00:00Z`);
  const known = flyby.close_approach_at !== null;
  flyby.isComing = known ? flyby.at >= now : flyby.close_approach_date >= data.now.slice(0, 10);
  return flyby;
});
const coming = flybys.filter((flyby) => flyby.isComing);

/** What is kept in the browser from visit to visit; where it keeps nothing, nothing. */
const kept = {
  get unit() { try { return localStorage.getItem("flyby.unit"); } catch { return null; } },
  set unit(name) { try { localStorage.setItem("flyby.unit", name); } catch { /* private windows, some settings */ } },
};
let unit = Object.hasOwn(KM, kept.unit ?? "") ? kept.unit : "ld";

const element = (id) => document.getElementById(id);

function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "scope") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

const count = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

const numbers = new Map();

function figures(value, digits) {
  if (!numbers.has(digits)) numbers.set(digits, new Intl.NumberFormat("en", { minimumSignificantDigits: digits, maximumSignificantDigits: digits }));
  return numbers.get(digits).format(value);
}

function distanceText(km, digits) {
  const value = km / KM[unit];
  const usual = unit === "km" ? 3 : unit === "au" ? 3 : value < 100 ? 3 : 4;
  return `${figures(value, digits ?? usual)}\u00a0${UNIT_NAMES[unit]}`;
}

/** Moments as text; what makes it is slow to begin with, and begins when it is needed. */
function inUtc(options) {
  let made;
  return (moment) => (made ??= new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options })).format(moment);
}

const dateText = inUtc({ day: "numeric", month: "short" });
const datesOfYears = inUtc({ day: "numeric", month: "short", year: "numeric" });
const fullDateText = inUtc({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
const monthText = inUtc({ month: "short", year: "numeric" });
const timeText = inUtc({ hour: "2-digit", minute: "2-digit" });

/** A day, with its year unless that is this one's. */
const dayText = (iso) => (iso.slice(0, 4) === data.now.slice(0, 4) ? dateText : datesOfYears)(Date.parse(iso.slice(0, 10)));
const momentText = (iso) => `${dayText(iso)} ${timeText(Date.parse(iso))}`;
const fullDayText = (iso) => fullDateText(Date.parse(`${iso.slice(0, 10)}T00:00:00Z`));

/** Whether the moment is known better than by the day. */
const isTimed = (flyby) => flyby.close_approach_at !== null && (flyby.close_approach_sigma_min ?? 0) < DAY_MIN;
/** Whether the distance is so uncertain that one number would not tell it. */
const isWide = (flyby) => typeof flyby.miss_distance_min_km === "number" && typeof flyby.miss_distance_max_km === "number"
  && flyby.miss_distance_max_km - flyby.miss_distance_min_km > NARROW * flyby.miss_distance_km;

const whenText = (flyby) => (isTimed(flyby) ? momentText(flyby.close_approach_at) : dayText(flyby.close_approach_date));

function spanText(minutes) {
  if (minutes < 120) return count(Math.round(minutes), "minute");
  return minutes < 2 * DAY_MIN ? count(Math.round(minutes / 60), "hour") : count(Math.round(minutes / DAY_MIN), "day");
}

/** The moment as precisely as it is known, and how precisely that is. */
function surelyWhen(flyby) {
  const sigma = flyby.close_approach_sigma_min;
  const give = sigma !== null && sigma >= 1 ? `, give or take ${spanText(sigma)}` : "";
  if (isTimed(flyby)) return `${whenText(flyby)} UTC${give}`;
  return `${whenText(flyby)}${give || (flyby.isBrief ? "" : ", time not known")}`;
}

/** The distance; where that is not sure, from where to where it may lie. */
function distanceCell(flyby) {
  if (!isWide(flyby)) return distanceText(flyby.miss_distance_km);
  return `${figures(flyby.miss_distance_min_km / KM[unit], 2)}–${distanceText(flyby.miss_distance_max_km, 2)}`;
}

function insideMoon(flyby) {
  if (typeof flyby.miss_distance_max_km !== "number") return "";
  if (flyby.miss_distance_max_km < KM.ld) return "certainly inside the Moon’s distance";
  return isWide(flyby) && flyby.miss_distance_min_km < KM.ld ? "possibly inside the Moon’s distance" : "";
}

const rangeWords = (flyby) => `${figures(flyby.miss_distance_min_km / KM[unit], 2)} and ${distanceText(flyby.miss_distance_max_km, 2)}`;

/** The distance in a sentence, with how sure it is. */
function distanceWords(flyby) {
  const inside = insideMoon(flyby) && `, ${insideMoon(flyby)}`;
  if (!isWide(flyby)) return `${distanceText(flyby.miss_distance_km)}${inside}`;
  return `between ${rangeWords(flyby)}, most likely ${distanceText(flyby.miss_distance_km)}${inside}`;
}

/** How sure JPL is of a flyby, in sentences; nothing where it has not said. */
function sureText(flyby) {
  const sigma = flyby.close_approach_sigma_min;
  const told = [];
  if (typeof flyby.miss_distance_max_km === "number") {
    const range = isWide(flyby) ? `JPL has it between ${rangeWords(flyby)}` : "JPL knows the distance to within a tenth";
    told.push(`${[range, insideMoon(flyby)].filter(Boolean).join(", ")}.`);
  }
  if (typeof sigma === "number" && sigma >= 1) told.push(`The time may be off by ${spanText(sigma)}.`);
  return told.join(" ");
}

/** A name without what steers a display: control characters, right-to-left marks. */
const plainText = (text) => text.replace(/[\p{C}\u2028\u2029]/gu, "\ufffd");

// "(2019 AB)" is a designation that stands for the name it has not got.
const nameText = (flyby) => plainText(flyby.name).replace(/^\(([^()]*)\)$/, "$1");

function metres(value, rounding = 2) {
  return value >= 1000 ? [figures(value / 1000, rounding), "km"] : [figures(value, rounding), "m"];
}

function sizeText(flyby) {
  if (flyby.diameter_min_m === null || flyby.diameter_max_m === null) return "unknown";
  const [low, lowUnit] = metres(flyby.diameter_min_m);
  const [high, highUnit] = metres(flyby.diameter_max_m);
  return lowUnit === highUnit ? `${low}–${high}\u00a0${highUnit}` : `${low}\u00a0${lowUnit}–${high}\u00a0${highUnit}`;
}

/** The size in a sentence. */
const sizeWords = (flyby) => sizeText(flyby).replace(/^unknown$/, "of unknown size");

const middleSize = (flyby) => (flyby.diameter_min_m === null || flyby.diameter_max_m === null ? null : Math.sqrt(flyby.diameter_min_m * flyby.diameter_max_m));
const closest = (some) => some.reduce((least, flyby) => (least && least.miss_distance_km <= flyby.miss_distance_km ? least : flyby), null);

/** Fills an element with text in which [bold] parts are arrays. */
function say(id, ...parts) {
  element(id).replaceChildren(...parts.map((part) => (Array.isArray(part) ? make("b", { textContent: part[0] }) : part)));
}

function hazardText(flyby) {
  if (flyby.is_potentially_hazardous === null) return "not told";
  return flyby.is_potentially_hazardous ? "◆ potentially hazardous" : "not potentially hazardous";
}

function detailPairs(flyby) {
  return [
    ["When", surelyWhen(flyby)],
    ["Distance", distanceWords(flyby)],
    ["Size", sizeText(flyby)],
    ["Speed", `${figures(flyby.relative_velocity_km_s, 3)} km/s`],
    ["Hazard", hazardText(flyby)],
  ];
}

/** The asteroid's name, leading to its own page. */
const nameLink = (asteroid) => make("a", { className: "name", href: linkTo(asteroid.designation), textContent: nameText(asteroid) });

/** A table that can be scrolled with the keyboard where it is wider than the screen. */
function tableBox(caption, headings, rows, className = "") {
  const head = headings.map(([textContent, its]) => make("th", { scope: "col", textContent, className: its }));
  return reachable(make("div", { className: "table-box" }, make("table", { className }, make("caption", { className: "unseen", textContent: caption }), make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows))), caption);
}

const boxes = new ResizeObserver((changed) => {
  for (const { target } of changed) {
    const box = target.parentElement;
    if (!box) continue;
    const isWider = box.scrollWidth > box.clientWidth;
    box.tabIndex = isWider ? 0 : -1;
    if (isWider) box.setAttribute("role", "region");
    else box.removeAttribute("role");
  }
});

function reachable(box, label) {
  box.setAttribute("aria-label", label);
  const table = box.querySelector("table");
  if (table) boxes.observe(table);
  return box;
}

function showTip(event, title, lines) {
  const tip = element("tip");
  tip.replaceChildren(make("b", { textContent: title }), ...lines.map((text) => make("div", { textContent: text })));
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - width - 8))}px`;
  tip.style.top = `${event.clientY + 18 + height > innerHeight ? Math.max(8, event.clientY - height - 12) : event.clientY + 18}px`;
}

function hideTip() {
  element("tip").hidden = true;
}

const COLUMNS = [
  { key: "name", label: "Name", className: "named", value: (f) => nameText(f), cell: nameCell },
  { key: "when", label: "When (UTC)", className: "when", value: (f) => f.at, cell: whenText },
  { key: "distance", label: "Distance", className: "number distance", value: (f) => f.miss_distance_km, cell: distanceCell },
  { key: "size", label: "Size", className: "number size", value: middleSize, cell: sizeText },
  { key: "speed", label: "Speed, km/s", className: "number wide", value: (f) => f.relative_velocity_km_s, cell: (f) => f.relative_velocity_km_s.toFixed(1) },
  { key: "brightness", label: "H", className: "number wide", value: (f) => f.absolute_magnitude_h, cell: (f) => f.absolute_magnitude_h?.toFixed(1) ?? "" },
  { key: "hazard", label: "Hazard", className: "wide", value: (f) => (f.is_potentially_hazardous ? 0 : 1), cell: (f) => (f.is_potentially_hazardous ? make("span", { className: "hazard", textContent: "◆ potentially hazardous" }) : "") },
];

function nameCell(flyby) {
  const cell = make("span", {}, nameLink(flyby));
  if (flyby.is_potentially_hazardous) cell.append(make("span", { className: "hazard narrow", textContent: " ◆", role: "img", "aria-label": "potentially hazardous" }));
  if (flyby.state) cell.append(make("span", { className: "small muted", textContent: ` ${flyby.state}` }));
  return cell;
}

const byName = new Intl.Collator("en", { numeric: true });

/** Orders by a column; what is unknown comes last whichever way. */
function ordered(rows, { key, down }) {
  const { value } = COLUMNS.find((column) => column.key === key);
  const sign = down ? -1 : 1;
  return rows.map((row) => ({ row, by: value(row) })).sort(({ by: x }, { by: y }) => {
    if (x === null || y === null) return (x === null) - (y === null);
    return sign * (typeof x === "string" ? byName.compare(x, y) : x - y);
  }).map(({ row }) => row);
}

/** A table that sorts itself by its headings. Gives `show(rows)` and the rows in the order shown. */
function flybyTable(box, caption, sort) {
  const state = { rows: [], sort, shown: SHOWN_AT_FIRST };
  const draw = () => {
    state.rows = ordered(state.rows, state.sort);
    const shown = state.rows.slice(0, state.shown);
    const headings = COLUMNS.map((column) => {
      const isSorted = column.key === state.sort.key;
      const arrow = isSorted ? (state.sort.down ? " ↓" : " ↑") : "";
      const button = make("button", { type: "button", textContent: column.label + arrow });
      button.addEventListener("click", () => {
        state.sort = { key: column.key, down: isSorted && !state.sort.down };
        draw();
        box.querySelector(`th[data-key=${column.key}] button`).focus();
      });
      const heading = make("th", { scope: "col", className: column.className ?? "", "data-key": column.key }, button);
      if (isSorted) heading.setAttribute("aria-sort", state.sort.down ? "descending" : "ascending");
      return heading;
    });
    const lines = shown.map((flyby) => make("tr", {}, ...COLUMNS.map((column) => make("td", { className: column.className ?? "" }, column.cell(flyby)))));
    const table = make("table", { className: "flybys" }, make("caption", { className: "unseen", textContent: caption }), make("thead", {}, make("tr", {}, ...headings)), make("tbody", {}, ...lines));
    box.replaceChildren(table);
    reachable(box, caption);
    if (state.rows.length === 0) box.replaceChildren(make("p", { className: "empty", textContent: "None." }));
    if (shown.length < state.rows.length) {
      const rest = state.rows.length - shown.length;
      const textContent = rest <= SHOWN_MORE ? `Show all ${state.rows.length.toLocaleString("en")}` : `Show ${SHOWN_MORE} more of ${state.rows.length.toLocaleString("en")}`;
      box.append(make("button", { type: "button", className: "more", textContent, onclick: () => { state.shown += SHOWN_MORE; draw(); } }));
    }
  };
  return {
    show(rows) { state.rows = rows; state.shown = SHOWN_AT_FIRST; draw(); },
    get rows() { return state.rows; },
    draw,
  };
}

const lastNight = flybys.filter((flyby) => flyby.close_approach_date === data.yesterday);
const lastNightTable = flybyTable(element("last-night-table"), "Flybys of last night", { key: "distance", down: false });
const allTable = flybyTable(element("flybys-table"), "Flybys", { key: "when", down: false });

/** Whether what is asked for is older, or later, than the flybys that are told in full. */
const isOfTheRecord = (form) => form.when.value === "all" || form.first.value !== "" || form.last.value !== "";

function filtered(from, form) {
  const words = keyOf(form.text.value);
  const within = form.within.value === "any" ? Infinity : Number(form.within.value) * KM.ld;
  const isAnyTime = isOfTheRecord(form);
  return from.filter((flyby) =>
    (flyby.key ?? keyOf(`${flyby.name} ${flyby.neo_id}`)).includes(words)
    && (isAnyTime || (form.when.value === "coming") === flyby.isComing)
    && flyby.close_approach_date >= form.first.value
    && (form.last.value === "" || flyby.close_approach_date <= form.last.value)
    && flyby.miss_distance_km <= within
    && (form.size.value === "0" || (flyby.diameter_max_m ?? 0) >= Number(form.size.value))
    && flyby.relative_velocity_km_s >= Number(form.speed.value)
    && (!form.hazardous.checked || flyby.is_potentially_hazardous));
}

let filtering = 0;

async function filter() {
  const form = element("filters").elements;
  const mine = filtering += 1;
  let [from, note] = [flybys, ""];
  if (isOfTheRecord(form)) {
    element("flybys").setAttribute("aria-busy", "true");
    element("flybys-count").textContent = "Reading the record …";
    try {
      from = (await wholeRecord()).flybys;
    } catch {
      note = ": this browser is too old to search the whole record";
    }
    if (mine !== filtering) return;
  }
  const rows = filtered(from, form);
  allTable.show(rows);
  element("flybys-count").textContent = (rows.length === from.length ? count(from.length, "flyby") : `${rows.length.toLocaleString("en")} of ${count(from.length, "flyby")}`) + note;
  element("flybys").removeAttribute("aria-busy");
}

/** The link to what is shown: filters that are not as they were, and the unit. */
function linkToFilters() {
  const told = new URLSearchParams();
  for (const control of element("filters").elements) {
    if (!control.name || control.value === control.dataset.usual && control.type !== "checkbox") continue;
    if (control.type !== "checkbox") told.set(control.name, control.value);
    else if (control.checked) told.set(control.name, "1");
  }
  if (unit !== "ld") told.set("unit", unit);
  return told.size ? `#flybys?${told}` : "#flybys";
}

function takeFilters(told) {
  for (const control of element("filters").elements) {
    if (!control.name) continue;
    if (control.type === "checkbox") control.checked = told.get(control.name) === "1";
    else control.value = told.get(control.name) ?? control.dataset.usual;
    // What is no choice of a list leaves it empty.
    if (control.tagName === "SELECT" && control.selectedIndex < 0) control.value = control.dataset.usual;
  }
}

function csvCell(value) {
  if (value === null || value === undefined) return "";
  // A spreadsheet would take text that begins like this for a formula.
  const text = typeof value === "string" ? value.replace(/^[=+\-@\t\r]/, "'$&") : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function downloadCsv() {
  const lines = [CSV_COLUMNS, ...allTable.rows.map((flyby) => CSV_COLUMNS.map((column) => flyby[column]))];
  const blob = new Blob([lines.map((line) => line.map(csvCell).join(",") + "\r\n").join("")], { type: "text/csv" });
  const link = make("a", { href: URL.createObjectURL(blob), download: `flybys-${data.now.slice(0, 10)}.csv` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function tellIntro() {
  const { held } = data;
  say("as-of", held.read_at ? `${fullDayText(data.now)}, ${timeText(now)} UTC · read ${momentText(held.read_at)} UTC` : `${fullDayText(data.now)} · nothing has been read yet`);
  const next = closest(coming);
  const last = closest(lastNight);
  const changed = Object.values(data.changes.counts).reduce((sum, n) => sum + n, 0);
  const fact = (label, big, small) => make("div", {}, make("dt", { textContent: label }), make("dd", { className: "big", textContent: big }), make("dd", { className: "small muted", textContent: small }));
  element("facts").replaceChildren(
    fact("Closest to come", next ? distanceCell(next) : "–", next ? `${nameText(next)}, ${whenText(next)}` : "nothing is known yet"),
    fact("Closest last night", last ? distanceCell(last) : "–", last ? `${nameText(last)}, ${sizeWords(last)}` : "none listed"),
    fact("Changed since yesterday", changed.toLocaleString("en"), count(data.changes.counts.new ?? 0, "new flyby")),
    fact("On record", held.listed.toLocaleString("en"), held.first ? `flybys, ${held.first.slice(0, 4)} to ${held.last.slice(0, 4)}` : "flybys"),
  );
}

function tellBanners() {
  const banner = (text) => make("p", { className: "note warn", role: "note", textContent: text });
  const banners = [];
  if (data.simulated) banners.push(banner("Simulated data. These asteroids do not exist: they come from flyby’s built-in sky."));
  const isStale = data.stale || (data.stale_from && !data.simulated && Date.now() > Date.parse(data.stale_from));
  if (isStale && data.held.read_at) banners.push(banner(`This is not up to date: the sky was last read ${momentText(data.held.read_at)} UTC.`));
  element("banners").replaceChildren(...banners);
}

function tellComing() {
  say("coming-danger");
  if (coming.length === 0) {
    const next = data.held.read_at ? "" : " Nothing has been read yet: flyby run reads the days around today, flyby backfill reads years, and flyby demo shows how this looks.";
    return say("coming-lead", `Nothing is listed for the days ahead.${next}`);
  }
  const next = closest(coming);
  const hazardous = coming.filter((flyby) => flyby.is_potentially_hazardous).length;
  say("coming-lead", [count(coming.length, "asteroid")], ` until ${dayText(coming.at(-1).close_approach_date)}, `, hazardous ? [`${hazardous} potentially hazardous`] : "none potentially hazardous", ". The closest is ", [nameText(next)], `: ${distanceWords(next)} on ${whenText(next)}, ${sizeWords(next)}${likeText(next) ? `, ${likeText(next)}` : ""}. What comes close is often found only days before, so the list still grows.`);
}

/** Whether anything that is listed may touch the Earth: one plain sentence. */
function tellDanger() {
  if (coming.length === 0) return;
  const nearest = (flyby) => flyby.miss_distance_min_km ?? flyby.miss_distance_km;
  const named = (some) => some.map(nameText).join(", ");
  const hitting = coming.filter((flyby) => flyby.miss_distance_km <= EARTH_KM);
  const unsure = coming.filter((flyby) => nearest(flyby) <= EARTH_KM);
  if (hitting.length) return say("coming-danger", [`Listed to reach the Earth: ${named(hitting)}.`]);
  if (unsure.length === 0) return say("coming-danger", ["None of them hits the Earth, as far as NASA can tell"], `: nothing listed comes nearer than ${distanceText(Math.min(...coming.map(nearest)))}.`);
  say("coming-danger", ["No asteroid is listed to hit the Earth"], `, but too little is known of ${named(unsure)} to rule it out: JPL’s range reaches down to the Earth’s surface.`);
}

function tellLastNight() {
  say("last-night-lead", `${fullDayText(data.yesterday)}: `, [count(lastNight.length, "flyby")], " listed so far.");
}

/** What moved, each value with just as many figures as it takes to tell before from after. */
function moveText({ field, unit: measure, before, after }) {
  const onOneDay = field === "close_approach_at" && before !== null && before.slice(0, 10) === after?.slice(0, 10);
  const one = (value, digits) => {
    if (value === null) return "unknown";
    if (typeof value === "boolean") return value ? "yes" : "no";
    if (field === "close_approach_at") return onOneDay ? timeText(Date.parse(value)) : momentText(value);
    if (field === "close_approach_date") return dayText(value);
    if (field === "miss_distance_km") return figures(value / KM[unit], digits);
    return typeof value === "number" ? figures(value, digits) : plainText(value);
  };
  const suffix = { miss_distance_km: ` ${UNIT_NAMES[unit]}`, absolute_magnitude_h: "" }[field] ?? (measure ? ` ${measure}` : "");
  let [digits, told] = [3, []];
  do {
    told = [one(before, digits), one(after, digits)];
    digits += 1;
  } while (told[0] === told[1] && digits < 12);
  return [`${FIELDS[field] ?? field} ${told[0]}`, `${told[1]}${suffix}`];
}

function tellMoves(change) {
  const moved = new Set(change.moves.map((move) => move.field));
  // Sizes follow from the brightness, and the day from the moment.
  const isSure = (change.close_approach_sigma_min ?? 0) < DAY_MIN;
  const follows = (field) => (field.startsWith("diameter_") && moved.has("absolute_magnitude_h")) || (field === (isSure ? "close_approach_date" : "close_approach_at") && moved.has("close_approach_at"));
  return make("ul", { className: "moves" }, ...change.moves.filter((move) => !follows(move.field)).map((move) => {
    const [before, after] = moveText(move);
    return make("li", {}, `${before} `, make("span", { className: "arrow", textContent: "→" }), ` ${after}`);
  }));
}

const wholeKinds = new Set();
const sigmas = new Map(flybys.map((flyby) => [`${flyby.designation} ${flyby.close_approach_date}`, flyby.close_approach_sigma_min]));

function tellChanges() {
  const { counts, listed, first_looks: firstLooks, since } = data.changes;
  const kinds = Object.keys(KINDS).filter((kind) => counts[kind]);
  const looks = firstLooks ? ` ${count(firstLooks, "flyby")} of days that were read for the first time are not counted.` : "";
  say("changes-lead", kinds.length ? `What the readings of ${dayText(since.slice(0, 10))} say that was said differently before.${looks}` : `Nothing that was known before changed on ${dayText(since.slice(0, 10))}.${looks}`);
  element("changes-groups").replaceChildren(...kinds.map((kind) => {
    const [title, hint] = KINDS[kind];
    const some = listed.filter((change) => change.kind === kind).map((change) => ({ ...change, close_approach_sigma_min: sigmas.get(`${change.designation} ${change.close_approach_date}`) ?? null }));
    const shown = wholeKinds.has(kind) ? some : some.slice(0, 8);
    const isRevised = kind === "revised";
    const rows = shown.map((change) => make("tr", {},
      make("td", {}, nameLink(change)),
      make("td", { className: "when", textContent: whenText(change) }),
      make("td", { className: isRevised ? "told" : "number" }, isRevised ? tellMoves(change) : distanceText(change.miss_distance_km))));
    const headings = ["Name", "When (UTC)", isRevised ? "Before → after" : "Distance"].map((label, n) => [label, n === 2 && !isRevised ? "number" : ""]);
    const group = make("div", { "data-kind": kind },
      make("h3", {}, `${title} `, make("span", { className: "count", textContent: `${counts[kind].toLocaleString("en")}, ${hint}` })),
      tableBox(title, headings, rows, isRevised ? "revised" : ""));
    if (shown.length < some.length) {
      const rest = some.length < counts[kind] ? `Show the first ${some.length} of ${counts[kind].toLocaleString("en")}` : `Show all ${some.length}`;
      group.append(make("button", { type: "button", className: "more", textContent: rest, onclick: () => { wholeKinds.add(kind); tellChanges(); } }));
    }
    return group;
  }));
}

function tellCompleteness() {
  const states = Object.groupBy ? Object.groupBy(data.days, ([, state]) => state) : data.days.reduce((all, day) => ({ ...all, [day[1]]: [...(all[day[1]] ?? []), day] }), {});
  const read = data.days.length - (states.missing?.length ?? 0);
  say("completeness-lead", data.days.length ? [`${read.toLocaleString("en")} of ${count(data.days.length, "day")}`] : "No day has been read yet.", data.days.length ? " on this calendar were read. A day is read again and again until it no longer changes." : "");
  element("completeness-legend").replaceChildren(...STATES.filter(([state]) => states[state]).map(([state, shape, full, colorName, meaning]) => make("li", {}, icon(shape, colorName, 14, full), make("span", {}, make("b", { textContent: `${states[state].length} ${state}` }), `: ${meaning}`))));
  element("doubts").replaceChildren(...(data.doubts.length ? [make("h3", { textContent: "In doubt" }), make("ul", { className: "small" }, ...data.doubts.slice(0, 12).map(({ state, first, last, note }) => make("li", { textContent: `${dayText(first)}${first === last ? "" : ` to ${dayText(last)}`}: ${state}${note ? `. ${note}` : ""}` })))] : []));
}

function tellOpinion() {
  const opinion = data.opinion;
  element("opinion-tables").replaceChildren();
  if (!opinion.days) return say("opinion-lead", "JPL’s own list, from which NASA’s is made, has not been compared with it yet.");
  say("opinion-lead", "JPL’s own list, from which NASA’s is made, was read ", [`${momentText(opinion.heard_at)} UTC`], `. On ${count(opinion.days, "day")} that both were asked about, `, [`${count(opinion.in_both, "flyby")} are in both`], `, ${opinion.neows_only.toLocaleString("en")} only in NASA’s, ${opinion.cad_only.toLocaleString("en")} only in JPL’s.`);
  const because = Object.entries(opinion.cad_only_because);
  const parts = because.length ? [make("ul", { className: "small" }, ...because.map(([why, n]) => make("li", { textContent: `${n.toLocaleString("en")} only in JPL’s: ${why}` })))] : [];
  const cell = (text, className = "") => make("td", { className: `number ${className}`, textContent: text });
  const table = (title, headings, rows) => parts.push(
    make("h3", { textContent: title }),
    tableBox(title, headings.map((text, n) => [text, n === 0 ? "" : text === "JPL" ? "number wide" : "number"]), rows));
  if (opinion.months.length) {
    table("Month by month", ["Month", "Both", "NASA’s only", "JPL’s only"], opinion.months.map((month) => make("tr", {}, make("td", { textContent: monthText(Date.parse(month.month)) }), ...[month.in_both, month.neows_only, month.cad_only].map((n) => cell(n.toLocaleString("en"))))));
  }
  if (opinion.disagreements) {
    const share = (value) => value.toLocaleString("en", { style: "percent", maximumSignificantDigits: 2 });
    table(`NeoWs' distances outside of the range that JPL gives (${opinion.disagreements.toLocaleString("en")} of those in both, the furthest first)`, ["Asteroid", "NASA", "JPL", "Differs by"], opinion.largest.map((one) => make("tr", {}, make("td", {}, nameLink(one), `, ${dayText(one.close_approach_date)}`), cell(distanceText(one.neows_km)), cell(distanceText(one.cad_km), "wide"), cell(share(one.relative)))));
  }
  element("opinion-tables").replaceChildren(...parts);
}

// What mornings plan their requests by: the first of its shares, each with two standard errors.
function plannedBy(planned) {
  if (!planned) return [];
  const [first] = planned.shares;
  const last = planned.shares.at(-1);
  const percent = (value, error) => [`${Math.round(value * 100)} ± ${Math.round(200 * error)} %`];
  return [" Mornings plan by the last weeks: of what a day has ", [`${last.day} mornings on`], ", ", percent(first.listed, first.listed_error), " is listed on the first, and ", percent(first.final, first.final_error), " has its final values."];
}

function tellLatency() {
  const { growth, is_little: isLittle } = data.latency;
  if (growth.length === 0) {
    say("latency-lead", "This record cannot tell yet: that takes days that were read the morning after and again later. Drawn is what was measured for 2015–2019: of what was listed a year later, three quarters were listed the morning after.");
  } else {
    const [first] = growth;
    const last = growth.at(-1);
    say("latency-lead", "Of what is listed for a day ", [count(last.age_days, "day")], " later, ", [`${Math.round(first.share * 100)} %`], ` were listed ${first.age_days === 1 ? "the morning after" : `${first.age_days} days after`}`, ` (${count(first.days, "day")} followed).`, isLittle ? " That is too few days to rely on." : "", ...plannedBy(data.latency.planned_by));
  }
  const items = [["line", "--muted", "the real sky of 2015–2019"]];
  if (growth.length) items.unshift(["circle", "--accent", "this record"]);
  element("latency-legend").replaceChildren(...items.map(([shape, color, text]) => make("li", {}, icon(shape, color, 13), text)));
}

/** A colour as the style has it: it follows the dark, and paper, without being drawn again. */
const color = (name) => `var(${name})`;
const areaOf = (flyby) => areaOfSize(middleSize(flyby) ?? 30);
const areaOfSize = (diameter) => 30 + 330 * Math.min(1, Math.max(0, Math.log10(diameter / 4) / Math.log10(1000 / 4))) ** 1.6;

function icon(shape, colorName, size, full = 1) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("width", size);
  svg.setAttribute("height", size);
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  const paths = {
    circle: "M10 1.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 1 0 0-17Z", square: "M2 2H18V18H2Z", diamond: "M10 1L18 10L10 19L2 10Z",
    "triangle-up": "M10 2L18 18H2Z", line: "M0 10H7M12 10H20",
  };
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", paths[shape]);
  path.style.fill = path.style.stroke = `var(${colorName})`;
  path.style.fillOpacity = full;
  path.style.strokeWidth = shape === "line" ? 2.5 : 1.6;
  svg.append(path);
  return svg;
}

function tellComingLegend() {
  const entry = (shape, colorName, size, text) => make("li", {}, icon(shape, colorName, size), text);
  const sizes = [[10, "10 m"], [100, "100 m"], [1000, "1 km"]].map(([diameter, text]) => entry("circle", "--muted", Math.sqrt(areaOfSize(diameter) * 4 / Math.PI), text));
  const isUnsure = coming.some((flyby) => isWide(flyby) || !isTimed(flyby));
  element("coming-legend").replaceChildren(
    entry("diamond", "--hazard", 14, "potentially hazardous"), entry("circle", "--accent", 11, "other asteroids"), ...sizes,
    ...(isUnsure ? [entry("line", "--muted", 14, "from where to where it may pass, or when, where that is not sure")] : []));
}

/** A moment as Vega-Lite wants it where no data stand: it takes a plain number for a year. */
function utc(at) {
  const moment = new Date(at);
  return { utc: true, year: moment.getUTCFullYear(), month: moment.getUTCMonth() + 1, date: moment.getUTCDate(), hours: moment.getUTCHours(), minutes: moment.getUTCMinutes() };
}

/** The round numbers of a logarithmic axis. */
const roundBetween = (low, high) => [1, 2, 5].flatMap((step) => Array.from({ length: 14 }, (_, power) => step * 10 ** (power - 5))).filter((step) => step >= low && step <= high);

const embedded = new Map();

async function draw(id, label, { tip, marks, ...spec }) {
  const box = element(id);
  if (!globalThis.vegaEmbed) {
    const why = element("vega").textContent.length > 100 ? "It needs a newer browser." : "It needs flyby’s extra “report”: pip install 'flyby[report]'";
    box.replaceChildren(make("p", { className: "note", textContent: `There would be a picture here. ${why}` }));
    return;
  }
  const config = {
    background: null, font: getComputedStyle(document.body).fontFamily, view: { stroke: null },
    axis: { labelColor: color("--muted"), titleColor: color("--muted"), gridColor: color("--line"), domainColor: color("--line"), tickColor: color("--line"), labelFontSize: 12, titleFontSize: 12, titleFontWeight: 400, labelPadding: 6 },
    aria: false,
  };
  const result = await vegaEmbed(box, { $schema: "https://vega.github.io/schema/vega-lite/v6.json", width: box.clientWidth, autosize: { type: "fit", contains: "padding" }, ...spec }, {
    actions: false, renderer: "svg", ast: true, defaultStyle: false, config,
    tooltip: (handler, event, item, value) => (value ? showTip(event, ...tip(value)) : hideTip()),
  });
  embedded.get(id)?.finalize();
  embedded.set(id, result);
  if (marks) openByHand(box, result.view, marks, tip);
  box.setAttribute("role", marks ? "application" : "img");
  box.setAttribute("aria-label", label);
  box.querySelector("svg").setAttribute("aria-hidden", "true");
}

function drawComing() {
  element("coming-chart").hidden = element("coming-legend").hidden = element("coming-hint").hidden = coming.length === 0;
  if (coming.length === 0) return;
  const moon = KM.ld / KM[unit];
  const values = coming.map((flyby, index) => ({
    index, at: flyby.at, distance: flyby.miss_distance_km / KM[unit], area: areaOf(flyby),
    shape: flyby.is_potentially_hazardous ? "diamond" : "circle",
    color: color(flyby.is_potentially_hazardous ? "--hazard" : "--accent"),
  })).sort((a, b) => b.area - a.area);
  const distances = values.map((value) => value.distance);
  // Nothing passes below the Earth's surface, and what may pass beyond all others leads out of the picture.
  const ranges = values.filter(({ index }) => isWide(coming[index])).map((value) => ({
    ...value,
    least: Math.max(coming[value.index].miss_distance_min_km, EARTH_KM) / KM[unit], most: coming[value.index].miss_distance_max_km / KM[unit],
  }));
  const low = Math.min(moon, ...distances, ...ranges.map((range) => range.least)) / 1.4;
  const high = Math.max(moon, ...distances) * 1.3;
  for (const range of ranges) range.most = Math.min(range.most, high);
  const midnight = Date.parse(`${data.now.slice(0, 10)}T00:00:00Z`);
  const begin = Math.min(now, ...values.map((value) => value.at));
  const end = Date.parse(`${coming.at(-1).close_approach_date}T00:00:00Z`) + 86400e3;
  const times = values.filter(({ index }) => !isTimed(coming[index])).map((value) => {
    const either = Math.max(coming[value.index].close_approach_sigma_min ?? 0, DAY_MIN / 2) * 60e3;
    return { ...value, from: Math.max(value.at - either, begin), until: Math.min(value.at + either, end) };
  });
  const days = Math.round((end - midnight) / 86400e3);
  const isNarrow = element("coming-chart").clientWidth < 560;
  const every = Math.max(1, Math.ceil(days / (isNarrow ? 5 : 12)));
  const ticks = Array.from({ length: days + 1 }, (_, n) => utc(midnight + n * 86400e3)).filter((_, n) => n % every === 0);
  const encodeX = { field: "at", type: "temporal", scale: { type: "utc" } };
  const encodeY = { field: "distance", type: "quantitative", scale: { type: "log", domain: [low, high], nice: false } };
  const tone = { color: { field: "color", type: "nominal", scale: null } };
  const line = { type: "rule", strokeWidth: 2, opacity: 0.5, tooltip: null };
  return draw("coming-chart", `${coming.length} flybys by time and distance. The arrow keys go from one to the next, Enter opens it; the table of every flyby has the same in words`, {
    height: isNarrow ? 340 : 440,
    tip: ({ index }) => [nameText(coming[index]), detailPairs(coming[index]).map(([label, text]) => `${label}: ${text}`)],
    marks: values,
    layer: [
      { data: { values: [{ distance: moon }] }, mark: { type: "rule", color: color("--muted"), strokeDash: [5, 4], tooltip: null }, encoding: { y: encodeY } },
      { data: { values: [{ distance: moon }] }, mark: { type: "text", align: "right", baseline: "bottom", dy: -4, fontSize: 12, text: "as far as the Moon", color: color("--muted"), tooltip: null }, encoding: { y: encodeY, x: { value: "width" } } },
      ...(ranges.length ? [{ name: "ranges", data: { values: ranges }, mark: line, encoding: { x: encodeX, y: { ...encodeY, field: "least" }, y2: { field: "most" }, ...tone } }] : []),
      ...(times.length ? [{ name: "times", data: { values: times }, mark: line, encoding: { x: { ...encodeX, field: "from" }, x2: { field: "until" }, y: encodeY, ...tone } }] : []),
      {
        name: "flybys", data: { values },
        mark: { type: "point", filled: true, opacity: 0.82, stroke: color("--card"), strokeWidth: 0.8, cursor: "pointer", tooltip: { content: "data" } },
        encoding: {
          x: { ...encodeX, scale: { type: "utc", domain: [utc(begin), utc(end)] }, axis: { title: null, values: ticks, format: isNarrow ? "%-d %b" : "%a %-d %b", grid: true, labelOverlap: true, labelFlush: true } },
          y: { ...encodeY, axis: { title: `distance in ${UNIT_NAMES[unit]}, log scale`, values: roundBetween(low, high), format: unit === "km" ? "~s" : "~r", labelOverlap: true } },
          size: { field: "area", type: "quantitative", scale: null },
          shape: { field: "shape", type: "nominal", scale: null },
          ...tone,
        },
      },
    ],
  });
}

/** Where a value is drawn, on the screen. */
function placeOf(view, value) {
  const box = view.container().querySelector("svg").getBoundingClientRect();
  const [left, top] = view.origin();
  return [box.left + left + view.scale("x")(value.at), box.top + top + view.scale("y")(value.distance)];
}

/** The value drawn nearest to the event, if any is within a finger's breadth. */
function nearestTo(event, view, values) {
  const far = (value) => {
    const [x, y] = placeOf(view, value);
    return Math.hypot(x - event.clientX, y - event.clientY) - Math.sqrt(value.area) / 2;
  };
  const nearest = values.reduce((best, value) => (best && far(best) <= far(value) ? best : value), null);
  return nearest && far(nearest) <= 22 ? nearest : null;
}

/** Taps near a mark, and the way through the marks by keyboard: left and right by time, up and down by distance. */
function openByHand(box, view, values, tip) {
  const orders = { at: [...values].sort((a, b) => a.at - b.at), distance: [...values].sort((a, b) => a.distance - b.distance) };
  const steps = { ArrowRight: ["at", 1], ArrowLeft: ["at", -1], ArrowUp: ["distance", 1], ArrowDown: ["distance", -1] };
  const open = (value) => { location.hash = linkTo(coming[value.index].designation); };
  let chosen = null;
  const choose = (value) => {
    chosen = value;
    const ring = element("ring");
    ring.hidden = value === null;
    if (value === null) return hideTip();
    const [clientX, clientY] = placeOf(view, value);
    const size = Math.sqrt(value.area) + 12;
    Object.assign(ring.style, { left: `${clientX - size / 2}px`, top: `${clientY - size / 2}px`, width: `${size}px`, height: `${size}px` });
    const [title, lines] = tip(value);
    showTip({ clientX, clientY }, title, lines);
    element("coming-told").textContent = [title, ...lines].join("; ");
  };
  view.addEventListener("click", (event) => {
    const nearest = nearestTo(event, view, values);
    if (nearest) open(nearest);
  });
  box.tabIndex = 0;
  box.onkeydown = (event) => {
    if (event.key === "Enter" && chosen) return open(chosen);
    if (event.key === "Escape") return choose(null);
    const [order, by] = steps[event.key] ?? [];
    if (!order || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const all = orders[order];
    const next = chosen ? all.indexOf(chosen) + by : order === "distance" ? 0 : by > 0 ? 0 : all.length - 1;
    choose(all[Math.min(all.length - 1, Math.max(0, next))]);
  };
  box.onblur = () => choose(null);
}

function drawCompleteness() {
  element("completeness-chart").hidden = data.days.length === 0;
  if (data.days.length === 0) return;
  const box = element("completeness-chart");
  const cell = Math.min(26, (box.clientWidth - 70) / 31);
  const looks = Object.fromEntries(STATES.map(([state, shape, full, colorName]) => [state, { shape, full, color: color(colorName) }]));
  const values = data.days.map(([day, state, observations, flybyCount]) => ({
    day, state, observations, flybyCount, month: day.slice(0, 7), number: Number(day.slice(8)),
    ...looks[state], area: (cell * (looks[state].shape === "circle" ? 0.62 : 0.74)) ** 2,
  }));
  const months = [...new Set(values.map((value) => value.month))].sort();
  const labels = Object.fromEntries(months.map((month) => [month, monthText(Date.parse(`${month}-01T00:00:00Z`))]));
  return draw("completeness-chart", "A calendar of the days that are held; the list below has the same in words", {
    width: 31 * cell + 70, height: months.length * Math.max(14, cell * 0.92) + 26,
    tip: (value) => [fullDayText(value.day), [value.state, `read ${count(value.observations, "time")}`, `${count(value.flybyCount, "flyby")} listed`]],
    data: { values: values.map((value) => ({ ...value, label: labels[value.month] })) },
    mark: { type: "point", opacity: 1, strokeWidth: 1, tooltip: { content: "data" } },
    encoding: {
      x: { field: "number", type: "ordinal", scale: { domain: Array.from({ length: 31 }, (_, n) => n + 1) }, axis: { title: null, orient: "top", labelAngle: 0, ticks: false, domain: false, values: [1, 5, 10, 15, 20, 25, 30] } },
      y: { field: "label", type: "ordinal", scale: { domain: months.map((month) => labels[month]) }, axis: { title: null, ticks: false, domain: false } },
      size: { field: "area", type: "quantitative", scale: null },
      shape: { field: "shape", type: "nominal", scale: null },
      stroke: { field: "color", type: "nominal", scale: null },
      fill: { field: "color", type: "nominal", scale: null },
      fillOpacity: { field: "full", type: "quantitative", scale: null },
    },
  });
}

function drawLatency() {
  const { growth, reference } = data.latency;
  const x = { field: "age_days", type: "quantitative", scale: { type: "log", nice: false }, axis: { title: "days after the flyby", values: [1, 3, 7, 14, 30, 90, 365], format: "d", grid: false } };
  const y = { field: "share", type: "quantitative", scale: { domain: [0, 1] }, axis: { title: "share listed by then", format: ".0%", values: [0, 0.25, 0.5, 0.75, 1] } };
  return draw("latency-chart", "Share of a day’s flybys listed, by days after it; the sentence above has the same in words", {
    height: 240,
    tip: (value) => [`${count(value.age_days, "day")} after`, [`${(value.share * 100).toFixed(1)} % listed`, value.days === undefined ? "measured for 2015–2019" : `${count(value.days, "day")} followed`]],
    layer: [
      { data: { values: reference }, mark: { type: "line", strokeDash: [6, 5], color: color("--muted"), point: { color: color("--muted"), size: 22, tooltip: { content: "data" } } }, encoding: { x, y } },
      ...(growth.length === 0 ? [] : [{ data: { values: growth }, mark: { type: "line", strokeWidth: 2.5, color: color("--accent"), point: { color: color("--accent"), size: 60, tooltip: { content: "data" } } }, encoding: { x, y } }]),
    ],
  });
}

/** Vega's program, unpacked and begun once the page is there to be read. */
const vega = (async () => {
  await new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve)); });
  const textContent = await unpacked("vega");
  if (textContent === "") return;
  const isReady = new Promise((resolve) => { addEventListener("vega", resolve, { once: true }); });
  document.head.append(make("script", { type: "module", textContent }));
  await isReady;
})().catch(() => {});  // each picture's place says what is missing

/** Draws what is on the screen: nothing can be drawn that has no width. */
let isDrawn = false;

async function drawAll() {
  await vega;
  isDrawn = !isAway();
  if (isDrawn) {
    await drawComing();
    await Promise.all([drawCompleteness(), drawLatency()]);
  }
  document.documentElement.dataset.drawn = unit;
}

function tellAll() {
  const within = element("filters").elements.within;
  const chosen = within.value || "any";
  within.replaceChildren(make("option", { value: "any", textContent: "any distance" }), ...[1, 5, 20, 50].map((ld) => make("option", { value: String(ld), textContent: distanceText(ld * KM.ld) })));
  within.value = chosen;
  tellBanners();
  tellIntro();
  tellComing();
  tellDanger();
  tellComingLegend();
  tellLastNight();
  lastNightTable.show(lastNight);
  tellChanges();
  filter();
  tellCompleteness();
  tellOpinion();
  tellLatency();
}

function useUnit(name) {
  if (name === unit || !Object.hasOwn(KM, name ?? "")) return;
  unit = name;
  tellAll();
  retellAsteroid();
  drawAll();
}

/** What the address names: an asteroid, or nothing if it is a part of the page. */
function asteroidAsked() {
  const [name] = location.hash.slice(1).split("?");
  if (name === "" || document.getElementById(name)?.matches("main > section:not(#asteroid)")) return null;
  try {
    return decodeURIComponent(name).replaceAll("-", " ");
  } catch {
    return name;
  }
}

const isAway = () => !element("asteroid").hidden;
let scrolled = 0;

/** Shows what the address names, with the unit and the filters that it has. */
function follow() {
  const [part, told] = location.hash.slice(1).split("?");
  const parameters = new URLSearchParams(told ?? "");
  const name = asteroidAsked();
  const wasAway = isAway();
  document.documentElement.dataset.view = name === null ? "all" : "asteroid";
  element("asteroid").hidden = name === null;
  hideTip();
  element("ring").hidden = true;
  const chosen = parameters.get("unit");
  if (chosen) useUnit(chosen);
  for (const choice of document.querySelectorAll("input[name=unit]")) choice.checked = choice.value === unit;
  if (name !== null) {
    if (!wasAway) scrolled = scrollY;
    scrollTo(0, 0);
    return showAsteroid(name);
  }
  shownAsteroid = null;
  document.title = "flyby: asteroids passing the Earth";
  if (part === "flybys" && told !== undefined) {
    takeFilters(parameters);
    filter();
  }
  if (wasAway && !isDrawn) drawAll();
  if (part !== "") element(part).scrollIntoView();
  else if (wasAway) scrollTo(0, scrolled);
}

for (const control of element("filters").elements) {
  if (control.name) control.dataset.usual = control.name === "within" ? "any" : control.value;
}
element("filters").addEventListener("input", (event) => {
  const { text, when } = event.currentTarget.elements;
  // Who types a name looks for it whenever it passes, unless they said when.
  if (event.target === when) when.dataset.isChosen = "";
  if (event.target === text && text.value !== "" && when.dataset.isChosen === undefined) when.value = "all";
  filter();
  history.replaceState(null, "", linkToFilters());
});
element("filters").addEventListener("submit", (event) => event.preventDefault());
element("csv").addEventListener("click", downloadCsv);
for (const choice of document.querySelectorAll("input[name=unit]")) {
  choice.addEventListener("change", () => {
    kept.unit = choice.value;
    useUnit(choice.value);
    if (location.hash.startsWith("#flybys")) history.replaceState(null, "", linkToFilters());
  });
}
let width = innerWidth;
let settling;
addEventListener("resize", () => {
  // A phone's address bar changes the height with every scroll: only the width matters to the pictures.
  if (innerWidth === width) return;
  width = innerWidth;
  clearTimeout(settling);
  settling = setTimeout(() => (isAway() ? drawHistories() : drawAll()), 150);
});
addEventListener("scroll", () => { hideTip(); element("ring").hidden = true; }, { passive: true });
addEventListener("hashchange", follow);
tellAll();
performance.mark("told");
follow();
drawAll();
