// Pictures along the timeline: from the file, by a second player that nobody sees, or, where the
// browser cannot play it, from the strip that the page holds.

const FILM_HEIGHT = 54, MOST_PICTURES = 400;

class Film {
  constructor() {
    this.player = make("video", { preload: "auto" });
    this.player.muted = true;
    this.player.addEventListener("seeked", () => this.take());
    this.player.addEventListener("loadeddata", () => this.next());
  }

  /** Takes a new video, of which nothing is known yet, and the lane for its pictures. */
  start(video, lane) {
    this.duration = Math.max(video.duration, 0.1);
    this.lane = lane;
    this.strip = video.strip;
    this.forget();
    this.player.removeAttribute("src");
    this.player.load();
    this.lane.parentElement.hidden = true;
  }

  forget() {
    this.taken = new Map();
    this.waiting = [];
    this.now = undefined;
    this.aspect = 0;
  }

  /** The browser can play the file: pictures are taken from it. */
  open(source, aspect) {
    this.forget();
    this.strip = undefined;
    this.aspect = aspect;
    this.player.src = source;
    this.lane.parentElement.hidden = false;
  }

  /** The browser cannot; draws anew when the strip, if there is one, has been read. */
  fall(draw) {
    this.forget();
    if (!this.strip) return;
    const { jpeg, pictures } = this.strip, image = new Image(), strip = this.strip;
    image.src = `data:image/jpeg;base64,${jpeg}`;
    image.decode().then(() => {
      if (strip !== this.strip) return;
      this.image = image;
      this.aspect = image.naturalWidth / pictures / image.naturalHeight;
      this.lane.parentElement.hidden = false;
      draw();
    }, () => {});
  }

  /** Pictures side by side between two times, at so many pixels a second. */
  draw(from, to, scale) {
    if (!this.aspect) return;
    // Of each picture at most a third is cut off at the sides, so that zooming needs few new ones.
    const narrow = 0.67 * this.aspect * FILM_HEIGHT / scale;
    let each = this.duration;
    while (each / 1.5 > narrow) each /= 1.5;
    const wanted = [];
    for (let k = Math.max(Math.floor(from / each), 0); k * each < Math.min(to, this.duration); k++) {
      wanted.push({ start: k * each, end: Math.min((k + 1) * each, this.duration) });
    }
    this.lane.replaceChildren(...wanted.map(({ start, end }) => {
      const canvas = this.picture(Math.min(start + each / 2, this.duration));
      canvas.style.left = `${100 * start / this.duration}%`;
      canvas.style.width = `${100 * (end - start) / this.duration}%`;
      return canvas;
    }));
    this.next();
  }

  /** The picture of a moment, which may be empty still. */
  picture(seconds) {
    const key = seconds.toFixed(3), known = this.taken.get(key);
    if (known) return known;
    const density = window.devicePixelRatio || 1;
    const canvas = make("canvas", { width: Math.round(this.aspect * FILM_HEIGHT * density), height: Math.round(FILM_HEIGHT * density) });
    if (this.taken.size >= MOST_PICTURES) this.taken.delete(this.taken.keys().next().value);
    this.taken.set(key, canvas);
    if (this.strip) {
      const { pictures } = this.strip, width = this.image.naturalWidth / pictures;
      const place = Math.min(Math.floor(seconds / this.duration * pictures), pictures - 1);
      canvas.getContext("2d").drawImage(this.image, place * width, 0, width, this.image.naturalHeight, 0, 0, canvas.width, canvas.height);
    } else {
      this.waiting.push({ seconds, canvas });
    }
    return canvas;
  }

  /** Goes to the moment of the next picture that is still in view. */
  next() {
    if (this.now || this.player.readyState < 1) return;
    while (this.waiting.length && !this.waiting[0].canvas.isConnected) {
      this.taken.delete(this.waiting.shift().seconds.toFixed(3));
    }
    this.now = this.waiting.shift();
    if (this.now) this.player.currentTime = Math.min(this.now.seconds, this.player.duration || Infinity);
  }

  take() {
    if (!this.now) return;
    const { canvas } = this.now;
    canvas.getContext("2d").drawImage(this.player, 0, 0, canvas.width, canvas.height);
    this.now = undefined;
    this.next();
  }
}
