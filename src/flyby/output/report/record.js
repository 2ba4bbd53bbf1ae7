// The whole record. It is packed in the page, and unpacked when somebody first searches it or opens an asteroid.

const STATES_OF_FLYBYS = [null, "no longer listed", "withdrawn"];

/** What is packed comes last in the file: the page is read while it still arrives. */
const isWhole = new Promise((resolve) => { document.addEventListener("DOMContentLoaded", resolve); });

/** The text that is packed in an element. Throws where the browser cannot unpack (those of before 2023). */
async function unpacked(id) {
  await isWhole;
  const letters = atob(element(id).textContent);
  const bytes = new Uint8Array(letters.length);
  for (let n = 0; n < letters.length; n += 1) bytes[n] = letters.charCodeAt(n);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

let unpacking = null;

/** Every asteroid and every flyby that was ever listed, in the shape of the flybys that are told in full. */
function wholeRecord() {
  unpacking ??= unpacked("archive").then((text) => recordOf(JSON.parse(text)));
  return unpacking;
}

/** A name as a key: capitals, spaces and hyphens do not count. */
const keyOf = (text) => text.replace(/[^\p{L}\p{N}]+/gu, "").toLowerCase();

function recordOf({ asteroids, flybys: held, versions }) {
  const inFull = new Map(flybys.map((flyby) => [`${flyby.designation} ${flyby.close_approach_date}`, flyby]));
  const all = [];
  const dates = new Map();
  const dateOf = (day) => dates.get(day) ?? dates.set(day, new Date(day * 86400e3).toISOString().slice(0, 10)).get(day);
  const { first, last } = data.flybys;
  const made = asteroids.designation.map((designation, a) => {
    const name = asteroids.name[a] ?? `(${designation})`;
    const asteroid = { designation, name, key: keyOf(`${name} ${designation}`), flybys: [] };
    const [h, least, most] = [asteroids.h[a], asteroids.least_dm[a], asteroids.most_dm[a]];
    let day = 0;
    for (let rest = asteroids.flybys[a]; rest > 0; rest -= 1) {
      const n = all.length;
      day += held.days_on[n];
      const date = dateOf(day);
      const state = STATES_OF_FLYBYS[held.state[n]];
      const told = state === null && date >= first && date <= last && inFull.get(`${designation} ${date}`);
      const flyby = told || {
        designation, name, close_approach_date: date, close_approach_at: null, close_approach_sigma_min: null,
        at: day * 86400e3 + 43200e3, isComing: date >= data.now.slice(0, 10),
        miss_distance_km: held.km[n], miss_distance_min_km: held.least_km[n], miss_distance_max_km: held.most_km[n],
        miss_distance_ld: held.km[n] / KM.ld, miss_distance_au: held.km[n] / KM.au,
        relative_velocity_km_s: held.speed[n] / 10, absolute_magnitude_h: h === null ? null : h / 100,
        diameter_min_m: least === null ? null : least / 10, diameter_max_m: most === null ? null : most / 10,
        is_potentially_hazardous: asteroids.hazardous[a] === null ? null : asteroids.hazardous[a] === 1, is_sentry_object: null,
        neo_id: null, first_seen_at: null, revision: held.revisions[n], isBrief: true,
      };
      flyby.state = state;
      flyby.revisions = held.revisions[n];
      flyby.key = asteroid.key;
      flyby.versions = [];
      asteroid.flybys.push(flyby);
      all.push(flyby);
    }
    return asteroid;
  });
  const columns = Object.entries(versions);
  versions.flyby?.forEach((n, v) => {
    all[n].versions.push(Object.fromEntries(columns.map(([column, values]) => [column, values[v]])));
  });
  return { asteroids: made, flybys: all };
}

/** The asteroid of that designation, number or name; else those whose name holds the text. */
function found({ asteroids }, text) {
  const key = keyOf(text);
  const exact = asteroids.find((asteroid) => keyOf(asteroid.designation) === key)
    ?? asteroids.find(({ name }) => [name.match(/^\d+(?= )/)?.[0], name.replace(/\s*\([^()]*\)$/, ""), name.replace(/^\d+\s+|\s*\([^()]*\)$/g, "")].some((part) => part && keyOf(part) === key));
  return { exact, near: exact || key.length < 3 ? [] : asteroids.filter((asteroid) => asteroid.key.includes(key)).slice(0, 10) };
}
