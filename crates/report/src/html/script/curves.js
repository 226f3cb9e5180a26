// Loss curves: a panel for each term with the splits in it, all over the same steps. Point at a panel to read its values,
// drag to zoom; with the keyboard: arrows move, + and - zoom, 0 shows all.

for (const source of document.querySelectorAll('script[data-for="curves"]')) showCurves(source);

function showCurves(source) {
  const { last, epochs } = JSON.parse(source.textContent);
  const view = { from: 0, to: last, at: null, smoothing: 0, axis: "auto", marks: true };
  const panels = [...source.parentElement.querySelectorAll('script[data-for="curve"]')].map((data) =>
    curvePanel(data, view, last, epochs, () => panels.forEach((panel) => panel())),
  );
  const all = () => panels.forEach((panel) => panel());
  const set = (name) => (value) => {
    view[name] = value;
    all();
  };
  const reset = button("show all", () => {
    [view.from, view.to] = [0, last];
    all();
  });
  const marks = element("input", { type: "checkbox" });
  marks.checked = true;
  marks.addEventListener("change", () => set("marks")(marks.checked));
  const controls = [
    range("smoothing", { min: 0, max: 0.98, step: 0.02, value: 0 }, set("smoothing")),
    choice("axis", [["auto", "automatic"], ["linear", "linear"], ["log", "logarithmic"]], set("axis")),
    element("label", {}, marks, " epochs"),
    reset,
  ];
  source.after(element("div", { class: "controls", role: "group", "aria-label": "Curves" }, ...controls));
  all();
}

