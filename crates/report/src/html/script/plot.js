// What the interactive pictures share: elements, scales, round numbers and how they are written.

// A sensible place for numbers of any size: 4 significant digits, an exponent if very large or small.
function short(value) {
  if (value === 0 || !isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e7 || size < 1e-4) return value.toExponential(3).replace(/\.?0*e\+?/, "e");
  return String(Number(value.toPrecision(size >= 1000 ? Math.ceil(Math.log10(size)) : 4)));
}

// A label of an axis: `k` for thousands, `M` for millions.
function tickLabel(value) {
  const size = Math.abs(value);
  if (size >= 1e4 && size < 1e6) return `${short(value / 1e3)}k`;
  if (size >= 1e6 && size < 1e9) return `${short(value / 1e6)}M`;
  return short(value);
}

function grouped(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

// About `most` round numbers from `from` to `to`.
function ticks(from, to, most) {
  const rough = (to - from) / most;
  if (!(rough > 0)) return [from];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((step) => step >= rough * 0.999);
  const found = [];
  for (let at = Math.ceil(from / step - 1e-9); at <= Math.floor(to / step + 1e-9); at++) {
    found.push(at === 0 ? 0 : Number((at * step).toPrecision(12)));
  }
  return found;
}

// Powers of ten, or round numbers if fewer than two powers lie between.
function logTicks(from, to, most) {
  const [low, high] = [Math.ceil(Math.log10(from) - 1e-9), Math.floor(Math.log10(to) + 1e-9)];
  if (high <= low) return ticks(from, to, most).filter((tick) => tick > 0);
  const stride = Math.ceil((high - low + 1) / most);
  const found = [];
  for (let power = low; power <= high; power += stride) found.push(Number(`1e${power}`));
  return found;
}

function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Shows a tool instead of the still picture, which is printed.
function takePlace(source, tool) {
  tool.classList.add("tool");
  source.after(tool);
  source.parentElement.classList.add("live");
}

// A labelled control; `change` gets its value when it changes.
function choice(label, options, change) {
  const select = element("select", {}, ...options.map(([value, text]) => element("option", { value }, text)));
  select.addEventListener("change", () => change(select.value));
  return element("label", {}, `${label} `, select);
}

function range(label, { min, max, step, value }, change) {
  const input = element("input", { type: "range", min, max, step, value });
  input.addEventListener("input", () => change(Number(input.value)));
  return element("label", {}, `${label} `, input);
}

function button(text, press) {
  const made = element("button", { type: "button" }, text);
  made.addEventListener("click", press);
  return made;
}

// The colour of a series or a name such as `ink` in the present scheme, for a canvas.
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// Calls `draw` now, and when the holder's width or the colour scheme changes.
function drawWhenSeen(holder, draw) {
  let width = 0;
  new ResizeObserver(() => {
    if (holder.clientWidth !== width) draw((width = holder.clientWidth));
  }).observe(holder);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(width));
  addEventListener("beforeprint", () => draw(width));
}

// What shows a sample as a picture of its own: `null` if there is nothing to show.
function thumbnail(samples) {
  if (!samples) return null;
  if (samples.form === "images") {
    const sheet = new Image();
    sheet.src = `data:image/png;base64,${samples.png}`;
    const canvas = element("canvas", { class: "thumbnail", width: samples.width, height: samples.height });
    return (sample) => {
      tile(canvas, sheet, samples, sample);
      return canvas;
    };
  }
  const bytes = atob(samples.bytes);
  return (sample) => {
    const points = [];
    for (let i = 0; i < samples.length; i++) {
      const level = bytes.charCodeAt(sample * samples.length + i) / 255;
      points.push(`${((i / Math.max(samples.length - 1, 1)) * 160).toFixed(1)},${(88 - level * 84).toFixed(1)}`);
    }
    const line = drawn("polyline", { points: points.join(" "), class: "line", stroke: "var(--series-0)" });
    return drawn("svg", { class: "plot series", viewBox: "0 0 160 92" }, line);
  };
}

// One image of a sheet of tiles, drawn as soon as the sheet is there.
function tile(canvas, sheet, { width, height, columns }, place) {
  const paint = () => {
    const [left, top] = [(place % columns) * width, Math.floor(place / columns) * height];
    canvas.getContext("2d").drawImage(sheet, left, top, width, height, 0, 0, width, height);
  };
  if (sheet.complete) paint();
  else sheet.addEventListener("load", paint, { once: true });
}
