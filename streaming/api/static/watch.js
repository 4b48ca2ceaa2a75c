// Plays the page's video with Shaka Player, as DASH or HLS; both formats share the same segments.
'use strict';

const video = document.getElementById('player');
const failure = document.getElementById('failure');
const picture = document.getElementById('picture');
const formats = document.querySelectorAll('input[name="format"]');
const player = new shaka.Player();

function showError(error) {
  // Interrupted by a newer load: not a failure.
  if (error.code === shaka.util.Error.Code.LOAD_INTERRUPTED) return;
  failure.textContent = `The video cannot be played (Shaka Player error ${error.code}). Reload the page to try again.`;
  failure.hidden = false;
}

async function load(format) {
  failure.hidden = true;
  const startTime = video.currentTime || null;
  const playing = !video.paused;
  try {
    await player.load(video.dataset[format], startTime);
    if (playing) await video.play();
  } catch (error) {
    showError(error);
  }
}

function showPicture() {
  picture.textContent = video.videoWidth ? `${video.videoWidth} × ${video.videoHeight}` : '';
}

async function start() {
  shaka.polyfill.installAll();
  if (!shaka.Player.isBrowserSupported()) {
    failure.textContent = 'This browser cannot play the video: it does not support Media Source Extensions.';
    failure.hidden = false;
    return;
  }
  await player.attach(video);
  player.addEventListener('error', (event) => showError(event.detail));
  video.addEventListener('resize', showPicture);
  for (const input of formats) input.addEventListener('change', () => load(input.value));
  await load(document.querySelector('input[name="format"]:checked').value);
}

start();
