"use strict";

// What the page holds, and how it is said.

const DATA = JSON.parse(document.getElementById("data").textContent);
const HUES = 10;

/** A moment as the commands print it, e.g. 1:02:05.13. */
function clock(seconds, decimals = 2) {
  const whole = Math.round(seconds * 10 ** decimals) / 10 ** decimals;
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  const rest = (whole % 60).toFixed(decimals).padStart(decimals ? 3 + decimals : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** A score with two digits, a tiny one with its first. */
const digits = (score) => score < 0.01 && score > 0 ? score.toPrecision(1) : score.toFixed(2);

/** A label as people write it. */
function readable(name) {
  return DATA.types.some((type) => type.name === name) ? name.replaceAll("_", "-") : name.replaceAll("_", " ");
}

/** An element; children are elements or text, which is never read as markup. */
function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "style") for (const [key, text] of Object.entries(value)) made.style.setProperty(key, text);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Everything of a video that can be clicked: {kind, start, end, name, color, score, lines}. */
function marksOf(video) {
  const truth = (video.truth ?? []).map(([label, start, end]) => mark("truth", label, start, end));
  const found = video.detections.map(([label, start, end, score, near, overlap]) => {
    const made = mark("detection", label, start, end, score);
    if (near !== undefined) {
      const [trueLabel, trueStart, trueEnd] = video.truth[near];
      made.overlap = overlap;
      made.lines.push(`tIoU ${overlap.toFixed(2)} with ${readable(DATA.labels[trueLabel])}, ` +
        `${clock(trueStart)} – ${clock(trueEnd)}`);
    } else if (video.truth) {
      made.overlap = 0;
      made.lines.push("overlaps no ground truth");
    }
    return made;
  });
  const boundaries = video.boundaries.map(([type, time, score]) => ({
    kind: "boundary", start: time, end: time, score, name: readable(DATA.types[type].name),
    color: DATA.types[type].color, lines: [DATA.types[type].caption, clock(time), `score ${score.toPrecision(3)}`],
  }));
  return { truth, found, boundaries };
}

function mark(kind, label, start, end, score) {
  const lines = [`${clock(start)} – ${clock(end)} (${(end - start).toFixed(2)} s)`];
  lines.push(kind === "truth" ? "ground truth" : `score ${score.toPrecision(3)}`);
  return { kind, start, end, score, lines, name: readable(DATA.labels[label]), color: `var(--hue-${label % HUES})` };
}

/** The probabilities of a video, window by window; null where there are none. */
function curveOf(video) {
  if (!video.curve) return null;
  const { start, step, values } = video.curve;
  const types = video.curve.types.map((number) => DATA.types[number]);
  const bytes = Uint8Array.from(atob(values), (letter) => letter.charCodeAt(0));
  const quiet = types.findIndex((type) => type.quiet);
  const nearest = (time) =>
    Math.min(Math.max(Math.round((time - start) / (step || 1)), 0), bytes.length / types.length - 1);
  const value = (i, type) => bytes[i * types.length + type] / 255;
  /** Of the windows between two times about so many: of neighbours the least quiet one. */
  const clearest = (from, to, most) => {
    const first = Math.max(nearest(from) - 1, 0), last = nearest(to + step);
    const each = Math.max(Math.floor((last - first) / most), 1), found = [];
    for (let begin = first; begin <= last; begin += each) {
      let best = begin;
      for (let i = begin; i < begin + each && i <= last; i++) if (value(i, quiet) < value(best, quiet)) best = i;
      found.push(best);
    }
    return found;
  };
  return { types, quiet, nearest, value, clearest, time: (i) => start + i * step };
}

/** For each mark, in this order, the first lane where it overlaps no earlier one. */
function lanesOf(marks, clearance) {
  const lanes = [];
  return marks.map(({ start, end }) => {
    let lane = lanes.findIndex((others) =>
      others.every((other) => end + clearance <= other.start || start >= other.end + clearance));
    if (lane < 0) lane = lanes.push([]) - 1;
    lanes[lane].push({ start, end });
    return lane;
  });
}

/** One stop of the Tab key for many buttons, among which the arrow keys move. */
function rove(container) {
  const all = () => [...container.querySelectorAll("button")];
  all().forEach((item, i) => { item.tabIndex = i ? -1 : 0; });
  if (container.dataset.roves) return;
  container.dataset.roves = "true";
  container.addEventListener("keydown", (event) => {
    const items = all(), at = items.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0,
      End: items.length - 1 }[event.key];
    if (at < 0 || to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    items[Math.min(Math.max(to, 0), items.length - 1)].focus();
  });
  container.addEventListener("focusin", (event) => {
    const items = all();
    if (items.includes(event.target)) items.forEach((item) => { item.tabIndex = item === event.target ? 0 : -1; });
  });
}
