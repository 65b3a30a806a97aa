// One clock for all videos of a scene: they play, pause, step and loop together.
//
// The clock runs by itself, so that landmarks without a video play too. Videos follow it: small lags by a slightly other
// speed, large ones by a jump. It waits while a video waits for its data. In pause every video stands in the middle of
// the same frame.

const JUMP_SECONDS = 0.25; // a lag beyond this is mended by a jump
const CLOSE_SECONDS = 0.006; // a lag within this is left alone
const LONGEST_TICK_SECONDS = 1; // the clock goes on by no more at a time: a hidden page is not drawn for long
export const SPEEDS = [0.1, 0.25, 0.5, 1, 1.5, 2];

export class Player {
  /** tracks: {video or null, fps, frames}; the first one gives the scene's frames. onframe(player): draw now. */
  constructor(tracks, onframe) {
    this.tracks = tracks;
    this.onframe = onframe;
    this.fps = tracks[0]?.fps || 25;
    this.frames = Math.max(1, ...tracks.map((track) => Math.round((track.frames * this.fps) / (track.fps || this.fps))));
    this.duration = this.frames / this.fps;
    this.time = 0.5 / this.fps;
    this.playing = false;
    this.loop = true;
    this.speed = 1;
    this.last = null;
    this.request = 0;
    this.closed = false;
    for (const track of tracks) this.follow(track);
    this.draw();
  }

  /** The scene's frame that the clock shows. */
  get frame() {
    return Math.min(this.frames - 1, Math.floor(this.time * this.fps + 1e-6));
  }

  /** The frame of a track: the one that its video presents, else that of the clock. */
  frameOf(track) {
    if (track.presented !== null && track.presented !== undefined) return Math.min(track.frames - 1, track.presented);
    return Math.max(0, Math.min(track.frames - 1, Math.floor(this.time * track.fps + 1e-6)));
  }

  follow(track) {
    const {video} = track;
    track.presented = null;
    if (!video) return;
    video.muted = true;
    video.addEventListener("loadedmetadata", () => this.place(track));
    video.addEventListener("error", () => {
      track.broken = true;
      track.presented = null;
      this.draw();
    });
    video.addEventListener("seeked", () => this.draw());
    if (!video.requestVideoFrameCallback) return;
    const present = (_now, frame) => {
      if (this.closed) return;
      track.presented = Math.max(0, Math.round(frame.mediaTime * track.fps));
      this.draw();
      video.requestVideoFrameCallback(present);
    };
    video.requestVideoFrameCallback(present);
  }

  place(track) {
    if (track.video && !track.broken) track.video.currentTime = this.time;
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    if (this.time >= this.duration - 0.75 / this.fps) this.seek(0);
    this.playing = true;
    this.last = null;
    this.draw();
  }

  pause() {
    this.playing = false;
    for (const {video} of this.tracks) video?.pause();
    this.seek(this.frame);
  }

  /** Goes to a frame; in pause every video shows exactly this one. */
  seek(frame) {
    const last = this.frames - 1;
    this.time = (Math.max(0, Math.min(last, frame)) + 0.5) / this.fps;
    for (const track of this.tracks) this.place(track);
    this.last = null;
    this.draw();
  }

  step(frames) {
    if (this.playing) this.pause();
    this.seek(this.frame + frames);
  }

  faster(step) {
    const place = SPEEDS.indexOf(this.speed) + step;
    this.speed = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, place))];
    this.draw();
  }

  draw() {
    if (!this.request && !this.closed) this.request = requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    this.request = 0;
    if (this.closed) return;
    if (this.playing) {
      const passed = this.last === null ? 0 : Math.min(LONGEST_TICK_SECONDS, (now - this.last) / 1000);
      this.last = now;
      if (!this.tracks.some(isWaiting)) this.time += passed * this.speed;
      if (this.time >= this.duration) this.turn();
      if (this.playing) for (const track of this.tracks) this.steer(track);
    }
    this.onframe(this);
    if (this.playing) this.draw();
  }

  /** The end: again from the start, or a stop at the last frame. */
  turn() {
    if (this.loop) {
      this.time = 0;
      for (const {video, broken} of this.tracks) if (video && !broken) video.currentTime = 0;
    } else {
      this.time = this.duration - 0.5 / this.fps;
      this.pause();
    }
  }

  steer(track) {
    const {video} = track;
    if (!video || track.broken || video.readyState < 2) return;
    const end = Math.min(video.duration || Infinity, track.frames / track.fps);
    if (this.time >= end - 0.25 / track.fps) {
      video.pause();
      return;
    }
    if (video.paused) video.play().catch(() => {});
    if (video.seeking) return;
    const lag = this.time - video.currentTime;
    if (Math.abs(lag) > JUMP_SECONDS) video.currentTime = this.time;
    const change = Math.abs(lag) < CLOSE_SECONDS ? 0 : Math.max(-0.3, Math.min(0.3, lag * 4));
    const rate = Math.max(0.0625, this.speed * (1 + change));
    if (Math.abs(video.playbackRate - rate) > 0.01) video.playbackRate = rate;
  }

  close() {
    this.closed = true;
    cancelAnimationFrame(this.request);
    for (const {video} of this.tracks) {
      if (!video) continue;
      video.pause();
      video.removeAttribute("src");
      video.load();
    }
  }
}

function isWaiting({video, broken}) {
  return Boolean(video) && !broken && !video.ended && (video.readyState < 3 || video.seeking) && !(video.readyState === 2 && video.currentTime >= video.duration - 0.1);
}
