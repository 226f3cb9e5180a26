// Maps of samples: point at one to see it, in all maps at once; with the keyboard, the arrows go from sample to sample.

for (const source of document.querySelectorAll('script[data-for="scatter"]')) showScatter(source);

function showScatter(source) {
  const { maps, labels, label, figure, figures, samples } = JSON.parse(source.textContent);
  const n = maps[0].points.length / 2;
  const view = { by: labels.length ? "label" : figures.length ? "figure" : "none", at: null, hidden: new Set() };
  const redraw = () => canvases.forEach((draw) => draw());
  const about = element("div", { class: "about" });
  const key = element("div", { class: "key", role: "group", "aria-label": "Labels" });
  const row = element("div", { class: "maps" });
  const low = figures.reduce((least, value) => Math.min(least, value), Infinity);
  const high = figures.reduce((most, value) => Math.max(most, value), -Infinity);
  const shown = (sample) => view.by !== "label" || !view.hidden.has(label[sample]);
  const fill = (sample) => {
    if (view.by === "label") return labels[label[sample]] === "others" ? colour("muted") : colour(`series-${label[sample] % 10}`);
    return view.by === "figure" ? shade((figures[sample] - low) / (high - low || 1)) : colour("series-0");
  };
  const draw = thumbnail(samples);

  function choose(sample) {
    view.at = sample;
    redraw();
    const lines = [element("b", {}, `sample ${sample + 1} of ${grouped(n)}`)];
    if (label.length) lines.push(labels[label[sample]]);
    if (figures.length) lines.push(`${figure} ${short(figures[sample])}`);
    about.replaceChildren(...(draw ? [draw(sample)] : []), element("p", {}, ...lines.flatMap((line) => [line, element("br")])));
  }

  const canvases = maps.map((map) => scatterMap(map, row, view, { n, shown, fill, choose }));
  labels.forEach((name, place) => {
    const toggle = button(name, () => {
      if (!view.hidden.delete(place)) view.hidden.add(place);
      toggle.setAttribute("aria-pressed", String(!view.hidden.has(place)));
      redraw();
    });
    toggle.prepend(element("span", { class: "swatch", style: `background: var(--${name === "others" ? "muted" : `series-${place % 10}`})` }), " ");
    toggle.setAttribute("aria-pressed", "true");
    key.append(toggle);
  });
  const scale = element("p", { class: "scale" }, short(low), element("span", { class: "ramp" }), short(high));
  const colouring = (by) => {
    view.by = by;
    key.hidden = by !== "label";
    scale.hidden = by !== "figure";
    redraw();
  };
  const controls = element("div", { class: "controls", role: "group", "aria-label": "Colours" });
  if (labels.length && figures.length) controls.append(choice("colour by", [["label", "label"], ["figure", figure]], colouring));
  controls.append(key, scale);
  about.append(element("p", {}, "Point at a sample to see it."));
  const tool = element("div", { class: "scatter" }, controls, element("div", { class: "beside" }, row, about));
  takePlace(source, tool);
  colouring(view.by);
}

// A map on a canvas; returns what draws it again.
function scatterMap({ title, x, y, points }, row, view, { n, shown, fill, choose }) {
  const name = `${title}: arrows go from sample to sample`;
  const canvas = element("canvas", { class: "map", tabindex: 0, role: "img", "aria-label": name });
  const holder = element("div", { class: "map-holder" }, element("h4", {}, title), canvas);
  row.append(holder);
  const [xs, ys] = [0, 1].map((axis) => Array.from({ length: n }, (_, sample) => points[2 * sample + axis]));
  const ends = [xs, ys].map((values) => [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))]);
  // A unit is as long on both axes.
  const half = 0.53 * Math.max(...ends.map(([low, high]) => high - low), 1e-30);
  const [cx, cy] = ends.map(([low, high]) => (low + high) / 2);
  let size = 0;
  let place = null;

  function draw() {
    if (size < 60) return;
    const box = { left: 46, top: 6, side: size - 52 };
    const density = Math.min(devicePixelRatio || 1, 3);
    const height = box.side + box.top + 38;
    canvas.width = size * density;
    canvas.height = height * density;
    canvas.style.height = `${height}px`;
    const ink = canvas.getContext("2d");
    ink.scale(density, density);
    place = (sample) => [
      box.left + ((xs[sample] - cx + half) / (2 * half)) * box.side,
      box.top + (1 - (ys[sample] - cy + half) / (2 * half)) * box.side,
    ];
    ink.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    ink.fillStyle = colour("muted");
    ink.strokeStyle = colour("line");
    ink.strokeRect(box.left, box.top, box.side, box.side);
    ink.textAlign = "center";
    for (const tick of ticks(cx - half, cx + half, 5)) {
      const at = box.left + ((tick - cx + half) / (2 * half)) * box.side;
      ink.fillText(tickLabel(tick), at, box.top + box.side + 15);
    }
    ink.fillText(x, box.left + box.side / 2, box.top + box.side + 31);
    ink.textAlign = "right";
    for (const tick of ticks(cy - half, cy + half, 5)) {
      const at = box.top + (1 - (tick - cy + half) / (2 * half)) * box.side;
      ink.fillText(tickLabel(tick), box.left - 5, at + 4);
    }
    ink.save();
    ink.translate(11, box.top + box.side / 2);
    ink.rotate(-Math.PI / 2);
    ink.textAlign = "center";
    ink.fillText(y, 0, 0);
    ink.restore();
    const radius = n > 1500 ? 2 : n > 400 ? 2.5 : 3.5;
    ink.globalAlpha = n > 400 ? 0.65 : 0.85;
    for (let sample = 0; sample < n; sample++) {
      if (shown(sample)) dot(ink, place(sample), radius, fill(sample));
    }
    ink.globalAlpha = 1;
    if (view.at === null) return;
    dot(ink, place(view.at), 6, colour("ink"));
    dot(ink, place(view.at), 4.5, fill(view.at));
  }

  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    let [best, least] = [null, 400];
    for (let sample = 0; sample < n; sample++) {
      if (!shown(sample)) continue;
      const [sx, sy] = place(sample);
      const distance = (sx - px) ** 2 + (sy - py) ** 2;
      if (distance < least) [best, least] = [sample, distance];
    }
    if (best !== null && best !== view.at) choose(best);
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    let next = view.at ?? -1;
    for (let tries = 0; tries < n; tries++) {
      next = (next + step + n) % n;
      if (shown(next)) return choose(next);
    }
  });
  drawWhenSeen(canvas, (seen) => {
    size = seen;
    draw();
  });
  return draw;
}

function dot(ink, [x, y], radius, style) {
  ink.fillStyle = style;
  ink.beginPath();
  ink.arc(x, y, radius, 0, 2 * Math.PI);
  ink.fill();
}

// From blue over grey to orange, for a share of a range.
function shade(share) {
  const ends = [[59, 110, 165], [160, 160, 160], [226, 110, 30]];
  const at = Math.min(Math.max(share, 0), 1) * 2;
  const [from, to] = at < 1 ? [ends[0], ends[1]] : [ends[1], ends[2]];
  const part = at < 1 ? at : at - 1;
  return `rgb(${from.map((value, i) => Math.round(value + (to[i] - value) * part)).join(" ")})`;
}
