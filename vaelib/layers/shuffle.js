/** Pixels from channels: (C r², H, W) to (C, H r, W r). */
export function shuffle(spec) {
  const [channels, height, width] = spec.in, r = spec.by;
  const out = new Float32Array(channels * height * width);
  return (x) => {
    for (let c = 0, k = 0; c < channels; c++) {
      const plane = Math.floor(c / (r * r)) * height * width * r * r;
      const i = Math.floor((c % (r * r)) / r), j = c % r;
      for (let y = 0; y < height; y++)
        for (let column = 0; column < width; column++, k++)
          out[plane + (y * r + i) * width * r + column * r + j] = x[k];
    }
    return out;
  };
}
