// A decoder of dense layers: the page decodes the code that the sliders give, with the weights rounded to 16 bits.

const ACTIVATIONS = {
  identity: (x) => x,
  relu: (x) => Math.max(x, 0),
  sigmoid: logistic,
  tanh: Math.tanh,
  gelu: (x) => x * normalShare(x),
  silu: (x) => x * logistic(x),
  leaky_relu: (x) => (x < 0 ? 0.2 * x : x),
};

for (const source of document.querySelectorAll('script[data-for="decoder"]')) showDecoder(source);

function showDecoder(source) {
  const { layers, decoded, components, names, classes, class: classOf, has_prior: hasPrior, ...arrays } = JSON.parse(source.textContent);
  const [scale, shift, codes, originals] = ["scale", "shift", "codes", "originals"].map((name) => numbers(arrays[name], Float32Array));
  const network = layers.map(({ weights, factors, bias, activation }) => ({
    weights: numbers(weights, Int16Array),
    factors: numbers(factors, Float32Array),
    bias: numbers(bias, Float32Array),
    activation,
  }));
  const size = codes.length / names.length;
  const view = { sample: 0, class: classes.length ? classOf[0] : null, code: codes.slice(0, size) };
  const original = () => originals.subarray(view.sample * scale.length, (view.sample + 1) * scale.length);
  const text = element("p", { class: "readout" });
  const picture = element("div", { class: "decoder-picture" });
  const show = decoded.form === "images" ? pairOfImages(picture, decoded) : pairOfLines(picture, originals);

  function draw() {
    const oneHot = classes.map((_, place) => Number(place === view.class));
    const values = decode(network, [...view.code, ...oneHot]).map((value, place) => value * scale[place] + shift[place]);
    const seen = decoded.form === "images" ? values.map((value) => Math.min(Math.max(value, 0), 1)) : values;
    show(original(), seen);
    const error = seen.reduce((sum, value, place) => sum + (value - original()[place]) ** 2, 0) / seen.length;
    text.textContent = `mean squared difference from the original: ${short(error)}`;
  }
  const follow = () => {
    sliders.forEach((slider, place) => (slider.querySelector("input").value = view.code[components[place].place]));
    draw();
  };
  const restart = () => {
    view.code = codes.slice(view.sample * size, (view.sample + 1) * size);
    if (classes.length) classPicker.querySelector("select").value = view.class = classOf[view.sample];
    follow();
  };
  const sliders = components.map(({ place, low, high }) =>
    range(`component ${place}`, { min: low, max: high, step: "any", value: view.code[place] }, (value) => {
      view.code[place] = value;
      draw();
    }),
  );
  const samplePicker = choice("start from", names.map((name, place) => [place, name]), (place) => {
    view.sample = Number(place);
    restart();
  });
  const classPicker = choice("class", classes.map((name, place) => [place, name]), (place) => {
    view.class = Number(place);
    draw();
  });
  const controls = element("div", { class: "controls" }, samplePicker);
  if (classes.length) controls.append(classPicker);
  controls.append(button("as encoded", restart));
  const random = button("draw from the prior", () => {
    view.code = view.code.map(normal);
    follow();
  });
  if (hasPrior) controls.append(random);
  const panel = element("div", { class: "sliders", role: "group", "aria-label": "Components of the code" }, ...sliders);
  takePlace(source, element("div", { class: "decoder" }, element("div", {}, picture, text), element("div", { class: "chosen" }, controls, panel)));
  restart();
}

// Numbers of a little-endian array in Base64.
function numbers(text, Type) {
  return new Type(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer);
}

function decode(network, code) {
  return network.reduce((inputs, { weights, factors, bias, activation }) => {
    const n = bias.length;
    const sums = new Float64Array(n);
    inputs.forEach((input, row) => {
      if (input !== 0) for (let i = 0; i < n; i++) sums[i] += input * weights[row * n + i];
    });
    return Array.from(sums, (sum, i) => ACTIVATIONS[activation](bias[i] + factors[i] * sum));
  }, code);
}

function logistic(x) {
  return 1 / (1 + Math.exp(-x));
}

// The share of a normal distribution below x, to 1e-7 (Abramowitz & Stegun, 26.2.17).
function normalShare(x) {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const tail = [1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.31938153].reduce((sum, part) => (sum + part) * t, 0);
  const beyond = (Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI)) * tail;
  return x < 0 ? beyond : 1 - beyond;
}

// A draw of the standard normal distribution (Box & Muller, 1958).
function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

function pairOfImages(holder, { channels, height, width }) {
  const [left, right] = ["original", "decoded"].map((name) => {
    const canvas = element("canvas", { class: "decoded", width, height, role: "img", "aria-label": name });
    holder.append(element("div", {}, element("p", { class: "name" }, name), canvas));
    return canvas;
  });
  const size = height * width;
  const paint = (canvas, values) => {
    const ink = canvas.getContext("2d");
    const pixels = ink.createImageData(width, height);
    for (let at = 0; at < size; at++) {
      for (let part = 0; part < 3; part++) pixels.data[4 * at + part] = 255 * values[at + (channels === 3 ? part * size : 0)];
      pixels.data[4 * at + 3] = 255;
    }
    ink.putImageData(pixels, 0, 0);
  };
  return (original, values) => {
    paint(left, original);
    paint(right, values);
  };
}

function pairOfLines(holder, all) {
  const [low, high] = [all.reduce((a, b) => Math.min(a, b)), all.reduce((a, b) => Math.max(a, b))];
  const points = (values) => {
    const across = (at) => 4 + (at / Math.max(values.length - 1, 1)) * 352;
    const up = (value) => 102 - ((value - low) / (high - low || 1)) * 72 - 16;
    return Array.from(values, (value, at) => `${across(at).toFixed(1)},${Math.min(Math.max(up(value), 2), 118).toFixed(1)}`).join(" ");
  };
  const line = (ink) => drawn("polyline", { class: "line", stroke: `var(--${ink})` });
  const [original, own] = [line("muted"), line("series-0")];
  const names = [["muted", "original"], ["series-0", "decoded"]].map(([ink, name]) =>
    element("span", {}, element("span", { class: "swatch", style: `background: var(--${ink})` }), ` ${name} `),
  );
  const plot = drawn("svg", { class: "plot series", viewBox: "0 0 360 120", role: "img", "aria-label": "the original and the decoded series" }, original, own);
  holder.append(element("div", { class: "lines" }, element("p", { class: "name" }, ...names), plot));
  return (before, values) => {
    original.setAttribute("points", points(before));
    own.setAttribute("points", points(values));
  };
}
