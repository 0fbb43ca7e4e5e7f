// Evaluates a network that travelled here from PyTorch (vaelib/widgets/travel.py).
// Every tensor is a flat Float32Array in row-major order, one example, no batch.
// A convolution gathers patches and multiplies; a transposed convolution
// multiplies and scatters. So all the arithmetic is one matrix product.

/** @typedef {(x: Float32Array) => Float32Array} Layer */

/**
 * Half-precision numbers, as their bits, to Float32Array.
 * @param {Uint16Array} halves
 */
export function fromHalf(halves) {
  const bits = new Uint32Array(halves.length);
  const floats = new Float32Array(bits.buffer);
  for (let i = 0; i < halves.length; i++) {
    const h = halves[i];
    const size = h & 0x7fff;
    // A float32 has 13 more digits and an exponent whose zero is 112 higher;
    // below 2^-14 a half has no leading one and is a plain multiple of 2^-24.
    if (size < 0x400) floats[i] = (h & 0x8000 ? -size : size) / 16777216;
    else bits[i] = ((h & 0x8000) << 16) | ((size << 13) + 0x38000000);
  }
  return floats;
}

/**
 * out[r, p] = bias[r] + sum over k of w[r, k] * x[p, k].
 * Four rows at a time, and two points where there are two: each number that is
 * read is then used several times, and no sum waits for the one before it.
 */
function product(w, bias, x, rows, depth, points, out) {
  for (let r = 0; r < rows; r += 4) {
    // The last group may repeat a row; it is then written twice, with one value.
    const r1 = Math.min(r + 1, rows - 1);
    const r2 = Math.min(r + 2, rows - 1);
    const r3 = Math.min(r + 3, rows - 1);
    const w0 = r * depth;
    const w1 = r1 * depth;
    const w2 = r2 * depth;
    const w3 = r3 * depth;
    const b0 = bias ? bias[r] : 0;
    const b1 = bias ? bias[r1] : 0;
    const b2 = bias ? bias[r2] : 0;
    const b3 = bias ? bias[r3] : 0;
    let p = 0;
    for (; p + 1 < points; p += 2) {
      let s0 = b0, s1 = b1, s2 = b2, s3 = b3;
      let t0 = b0, t1 = b1, t2 = b2, t3 = b3;
      const a = p * depth;
      const c = a + depth;
      for (let k = 0; k < depth; k++) {
        const u = x[a + k], v = x[c + k];
        const m0 = w[w0 + k], m1 = w[w1 + k], m2 = w[w2 + k], m3 = w[w3 + k];
        s0 += m0 * u; s1 += m1 * u; s2 += m2 * u; s3 += m3 * u;
        t0 += m0 * v; t1 += m1 * v; t2 += m2 * v; t3 += m3 * v;
      }
      out[r * points + p] = s0; out[r * points + p + 1] = t0;
      out[r1 * points + p] = s1; out[r1 * points + p + 1] = t1;
      out[r2 * points + p] = s2; out[r2 * points + p + 1] = t2;
      out[r3 * points + p] = s3; out[r3 * points + p + 1] = t3;
    }
    if (p < points) {
      let s0 = b0, s1 = b1, s2 = b2, s3 = b3;
      const a = p * depth;
      for (let k = 0; k < depth; k++) {
        const u = x[a + k];
        s0 += w[w0 + k] * u; s1 += w[w1 + k] * u;
        s2 += w[w2 + k] * u; s3 += w[w3 + k] * u;
      }
      out[r * points + p] = s0; out[r1 * points + p] = s1;
      out[r2 * points + p] = s2; out[r3 * points + p] = s3;
    }
  }
}

/** Error function, to 1.5e-7 (Abramowitz & Stegun 1964, eq. 7.1.26). */
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741
    + t * (-1.453152027 + t * 1.061405429))));
  const y = 1 - poly * Math.exp(-x * x);
  return x < 0 ? -y : y;
}

const sigmoid = (v) => 1 / (1 + Math.exp(-v));

/** Element by element; `a` and `b` are the layer's own settings. */
const pointwise = {
  relu: () => (v) => (v > 0 ? v : 0),
  gelu: () => (v) => 0.5 * v * (1 + erf(v * Math.SQRT1_2)),
  gelu_tanh: () => (v) =>
    0.5 * v * (1 + Math.tanh(0.7978845608028654 * (v + 0.044715 * v * v * v))),
  silu: () => (v) => v * sigmoid(v),
  tanh: () => Math.tanh,
  sigmoid: () => sigmoid,
  leaky_relu: (a) => (v) => (v > 0 ? v : a * v),
  elu: (a) => (v) => (v > 0 ? v : a * Math.expm1(v)),
  // Beyond the threshold b the two are equal, and exp would overflow.
  softplus: (a, b) => (v) => (v * a > b ? v : Math.log1p(Math.exp(v * a)) / a),
};

/** Calls visit(index in the image or -1, index among the patches) for every tap. */
function taps(spec, [channels, height, width], [rows, columns], visit) {
  const [kh, kw] = spec.kernel;
  const depth = channels * kh * kw;
  for (let y = 0, p = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, p++) {
      for (let c = 0, k = p * depth; c < channels; c++) {
        for (let i = 0; i < kh; i++) {
          const row = y * spec.stride[0] - spec.padding[0] + i * spec.dilation[0];
          for (let j = 0; j < kw; j++, k++) {
            const column = x * spec.stride[1] - spec.padding[1] + j * spec.dilation[1];
            const inside = row >= 0 && row < height && column >= 0 && column < width;
            visit(inside ? (c * height + row) * width + column : -1, k);
          }
        }
      }
    }
  }
}

