// The player, and what follows it: the timeline, the list, the line under the picture, the captions.

const part = (id) => document.getElementById(id);
const player = part("player"), list = part("list"), most = part("most");
const timeline = new Timeline(seek);
const captions = player.addTextTrack("subtitles", "Detections");
let video, marks, curve, shown = [], cues = [], time = 0, objectUrl = "";
const TITLE = document.title;
captions.mode = "hidden";

/** Shows the video of this number. */
function choose(number) {
  video = DATA.videos[number];
  marks = marksOf(video);
  curve = curveOf(video);
  part("videos").value = String(number);
  part("previous").disabled = number === 0;
  part("next").disabled = number === DATA.videos.length - 1;
  part("name").textContent = video.name;
  document.title = `${video.name} · ${TITLE}`;
  const best = marks.found[0]?.score ?? 0;
  const clear = marks.found.filter((mark) => mark.score >= best / 4).length;
  most.max = String(marks.found.length);
  most.value = String(Math.min(clear, 20));
  part("most-box").hidden = marks.found.length < 2;
  play(video.uri);
  timeline.zoom = 1;
  fill();
}

function play(source) {
  URL.revokeObjectURL(objectUrl);
  objectUrl = source.startsWith("blob:") ? source : "";
  part("trouble").hidden = true;
  player.hidden = false;
  player.src = source;
  time = 0;
}

/** Draws what is shown of the video, again when there is more or less of it. */
function fill() {
  const found = marks.found.slice(0, Number(most.value));
  const all = marks.found.length + video.left_out;
  part("most-text").textContent = `best ${found.length} of ${marks.found.length}`;
  timeline.show(video, { ...marks, found }, curve, time);
  shown = [...found, ...marks.boundaries].sort((a, b) => a.start - b.start);
  list.replaceChildren(...shown.map(listItem));
  rove(list);
  part("list-title").textContent = `${shown.length || "No"} ${DATA.kind}`;
  if (all > found.length) part("list-title").append(make("small", {}, ` of ${all}`));
  for (const cue of cues) captions.removeCue(cue);
  cues = found.filter((mark) => mark.end > mark.start).map((mark) => {
    const text = `${mark.name}  ${digits(mark.score)}`;
    return new VTTCue(mark.start, mark.end, text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;"));
  });
  for (const cue of cues) captions.addCue(cue);
  follow(time);
}

function listItem(mark) {
  const times = mark.end > mark.start ? `${clock(mark.start)} – ${clock(mark.end)}` : clock(mark.start);
  const numbers = make("span", { class: "numbers" }, times);
  if (mark.overlap !== undefined) numbers.append(make("span", {}, `tIoU ${mark.overlap.toFixed(2)}`));
  mark.item = make("button", { type: "button", style: { "--color": mark.color } },
    make("b", {}, mark.name), make("span", { class: "score" }, digits(mark.score)), numbers);
  mark.item.addEventListener("click", () => { seek(mark.start); timeline.reveal(mark.start); });
  return make("li", {}, mark.item);
}

function seek(seconds) {
  if (part("trouble").hidden) player.currentTime = seconds;
  follow(seconds);
}

/** Brings everything to a moment of the video. */
function follow(seconds) {
  time = seconds;
  timeline.setTime(seconds);
  const now = [];
  for (const mark of [...shown, ...marks.truth]) {
    const on = mark.start <= seconds && seconds < mark.end;
    mark.button?.classList.toggle("on", on);
    if (mark.item) on ? mark.item.setAttribute("aria-current", "true") : mark.item.removeAttribute("aria-current");
    if (on && mark.kind === "detection") now.push(make("span", { class: "key", style: { "--color": mark.color } }, `${mark.name} ${digits(mark.score)}`));
  }
  if (curve) {
    const at = curve.nearest(seconds);
    curve.types.forEach((type, k) => {
      if (!type.quiet && curve.value(at, k) >= 0.1) now.push(make("span", { class: "key", style: { "--color": type.color } }, `${readable(type.name)} ${curve.value(at, k).toFixed(2)}`));
    });
  }
  part("now").replaceChildren(make("b", {}, `${clock(seconds)} / ${clock(video.duration)}`), ...now);
  if (video.part) part("now").append(make("span", {}, "only this part of the video was looked at"));
}

function run() {
  if (player.paused || player.ended) return;
  follow(player.currentTime);
  timeline.reveal(time);
  requestAnimationFrame(run);
}

/** Says why there is no picture; a file chosen by hand takes the place of the missing one. */
function tellTrouble(text) {
  const file = make("input", { type: "file", accept: "video/*" });
  file.addEventListener("change", () => { if (file.files.length) play(URL.createObjectURL(file.files[0])); });
  part("trouble").replaceChildren(make("b", {}, text),
    make("p", {}, "The timeline works without it. If the file has moved, choose it here; other formats can be converted to MP4 (H.264)."),
    make("label", { class: "file" }, "Choose the file ", file));
  part("trouble").hidden = false;
  player.hidden = true;
  timeline.film.fall(() => timeline.redraw());
}

player.addEventListener("error", () =>
  tellTrouble(video.strip ? `This browser cannot play ${video.file}.`
    : `${video.file} is not where this page looks for it, or this browser cannot play it.`));
player.addEventListener("loadedmetadata", () => {
  if (!player.videoWidth) tellTrouble(`This browser cannot show the pictures of ${video.file}.`);
  else {
    timeline.film.open(player.src, player.videoWidth / player.videoHeight);
    timeline.redraw();
  }
});
player.addEventListener("play", () => requestAnimationFrame(run));
for (const name of ["timeupdate", "seeking"]) player.addEventListener(name, () => follow(player.currentTime));
most.addEventListener("input", fill);
part("zoom-in").addEventListener("click", () => timeline.zoomBy(2));
part("zoom-out").addEventListener("click", () => timeline.zoomBy(0.5));
part("zoom-fit").addEventListener("click", () => timeline.zoomTo(1));
part("timeline").addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "+" || event.key === "=") timeline.zoomBy(2);
  else if (event.key === "-") timeline.zoomBy(0.5);
  else if (event.key === "0") timeline.zoomTo(1);
  else if (event.key === "Escape") timeline.hideTip();
  else if (event.key === " " && event.target === timeline.axis) player.paused ? player.play() : player.pause();
  else return;
  event.preventDefault();
});
addEventListener("beforeprint", () => timeline.zoomTo(1));
const select = part("videos");
select.append(...DATA.videos.map((one, i) => make("option", { value: i }, one.name)));
select.addEventListener("change", () => choose(Number(select.value)));
part("previous").addEventListener("click", () => choose(Number(select.value) - 1));
part("next").addEventListener("click", () => choose(Number(select.value) + 1));
part("choose").hidden = DATA.videos.length < 2;
if (DATA.videos.length) choose(0);
else part("name").textContent = "No video";