// Replaces the picture beside `data` by one that reacts; returns what draws it again.
function curvePanel(data, view, last, epochs, redraw) {
  const { name, logarithmic, splits } = JSON.parse(data.textContent);
  const readout = element("p", { class: "readout" });
  const label = `${name}: arrows read values, plus and minus zoom, 0 shows all`;
  const svg = drawn("svg", { role: "group", "aria-label": label, tabindex: 0, class: "plot" });
  const holder = element("div", { class: "plot-holder" }, svg);
  let width = 0;
  let box;
  let drag = null;

  function draw() {
    if (width < 40) return;
    const height = Math.round(Math.min(280, Math.max(190, width * 0.6)));
    const lines = splits.map((split) => ({ ...split, ys: smoothed(split.y, view.smoothing) }));
    const seen = lines.flatMap((line) => line.ys.filter((_, i) => line.x[i] >= view.from && line.x[i] <= view.to));
    const isLog = (view.axis === "log" || (view.axis === "auto" && logarithmic)) && seen.every((value) => value > 0);
    const [low, high] = padded(seen, isLog);
    box = { left: 52, right: width - 10, top: 8, bottom: height - 36 };
    const place = (value, from, to) => (value - from) / (to - from);
    const x = (step) => box.left + place(step, view.from, view.to) * (box.right - box.left);
    const up = isLog ? Math.log : Number;
    const y = (value) => box.bottom - place(up(value), up(low), up(high)) * (box.bottom - box.top);
    box.step = (pixel) => view.from + ((pixel - box.left) / (box.right - box.left)) * (view.to - view.from);

    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
    svg.replaceChildren();
    const clip = `clip-${name.replace(/[^a-z0-9]/gi, (c) => c.codePointAt(0))}`;
    const inside = { x: box.left, y: box.top - 4, width: box.right - box.left, height: box.bottom - box.top + 8 };
    svg.append(drawn("clipPath", { id: clip }, drawn("rect", inside)));
    for (const value of (isLog ? logTicks : ticks)(low, high, 5)) {
      svg.append(drawn("line", { class: "grid", x1: box.left, x2: box.right, y1: y(value), y2: y(value) }));
      svg.append(drawn("text", { class: "tick", x: box.left - 7, y: y(value) + 4, "text-anchor": "end" }, tickLabel(value)));
    }
    for (const step of ticks(view.from, view.to, width > 500 ? 8 : 4)) {
      svg.append(drawn("text", { class: "tick", x: x(step), y: box.bottom + 16, "text-anchor": "middle" }, tickLabel(step)));
    }
    const middle = (box.left + box.right) / 2;
    svg.append(drawn("text", { class: "tick", x: middle, y: box.bottom + 31, "text-anchor": "middle" }, "step"));
    const within = epochs.filter((step) => step >= view.from && step <= view.to);
    if (view.marks && within.length <= (box.right - box.left) / 6) {
      for (const step of within) svg.append(drawn("line", { class: "epoch", x1: x(step), x2: x(step), y1: box.top, y2: box.bottom }));
    }
    for (const line of lines) {
      const points = line.x.map((step, i) => `${x(step).toFixed(1)},${y(line.ys[i]).toFixed(1)}`);
      const look = { class: "line", stroke: `var(--series-${line.colour})`, "clip-path": `url(#${clip})` };
      // What the smoothing hides stays visible behind it.
      if (view.smoothing > 0) {
        const raw = line.x.map((step, i) => `${x(step).toFixed(1)},${y(isLog ? Math.max(line.y[i], 1e-300) : line.y[i]).toFixed(1)}`);
        svg.append(drawn("polyline", { ...look, class: "line raw", points: raw.join(" ") }));
      }
      svg.append(drawn("polyline", { ...look, points: points.join(" ") }));
      if (points.length <= 30) {
        for (const point of points) {
          const [cx, cy] = point.split(",");
          svg.append(drawn("circle", { cx, cy, r: 2.5, fill: `var(--series-${line.colour})`, "clip-path": `url(#${clip})` }));
        }
      }
    }
    if (view.at !== null && view.at >= view.from && view.at <= view.to) {
      svg.append(drawn("line", { class: "cross", x1: x(view.at), x2: x(view.at), y1: box.top, y2: box.bottom }));
    }
    if (drag) {
      const [start, end] = [drag.from, drag.to].sort((a, b) => a - b);
      svg.append(drawn("rect", { class: "zoom", x: start, y: box.top, width: end - start, height: box.bottom - box.top }));
    }
    read(lines);
  }

  // The values at the pointer, or the last ones.
  function read(lines) {
    const at = view.at ?? view.to;
    const epoch = epochs.filter((step) => step <= at).length;
    const parts = lines.map((line) => {
      const near = nearest(line.x, at);
      const swatch = element("span", { class: "swatch", style: `background: var(--series-${line.colour})` });
      return element("span", { class: "value" }, swatch, ` ${line.name} `, element("b", {}, short(line.ys[near])));
    });
    readout.replaceChildren(`step ${grouped(Math.round(at))}${epochs.length ? `, epoch ${epoch}` : ""} `, ...parts);
  }

  const pixel = (event) => ((event.clientX - svg.getBoundingClientRect().left) / svg.clientWidth) * width;
  const clamped = (value) => Math.min(Math.max(value, box.left), box.right);
  const steps = splits.reduce((longest, split) => (split.x.length > longest.length ? split.x : longest), []);
  svg.addEventListener("pointermove", (event) => {
    const at = clamped(pixel(event));
    view.at = steps[nearest(steps, box.step(at))];
    view.reader = svg;
    if (drag) drag.to = at;
    redraw();
  });
  svg.addEventListener("pointerleave", () => {
    // The pointer may be in another panel by now.
    if (drag || view.reader !== svg) return;
    view.at = null;
    redraw();
  });
  svg.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    const at = clamped(pixel(event));
    drag = { from: at, to: at };
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointercancel", () => {
    drag = null;
    redraw();
  });
  svg.addEventListener("pointerup", () => {
    if (!drag) return;
    const [start, end] = [drag.from, drag.to].sort((a, b) => a - b).map((at) => box.step(at));
    if (Math.abs(drag.to - drag.from) > 8) [view.from, view.to] = [start, end];
    drag = null;
    redraw();
  });
  svg.addEventListener("dblclick", () => {
    [view.from, view.to] = [0, last];
    redraw();
  });
  svg.addEventListener("keydown", (event) => {
    const at = view.at ?? view.to;
    const zoom = (factor) => {
      const half = ((view.to - view.from) * factor) / 2;
      view.from = Math.max(0, at - half);
      view.to = Math.min(last, Math.max(at + half, view.from + 1));
    };
    const near = nearest(steps, at);
    const moves = {
      ArrowLeft: () => (view.at = steps[Math.max(near - 1, 0)]),
      ArrowRight: () => (view.at = steps[Math.min(near + 1, steps.length - 1)]),
      "+": () => zoom(0.5),
      "-": () => zoom(2),
      0: () => ([view.from, view.to] = [0, last]),
      Escape: () => (view.at = null),
    };
    if (!moves[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    moves[event.key]();
    redraw();
  });

  const still = data.parentElement.querySelector(".still");
  data.after(element("h3", {}, name), readout, holder);
  still.remove();
  drawWhenSeen(holder, (seen) => {
    width = seen;
    draw();
  });
  return draw;
}

// Exponential moving average, corrected for its start.
function smoothed(values, weight) {
  if (!weight) return values;
  let mean = 0;
  return values.map((value, i) => {
    mean = weight * mean + (1 - weight) * value;
    return mean / (1 - weight ** (i + 1));
  });
}

// The range of an axis around values. Differences of rounding are no range.
function padded(values, isLog) {
  if (!values.length) return isLog ? [0.1, 1] : [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (isLog) return [low / 1.2, high * 1.2];
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (size < 1e-12) return [-1, 1];
  const room = high - low > size * 1e-9 ? (high - low) * 0.05 : size * 0.05;
  return [low - room, high + room];
}

function nearest(sorted, value) {
  let best = 0;
  for (let i = 1; i < sorted.length; i++) if (Math.abs(sorted[i] - value) < Math.abs(sorted[best] - value)) best = i;
  return best;
}
