// Uploads a file with tus-js-client, is interrupted after `stopAfter` bytes, and goes on with a client of its own.
import { createReadStream, statSync } from 'node:fs';
import * as tus from 'tus-js-client';

const [endpoint, token, file, stopAfter] = process.argv.slice(2);
const options = {
  endpoint,
  headers: { Authorization: `Bearer ${token}` },
  chunkSize: 1 << 20,
  uploadSize: statSync(file).size,
  metadata: { filename: 'film.mp4', title: 'By tus-js-client' },
  retryDelays: [0, 100, 500],
};

function interrupted() {
  return new Promise((resolve, reject) => {
    const upload = new tus.Upload(createReadStream(file), {
      ...options,
      onError: reject,
      onSuccess: () => reject(new Error('it was not interrupted')),
      onChunkComplete: (_size, sent) => {
        if (sent >= Number(stopAfter)) upload.abort().then(() => resolve(upload.url));
      },
    });
    upload.start();
  });
}

function goOn(uploadUrl) {
  return new Promise((resolve, reject) => {
    let first = null;
    const upload = new tus.Upload(createReadStream(file), {
      ...options,
      uploadUrl,
      onError: reject,
      onProgress: (sent) => { first ??= sent; },
      onSuccess: () => resolve({ url: upload.url, resumedAt: first }),
    });
    upload.start();
  });
}

console.log(JSON.stringify(await goOn(await interrupted())));