/** For each tap of each patch, where it lies in the image; -1 is the padding. */
function tapTable(spec, image, grid) {
  const [channels] = image;
  const table = new Int32Array(
    channels * spec.kernel[0] * spec.kernel[1] * grid[0] * grid[1],
  );
  taps(spec, image, grid, (from, to) => { table[to] = from; });
  return table;
}

/** @type {Record<string, (spec: any, read: Function) => Layer>} */
const builders = {
  linear(spec, read) {
    const w = read(spec.w), b = read(spec.b);
    const out = new Float32Array(spec.out);
    return (x) => {
      product(w, b, x, spec.out, spec.in, 1, out);
      return out;
    };
  },

  conv(spec, read) {
    const w = read(spec.w), b = read(spec.b);
    const [rows, height, width] = spec.out;
    const table = tapTable(spec, spec.in, [height, width]);
    const points = height * width;
    const patches = new Float32Array(table.length);
    const out = new Float32Array(rows * points);
    return (x) => {
      for (let k = 0; k < table.length; k++) {
        const from = table[k];
        patches[k] = from < 0 ? 0 : x[from];
      }
      product(w, b, patches, rows, table.length / points, points, out);
      return out;
    };
  },

  deconv(spec, read) {
    const w = read(spec.w), b = read(spec.b);
    const [depth, height, width] = spec.in;
    const [channels, bigHeight, bigWidth] = spec.out;
    const table = tapTable(spec, spec.out, [height, width]);
    const points = height * width, rows = table.length / points;
    const across = new Float32Array(depth * points);
    const strewn = new Float32Array(rows * points);
    const out = new Float32Array(channels * bigHeight * bigWidth);
    return (x) => {
      for (let c = 0; c < depth; c++)
        for (let p = 0; p < points; p++) across[p * depth + c] = x[c * points + p];
      product(w, null, across, rows, depth, points, strewn);
      for (let c = 0, area = bigHeight * bigWidth; c < channels; c++)
        out.fill(b ? b[c] : 0, c * area, (c + 1) * area);
      for (let p = 0, k = 0; p < points; p++) {
        for (let r = 0; r < rows; r++, k++)
          if (table[k] >= 0) out[table[k]] += strewn[r * points + p];
      }
      return out;
    };
  },

  shuffle(spec) {
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
  },

  affine(spec, read) {
    const w = read(spec.w), b = read(spec.b);
    const out = new Float32Array(w.length * spec.each);
    return (x) => {
      for (let k = 0; k < out.length; k++) {
        const c = Math.floor(k / spec.each);
        out[k] = w[c] * x[k] + b[c];
      }
      return out;
    };
  },

  layer_norm(spec, read) {
    const w = read(spec.w), b = read(spec.b), n = spec.each;
    const out = new Float32Array(spec.size);
    return (x) => {
      for (let start = 0; start < out.length; start += n) {
        let mean = 0, square = 0;
        for (let k = 0; k < n; k++) mean += x[start + k] / n;
        for (let k = 0; k < n; k++) square += (x[start + k] - mean) ** 2 / n;
        const scale = 1 / Math.sqrt(square + spec.eps);
        for (let k = 0; k < n; k++)
          out[start + k] = (x[start + k] - mean) * scale * (w ? w[k] : 1) + (b ? b[k] : 0);
      }
      return out;
    };
  },

  residual(spec, read) {
    const body = chain(spec.body, read);
    const out = new Float32Array(spec.size);
    return (x) => {
      out.set(x);
      const y = body(x);
      for (let k = 0; k < out.length; k++) out[k] += y[k];
      return out;
    };
  },

  pointwise(spec) {
    const f = pointwise[spec.name](spec.a, spec.b);
    const out = new Float32Array(spec.size);
    return (x) => {
      for (let k = 0; k < out.length; k++) out[k] = f(x[k]);
      return out;
    };
  },

  first: (spec) => (x) => x.subarray(0, spec.size),

  // vaelib.distributions.smooth_bound on all but the first `skip` numbers.
  bound(spec) {
    const out = new Float32Array(spec.size);
    return (x) => {
      for (let k = 0; k < out.length; k++) {
        const inside = Math.max(-10, Math.min(10, x[k]));
        out[k] = k < spec.skip ? x[k] : inside + 0.5 * Math.asinh(2 * (x[k] - inside));
      }
      return out;
    };
  },

  // The expected grey level of a categorical over evenly spaced levels.
  grey(spec) {
    const { size, levels } = spec;
    const out = new Float32Array(size);
    return (x) => {
      for (let k = 0; k < size; k++) {
        let top = -Infinity, total = 0, sum = 0;
        for (let l = 0; l < levels; l++) top = Math.max(top, x[l * size + k]);
        for (let l = 0; l < levels; l++) {
          const e = Math.exp(x[l * size + k] - top);
          total += e;
          sum += (e * l) / (levels - 1);
        }
        out[k] = sum / total;
      }
      return out;
    };
  },
};

/** @returns {Layer} */
function chain(specs, read) {
  const layers = specs.map((spec) => builders[spec.op](spec, read));
  return (x) => layers.reduce((value, layer) => layer(value), x);
}

/**
 * Makes a function of a travelled network. Its result is overwritten by the
 * next call: copy it to keep it.
 * @param {{layers: object[], wide: boolean, weights: DataView}} packed
 * @returns {Layer}
 */
export function compile({ layers, wide, weights }) {
  // A copy, since a view may start at an odd byte.
  const bytes = weights.buffer.slice(
    weights.byteOffset,
    weights.byteOffset + weights.byteLength,
  );
  const numbers = wide ? new Float32Array(bytes) : fromHalf(new Uint16Array(bytes));
  const read = (span) => span && numbers.subarray(span[0], span[0] + span[1]);
  return chain(layers, read);
}
