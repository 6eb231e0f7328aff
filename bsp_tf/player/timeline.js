// The timeline: rows over one axis, whose inside is as wide as the zoom makes it. All places are
// shares of the duration, so the browser keeps the rows aligned.

const LANE = 28;
const MOST_PIXELS_PER_SECOND = 1200, MOST_PIXELS = 500000;
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

class Timeline {
  constructor(seek) {
    this.scroller = document.getElementById("scroller");
    this.track = document.getElementById("track");
    this.tip = document.getElementById("tip");
    this.seek = seek;
    this.film = new Film();
    this.zoom = 1;
    this.tells = new WeakMap();
    this.scroller.addEventListener("scroll", () => {
      // The browser scrolls by itself where the width changes; `resized` follows.
      if (this.scroller.clientWidth !== this.width) return;
      // The focus scrolls, too, and must not lose its tip by that.
      const tell = this.tells.get(document.activeElement);
      if (tell && document.activeElement.matches(":focus-visible")) tell();
      else this.hideTip();
      this.draw();
    });
    this.scroller.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY / 300), this.timeAt(event));
    }, { passive: false });
    new ResizeObserver(() => this.resized()).observe(this.scroller);
  }

  /** Draws a video, at the zoom that there is; `marks` are those to show. */
  show(video, marks, curve, time) {
    this.duration = Math.max(video.duration, 0.1);
    this.track.replaceChildren();
    this.drawn = null;
    this.curve = null;
    this.grid = make("div", { class: "grid", "aria-hidden": "true" });
    this.axis = make("div", { class: "axis", role: "slider", tabindex: "0", "aria-label": "Time",
      "aria-valuemin": "0", "aria-valuemax": video.duration });
    this.ticks = make("div", { "aria-hidden": "true" });
    this.axis.append(this.ticks);
    this.playhead = make("div", { class: "playhead", "aria-hidden": "true" });
    this.track.append(this.grid, this.axis, this.playhead);
    this.listenToAxis();
    this.addFilm(video);
    if (video.truth) this.addBars("Ground truth", marks.truth, marks.truth.length ? "" : "none in this video");
    if (DATA.kind === "detections") this.addBars("Detections", marks.found, marks.found.length ? "" : "none");
    if (curve) this.addCurve(curve, marks.boundaries);
    this.setTime(time);
    this.zoomTo(this.zoom);
  }

  share(seconds) { return `${(100 * Math.min(Math.max(seconds / this.duration, 0), 1)).toFixed(4)}%`; }

  timeAt(event) {
    const box = this.track.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * this.duration;
  }

  /** The row of pictures stays, and so do its pictures, while the marks of a video change. */
  addFilm(video) {
    if (this.filmed !== video) {
      this.filmed = video;
      this.film.start(video, this.addRow("Film", "", FILM_HEIGHT));
      this.film.lane.classList.add("film");
      this.film.lane.setAttribute("aria-hidden", "true");
    }
    this.track.append(this.film.lane.parentElement);
  }

  addRow(title, note, height, ...legend) {
    const lane = make("div", { class: "lane", style: { height: `${height}px` } });
    const caption = make("div", { class: "caption" }, title, ...legend);
    if (note) caption.append(make("span", { class: "note" }, note));
    this.track.append(make("div", { class: "row" }, caption, lane));
    lane.addEventListener("click", (event) => {
      if (!event.target.closest("button")) this.seek(this.timeAt(event));
    });
    return lane;
  }

  addBars(title, marks, note) {
    // A bar is at least some pixels wide; about so many seconds keep neighbours apart.
    const lanes = lanesOf(marks, 0.003 * this.duration);
    const strongest = Math.max(...marks.map((mark) => mark.score ?? 1), 1e-9);
    const row = this.addRow(title, note, LANE * (marks.length ? Math.max(...lanes) + 1 : 0.4));
    row.setAttribute("role", "toolbar");
    row.setAttribute("aria-label", title);
    const places = marks.map((mark, i) => [mark, lanes[i]]).sort(([a], [b]) => a.start - b.start);
    for (const [mark, lane] of places) {
      const weight = mark.score === undefined ? 60 : 12 + 44 * mark.score / strongest;
      const text = make("span", {}, mark.name);
      if (mark.score !== undefined) text.append(make("small", {}, ` ${digits(mark.score)}`));
      row.append(this.button(mark, "bar", {
        left: this.share(mark.start), width: this.share(mark.end - mark.start), top: `${lane * LANE}px`,
        "--color": mark.color, "--weight": `${weight.toFixed(0)}%` }, text));
    }
    rove(row);
  }

  addCurve(curve, boundaries) {
    const legend = curve.types.filter((type) => !type.quiet).map((type) =>
      make("span", { class: "key", style: { "--color": type.color } }, readable(type.name)));
    const rest = readable(curve.types[curve.quiet].name);
    const lane = this.addRow("Boundary probability", `the rest: ${rest}`, 0, ...legend);
    lane.classList.add("curve");
    lane.classList.toggle("marked", boundaries.length > 0);
    this.curve = { ...curve, box: make("div", { class: "areas", "aria-hidden": "true" }) };
    lane.append(this.curve.box);
    lane.addEventListener("pointermove", (event) => {
      if (event.target.closest("button")) return;
      const at = curve.nearest(this.timeAt(event));
      const lines = curve.types.map((type, k) => `${readable(type.name)} ${curve.value(at, k).toFixed(2)}`);
      const box = lane.getBoundingClientRect();
      this.showTip(clock(curve.time(at)), lines, event.clientX, box.top, box.bottom);
    });
    lane.addEventListener("pointerleave", () => this.hideTip());
    const peaks = make("div", { role: "toolbar", "aria-label": "Boundaries" });
    for (const mark of boundaries) {
      peaks.append(this.button(mark, "peak", { left: this.share(mark.start), "--color": mark.color }));
    }
    lane.append(peaks);
    rove(peaks);
  }

  button(mark, look, style, ...children) {
    const made = make("button", { type: "button", class: look, style,
      "aria-label": [mark.name, ...mark.lines].join(", ") }, ...children);
    const tell = () => {
      const box = made.getBoundingClientRect(), outer = this.scroller.getBoundingClientRect();
      const middle = (Math.max(box.left, outer.left) + Math.min(box.right, outer.right)) / 2;
      this.showTip(mark.name, mark.lines, middle, box.top, box.bottom);
    };
    this.tells.set(made, tell);
    made.addEventListener("click", () => this.seek(mark.start));
    made.addEventListener("pointerenter", tell);
    made.addEventListener("focus", tell);
    made.addEventListener("pointerleave", () => this.hideTip());
    made.addEventListener("blur", () => this.hideTip());
    mark.button = made;
    return made;
  }

  /** Shows the tip below something, where the rows above stay in view; above it at the window's end. */
  showTip(title, lines, x, top, bottom) {
    this.tip.replaceChildren(make("b", {}, title), ...lines.map((line) => make("span", {}, line)));
    this.tip.hidden = false;
    const half = this.tip.offsetWidth / 2 + 8, height = this.tip.offsetHeight;
    const window = document.documentElement;
    this.tip.style.left = `${Math.min(Math.max(x, half), window.clientWidth - half)}px`;
    const fits = bottom + 8 + height < window.clientHeight;
    this.tip.style.top = `${fits ? bottom + 8 : Math.max(top - height - 8, 4)}px`;
  }

  hideTip() { this.tip.hidden = true; }

  listenToAxis() {
    const axis = this.axis;
    axis.addEventListener("pointerdown", (event) => {
      axis.setPointerCapture(event.pointerId);
      this.seek(this.timeAt(event));
    });
    axis.addEventListener("pointermove", (event) => {
      if (axis.hasPointerCapture(event.pointerId)) this.seek(this.timeAt(event));
    });
    axis.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: this.duration / 10,
        PageDown: -this.duration / 10, Home: -Infinity, End: Infinity }[event.key];
      if (by === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      this.seek(Math.min(Math.max(this.time + (event.shiftKey ? by / 10 : by), 0), this.duration));
      this.reveal(this.time);
    });
  }

  setTime(seconds) {
    this.time = seconds;
    this.playhead.style.left = this.share(seconds);
    this.axis.setAttribute("aria-valuenow", seconds.toFixed(2));
    this.axis.setAttribute("aria-valuetext", clock(seconds));
  }

  /** Scrolls so that a moment is in view. */
  reveal(seconds) {
    const width = this.scroller.clientWidth, at = seconds / this.duration * this.track.offsetWidth;
    if (at < this.scroller.scrollLeft || at > this.scroller.scrollLeft + width) {
      this.scroller.scrollLeft = at - 0.1 * width;
      this.draw();
    }
  }

  /** Keeps the moment at the left where it is. */
  resized() {
    if (!this.duration || !this.scroller.clientWidth) return;
    const { left } = this;
    this.zoomTo(this.zoom);
    this.scroller.scrollLeft = left / this.duration * this.track.offsetWidth;
  }

  zoomBy(factor, around) { this.zoomTo(this.zoom * factor, around); }

  /** The moment that a zoom keeps in its place: the current one, if it is in view, else the middle. */
  anchor() {
    const { scrollLeft, clientWidth } = this.scroller, scale = this.track.offsetWidth / this.duration;
    const at = this.time * scale - scrollLeft;
    return at >= 0 && at <= clientWidth ? this.time : (scrollLeft + clientWidth / 2) / scale;
  }

  /** Zooms, 1 = all is seen; `around` stays where it is on the screen. */
  zoomTo(zoom, around = this.anchor()) {
    const width = this.scroller.clientWidth;
    const most = Math.max(Math.min(MOST_PIXELS_PER_SECOND * this.duration, MOST_PIXELS) / width, 1);
    const place = around / this.duration * this.track.offsetWidth - this.scroller.scrollLeft;
    this.zoom = Math.min(Math.max(zoom, 1), most);
    this.width = width;
    this.track.style.width = `${100 * this.zoom}%`;
    this.scroller.scrollLeft = around / this.duration * this.track.offsetWidth - place;
    document.getElementById("zoom-out").disabled = this.zoom <= 1;
    document.getElementById("zoom-in").disabled = this.zoom >= most;
    this.redraw();
  }

  redraw() {
    this.drawn = null;
    this.draw();
  }

  /** Draws what depends on the zoom: for the part that is in view, and a screen on both sides. */
  draw() {
    const scale = this.track.offsetWidth / this.duration, width = this.scroller.clientWidth;
    if (!scale || !width) return;
    const left = this.scroller.scrollLeft / scale, screen = width / scale;
    this.left = left;
    if (this.drawn && left >= this.drawn.from && left + screen <= this.drawn.to) return;
    const from = Math.max(left - screen, 0), to = Math.min(left + 2 * screen, this.duration);
    // At both ends nothing more can come into view.
    this.drawn = { from: from || -Infinity, to: to === this.duration ? Infinity : to };
    this.drawAxis(from, to, scale);
    this.film.draw(from, to, scale);
    if (this.curve) {
      Object.assign(this.curve.box.style, { left: this.share(from), width: this.share(to - from) });
      this.curve.box.replaceChildren(drawCurve(this.curve, from, to, (to - from) * scale));
    }
  }

  drawAxis(from, to, scale) {
    const step = STEPS.find((one) => one * scale >= 72) ?? 36000;
    const ticks = [], lines = [];
    for (let i = Math.floor(from / step); i * step <= to; i++) {
      const left = this.share(i * step);
      lines.push(make("i", { style: { left } }));
      if ((this.duration - i * step) * scale > 44) ticks.push(make("span", { style: { left } }, clock(i * step, step < 1 ? 1 : 0)));
    }
    this.ticks.replaceChildren(...ticks);
    this.grid.replaceChildren(...lines);
  }
}

/** The boundary types as areas, one on top of the other, with about two points for each pixel. */
function drawCurve(curve, from, to, pixels) {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("viewBox", `${from} 0 ${to - from} 1`);
  picture.setAttribute("preserveAspectRatio", "none");
  const add = (path, attributes) => {
    const made = document.createElementNS(space, "path");
    made.setAttribute("d", path);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    picture.append(made);
  };
  const windows = curve.clearest(from, to, 2 * pixels);
  let below = windows.map(() => 0);
  const line = (heights) => heights.map((height, n) =>
    `${curve.time(windows[n]).toFixed(3)} ${(1 - Math.min(height, 1)).toFixed(4)}`);
  curve.types.forEach((type, k) => {
    if (type.quiet) return;
    const above = below.map((height, n) => height + curve.value(windows[n], k));
    add(`M${[...line(above), ...line(below).reverse()].join("L")}Z`, { fill: type.color });
    below = above;
  });
  add(`M${line(below).join("L")}`, { class: "envelope" });
  return picture;
}
